"""Placements: activities that are to stand on calendars of their own choice, not on their owner's write target."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from calsync.engine.vocabulary import LinkState
from calsync.store import tables as t
from calsync.store.accounts import rows_changed

A, C, L, P = t.Activity, t.Calendar, t.Link, t.Placement

DISCARDED = "discarded"
"""Stands in `excluded` of what a person said is never to be written (links.DISCARDED)."""

PLACED = sa.select(col(P.id)).where(col(P.activity_id) == col(A.id)).exists()
"""Whether an activity goes to calendars of its own choice."""


def is_behind(activity_id: Any) -> Any:
    """Whether an activity does not stand, as it is now, on every calendar where it belongs: not yet, or not as it was
    changed since. `activity_id` is a column. Copies of guests follow their organizer's event by themselves.
    """
    waits = sa.select(col(P.id)).where(col(P.activity_id) == activity_id, col(P.written_at).is_(None)).exists()
    own = aliased(A)  # the query around it may be about activities, too
    differs = (
        sa.select(col(L.id))
        .join(own, col(own.id) == col(L.activity_id))
        .where(
            col(L.activity_id) == activity_id,
            col(L.state) == LinkState.ACTIVE,
            col(L.is_guest_copy).is_(False),
            col(L.local_fp) != col(own.fingerprint),
        )
    )
    return sa.or_(waits, differs.exists())


def _waiting() -> Any:
    linked = (
        sa.select(col(L.id))
        .where(col(L.activity_id) == col(P.activity_id), col(L.calendar_id) == col(P.calendar_id))
        .exists()
    )
    is_known = sa.and_(col(P.considered) == sa.bindparam("considered"), col(P.considered_local) == col(A.fingerprint))
    return (
        sa.select(col(P.activity_id), col(P.calendar_id))
        .join(C, col(C.id) == col(P.calendar_id))
        .join(A, col(A.id) == col(P.activity_id))
        .where(
            col(C.account_id) == sa.bindparam("account_id"),
            col(C.syncs),
            col(C.is_gone).is_(False),
            col(P.written_at).is_(None),
            col(A.is_dissolved).is_(False),
            col(A.excluded) != DISCARDED,
            sa.or_(sa.bindparam("all", type_=sa.Boolean), sa.not_(is_known)),
            sa.not_(linked),
        )
        .order_by(col(P.id))
    )


WAITING = _waiting()


def waiting(session: Session, account_id: int, considered: str | None) -> list[tuple[int, int]]:
    """Return what is still to be written to calendars of an account and was not considered under these rules (None:
    all): pairs of activity id and calendar id.
    """
    values = {"account_id": account_id, "considered": considered or "", "all": considered is None}
    return [(int(activity), int(calendar)) for activity, calendar in session.execute(WAITING, values)]


def note_written(session: Session, activity_id: int, calendar_id: int, now: datetime) -> None:
    """Note that an activity stands on a calendar, if it was to be there."""
    change = (
        sa.update(P)
        .where(col(P.activity_id) == activity_id, col(P.calendar_id) == calendar_id, col(P.written_at).is_(None))
        .values(written_at=now)
    )
    rows_changed(session, change.execution_options(synchronize_session=False))


def note_considered(session: Session, account_id: int, activity_ids: Collection[int], considered: str) -> None:
    """Note under which rules it was decided that activities are not written to calendars of an account now."""
    calendars = sa.select(col(C.id)).where(col(C.account_id) == account_id)
    content = sa.select(col(A.fingerprint)).where(col(A.id) == col(P.activity_id)).scalar_subquery()
    change = (
        sa.update(P)
        .where(col(P.activity_id).in_(activity_ids), col(P.calendar_id).in_(calendars))
        .values(considered=considered, considered_local=content)
    )
    rows_changed(session, change.execution_options(synchronize_session=False))


def on(session: Session, calendar_ids: Collection[int], public_ids: Iterable[str]) -> set[tuple[int, int]]:
    """Return which activities with these public ids are to stand on which of the calendars, by their ids."""
    query = (
        sa.select(col(P.activity_id), col(P.calendar_id))
        .join(A, col(A.id) == col(P.activity_id))
        .where(col(P.calendar_id).in_(calendar_ids), col(A.public_id).in_(sorted(set(public_ids))))
    )
    return {(int(activity), int(calendar)) for activity, calendar in session.execute(query)}


def placed(session: Session, activity_ids: Collection[int]) -> set[int]:
    """Return those of the activities that go to calendars of their own choice."""
    query = sa.select(col(P.activity_id)).where(col(P.activity_id).in_(activity_ids))
    return set(session.scalars(query)) if activity_ids else set()


def targets(session: Session, activity_ids: Collection[int]) -> dict[int, list[tuple[t.Calendar, t.Account]]]:
    """Return the calendars that activities are to stand on, with their accounts, by activity; the first is the main
    one.
    """
    if not activity_ids:
        return {}
    query = (
        sa.select(col(P.activity_id), C, t.Account)
        .join(C, col(C.id) == col(P.calendar_id))
        .join(t.Account, col(t.Account.id) == col(C.account_id))
        .where(col(P.activity_id).in_(activity_ids))
        .order_by(col(P.id))
    )
    found: dict[int, list[tuple[t.Calendar, t.Account]]] = {}
    for activity_id, calendar, account in session.execute(query):
        found.setdefault(int(activity_id), []).append((calendar, account))
    return found
