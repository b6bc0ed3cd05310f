"""What takes time in a window: activities, mirrored events without one, and what bookings have taken.

Columns instead of rows, and the content only of what cannot be read off them: a month of ten people is thousands.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, IntEnum
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine.clock import Span
from calsync.engine.vocabulary import BookingState, EventKind, Kind, LinkState, Taking
from calsync.store import moments, own_answers
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


@dataclass(frozen=True, slots=True)
class Whose:
    """Activities of `owner_ids`, those of `host_ids` that stand on one of `own_ids`, events on `calendar_ids`."""

    owner_ids: Collection[int]
    host_ids: Collection[int]
    own_ids: Collection[int]
    calendar_ids: Collection[int]


PLANNED, PLACED, MIRRORED = 0, 1, 2


def find(
    session: Session, whose: Whose, window: Window, depth: Depth, but: Collection[int] = ()
) -> tuple[Found, Found, Found]:
    """Return living activities of people, those on calendars, and events that no activity stands for: what of them may
    touch the window, by one question. Activities with the ids of `but` are left out.

    Tasks with a due time alone take none.
    """
    parts = [
        part
        for shape in _SHAPES[depth]
        for query, table in _queries(whose, shape, but)
        for part in _touching(query, table, shape, window)
    ]
    found = (Found(), Found(), Found())
    # By the connection: only columns are asked for, and a session would take half as long again.
    for part in session.connection().execute(sa.union_all(*parts)).partitions(_AT_ONCE) if parts else ():
        _sort_out(part, found, depth)
    return found


class _Shape(Enum):
    """Which rows are read, and what of each."""

    SPANS = "spans"  # of what is plain and short: when, and whose
    UNFOLDED = "unfolded"  # of all else that may take time; what is plain and long is not worth a way of its own
    BUSY = "busy"  # of what may take time
    ALL = "all"


_SHAPES = {Depth.SPANS: (_Shape.SPANS, _Shape.UNFOLDED), Depth.BUSY: (_Shape.BUSY,), Depth.ALL: (_Shape.ALL,)}


def _queries(whose: Whose, shape: _Shape, but: Collection[int]) -> Iterator[tuple[sa.Select[Any], Any]]:
    if whose.owner_ids:
        yield _planned(whose, shape, but), A
    if whose.own_ids:
        yield _placed(whose, shape, but), A
    if whose.calendar_ids:
        yield _mirrored(whose, shape), E


def _planned(whose: Whose, shape: _Shape, but: Collection[int]) -> sa.Select[Any]:
    query = sa.select(*_activity_columns(PLANNED, shape, _NO_ID))
    return query.where(*_alive(but), col(A.owner_id).in_(whose.owner_ids))


def _placed(whose: Whose, shape: _Shape, but: Collection[int]) -> sa.Select[Any]:
    return (
        sa.select(*_activity_columns(PLACED, shape, col(L.calendar_id)))
        .join(L, col(L.activity_id) == col(A.id))
        .where(
            *_alive(but),
            col(A.owner_id).in_(whose.host_ids),
            col(L.calendar_id).in_(whose.own_ids),
            col(L.state) == LinkState.ACTIVE,
        )
    )


def _mirrored(whose: Whose, shape: _Shape) -> sa.Select[Any]:
    # A parked link no longer follows: its activity stands for the event as long as neither has changed.
    is_followed = sa.or_(
        col(L.state) != LinkState.PARKED,
        sa.and_(col(L.remote_fp) == col(E.fingerprint), col(L.local_fp) == col(A.fingerprint)),
    )
    is_there = sa.or_(col(A.status) != "cancelled", col(A.is_dissolved))
    shown = (
        sa.select(col(L.id))
        .join(A, col(A.id) == col(L.activity_id))
        .where(col(L.event_id) == col(E.id), is_there, is_followed)
        .exists()
    )
    return sa.select(*_event_columns(shape)).where(
        col(E.calendar_id).in_(whose.calendar_ids),
        col(E.is_deleted).is_(False),
        col(E.is_cancelled).is_(False),
        sa.not_(shown),
    )


_NO_ID, _NO_TEXT, _NO_FLAG = (sa.cast(sa.null(), kind) for kind in (sa.Integer, sa.Text, sa.Boolean))
_NOTHING = (_NO_TEXT, _NO_TEXT, _NO_TEXT, _NO_FLAG, _NO_FLAG, _NO_FLAG, _NO_TEXT, _NO_TEXT)


def _activity_columns(source: int, shape: _Shape, calendar_id: Any) -> list[Any]:
    told = (A.uid, A.recurrence_key, A.title, A.is_private, A.is_series, own_answers.is_accepted(), _NO_TEXT)
    return _columns(A, source, shape, (A.owner_id, A.source_account_id, calendar_id), told, A.content)


def _event_columns(shape: _Shape) -> list[Any]:
    classification = col(E.facts)["classification"].as_string() if shape is _Shape.ALL else _NO_TEXT
    told = (E.uid, E.recurrence_key, E.title, sa.false(), E.is_series, E.is_busy, classification)
    return _columns(E, MIRRORED, shape, (E.calendar_id, _NO_ID, E.calendar_id), told, E.facts)


def _columns(
    table: Any, source: int, shape: _Shape, place: tuple[Any, ...], told: tuple[Any, ...], content: Any
) -> list[Any]:
    """Return what is read of a table. Where only spans are wanted times are seconds, and an index has all the rest."""
    which = sa.literal(source, sa.Integer())
    is_counted = shape in (_Shape.SPANS, _Shape.UNFOLDED)
    bounds = [
        moments.Seconds(at) if is_counted else sa.type_coerce(at, moments.Instant())
        for at in (table.span_start, table.span_end)
    ]
    # JSON as it is stored: to have it read where there is none takes longer than all the rest.
    stored = sa.case((col(table.taking) != Taking.PLAIN, sa.cast(content, sa.Text)))
    return [which, table.id, table.taking, *bounds, *place, *(_NOTHING if shape is _Shape.SPANS else (*told, stored))]


_ALIVE = (
    col(A.is_dissolved).is_(False),
    col(A.status) != "cancelled",
    # A due time alone is no time that somebody works in, and what is done is over.
    sa.not_(sa.and_(col(A.kind) == Kind.TASK, sa.or_(col(A.due_is).is_not(None), col(A.is_done)))),
)


def _alive(but: Collection[int]) -> list[Any]:
    return [*_ALIVE, *([col(A.id).not_in(but)] if but else [])]


def _touching(query: sa.Select[Any], table: Any, shape: _Shape, window: Window) -> list[sa.Select[Any]]:
    """Return a query as those on what touches the window, each a range of an index: short by its start, and long."""
    start, end = window
    taking = col(table.taking)
    wanted = {_Shape.SPANS: taking == Taking.PLAIN, _Shape.UNFOLDED: taking == Taking.UNFOLDED, _Shape.ALL: sa.true()}
    may_take = sa.true() if shape is _Shape.ALL else taking != Taking.NEVER
    within = query.where(table.span_end >= start)
    short = within.where(
        wanted.get(shape, may_take),
        table.span_start >= start - LONG,
        table.span_start < end,
    )
    if shape is _Shape.SPANS:
        return [short]
    return [short, within.where(may_take, table.span_start < start - LONG, table.is_long.is_(True))]


def _sort_out(listed: Iterable[Any], found: Sequence[Found], depth: Depth) -> None:
    is_enough = depth is Depth.SPANS
    for source, id_, taking, start, end, place, account_id, calendar_id, *told, content in listed:
        if is_enough and taking == _PLAIN:
            spans = found[source].plain.get((place, account_id, calendar_id))
            if spans is None:
                spans = found[source].plain[Origin(place, account_id, calendar_id)] = []
            spans.append((start, end))
            continue
        uid, key, title, is_private, is_series, says_busy, shown = told
        times, read = (start, end) if taking == _PLAIN else None, None if content is None else json.loads(content)
        takes_time = says_busy and taking != Taking.NEVER
        kind = EventKind.DEFAULT if read is None else read.get("event_kind", EventKind.DEFAULT)
        known = (title, bool(is_private), is_series, takes_time, account_id, calendar_id, kind)
        found[source].rows.append(Row(id_, place, uid, key, times, *known, read, shown == "public"))


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
