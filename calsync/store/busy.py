"""What takes time in a window: activities, mirrored events without one, and what bookings have taken.

Columns instead of rows, and the content only of what cannot be read off them: a month of ten people is thousands.
"""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine.clock import Span
from calsync.engine.vocabulary import AccountState, BookingState, EventKind, Kind, LinkState, Taking
from calsync.store import moments
from calsync.store import tables as t
from calsync.store.tables.columns import LONG

A, B, C, E, L, T = t.Activity, t.Booking, t.Calendar, t.MirrorEvent, t.Link, t.Taken

Window = tuple[datetime, datetime]

_AT_ONCE = 500  # rows taken from the database together
_PLAIN = Taking.PLAIN.value


class Depth(IntEnum):
    """How much is asked for."""

    SPANS = 0  # of what takes time: only when, where no more is needed to know that
    BUSY = 1  # what takes time
    ALL = 2  # also what says of itself that it takes none


class Row(NamedTuple):
    """An activity or event. `place` is the owner of an activity and the calendar of an event.

    `times` are those of what is plain; of all others the content is there, which has them.
    """

    id: int
    place: int
    uid: str
    recurrence_key: str
    times: tuple[datetime, datetime] | None
    title: str
    is_private: bool
    is_series: bool
    takes_time: bool  # where the content of an activity is there, that knows better
    source_account_id: int | None  # of an activity that an event of this account brought
    calendar_id: int | None  # of an event, and of an activity that was asked for by calendar
    event_kind: str
    content: dict[str, Any] | None
    is_open: bool = False  # of an event that was asked for with Depth.ALL: its details are not private


class Origin(NamedTuple):
    """What decides of a plain activity or event whether it counts; as of a Row."""

    place: int
    source_account_id: int | None
    calendar_id: int | None


Spans = dict[Origin, list[Span]]


@dataclass(slots=True)
class Found:
    """`plain` is what `rows` leave out where only spans were asked for: when it takes time, in seconds."""

    rows: list[Row] = field(default_factory=list)
    plain: Spans = field(default_factory=dict)


def activities_of(
    session: Session, owner_ids: Collection[int], window: Window, depth: Depth, but: Collection[int] = ()
) -> Found:
    """Return living activities of these people that may touch the window, without those with the ids of `but`.

    Tasks with a due time alone take none.
    """
    if not owner_ids:
        return Found()
    query = sa.select(*_activity_columns(depth), sa.null()).where(*_alive(depth, but), col(A.owner_id).in_(owner_ids))
    return _as_activities(_touching(session, query, A, window), depth)


def activities_on(
    session: Session,
    owner_ids: Collection[int],
    calendar_ids: Collection[int],
    window: Window,
    depth: Depth,
    but: Collection[int] = (),
) -> Found:
    """Return what `activities_of` does of what stands on one of the calendars, each with the calendar."""
    if not calendar_ids:
        return Found()
    query = (
        sa.select(*_activity_columns(depth), col(L.calendar_id))
        .join(L, col(L.activity_id) == col(A.id))
        .where(
            *_alive(depth, but),
            col(A.owner_id).in_(owner_ids),
            col(L.calendar_id).in_(calendar_ids),
            col(L.state) == LinkState.ACTIVE,
        )
    )
    return _as_activities(_touching(session, query, A, window), depth)


def events_on(session: Session, calendar_ids: Collection[int], window: Window, depth: Depth) -> Found:
    """Return living events of the calendars that may touch the window and that no activity stands for."""
    if not calendar_ids:
        return Found()
    shown = (
        sa.select(col(L.id))
        .join(A, col(A.id) == col(L.activity_id))
        .where(col(L.event_id) == col(E.id), sa.or_(col(A.status) != "cancelled", col(A.is_dissolved)))
        .exists()
    )
    query = sa.select(*_event_columns(depth)).where(
        col(E.calendar_id).in_(calendar_ids),
        col(E.is_deleted).is_(False),
        col(E.is_cancelled).is_(False),
        sa.not_(shown),
    )
    if depth < Depth.ALL:
        query = query.where(_MAY_TAKE[E])
    return _as_events(_touching(session, query, E, window), depth)


