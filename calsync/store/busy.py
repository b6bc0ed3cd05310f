"""What takes time in a window: activities, mirrored events without one, and what bookings have taken.

Columns instead of rows, and the content only of what cannot be read off them: a month of ten people is thousands.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
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
        *(_touching(_planned(whose, depth, but), A, window) if whose.owner_ids else ()),
        *(_touching(_placed(whose, depth, but), A, window) if whose.own_ids else ()),
        *(_touching(_mirrored(whose, depth), E, window) if whose.calendar_ids else ()),
    ]
    found = (Found(), Found(), Found())
    # By the connection: only columns are asked for, and a session would take half as long again.
    for part in session.connection().execute(sa.union_all(*parts)).partitions(_AT_ONCE) if parts else ():
        _sort_out(part, found, depth)
    return found


def _planned(whose: Whose, depth: Depth, but: Collection[int]) -> sa.Select[Any]:
    query = sa.select(*_activity_columns(PLANNED, depth, _NO_ID))
    return query.where(*_alive(depth, but), col(A.owner_id).in_(whose.owner_ids))


def _placed(whose: Whose, depth: Depth, but: Collection[int]) -> sa.Select[Any]:
    return (
        sa.select(*_activity_columns(PLACED, depth, col(L.calendar_id)))
        .join(L, col(L.activity_id) == col(A.id))
        .where(
            *_alive(depth, but),
            col(A.owner_id).in_(whose.host_ids),
            col(L.calendar_id).in_(whose.own_ids),
            col(L.state) == LinkState.ACTIVE,
        )
    )


def _mirrored(whose: Whose, depth: Depth) -> sa.Select[Any]:
    shown = (
        sa.select(col(L.id))
        .join(A, col(A.id) == col(L.activity_id))
        .where(col(L.event_id) == col(E.id), sa.or_(col(A.status) != "cancelled", col(A.is_dissolved)))
        .exists()
    )
    query = sa.select(*_event_columns(depth)).where(
        col(E.calendar_id).in_(whose.calendar_ids),
        col(E.is_deleted).is_(False),
        col(E.is_cancelled).is_(False),
        sa.not_(shown),
    )
    return query.where(_MAY_TAKE[E]) if depth < Depth.ALL else query


_NO_ID, _NO_TEXT = sa.cast(sa.null(), sa.Integer), sa.cast(sa.null(), sa.Text)


def _bounds(table: Any, depth: Depth) -> tuple[Any, Any]:
    if depth is Depth.SPANS:
        return moments.Seconds(table.span_start), moments.Seconds(table.span_end)
    return sa.type_coerce(table.span_start, moments.Instant()), sa.type_coerce(table.span_end, moments.Instant())


def _activity_columns(source: int, depth: Depth, calendar_id: Any) -> list[Any]:
    told = (A.uid, A.recurrence_key, A.title, A.is_private, A.is_series, sa.true(), _NO_TEXT)
    place = (A.owner_id, A.source_account_id, calendar_id)
    return _columns(A, source, depth, place, told, A.content)


def _event_columns(depth: Depth) -> list[Any]:
    classification = col(E.facts)["classification"].as_string() if depth is Depth.ALL else _NO_TEXT
    told = (E.uid, E.recurrence_key, E.title, sa.false(), E.is_series, E.is_busy, classification)
    return _columns(E, MIRRORED, depth, (E.calendar_id, _NO_ID, E.calendar_id), told, E.facts)


def _columns(
    table: Any, source: int, depth: Depth, place: tuple[Any, ...], told: tuple[Any, ...], content: Any
) -> list[Any]:
    """Return what is read of a table. The content is read of what is not plain alone, and where spans are enough so is
    everything else: reading it takes long.
    """
    is_folded = col(table.taking) != Taking.PLAIN
    shown = told if depth > Depth.SPANS else tuple(sa.case((is_folded, column)) for column in told)
    which = sa.literal(source, sa.Integer())
    # JSON as it is stored: to have it read where there is none takes longer than all the rest.
    stored = sa.case((is_folded, sa.cast(content, sa.Text)))
    return [which, table.id, table.taking, *_bounds(table, depth), *place, *shown, stored]


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


def _touching(query: sa.Select[Any], table: Any, window: Window) -> list[sa.Select[Any]]:
    """Return a query as two on what touches the window, each a range of an index: short by its start, and long."""
    start, end = window
    within = query.where(table.span_end >= start)
    return [
        within.where(table.span_start >= start - LONG, table.span_start < end),
        within.where(table.span_start < start - LONG, table.is_long.is_(True)),
    ]


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
        takes_time = says_busy if source == MIRRORED else taking != Taking.NEVER
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


# --- whose it is, and the calendars that block


class Person(NamedTuple):
    """A person with one of their accounts and one of its calendars that are asked for, None where there is none."""

    user_id: int
    email: str
    account: t.Account | None
    calendar: t.Calendar | None


def people(session: Session, user_ids: Collection[int], calendar_ids: Collection[int]) -> list[Person]:
    """Return these people and those whose these calendars are, with all of their accounts; of the calendars of these
    only those with these ids and those that block their time.
    """
    U, N = t.User, t.Account
    hosts = sa.select(col(N.user_id)).join(C, col(C.account_id) == col(N.id)).where(col(C.id).in_(calendar_ids))
    blocks = sa.and_(col(C.blocks), col(C.is_gone).is_(False), col(N.state) != AccountState.DISCONNECTED)
    is_asked = sa.or_(blocks, col(C.id).in_(calendar_ids)) if calendar_ids else blocks
    is_one = col(U.id).in_(user_ids)
    query = (
        sa.select(col(U.id), col(U.email), N, C)
        .outerjoin(N, col(N.user_id) == col(U.id))
        .outerjoin(C, sa.and_(col(C.account_id) == col(N.id), is_asked))
        .where(sa.or_(is_one, col(U.id).in_(hosts)) if calendar_ids else is_one)
        .order_by(col(C.id))
    )
    return [Person._make(row) for row in session.execute(query)]
