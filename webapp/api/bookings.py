"""Bookings: made of free slots, moved, cancelled, and settled where a calendar moved them onto something else."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from calsync.engine.vocabulary import RoomAnswer, Scope
from calsync.services import bookings, rebooking
from calsync.services.bookings import Booked, Request
from calsync.services.rebooking import Choice
from calsync.services.taking import SlotTaken
from calsync.store import booking_list, rooms
from calsync.store import tables as t
from calsync.store.booking_list import Filters
from webapp.api import event_types, lookup, paging
from webapp.api.operations import Answer, Call, operation
from webapp.api.paging import Listed, Paged
from webapp.api.problems import Refusal
from webapp.api.schemas.base import Sent, Time, Told

TAG = "Bookings"


class BookingQuery(Paged):
    """Which bookings are wanted; the latest first."""

    event_type_id: str | None = Field(None, max_length=64)


class RoomOut(Told):
    """A room that a booking invites. `answer` is null before it was asked."""

    resource_id: str
    answer: RoomAnswer | None


class BookingOut(Told):
    """What was booked, beside its activity."""

    id: str
    state: str
    event_type_id: str | None
    activity_id: str
    resource_ids: list[str]
    starts_at: Time
    ends_at: Time
    guest_name: str
    guest_email: str
    guest_time_zone: str
    answers: dict[str, Any]
    is_written: bool = Field(description="It stands on every calendar where it belongs")
    rooms: list[RoomOut] = Field(description="Rooms that it invites, with what they said")
    moved_from: Time | None = Field(description="Where it was before a calendar moved it onto something else")
    created_at: Time
    cancelled_at: Time | None


class BookingList(Listed[BookingOut]):
    pass


class BookingNew(Sent):
    event_type_id: str = Field(max_length=64)
    starts_at: datetime = Field(description="A free slot of /availability/slots")
    guest_name: str = Field("", max_length=200)
    guest_email: str = Field("", max_length=320)
    guest_time_zone: str = Field("UTC", max_length=64)
    answers: dict[str, Any] = Field(default_factory=dict)


class MoveIn(Sent):
    starts_at: datetime


class SettleIn(Sent):
    choice: Choice


@operation("GET", "/bookings", Scope.READ, tag=TAG, query=BookingQuery, answer=BookingList)
def list_bookings(call: Call) -> BookingList:
    """List bookings"""
    asked: BookingQuery = call.query
    type_id = t.pk(event_types.of(call, asked.event_type_id)) if asked.event_type_id else None
    filters = Filters(lookup.viewer_id(call.by), call.rt.now(), event_type_id=type_id)
    with call.rt.reading() as session:
        found = booking_list.listed(session, filters, asked.cut(), newest_first=True)
    part = paging.listed(found, lambda line: line, lambda line: (line.booking.starts_at, t.pk(line.booking)))
    made = [bookings.get(call.rt, t.pk(line.booking)) for line in found.rows if line.activity is not None]
    return BookingList(items=[_told(call, each) for each in made], next=part.next)


@operation("GET", "/bookings/<id>", Scope.READ, tag=TAG, answer=BookingOut)
def show_booking(call: Call, id: str) -> BookingOut:
    """Show a booking"""
    return _told(call, rebooking.get(call.rt, _id(call, id), by=call.by))


@operation(
    "POST",
    "/bookings",
    Scope.WRITE,
    tag=TAG,
    body=BookingNew,
    answer=BookingOut,
    status=201,
    team_only=True,
    problems=(404, 409, 502, 503),
)
def create_booking(call: Call) -> Answer:
    """Book a slot

    409 with the code `taken` names the next free slots.
    """
    sent: BookingNew = call.body
    request = Request(
        t.pk(event_types.of(call, sent.event_type_id)),
        _aware(sent.starts_at),
        sent.guest_name,
        sent.guest_email,
        sent.guest_time_zone,
        sent.answers,
    )
    try:
        booked = bookings.book(call.rt, request, by=call.by)
    except SlotTaken as taken:
        raise _taken(taken) from taken
    told = _told(call, booked)
    return Answer(told, 201, {"Location": f"/api/v1/bookings/{told.id}"})


@operation(
    "POST",
    "/bookings/<id>/reschedule",
    Scope.WRITE,
    tag=TAG,
    body=MoveIn,
    answer=BookingOut,
    problems=(409, 502, 503),
)
def reschedule_booking(call: Call, id: str) -> BookingOut:
    """Move a booking to another free slot"""
    try:
        return _told(call, rebooking.reschedule(call.rt, _id(call, id), _aware(call.body.starts_at), by=call.by))
    except SlotTaken as taken:
        raise _taken(taken) from taken


@operation("DELETE", "/bookings/<id>", Scope.WRITE, tag=TAG, answer=BookingOut, current=show_booking, problems=(409,))
def cancel_booking(call: Call, id: str) -> BookingOut:
    """Cancel a booking"""
    return _told(call, rebooking.cancel(call.rt, _id(call, id), by=call.by))


@operation("POST", "/bookings/<id>/settle", Scope.WRITE, tag=TAG, body=SettleIn, answer=BookingOut, problems=(409,))
def settle_booking(call: Call, id: str) -> BookingOut:
    """Decide about a booking that a calendar moved onto something else"""
    return _told(call, rebooking.resolve(call.rt, _id(call, id), call.body.choice, by=call.by))


def _id(call: Call, public_id: str) -> int:
    with call.rt.reading() as session:
        return t.pk(lookup.row(session, t.Booking, public_id, "booking"))


def _taken(error: SlotTaken) -> Refusal:
    free = [("free", slot.starts_at.isoformat()) for slot in error.slots]
    return Refusal(409, "taken", error.reason, errors=free)


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise Refusal(422, "invalid", "Give the time with its offset.", errors=[("starts_at", "no offset")])
    return moment


def _told(call: Call, booked: Booked) -> BookingOut:
    row = booked.booking
    with call.rt.reading() as session:
        event_type = session.get(t.EventType, row.event_type_id or 0)
        taken = [session.get_one(t.Resource, i).public_id for i in booked.resource_ids]
        answers = rooms.answers(session, t.pk(row))
    return BookingOut(
        id=row.public_id,
        state=row.state,
        event_type_id=None if event_type is None else event_type.public_id,
        activity_id=booked.activity.public_id,
        resource_ids=taken,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        guest_name=row.guest_name,
        guest_email=row.guest_email,
        guest_time_zone=row.guest_tz,
        answers=row.answers,
        is_written=booked.is_written,
        rooms=[
            RoomOut(resource_id=room.public_id, answer=RoomAnswer(said) if said else None) for room, said in answers
        ],
        moved_from=row.moved_from,
        created_at=row.created_at,
        cancelled_at=row.cancelled_at,
    )
