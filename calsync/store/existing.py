"""Queries for pushing what exists already, and for moving events of ours between calendars."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine.vocabulary import AccountState, Action, LinkState, RunState, StepState
from calsync.store import placements
from calsync.store import tables as t

A, L, S = t.Activity, t.Link, t.Step


def unplaced_ids(session: Session, owner_id: int) -> list[int]:
    """Return a person's activities that are on no calendar of a connected account, and are not being written to one.

    Changed occurrences are left out: they follow their series.
    """
    linked = (
        sa.select(col(L.id))
        .join(t.Account, col(t.Account.id) == col(L.account_id))
        .where(col(L.activity_id) == col(A.id), col(t.Account.state) != AccountState.DISCONNECTED)
        .exists()
    )
    underway = (
        sa.select(col(S.id))
        .where(col(S.activity_id) == col(A.id), col(S.state).in_([StepState.APPLYING, StepState.IN_DOUBT]))
        .exists()
    )
    query = sa.select(col(A.id)).where(
        col(A.owner_id) == owner_id,
        col(A.recurrence_key) == "",
        col(A.is_dissolved).is_(False),
        sa.not_(linked),
        sa.not_(underway),
        sa.not_(placements.PLACED),
    )
    return [i for i in session.scalars(query.order_by(col(A.span_start), col(A.id))) if i is not None]


def activities(session: Session, ids: Sequence[int]) -> list[t.Activity]:
    """Return activities in the order of `ids`."""
    found = {t.pk(row): row for row in session.scalars(sa.select(A).where(col(A.id).in_(ids)))}
    return [found[i] for i in ids if i in found]


def planned_digests(session: Session, preview_id: int) -> dict[int, str]:
    """Return what a preview would write: the digest of its step by activity."""
    query = sa.select(col(S.activity_id), col(S.digest)).where(
        col(S.run_id) == preview_id, col(S.state) == StepState.PREVIEW, col(S.action) != Action.NONE
    )
    return {int(a): str(d) for a, d in session.execute(query.order_by(col(S.id))) if a is not None}


def first_planned(session: Session, preview_id: int) -> t.Step | None:
    """Return the first step of a preview that would write something."""
    query = sa.select(S).where(
        col(S.run_id) == preview_id, col(S.state) == StepState.PREVIEW, col(S.action) != Action.NONE
    )
    return session.scalars(query.order_by(col(S.id)).limit(1)).first()


def child(session: Session, preview_id: int, trigger: str) -> t.Run | None:
    """Return the run that carries out a preview, the newest that was not cancelled; None before anybody asked."""
    query = sa.select(t.Run).where(
        col(t.Run.parent_id) == preview_id, col(t.Run.trigger) == trigger, col(t.Run.state) != RunState.CANCELLED
    )
    return session.scalars(query.order_by(col(t.Run.id).desc()).limit(1)).first()


def movable_link_ids(session: Session, calendar_id: int) -> list[int]:
    """Return links to living events that we created in a calendar; a series before its changed occurrences."""
    query = (
        sa.select(col(L.id))
        .join(t.MirrorEvent, col(t.MirrorEvent.id) == col(L.event_id))
        .where(
            col(L.calendar_id) == calendar_id,
            col(L.is_ours),
            col(L.state) == LinkState.ACTIVE,
            ~col(t.MirrorEvent.is_deleted),
            ~col(t.MirrorEvent.is_cancelled),
        )
    )
    return [i for i in session.scalars(query.order_by(col(L.recurrence_key) != "", col(L.id))) if i is not None]


def links_of_uid(session: Session, calendar_id: int, uid: str) -> list[t.Link]:
    """Return every link of a record in a calendar: that of a series and those of its changed occurrences."""
    query = sa.select(L).where(col(L.calendar_id) == calendar_id, col(L.uid) == uid)
    return list(session.scalars(query))


def placed_ids(session: Session, calendar_id: int, activity_ids: Sequence[int]) -> set[int]:
    """Return those of the activities that have an active link in a calendar."""
    query = sa.select(col(L.activity_id)).where(
        col(L.calendar_id) == calendar_id,
        col(L.activity_id).in_(activity_ids),
        col(L.state) == LinkState.ACTIVE,
    )
    return set(session.scalars(query))
