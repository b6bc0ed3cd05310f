"""Queries for duplicates and orphans: what is probably one thing twice, and events of ours that nothing stands for.

Searching reads every activity once and is left to a job; what pages need is looked up by id.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine import busy_blocks
from calsync.engine.vocabulary import AccountState, LinkState
from calsync.store import tables as t

A, C, E, L = t.Activity, t.Calendar, t.MirrorEvent, t.Link

_ALIVE = sa.and_(
    col(A.status) != "cancelled", col(A.is_dissolved).is_(False), col(A.recurrence_key) == "", col(A.title) != ""
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an activity is on a calendar."""

    link: t.Link
    calendar: t.Calendar
    account: t.Account
    event: t.MirrorEvent | None


@dataclass(frozen=True, slots=True)
class Orphan:
    """A living event with our mark that no link knows. `activity_id` is what the mark names, None when that is gone."""

    event: t.MirrorEvent
    calendar: t.Calendar
    account: t.Account
    activity_id: int | None


def search_pairs(session: Session, limit: int) -> list[tuple[int, int]]:
    """Return pairs of activities of one person with the same start and title: the older one first."""
    title = sa.func.lower(sa.func.trim(col(A.title)))
    first = sa.func.min(col(A.id))
    groups = (
        sa.select(col(A.owner_id).label("owner_id"), col(A.span_start).label("start"), title.label("title"))
        .add_columns(first.label("first"))
        .where(_ALIVE)
        .group_by(col(A.owner_id), col(A.span_start), title)
        .having(sa.func.count() > 1)
        .subquery()
    )
    query = (
        sa.select(groups.c.first, col(A.id))
        .join(
            A,
            sa.and_(
                col(A.owner_id) == groups.c.owner_id,
                col(A.span_start) == groups.c.start,
                title == groups.c.title,
                col(A.id) != groups.c.first,
            ),
        )
        .where(_ALIVE)
        .order_by(groups.c.start.desc(), groups.c.first, col(A.id))
        .limit(limit)
    )
    return [(int(one), int(other)) for one, other in session.execute(query)]


def search_orphans(session: Session, limit: int) -> list[int]:
    """Return living events with our mark that have no link, of accounts that are connected."""
    query = (
        sa.select(col(E.id))
        .join(C, col(C.id) == col(E.calendar_id))
        .join(t.Account, col(t.Account.id) == col(C.account_id))
        .outerjoin(L, col(L.event_id) == col(E.id))
        .where(
            col(E.our_id).is_not(None),
            sa.not_(col(E.our_id).startswith(busy_blocks.PREFIX)),
            col(E.is_deleted).is_(False),
            col(E.is_cancelled).is_(False),
            col(E.recurrence_key) == "",
            col(L.id).is_(None),
            col(C.is_gone).is_(False),
            col(t.Account.state) != AccountState.DISCONNECTED,
        )
        .order_by(col(E.id))
        .limit(limit)
    )
    return [i for i in session.scalars(query) if i is not None]


def activities(session: Session, ids: Collection[int]) -> dict[int, t.Activity]:
    """Return those of the activities that are still alive."""
    query = sa.select(A).where(col(A.id).in_(list(ids)), _ALIVE)
    return {t.pk(row): row for row in session.scalars(query)} if ids else {}


def owned(session: Session, ids: Collection[int], owner_id: int) -> set[int]:
    """Return those of the activities that belong to a person."""
    query = sa.select(col(A.id)).where(col(A.id).in_(list(ids)), col(A.owner_id) == owner_id)
    return {i for i in session.scalars(query) if i is not None} if ids else set()


def merged(session: Session, limit: int) -> list[tuple[t.AuditEntry, t.Activity]]:
    """Return the newest merges and clean-ups with the activity that was dropped."""
    entry = t.AuditEntry
    query = sa.select(entry).where(col(entry.action) == "activity.merged").order_by(col(entry.id).desc()).limit(limit)
    entries = list(session.scalars(query))
    ids = [int(each.object_id) for each in entries]
    found = {t.pk(row): row for row in session.scalars(sa.select(A).where(col(A.id).in_(ids)))} if ids else {}
    return [(each, found[int(each.object_id)]) for each in entries if int(each.object_id) in found]


def places(session: Session, activity_ids: Collection[int]) -> dict[int, list[Place]]:
    """Return where each activity is on a calendar; links that rest do not count."""
    query = (
        sa.select(L, C, t.Account, E)
        .join(C, col(C.id) == col(L.calendar_id))
        .join(t.Account, col(t.Account.id) == col(L.account_id))
        .outerjoin(E, col(E.id) == col(L.event_id))
        .where(col(L.activity_id).in_(list(activity_ids)), col(L.state) == LinkState.ACTIVE)
        .order_by(col(L.id))
    )
    found: dict[int, list[Place]] = {}
    for row in session.execute(query) if activity_ids else ():
        found.setdefault(row[0].activity_id, []).append(Place(*row))
    return found


def orphans(session: Session, event_ids: Sequence[int]) -> list[Orphan]:
    """Return those of the events that are still alive and have no link."""
    query = (
        sa.select(E, C, t.Account, col(A.id))
        .join(C, col(C.id) == col(E.calendar_id))
        .join(t.Account, col(t.Account.id) == col(C.account_id))
        .outerjoin(A, col(A.public_id) == col(E.our_id))
        .outerjoin(L, col(L.event_id) == col(E.id))
        .where(
            col(E.id).in_(list(event_ids)),
            col(E.is_deleted).is_(False),
            col(E.is_cancelled).is_(False),
            col(L.id).is_(None),
        )
        .order_by(col(E.id))
    )
    return [Orphan(*row) for row in session.execute(query)] if event_ids else []
