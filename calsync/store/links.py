"""Queries on links and on the pairs they make: what differs, what is parked, what is still alive."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine.vocabulary import LinkState, Reason
from calsync.store import placements
from calsync.store import tables as t

L, A, E, C = t.Link, t.Activity, t.MirrorEvent, t.Calendar

DISCARDED = placements.DISCARDED
"""Stands where a person declined a difference: it is not planned again until one of its sides changes."""

SWITCHED = 250
"""Links parked, and links woken, in one transaction."""

GONE = "gone:"
"""Stands before the fingerprint of a remote event that is gone, where one column must say both."""


@dataclass(slots=True)
class Pair:
    """A link with both of its sides, as rows."""

    link: t.Link
    activity: t.Activity
    event: t.MirrorEvent
    resource: t.MirrorResource
    calendar: t.Calendar


def remote_mark() -> Any:
    """Return the SQL form of `mark`: what a link remembers of a remote event that it once considered."""
    gone = sa.or_(col(E.is_deleted), col(E.is_cancelled))
    return sa.case((gone, sa.func.substr(sa.literal(GONE) + col(E.fingerprint), 1, 32)), else_=col(E.fingerprint))


class Marked(Protocol):
    """A mirrored event, as a row or as some of its columns."""

    @property
    def fingerprint(self) -> str: ...
    @property
    def is_deleted(self) -> bool: ...
    @property
    def is_cancelled(self) -> bool: ...


def mark(event: Marked) -> str:
    """Return an event's fingerprint, or one that also says that it is gone."""
    gone = event.is_deleted or event.is_cancelled
    return (GONE + event.fingerprint)[:32] if gone else event.fingerprint


def _changed() -> Any:
    was_over = col(L.state) == LinkState.CANCELLED
    differs = sa.or_(
        col(A.fingerprint) != col(L.local_fp),
        col(E.fingerprint) != col(L.remote_fp),
        (sa.or_(col(A.status) == "cancelled", col(A.is_dissolved))) != was_over,
        (sa.or_(col(E.is_deleted), col(E.is_cancelled))) != was_over,
        sa.and_(col(L.is_ours), col(L.projection) != sa.bindparam("projection"), sa.not_(was_over)),
    )
    considered = sa.and_(
        col(L.considered_rules).in_([sa.bindparam("rules"), DISCARDED]),
        col(L.considered_local) == col(A.fingerprint),
        col(L.considered_remote) == remote_mark(),
    )
    return (
        sa.select(col(L.id))
        .join(A, col(A.id) == col(L.activity_id))
        .join(E, col(E.id) == col(L.event_id))
        .join(C, col(C.id) == col(L.calendar_id))
        .where(
            col(L.account_id) == sa.bindparam("account_id"),
            col(L.state) != LinkState.PARKED,
            col(C.syncs),
            col(C.is_gone).is_(False),
            differs,
            sa.not_(considered),
        )
        .order_by(col(L.recurrence_key) != "", col(L.id))
    )


# Statements that every run needs are built once: building one costs more than running it.
CHANGED = _changed()
_IS_CHANGED = _changed().where(col(L.id) == sa.bindparam("link_id"))


def changed_ids(session: Session, account_id: int, rules: str, projection: str) -> list[int]:
    """Return links of which a side differs from its snapshot, unless that very difference was already considered."""
    found = session.execute(CHANGED, {"account_id": account_id, "rules": rules, "projection": projection})
    return [int(i) for i in found.scalars()]


def is_changed(session: Session, link: t.Link, rules: str, projection: str) -> bool:
    """Return whether `changed_ids` would have this link."""
    values = {"account_id": link.account_id, "rules": rules, "projection": projection, "link_id": link.id}
    return session.execute(_IS_CHANGED, values).first() is not None


