"""Queries on links and on what has none yet: the material of a plan."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.orm import aliased
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


def _unlinked_events() -> Any:
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


UNLINKED_EVENTS = _unlinked_events()


def unlinked_event_ids(session: Session, account_id: int, considered: str | None) -> list[int]:
    """Return living events of calendars that sync, without a link, not yet considered under these rules (None: all)."""
    values = {"account_id": account_id, "considered": considered or "", "all": considered is None}
    return [int(i) for i in session.execute(UNLINKED_EVENTS, values).scalars()]


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


def unlinked_occurrences(session: Session, series: Iterable[tuple[int, str]]) -> list[t.MirrorEvent]:
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


def _unlinked_activities() -> Any:
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


def _unlinked_overrides() -> Any:
    """Begin at the overrides of one person: they are few, and an index leads to them."""
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
            col(there.account_id) == sa.bindparam("account_id"),
            col(there.state) == LinkState.ACTIVE,
            col(C.syncs),
            col(A.owner_id) == col(master.owner_id),
            col(A.is_dissolved).is_(False),
            col(A.excluded) != DISCARDED,
            col(A.status) != "cancelled",
            sa.not_(here),
        )
        .order_by(col(A.id))
    )


UNLINKED_ACTIVITIES = _unlinked_activities()
UNLINKED_OVERRIDES = _unlinked_overrides()


WRITE_TARGET = sa.select(C).where(
    col(C.account_id) == sa.bindparam("account_id"),
    col(C.is_write_target),
    col(C.syncs),
    col(C.is_gone).is_(False),
)
"""The calendar of an account that takes a person's new activities."""


def unlinked_activity_ids(session: Session, owner_id: int, considered: str | None) -> list[int]:
    """Return a person's activities that are on no calendar and not yet considered under these rules (None: all)."""
    values = {"owner_id": owner_id, "considered": considered or "", "all": considered is None}
    return [int(i) for i in session.execute(UNLINKED_ACTIVITIES, values).scalars()]


def unlinked_override_ids(session: Session, account_id: int, owner_id: int) -> list[tuple[int, int]]:
    """Return changed occurrences that are not yet where their series is: pairs of activity id and calendar id."""
    found = session.execute(UNLINKED_OVERRIDES, {"account_id": account_id, "owner_id": owner_id})
    return [(int(a), int(c)) for a, c in found]


def _to_park() -> Any:
    return sa.and_(sa.or_(col(C.syncs).is_(False), col(C.is_gone)), col(L.state) == LinkState.ACTIVE)


def _to_resume() -> Any:
    """Links of calendars that sync again, and those of events that have moved away and come back."""
    is_back = sa.select(col(E.id)).where(col(E.id) == col(L.event_id), col(E.is_deleted).is_(False)).exists()
    return sa.and_(
        col(C.syncs),
        col(C.is_gone).is_(False),
        col(L.state) == LinkState.PARKED,
        sa.or_(col(L.park_reason) == Reason.PAUSED_CALENDAR, sa.and_(col(L.park_reason) == Reason.MOVED, is_back)),
    )


def _to_switch() -> Any:
    return (
        sa.select(col(L.id))
        .join(C, col(C.id) == col(L.calendar_id))
        .where(col(L.account_id) == sa.bindparam("account_id"), sa.or_(_to_park(), _to_resume()))
    )


TO_SWITCH = _to_switch()


def park_and_resume(session: Session, account_id: int) -> int:
    """Park links of calendars that no longer sync, wake those that `_to_resume` names, up to SWITCHED of each.

    Returns how many changed; call it until that is nothing.
    """
    changes: list[tuple[Any, dict[str, Any]]] = [
        (_to_park(), {"state": LinkState.PARKED, "park_reason": Reason.PAUSED_CALENDAR}),
        (_to_resume(), {"state": LinkState.ACTIVE, "park_reason": "", "considered_rules": ""}),
    ]
    return sum(_switch(session, account_id, wanted, values) for wanted, values in changes)


def _switch(session: Session, account_id: int, wanted: Any, values: dict[str, Any]) -> int:
    query = sa.select(col(L.id)).join(C, col(C.id) == col(L.calendar_id)).where(col(L.account_id) == account_id, wanted)
    ids = list(session.scalars(query.limit(SWITCHED)))
    if ids:
        change = sa.update(L).where(col(L.id).in_(ids)).values(**values)
        session.execute(change.execution_options(synchronize_session=False))
    return len(ids)


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
