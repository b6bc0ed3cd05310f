"""Bookings as the pages of the team list and show them. Each function takes a session; none decides anything."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine.vocabulary import BookingState, RoomAnswer
from calsync.errors import NotFound
from calsync.store import keyset, placements
from calsync.store import tables as t
from calsync.store.keyset import Cut, Slice

B, A, E, T = t.Booking, t.Activity, t.EventType, t.Taken

_UNWRITTEN = placements.is_behind(col(B.activity_id))

_NO_ROOM = (
    sa.select(col(T.id))
    .where(col(T.booking_id) == col(B.id), col(T.room_answer).in_([RoomAnswer.DECLINED, RoomAnswer.OFF]))
    .exists()
)


@dataclass(frozen=True, slots=True)
class Filters:
    """What of the bookings is wanted; "" and None leave a filter out. `viewer_id` None sees everybody's.

    `state` is held, booked, unwritten, moved, no_room or cancelled.
    """

    viewer_id: int | None
    now: datetime
    state: str = ""
    event_type_id: int | None = None
    search: str = ""
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A booking with its activity (None of a mere hold), its event type (None where that is gone), and how it stands.

    `is_written` is False while it does not stand, as it is now, on every calendar where it belongs, `has_rooms` when a
    room said no.
    """

    booking: t.Booking
    activity: t.Activity | None
    event_type: t.EventType | None
    is_written: bool
    has_rooms: bool = True

    @property
    def state(self) -> str:
        """How it stands: held, booked, unwritten, moved, no_room, cancelled."""
        if self.booking.state != BookingState.BOOKED:
            return str(self.booking.state)
        if self.booking.moved_from is not None:
            return "moved"
        if not self.has_rooms:
            return "no_room"
        return "booked" if self.is_written else "unwritten"


def listed(session: Session, filters: Filters, cut: Cut, *, newest_first: bool) -> Slice:
    """Return a slice of bookings as Lines, sorted by when they begin."""
    query = _lines().where(*_conditions(filters))
    columns: Any = (B.starts_at, B.id)
    found = keyset.fetch(session, query, columns, cut, newest_first=newest_first)
    return Slice([_line(row) for row in found.rows], found.has_next, found.has_previous)


def count_moved(session: Session, filters: Filters) -> int:
    """Return how many bookings wait for a decision, whatever else is filtered."""
    wanted = Filters(filters.viewer_id, filters.now, state="moved")
    query = sa.select(sa.func.count()).select_from(B).outerjoin(A, col(A.id) == col(B.activity_id))
    return int(session.scalar(query.where(*_conditions(wanted))) or 0)


def get(session: Session, booking_id: int) -> Line:
    """Return a booking that was made. Raises NotFound, also for a mere hold."""
    row = session.execute(_lines().where(col(B.id) == booking_id, col(B.activity_id).is_not(None))).first()
    if row is None:
        raise NotFound("booking", booking_id)
    return _line(row)


def of_activity(session: Session, activity_id: int) -> Line | None:
    """Return the booking behind an activity, or None."""
    row = session.execute(_lines().where(col(B.activity_id) == activity_id)).first()
    return None if row is None else _line(row)


def resources(session: Session, booking_id: int) -> list[t.Resource]:
    """Return what a booking takes, by id."""
    query = sa.select(t.Resource).join(T, col(T.resource_id) == col(t.Resource.id))
    return list(session.scalars(query.where(col(T.booking_id) == booking_id).order_by(col(t.Resource.id))))


def colors(session: Session, activity_ids: Collection[int]) -> dict[int, str]:
    """Return the colours of event types that have one, by the activities of their bookings."""
    if not activity_ids:
        return {}
    query = sa.select(col(B.activity_id), col(E.color)).join(E, col(E.id) == col(B.event_type_id))
    found = session.execute(query.where(col(B.activity_id).in_(activity_ids), col(E.color) != ""))
    return {int(activity_id): color for activity_id, color in found}


def _lines() -> Any:
    return (
        sa.select(B, A, E, _UNWRITTEN, _NO_ROOM)
        .outerjoin(A, col(A.id) == col(B.activity_id))
        .outerjoin(E, col(E.id) == col(B.event_type_id))
    )


def _line(row: Any) -> Line:
    return Line(row[0], row[1], row[2], not row[3], not row[4])


def _conditions(filters: Filters) -> list[sa.ColumnElement[bool]]:
    # A hold is shown while it stands; one that moves a booking belongs to that booking.
    is_kept = sa.and_(col(B.expires_at) > filters.now, col(B.token_hash).is_not(None))
    found = [sa.or_(col(B.state) != BookingState.HELD, is_kept), *_state(filters.state)]
    if filters.viewer_id is not None:
        found.append(sa.or_(col(A.owner_id) == filters.viewer_id, col(B.booked_by_id) == filters.viewer_id))
    if filters.event_type_id is not None:
        found.append(col(B.event_type_id) == filters.event_type_id)
    if filters.start is not None:
        found.append(col(B.ends_at) > filters.start)
    if filters.end is not None:
        found.append(col(B.starts_at) < filters.end)
    if filters.search:
        words = sa.or_(
            col(B.guest_name).icontains(filters.search, autoescape=True),
            col(B.guest_email).icontains(filters.search, autoescape=True),
        )
        found.append(words)
    return found


def _state(state: str) -> list[sa.ColumnElement[bool]]:
    is_booked = col(B.state) == BookingState.BOOKED
    match state:
        case "moved":
            return [is_booked, col(B.moved_from).is_not(None)]
        case "unwritten":
            return [is_booked, _UNWRITTEN]
        case "no_room":
            return [is_booked, _NO_ROOM]
        case "booked" | "held" | "cancelled":
            return [col(B.state) == state]
    return []