def pairs(session: Session, ids: Sequence[int]) -> list[Pair]:
    """Return links with both sides, in the order of `ids`."""
    query = (
        sa.select(L, A, E, t.MirrorResource, C)
        .join(A, col(A.id) == col(L.activity_id))
        .join(E, col(E.id) == col(L.event_id))
        .join(t.MirrorResource, col(t.MirrorResource.id) == col(E.resource_id))
        .join(C, col(C.id) == col(L.calendar_id))
        .where(col(L.id).in_(ids))
    )
    found = {t.pk(row[0]): Pair(*row) for row in session.execute(query)}
    return [found[i] for i in ids if i in found]


def _to_park() -> Any:
    """Begin at the calendars: they are few, and mostly none has stopped to sync."""
    return (
        sa.select(col(L.id))
        .join(C, col(C.id) == col(L.calendar_id))
        .where(
            col(C.account_id) == sa.bindparam("account_id"),
            sa.or_(col(C.syncs).is_(False), col(C.is_gone)),
            col(L.state) == LinkState.ACTIVE,
        )
    )


def _to_resume() -> Any:
    """Links of calendars that sync again, and those of events that have moved away and come back."""
    is_back = sa.select(col(E.id)).where(col(E.id) == col(L.event_id), col(E.is_deleted).is_(False)).exists()
    return (
        sa.select(col(L.id))
        .join(C, col(C.id) == col(L.calendar_id))
        .where(
            col(L.account_id) == sa.bindparam("account_id"),
            col(L.state) == LinkState.PARKED,
            col(C.syncs),
            col(C.is_gone).is_(False),
            sa.or_(col(L.park_reason) == Reason.PAUSED_CALENDAR, sa.and_(col(L.park_reason) == Reason.MOVED, is_back)),
        )
    )


TO_PARK, TO_RESUME = _to_park(), _to_resume()


def park_and_resume(session: Session, account_id: int) -> int:
    """Park links of calendars that no longer sync, wake those that `_to_resume` names, up to SWITCHED of each.

    Returns how many changed; call it until that is nothing.
    """
    changes: list[tuple[Any, dict[str, Any]]] = [
        (TO_PARK, {"state": LinkState.PARKED, "park_reason": Reason.PAUSED_CALENDAR}),
        (TO_RESUME, {"state": LinkState.ACTIVE, "park_reason": "", "considered_rules": ""}),
    ]
    return sum(_switch(session, account_id, wanted, values) for wanted, values in changes)


def _switch(session: Session, account_id: int, wanted: Any, values: dict[str, Any]) -> int:
    ids = list(session.execute(wanted.limit(SWITCHED), {"account_id": account_id}).scalars())
    if ids:
        change = sa.update(L).where(col(L.id).in_(ids)).values(**values)
        session.execute(change.execution_options(synchronize_session=False))
    return len(ids)


def alive_elsewhere(session: Session, account_id: int, activity_ids: Iterable[int]) -> dict[int, set[int]]:
    """Return the links of activities in an account whose event is alive, by activity: those in force, and those that
    rest only because their calendar does not sync.
    """
    rests = sa.and_(col(L.state) == LinkState.PARKED, col(L.park_reason) == Reason.PAUSED_CALENDAR)
    query = (
        sa.select(col(L.activity_id), col(L.id))
        .join(E, col(E.id) == col(L.event_id))
        .where(
            col(L.account_id) == account_id,
            col(L.activity_id).in_(sorted(set(activity_ids))),
            sa.or_(col(L.state) == LinkState.ACTIVE, rests),
            col(E.is_deleted).is_(False),
        )
    )
    found: dict[int, set[int]] = {}
    for activity_id, link_id in session.execute(query):
        found.setdefault(int(activity_id), set()).add(int(link_id))
    return found


def count(session: Session, account_id: int) -> dict[int, int]:
    """Return the number of living links by calendar."""
    query = (
        sa.select(col(L.calendar_id), sa.func.count())
        .where(col(L.account_id) == account_id, col(L.state) == LinkState.ACTIVE)
        .group_by(col(L.calendar_id))
    )
    return {int(c): int(n) for c, n in session.execute(query)}