def _unless_plain(table: Any, depth: Depth, *columns: Any) -> list[Any]:
    """Return what is read of everything; where spans are enough, of what is not plain alone: reading it takes long."""
    if depth > Depth.SPANS:
        return list(columns)
    return [sa.case((table.taking != Taking.PLAIN, column)) for column in columns]


def _bounds(table: Any, depth: Depth) -> tuple[Any, Any]:
    if depth is Depth.SPANS:
        return moments.Seconds(table.span_start), moments.Seconds(table.span_end)
    return sa.type_coerce(table.span_start, moments.Instant()), sa.type_coerce(table.span_end, moments.Instant())


def _activity_columns(depth: Depth) -> list[Any]:
    content = sa.case((col(A.taking) != Taking.PLAIN, sa.cast(A.content, sa.Text)))
    told = _unless_plain(A, depth, A.uid, A.recurrence_key, A.title, A.is_private, A.is_series)
    return [A.id, A.owner_id, *_bounds(A, depth), A.taking, A.source_account_id, *told, content]


def _event_columns(depth: Depth) -> list[Any]:
    content = sa.case((col(E.taking) != Taking.PLAIN, sa.cast(E.facts, sa.Text)))
    told = _unless_plain(E, depth, E.uid, E.recurrence_key, E.title, E.is_series, E.is_busy)
    classification = col(E.facts)["classification"].as_string() if depth is Depth.ALL else sa.null()
    return [E.id, E.calendar_id, *_bounds(E, depth), E.taking, *told, content, classification]


_MAY_TAKE: dict[Any, Any] = {table: col(table.taking) != Taking.NEVER for table in (A, E)}
_ALIVE = (
    col(A.is_dissolved).is_(False),
    col(A.status) != "cancelled",
    # A due time alone is no time that somebody works in, and what is done is over.
    sa.not_(sa.and_(col(A.kind) == Kind.TASK, sa.or_(col(A.due_is).is_not(None), col(A.is_done)))),
)


def _alive(depth: Depth, but: Collection[int]) -> list[Any]:
    others = [col(A.id).not_in(but)] if but else []
    return [*_ALIVE, *others, *([_MAY_TAKE[A]] if depth < Depth.ALL else [])]


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


def _as_activities(listed: Iterable[Any], depth: Depth) -> Found:
    rows, plain = list[Row](), defaultdict[tuple[Any, ...], list[Span]](list)
    for id_, place, start, end, taking, account_id, *told, content, calendar_id in listed:
        is_plain = taking == _PLAIN
        if is_plain and depth is Depth.SPANS:
            plain[place, account_id, calendar_id].append((start, end))
            continue
        uid, key, title, private, is_series = told
        times = (start, end) if is_plain else None
        takes = (is_series, taking != Taking.NEVER, account_id, calendar_id, EventKind.DEFAULT)
        rows.append(Row(id_, place, uid, key, times, title, private, *takes, _read(content)))
    return Found(rows, {Origin(*key): spans for key, spans in plain.items()})


def _as_events(listed: Iterable[Any], depth: Depth) -> Found:
    rows, plain = list[Row](), defaultdict[int, list[Span]](list)
    for id_, place, start, end, taking, *told, content, shown in listed:
        is_plain = taking == _PLAIN
        if is_plain and depth is Depth.SPANS:
            plain[place].append((start, end))
            continue
        uid, key, title, is_series, is_busy = told
        times, facts = (start, end) if is_plain else None, _read(content)
        takes = (is_series, is_busy, None, place, (facts or {}).get("event_kind", EventKind.DEFAULT))
        rows.append(Row(id_, place, uid, key, times, title, False, *takes, facts, shown == "public"))
    return Found(rows, {Origin(place, None, place): spans for place, spans in plain.items()})


def _read(content: str | None) -> dict[str, Any] | None:
    return None if content is None else dict(json.loads(content))


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
