"""Bookings: take a slot, once.

The resources' rows are locked in id order, then availability is checked again, in the same transaction and for all of
them together: of many who want one slot exactly one gets it. Calendars that were not read just now are asked first,
while a hold keeps the slot; no network call happens inside a transaction. Moving and cancelling stand in
`rebooking.py`, what calendars change in `following.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from calsync.engine import booking_form, zones
from calsync.engine.booking_form import BadAnswer
from calsync.engine.openings import Slot
from calsync.engine.vocabulary import BookingState, GroupMode
from calsync.errors import Refused
from calsync.runtime import Actor, Runtime
from calsync.services import activity_access as access
from calsync.services import activity_fields, booking_rows, conferences, guest_mail, settings, taking
from calsync.services.availability import Case
from calsync.store import activities, audit
from calsync.store import scheduling as rows
from calsync.store import tables as t


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody wants to book. `key` is the request's own: sent again, it books nothing twice."""

    event_type_id: int
    starts_at: datetime
    guest_name: str = ""
    guest_email: str = ""
    guest_tz: str = "UTC"
    answers: Mapping[str, Any] = field(default_factory=dict)
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Booked:
    """A booking with its activity. `is_written` is False while it does not stand, as it is now, on every calendar where
    it belongs.
    """

    booking: t.Booking
    activity: t.Activity
    resource_ids: tuple[int, ...]
    is_written: bool


@dataclass(frozen=True, slots=True)
class Step:
    """What a transaction left to be done: what to ask while a hold stands, or accounts to hint."""

    booking_id: int
    asks: Collection[taking.Question] = ()
    woken: Collection[int] = ()


def book(rt: Runtime, request: Request, *, by: Actor) -> Booked:
    """Book a slot and return what was booked; a request that is repeated by its key books once.

    Raises NotFound; SlotTaken with the next free slots; Refused naming the field for what cannot be booked, `closed`
    where nothing can, `key_reused` for a key that booked something else.
    """
    request = checked(request)
    try:
        step = _taken(rt, request, by)
        if step.asks:
            taking.ask(rt, step.asks)
            with rt.writing() as session:
                confirmed = _confirm(session, rt, step.booking_id, by)
            if confirmed is None:
                raise taking.SlotTaken
            step = confirmed
    except taking.SlotTaken:
        raise taking.SlotTaken(taking.next_free(rt, request.event_type_id, request.starts_at)) from None
    return told(rt, step.booking_id, step.woken)


def told(rt: Runtime, booking_id: int, woken: Collection[int]) -> Booked:
    """Tell the queue what a change of a booking has left to be done, after the transaction; return the booking."""
    access.hint(rt, woken)
    booked = get(rt, booking_id)
    conferences.hurry(rt, booked.activity.location_kind)
    return booked


def get(rt: Runtime, booking_id: int) -> Booked:
    """Return a booking that was made. Asks for no right. Raises NotFound, also for a mere hold."""
    with rt.reading() as session:
        return found(session, rows.get_booking(session, booking_id))


def found(session: Session, booking: t.Booking) -> Booked:
    """Return a booking with what belongs to it. Raises NotFound for a mere hold."""
    activity = activities.get(session, booking.activity_id or 0)
    resource_ids = tuple(row.resource_id for row in rows.taken_by(session, t.pk(booking)))
    return Booked(booking, activity, resource_ids, not rows.unwritten(session, [t.pk(activity)]))


def list_bookings(rt: Runtime, start: datetime, end: datetime, *, by: Actor) -> list[Booked]:
    """Return the bookings that begin in the window and that `by` may see, in order."""
    with rt.reading() as session:
        listed = [found(session, booking) for booking in rows.list_bookings(session, start, end)]
    return [each for each in listed if may_see(each, by)]


def may_see(booked: Booked, by: Actor) -> bool:
    """People see what they booked and what is booked of them, admins everything."""
    return access.may_see(booked.activity, by) or (by.user_id is not None and booked.booking.booked_by_id == by.user_id)


# --- the two transactions


def _taken(rt: Runtime, request: Request, by: Actor) -> Step:
    """Run the first transaction. Raises SlotTaken, Refused."""
    try:
        with rt.writing() as session:
            return _take(session, rt, request, by)
    except IntegrityError:
        if request.key is None:
            raise
        # Locks are on resources: a booking of others took the same key in between. Now it is there to be found.
        with rt.writing() as session:
            return _take(session, rt, request, by)


def _take(session: Session, rt: Runtime, request: Request, by: Actor) -> Step:
    """Book what needs no asking, hold what does. Raises SlotTaken."""
    case = taking.locked_case(session, rows.get_event_type(session, request.event_type_id))
    known = _known(session, request, rt.now())
    if known is not None and known.state != BookingState.HELD:
        return Step(t.pk(known))
    now = rt.now() if known is None else known.created_at
    slot, sources = taking.slot_at(session, case, request.starts_at, now, [] if known is None else [known])
    resource_ids = taking.chosen(session, case, slot, now)
    booking = known or _held(session, case, slot, request, rt, by)
    booking_rows.take(session, booking, case.terms, resource_ids, booking.expires_at)
    asks = taking.stale(resource_ids, sources, rt.now())
    return Step(t.pk(booking), asks) if asks else _finish(session, rt, booking, case, resource_ids, by)


