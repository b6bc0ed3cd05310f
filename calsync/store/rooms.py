"""Rooms that bookings invite: from which calendar, and what their events there say of them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine.vocabulary import BookingState, RoomAnswer
from calsync.store import tables as t

B, C, L, M, R, T = t.Booking, t.Calendar, t.Link, t.MirrorEvent, t.Resource, t.Taken

_MAIN = sa.and_(col(C.account_id) == col(R.asked_account_id), col(C.is_primary), col(C.is_gone).is_(False))
"""Rooms answer to the main calendar of an account; elsewhere their answers are not noted."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A room that a booking invites, beside the event that invites it: `facts` None before that is written."""

    taken_id: int
    answer: str
    address: str
    facts: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A room that said no to a booking which stands, or that somebody took off its event."""

    taken_id: int
    answer: str
    booking: t.Booking
    activity: t.Activity
    resource: t.Resource


def main_calendar(session: Session, account_id: int) -> t.Calendar | None:
    """Return the main calendar of an account, None for one without."""
    query = sa.select(C).where(col(C.account_id) == account_id, col(C.is_primary), col(C.is_gone).is_(False))
    return session.scalars(query.order_by(col(C.id))).first()


def calendars(session: Session, resource_ids: Collection[int]) -> dict[int, int]:
    """Return the calendars from which rooms are invited, by resource; without those that are not invited."""
    query = sa.select(col(R.id), col(C.id)).join(C, _MAIN).where(col(R.id).in_(resource_ids), col(R.is_invited))
    return {int(resource): int(calendar) for resource, calendar in session.execute(query.order_by(col(R.id)))}


def invited(session: Session, activity_id: int) -> dict[int, list[t.Resource]]:
    """Return the rooms that the booking behind an activity invites, by calendar."""
    query = (
        sa.select(col(C.id), R)
        .select_from(T)
        .join(B, col(B.id) == col(T.booking_id))
        .join(R, col(R.id) == col(T.resource_id))
        .join(C, _MAIN)
        .where(col(B.activity_id) == activity_id, col(R.is_invited))
        .order_by(col(R.id))
    )
    found: dict[int, list[t.Resource]] = {}
    for calendar_id, resource in session.execute(query):
        found.setdefault(int(calendar_id), []).append(resource)
    return found


def standing(session: Session, now: datetime) -> list[Standing]:
    """Return the invited rooms of bookings that are not over, each with the event as it was read last.

    An event at another time than the booking's says nothing of it: it is about to be moved.
    """
    is_linked = sa.and_(col(L.activity_id) == col(B.activity_id), col(L.calendar_id) == col(C.id))
    is_same = sa.and_(
        col(M.id) == col(L.event_id),
        col(M.is_deleted).is_(False),
        col(M.span_start) == col(B.starts_at),
        col(M.span_end) == col(B.ends_at),
    )
    query = (
        sa.select(col(T.id), col(T.room_answer), col(R.asked_address), col(M.facts))
        .select_from(T)
        .join(B, col(B.id) == col(T.booking_id))
        .join(R, col(R.id) == col(T.resource_id))
        .join(C, _MAIN)
        .outerjoin(L, is_linked)
        .outerjoin(M, is_same)
        .where(col(B.state) == BookingState.BOOKED, col(B.ends_at) > now, col(R.is_invited))
        .order_by(col(T.id))
    )
    return [Standing(*row) for row in session.execute(query)]


def declined(session: Session, now: datetime) -> list[Refusal]:
    """Return the rooms that said no to bookings ahead, the next first."""
    query = (
        sa.select(col(T.id), col(T.room_answer), B, t.Activity, R)
        .select_from(T)
        .join(B, col(B.id) == col(T.booking_id))
        .join(t.Activity, col(t.Activity.id) == col(B.activity_id))
        .join(R, col(R.id) == col(T.resource_id))
        .where(
            col(T.room_answer).in_([RoomAnswer.DECLINED, RoomAnswer.OFF]),
            col(B.state) == BookingState.BOOKED,
            col(B.ends_at) > now,
        )
        .order_by(col(B.starts_at), col(T.id))
    )
    return [Refusal(*row) for row in session.execute(query)]


def answers(session: Session, booking_id: int) -> list[tuple[t.Resource, str]]:
    """Return the rooms that a booking invites, each with what it said, "" before it was asked."""
    query = sa.select(R, col(T.room_answer)).join(T, col(T.resource_id) == col(R.id))
    query = query.where(col(T.booking_id) == booking_id, col(R.is_invited)).order_by(col(R.id))
    return [(resource, answer) for resource, answer in session.execute(query)]


def own_times(session: Session, resource_id: int, start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
    """Return when bookings of ours stand in a room, without buffers."""
    query = (
        sa.select(col(B.starts_at), col(B.ends_at))
        .join(T, col(T.booking_id) == col(B.id))
        .where(
            col(T.resource_id) == resource_id,
            col(T.starts_at) > start - t.LONG,
            col(T.starts_at) < end,
            col(T.ends_at) > start,
            col(B.state) == BookingState.BOOKED,
        )
        .order_by(col(B.starts_at))
    )
    return [(begin, finish) for begin, finish in session.execute(query)]
