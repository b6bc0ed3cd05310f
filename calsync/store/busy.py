"""What takes time in a window: activities, mirrored events without one, and what bookings have taken.

Columns instead of rows, and the whole content only of what cannot be read off them: a month of ten people is thousands.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine.vocabulary import AccountState, BookingState, EventKind, Kind, LinkState
from calsync.store import tables as t
from calsync.store.tables.columns import LONG

A, B, C, E, L, T = t.Activity, t.Booking, t.Calendar, t.MirrorEvent, t.Link, t.Taken

Window = tuple[datetime, datetime]

_AT_ONCE = 500  # rows taken from the database together
_WORLD = timedelta(hours=26)
"""Days and floating times are bounded in every zone of the world, so their spans are at least this long."""


class Row(NamedTuple):
    """An activity or event. `place` is the owner of an activity and the calendar of an event.

    `is_plain` when its bounds are its times: no day, no floating time, no series, and nobody declined it.
    """

    id: int
    place: int
    uid: str
    recurrence_key: str
    span_start: datetime
    span_end: datetime
    title: str
    is_private: bool
    takes_time: bool
    is_plain: bool
    source_account_id: int | None  # of an activity that an event of this account brought
    calendar_id: int | None  # of an event, and of an activity that was asked for by calendar
    event_kind: str
    content: dict[str, Any] | None  # of what is a day, a series, or a changed occurrence of one
    is_open: bool = False  # of an event that was asked for with the free ones: its details are not private


def activities_of(session: Session, owner_ids: Collection[int], window: Window, *, with_free: bool = True) -> list[Row]:
    """Return living activities of these people that may touch the window; tasks with a due time alone take none.

    Without `with_free` most of those that say of themselves that they take no time are left out.
    """
    if not owner_ids:
        return []
    query = sa.select(*_columns(with_free), sa.null()).where(*_alive(with_free), col(A.owner_id).in_(owner_ids))
    return _as_activities(_touching(session, query, A, window))


def activities_on(
    session: Session,
    owner_ids: Collection[int],
    calendar_ids: Collection[int],
    window: Window,
    *,
    with_free: bool = True,
) -> list[Row]:
    """Return living activities of these people that stand on one of the calendars, each with the calendar."""
    if not calendar_ids:
        return []
    query = (
        sa.select(*_columns(with_free), col(L.calendar_id))
        .join(L, col(L.activity_id) == col(A.id))
        .where(
            *_alive(with_free),
            col(A.owner_id).in_(owner_ids),
            col(L.calendar_id).in_(calendar_ids),
            col(L.state) == LinkState.ACTIVE,
        )
    )
    return _as_activities(_touching(session, query, A, window))


def events_on(session: Session, calendar_ids: Collection[int], window: Window, *, with_free: bool = True) -> list[Row]:
    """Return living events of the calendars that may touch the window and that no activity stands for."""
    if not calendar_ids:
        return []
    shown = (
        sa.select(col(L.id))
        .join(A, col(A.id) == col(L.activity_id))
        .where(col(L.event_id) == col(E.id), sa.or_(col(A.status) != "cancelled", col(A.is_dissolved)))
        .exists()
    )
    classification = col(E.facts)["classification"].as_string() if with_free else sa.null()
    query = sa.select(*_EVENT, classification).where(
        col(E.calendar_id).in_(calendar_ids),
        col(E.is_deleted).is_(False),
        col(E.is_cancelled).is_(False),
        sa.not_(shown),
    )
    if not with_free:
        query = query.where(sa.or_(col(E.is_busy), col(E.is_series)))
    return _as_events(_touching(session, query, E, window))


class _Instant(sa.types.TypeDecorator[datetime]):
    """A time in UTC, read in one step: the ordinary columns take three times as long, and here it shows."""

    impl = sa.DateTime
    cache_ok = True

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Callable[[Any], datetime]:
        if dialect.name == "sqlite":  # which keeps times as texts without an offset
            return lambda value: datetime.fromisoformat(value + "+00:00")
        return lambda value: value.astimezone(UTC)


def _bounds(table: Any) -> tuple[Any, Any]:
    return sa.type_coerce(table.span_start, _Instant()), sa.type_coerce(table.span_end, _Instant())


def _if_folded(table: Any, content: Any) -> Any:
    """Return the content of what cannot be plain: of the others nobody wants it, and reading JSON takes long."""
    is_folded = sa.or_(table.is_series, table.is_all_day, table.recurrence_key != "")
    return sa.case((is_folded, content))


_IS_OPAQUE = col(A.content)["transparency"].as_string() == "opaque"
_DECLINES = sa.cast(A.content, sa.Text).contains('"declined"')
_ACTIVITY: tuple[Any, ...] = (
    A.id,
    A.owner_id,
    A.uid,
    A.recurrence_key,
    *_bounds(A),
    A.title,
    A.is_private,
    A.is_all_day,
    A.is_series,
    _DECLINES,
    A.source_account_id,
    _if_folded(A, A.content),
)
_EVENT: tuple[Any, ...] = (
    E.id,
    E.calendar_id,
    E.uid,
    E.recurrence_key,
    *_bounds(E),
    E.title,
    E.is_busy,
    E.is_all_day,
    E.is_series,
    col(E.facts)["event_kind"].as_string(),
    _if_folded(E, E.facts),
)
_ALIVE = (
    col(A.is_dissolved).is_(False),
    col(A.status) != "cancelled",
    # A due time alone is no time that somebody works in, and what is done is over.
    sa.not_(sa.and_(col(A.kind) == Kind.TASK, sa.or_(col(A.due_is).is_not(None), col(A.is_done)))),
)


def _columns(with_free: bool) -> tuple[Any, ...]:
    """Return what is read of activities. Where the free ones are left out, whether one is free is in its content."""
    return (*_ACTIVITY, _IS_OPAQUE if with_free else sa.true())


def _alive(with_free: bool) -> tuple[Any, ...]:
    """Return which activities count. Of a free series a changed occurrence may take time."""
    return _ALIVE if with_free else (*_ALIVE, sa.or_(col(A.is_series), _IS_OPAQUE))


def _touching(session: Session, query: Any, table: Any, window: Window) -> Iterator[Any]:
    """Run a query on what touches the window, by two ranges of an index: what is short by its start, what is long."""
    start, end = window
    within = query.where(table.span_end >= start)
    connection = session.connection()  # only columns are asked for, and a session would take half as long again
    both = sa.union_all(
        within.where(table.span_start >= start - LONG, table.span_start < end),
        within.where(table.span_start < start - LONG, table.is_long.is_(True)),
    )
    yield from itertools.chain.from_iterable(connection.execute(both).partitions(_AT_ONCE))


def _as_activities(found: Iterable[Any]) -> list[Row]:
    rows = []
    for row in found:
        id_, place, uid, key, start, end, title, private, is_day, is_series, declines, account_id, content = row[:13]
        is_plain = not (key or is_day or is_series or declines) and end - start < _WORLD
        told = (row[13], is_plain, account_id, row[14], EventKind.DEFAULT)
        rows.append(Row(id_, place, uid, key, start, end, title, private, *told, content))
    return rows


def _as_events(found: Iterable[Any]) -> list[Row]:
    rows = []
    for id_, calendar_id, uid, key, start, end, title, busy, is_day, is_series, kind, content, shown in found:
        is_plain = not (key or is_day or is_series) and end - start < _WORLD
        kind = kind or EventKind.DEFAULT
        place = (None, calendar_id, kind, content, shown == "public")
        rows.append(Row(id_, calendar_id, uid, key, start, end, title, False, busy, is_plain, *place))
    return rows


# --- what bookings take


class TakenRow(NamedTuple):
    resource_id: int
    starts_at: datetime
    ends_at: datetime
    booking_id: int
    is_hold: bool
    activity_id: int | None
    event_type_id: int | None
    begins_at: datetime  # without buffers


def taken(session: Session, resource_ids: Collection[int], window: Window, now: datetime) -> list[TakenRow]:
    """Return what living bookings and holds that have not expired take of these resources in the window."""
    start, end = window
    query = (
        sa.select(*_TAKEN)
        .join(B, col(B.id) == col(T.booking_id))
        .where(
            col(T.resource_id).in_(resource_ids),
            col(T.starts_at) >= start - LONG,
            col(T.starts_at) < end,
            col(T.ends_at) > start,
            sa.or_(col(T.expires_at).is_(None), col(T.expires_at) > now),
        )
    )
    found = session.execute(query)
    return [TakenRow._make((*row[:4], row[4] == BookingState.HELD, *row[5:])) for row in found]


_TAKEN: tuple[Any, ...] = (
    T.resource_id,
    T.starts_at,
    T.ends_at,
    B.id,
    B.state,
    B.activity_id,
    B.event_type_id,
    B.starts_at,
)


# --- calendars that block


def calendars(
    session: Session, user_ids: Collection[int], calendar_ids: Collection[int]
) -> list[tuple[t.Calendar, t.Account]]:
    """Return the calendars of these people that block their time, and those with these ids, with their accounts."""
    theirs = sa.and_(
        col(t.Account.user_id).in_(user_ids), col(C.blocks), col(t.Account.state) != AccountState.DISCONNECTED
    )
    query = (
        sa.select(C, t.Account)
        .join(t.Account, col(t.Account.id) == col(C.account_id))
        .where(sa.or_(sa.and_(theirs, col(C.is_gone).is_(False)), col(C.id).in_(calendar_ids)))
        .order_by(col(C.id))
    )
    return [(calendar, account) for calendar, account in session.execute(query)]