def _confirm(session: Session, rt: Runtime, booking_id: int, by: Actor) -> Step | None:
    """Make a booking of a hold if its slot is still free now that the calendars were asked; else let it go: None.

    The hold's own time counts as free, also once it has expired.
    """
    event_type_id = rows.get_booking(session, booking_id).event_type_id
    case = taking.locked_case(session, rows.get_event_type(session, event_type_id or 0))
    booking = rows.get_booking(session, booking_id, lock=True)
    if booking.state != BookingState.HELD:
        return Step(booking_id)
    try:
        slot, _ = taking.slot_at(session, case, booking.starts_at, booking.created_at, [booking])
    except taking.SlotTaken:
        rows.remove_booking(session, booking_id)
        return None
    held = tuple(row.resource_id for row in rows.taken_by(session, booking_id))
    ids = held if set(held) <= set(slot.resource_ids) else taking.chosen(session, case, slot, booking.created_at)
    return _finish(session, rt, booking, case, ids, by)


def _finish(
    session: Session, rt: Runtime, booking: t.Booking, case: Case, resource_ids: Collection[int], by: Actor
) -> Step:
    now = rt.now()
    taken = [resource for resource in case.resources if resource.id in resource_ids]
    rules, _ = settings.organisation_rules(session)
    activity = booking_rows.make_activity(session, rt, booking, case.event_type, taken, rules, by)
    booking.activity_id, booking.state, booking.expires_at = t.pk(activity), BookingState.BOOKED, None
    booking.followed_version = activity.row_version
    session.add(booking)
    booking_rows.take(session, booking, case.terms, resource_ids, None)
    for member in case.members:
        if case.mode is GroupMode.ANY_OF and member.resource_id in resource_ids:
            member.picked_at = now
    woken = access.wake(session, activity, by, now)
    told = {"event_type": case.event_type.name, "starts_at": booking.starts_at.isoformat()}
    audit.record(session, by, "booking.made", thing(booking), at=now, after=told)
    guest_mail.tell(session, rt, booking, activity, "new")
    return Step(t.pk(booking), woken=woken)


def _known(session: Session, request: Request, now: datetime) -> t.Booking | None:
    """Return what a request with this key has brought about; an expired hold is nothing."""
    known = None if request.key is None else rows.find_by_key(session, request.key)
    if known is None:
        return None
    if known.state == BookingState.HELD and known.expires_at is not None and known.expires_at <= now:
        rows.remove_booking(session, t.pk(known))
        return None
    # What was booked may have moved since; a hold has not.
    is_moved = known.state == BookingState.HELD and known.starts_at != request.starts_at
    if is_moved or known.event_type_id != request.event_type_id:
        raise Refused("This key was used for another booking.", code="key_reused", field="key")
    return known


def _held(session: Session, case: Case, slot: Slot, request: Request, rt: Runtime, by: Actor) -> t.Booking:
    """Save a hold."""
    now = rt.now()
    booking = t.Booking(
        key=request.key,
        event_type_id=case.event_type.id,
        starts_at=slot.starts_at,
        ends_at=slot.ends_at,
        guest_name=request.guest_name,
        guest_email=request.guest_email,
        guest_tz=request.guest_tz,
        answers=answers(case.event_type, request.answers),
        expires_at=now + taking.HOLD,
        booked_by_id=by.user_id,
        created_at=now,
    )
    booking.token_hash = booking_rows.hash_of(booking_rows.token(rt, booking))
    session.add(booking)
    session.flush()
    return booking


def checked(request: Request) -> Request:
    """Return the request as it is stored. Raises Refused, naming the field."""
    if request.starts_at.tzinfo is None:
        raise Refused("Give a time with its offset.", code="invalid", field="starts_at")
    zone = zones.resolve(request.guest_tz)
    if zone is None:
        raise Refused(f"{request.guest_tz} is no known time zone.", code="invalid", field="guest_tz")
    if request.key is not None and not 1 <= len(request.key) <= 100:
        raise Refused("A key has 1 to 100 characters.", code="invalid", field="key")
    email = request.guest_email.strip()
    return Request(
        request.event_type_id,
        request.starts_at,
        " ".join(activity_fields.clean_text("guest_name", request.guest_name, 200).split()),
        activity_fields.clean_address(email, "guest_email") if email else "",
        zone,
        request.answers,
        request.key,
    )


def answers(event_type: t.EventType, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answers to an event type's questions. Raises Refused, with the question's name as field."""
    try:
        return booking_form.checked(booking_form.from_json(event_type.questions), given)
    except BadAnswer as error:
        raise Refused(str(error), code="invalid", field=error.name) from error


def thing(booking: t.Booking) -> tuple[str, str, str]:
    """Return a booking as the audit log names it; who the guest is stands in the booking alone."""
    return "booking", str(booking.id), ""
