"""What takes time in a window: activities, mirrored events without one, and what bookings have taken.

Columns instead of rows, and the whole content only of what cannot be read off them: a month of ten people is thousands.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine.vocabulary import AccountState, BookingState, EventKind, Kind, LinkState
from calsync.store import tables as t
from calsync.store.tables.columns import LONG

A, B, C, E, L, T = t.Activity, t.Booking, t.Calendar, t.MirrorEvent, t.Link, t.Taken

Window = tuple[datetime, datetime]

_AT_ONCE = 500  # values in one query
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


def activities_of(session: Session, owner_ids: Collection[int], window: Window, *, with_free: bool = True) -> list[Row]:
    """Return living activities of these people that may touch the window; tasks with a due time alone take none.

    Without `with_free` most of those that say of themselves that they take no time are left out.
    """
    query = sa.select(*_ACTIVITY).where(*_ALIVE, *([] if with_free else _TAKES), col(A.owner_id).in_(owner_ids))
    return [_activity(row) for row in _touching(session, query, A, window)] if owner_ids else []


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
        sa.select(*_ACTIVITY, col(L.calendar_id))
        .join(L, col(L.activity_id) == col(A.id))
        .where(
            *_ALIVE,
            *([] if with_free else _TAKES),
            col(A.owner_id).in_(owner_ids),
            col(L.calendar_id).in_(calendar_ids),
            col(L.state) == LinkState.ACTIVE,
        )
    )
    return [_activity(row) for row in _touching(session, query, A, window)]


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
    query = sa.select(*_EVENT).where(
        col(E.calendar_id).in_(calendar_ids),
        col(E.is_deleted).is_(False),
        col(E.is_cancelled).is_(False),
        sa.not_(shown),
    )
    if not with_free:
        query = query.where(sa.or_(col(E.is_busy), col(E.is_series)))
    return [_event(row) for row in _touching(session, query, E, window)]


_TRANSPARENCY = col(A.content)["transparency"].as_string()
_DECLINES = sa.cast(A.content, sa.Text).contains('"declined"')
_ACTIVITY: tuple[Any, ...] = (
    A.id,
    A.owner_id,
    A.uid,
    A.recurrence_key,
    A.span_start,
    A.span_end,
    A.title,
    A.is_private,
    A.is_all_day,
    A.is_series,
    _TRANSPARENCY,
    _DECLINES,
    A.source_account_id,
)
_EVENT: tuple[Any, ...] = (
    E.id,
    E.calendar_id,
    E.uid,
    E.recurrence_key,
    E.span_start,
    E.span_end,
    E.title,
    E.is_busy,
    E.is_all_day,
    E.is_series,
    col(E.facts)["event_kind"].as_string(),
)
_TAKES = [sa.or_(_TRANSPARENCY == "opaque", col(A.is_series))]
"""What is not free by itself; of a free series a changed occurrence may take time."""
_ALIVE = (
    col(A.is_dissolved).is_(False),
    col(A.status) != "cancelled",
    # A due time alone is no time that somebody works in, and what is done is over.
    sa.not_(sa.and_(col(A.kind) == Kind.TASK, sa.or_(col(A.due_is).is_not(None), col(A.is_done)))),
)


def _touching(session: Session, query: Any, table: Any, window: Window) -> Iterator[Any]:
    """Run a query on what touches the window, by two ranges of an index: what is short by its start, what is long."""
    start, end = window
    within = query.where(table.span_end >= start)
    connection = session.connection()  # only columns are asked for, and a session would take half as long again
    yield from connection.execute(within.where(table.span_start >= start - LONG, table.span_start < end))
    yield from connection.execute(within.where(table.span_start < start - LONG, table.is_long.is_(True)))


def _activity(row: Any) -> Row:
    is_plain = not (row[3] or row[8] or row[9] or row[11]) and row[5] - row[4] < _WORLD
    calendar_id = row[13] if len(row) > 13 else None
    values = (*row[:8], row[10] == "opaque", is_plain, row[12], calendar_id, EventKind.DEFAULT)
    return Row._make(values)


def _event(row: Any) -> Row:
    is_plain = not (row[3] or row[8] or row[9]) and row[5] - row[4] < _WORLD
    return Row._make((*row[:7], False, row[7], is_plain, None, row[1], row[10] or EventKind.DEFAULT))


# --- the content of those that need it


class Changed(NamedTuple):
    """A changed occurrence: of an activity's series (`place` its owner), or of one in a calendar (`place`)."""

    place: int
    uid: str
    recurrence_key: str
    content: dict[str, Any]
    takes_time: bool


def activity_contents(session: Session, ids: Collection[int]) -> dict[int, dict[str, Any]]:
    """Return the content of activities by id."""
    return {row[0]: row[1] for row in _by_id(session, sa.select(A.id, A.content), A.id, ids)}  # type: ignore[call-overload]


def event_contents(session: Session, ids: Collection[int]) -> dict[int, dict[str, Any]]:
    """Return the facts of mirrored events by id."""
    return {row[0]: row[1] for row in _by_id(session, sa.select(E.id, E.facts), E.id, ids)}  # type: ignore[call-overload]


def changed_activities(session: Session, series: Collection[Row]) -> list[Changed]:
    """Return the changed occurrences of series, far, free and cancelled ones too: they take a slot of theirs."""
    columns: tuple[Any, ...] = (A.owner_id, A.uid, A.recurrence_key, A.content)
    query = sa.select(*columns).where(col(A.recurrence_key) != "", col(A.is_dissolved).is_(False))
    found = _by_id(session, query, A.uid, {row.uid for row in series})
    places = {(row.place, row.uid) for row in series}
    return [Changed._make((*row, True)) for row in found if (row[0], row[1]) in places]


def changed_events(session: Session, series: Collection[Row]) -> list[Changed]:
    """Return the changed occurrences of mirrored series, as changed_activities does."""
    columns: tuple[Any, ...] = (E.calendar_id, E.uid, E.recurrence_key, E.facts, E.is_busy)
    query = sa.select(*columns).where(col(E.recurrence_key) != "", col(E.is_deleted).is_(False))
    found = _by_id(session, query, E.uid, {row.uid for row in series})
    places = {(row.place, row.uid) for row in series}
    return [Changed._make(row) for row in found if (row[0], row[1]) in places]


def ended_series(session: Session, rows: Collection[Row]) -> set[tuple[int, str]]:
    """Return owner and uid of the series that are cancelled, of these changed occurrences of activities."""
    columns: tuple[Any, ...] = (A.owner_id, A.uid)
    query = sa.select(*columns).where(col(A.recurrence_key) == "", col(A.status) == "cancelled")
    return {(row[0], row[1]) for row in _by_id(session, query, A.uid, {row.uid for row in rows})}


def _by_id(session: Session, query: Any, column: Any, values: Collection[Any]) -> Iterator[Any]:
    listed = sorted(values)
    for begin in range(0, len(listed), _AT_ONCE):
        yield from session.connection().execute(query.where(column.in_(listed[begin : begin + _AT_ONCE])))


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
