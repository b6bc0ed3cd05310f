"""Queries on what has no link yet: events that no activity stands for, activities that are on no calendar."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from calsync.engine.vocabulary import LinkState
from calsync.store import placements
from calsync.store import tables as t
from calsync.store.links import DISCARDED

L, A, E, C = t.Link, t.Activity, t.MirrorEvent, t.Calendar


# --- events


def _events() -> Any:
    return (
        sa.select(col(E.id))
        .join(C, col(C.id) == col(E.calendar_id))
        .outerjoin(L, col(L.event_id) == col(E.id))
        .where(
            col(C.account_id) == sa.bindparam("account_id"),
            col(C.syncs),
            col(C.is_gone).is_(False),
            col(E.is_deleted).is_(False),
            col(L.id).is_(None),
            sa.or_(sa.bindparam("all", type_=sa.Boolean), col(E.considered) != sa.bindparam("considered")),
            col(E.excluded) != DISCARDED,
        )
        .order_by(col(E.recurrence_key) != "", col(E.id))
    )


EVENTS = _events()


def event_ids(session: Session, account_id: int, considered: str | None) -> list[int]:
    """Return living events of calendars that sync, without a link, not yet considered under these rules (None: all)."""
    values = {"account_id": account_id, "considered": considered or "", "all": considered is None}
    return [int(i) for i in session.execute(EVENTS, values).scalars()]


def events(session: Session, ids: Sequence[int]) -> list[tuple[t.MirrorEvent, t.MirrorResource, t.Calendar]]:
    """Return events with their resource and calendar, in the order of `ids`."""
    if not ids:
        return []
    query = (
        sa.select(E, t.MirrorResource, C)
        .join(t.MirrorResource, col(t.MirrorResource.id) == col(E.resource_id))
        .join(C, col(C.id) == col(E.calendar_id))
        .where(col(E.id).in_(ids))
    )
    found = {t.pk(row[0]): row for row in session.execute(query)}
    return [found[i] for i in ids if i in found]


def occurrences(session: Session, series: Iterable[tuple[int, str]]) -> list[t.MirrorEvent]:
    """Return living changed occurrences without a link of series, each named by calendar id and uid."""
    places = sa.tuple_(col(E.calendar_id), col(E.uid))
    query = (
        sa.select(E)
        .outerjoin(L, col(L.event_id) == col(E.id))
        .where(
            places.in_(sorted(set(series))),
            col(E.recurrence_key) != "",
            col(E.is_deleted).is_(False),
            col(E.is_cancelled).is_(False),
            col(L.id).is_(None),
        )
        .order_by(col(E.id))
    )
    return list(session.scalars(query))


def cancelled_instances(
    session: Session, uids: Iterable[str]
) -> list[tuple[t.MirrorEvent, t.MirrorResource, t.Calendar]]:
    """Return cancelled instances of series that are resources of their own and have no link."""
    query = (
        sa.select(E, t.MirrorResource, C)
        .join(t.MirrorResource, col(t.MirrorResource.id) == col(E.resource_id))
        .join(C, col(C.id) == col(E.calendar_id))
        .outerjoin(L, col(L.event_id) == col(E.id))
        .where(
            col(E.uid).in_(sorted(set(uids))),
            col(E.recurrence_key) != "",
            col(E.is_cancelled),
            col(E.is_deleted).is_(False),
            col(L.id).is_(None),
        )
    )
    return [(event, resource, calendar) for event, resource, calendar in session.execute(query)]


def same_uid_elsewhere(
    session: Session, account_id: int, uids: Iterable[str]
) -> dict[tuple[str, str], list[tuple[t.MirrorEvent, t.Calendar]]]:
    """Return living events without a link, by uid and recurrence key: where a missing event may have moved to."""
    query = (
        sa.select(E, C)
        .join(C, col(C.id) == col(E.calendar_id))
        .outerjoin(L, col(L.event_id) == col(E.id))
        .where(
            col(C.account_id) == account_id,
            col(C.is_gone).is_(False),
            col(E.uid).in_(sorted(set(uids))),
            col(E.is_deleted).is_(False),
            col(L.id).is_(None),
        )
        .order_by(col(E.id))
    )
    found: dict[tuple[str, str], list[tuple[t.MirrorEvent, t.Calendar]]] = {}
    for event, calendar in session.execute(query):
        found.setdefault((event.uid, event.recurrence_key), []).append((event, calendar))
    return found


# --- activities


def _activities() -> Any:
    linked = sa.select(col(L.id)).where(col(L.activity_id) == col(A.id)).exists()
    return (
        sa.select(col(A.id))
        .where(
            col(A.owner_id) == sa.bindparam("owner_id"),
            col(A.recurrence_key) == "",
            sa.or_(sa.bindparam("all", type_=sa.Boolean), col(A.considered) != sa.bindparam("considered")),
            col(A.excluded) != DISCARDED,
            col(A.is_dissolved).is_(False),
            sa.not_(linked),
            sa.not_(placements.PLACED),
        )
        .order_by(col(A.id))
    )


def _overrides() -> Any:
    """Begin at the overrides of one person: they are few, and an index leads to them.

    SQLite, which counts no rows, would begin at all series or all links: `+ 0` hides their indexes from it.
    """
    master, there = aliased(A), aliased(L)
    here = (
        sa.select(col(L.id)).where(col(L.activity_id) == col(A.id), col(L.account_id) == col(there.account_id)).exists()
    )
    return (
        sa.select(col(A.id), col(there.calendar_id))
        .join(master, sa.and_(col(master.uid) == col(A.uid), col(master.recurrence_key) == ""))
        .join(there, col(there.activity_id) == col(master.id))
        .join(C, col(C.id) == col(there.calendar_id))
        .where(
            col(A.owner_id) == sa.bindparam("owner_id"),
            col(A.recurrence_key) > "",
            col(there.account_id) + 0 == sa.bindparam("account_id"),
            col(there.state) == LinkState.ACTIVE,
            col(C.syncs),
            col(A.owner_id) == col(master.owner_id) + 0,
            col(A.is_dissolved).is_(False),
            col(A.excluded) != DISCARDED,
            col(A.status) != "cancelled",
            sa.not_(here),
        )
        .order_by(col(A.id))
    )


ACTIVITIES = _activities()
OVERRIDES = _overrides()


WRITE_TARGET = sa.select(C).where(
    col(C.account_id) == sa.bindparam("account_id"),
    col(C.is_write_target),
    col(C.syncs),
    col(C.is_gone).is_(False),
)
"""The calendar of an account that takes a person's new activities."""


def activity_ids(session: Session, owner_id: int, considered: str | None) -> list[int]:
    """Return a person's activities that are on no calendar and not yet considered under these rules (None: all)."""
    values = {"owner_id": owner_id, "considered": considered or "", "all": considered is None}
    return [int(i) for i in session.execute(ACTIVITIES, values).scalars()]


def override_ids(session: Session, account_id: int, owner_id: int) -> list[tuple[int, int]]:
    """Return changed occurrences that are not yet where their series is: pairs of activity id and calendar id."""
    found = session.execute(OVERRIDES, {"account_id": account_id, "owner_id": owner_id})
    return [(int(a), int(c)) for a, c in found]
