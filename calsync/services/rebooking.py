"""Bookings that move or end: rescheduled and cancelled here or by a guest's link, and overlaps that a person settles.

The same activity moves, hence the same event and the same meeting online.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlmodel import Session

from calsync.engine.vocabulary import BookingState
from calsync.errors import NotFound, Refused
from calsync.runtime import Actor, Runtime
from calsync.services import activity_access as access
from calsync.services import booking_rows, bookings, colleague_mail, following, guest_mail, series_rows, taking
from calsync.services.availability import Case
from calsync.services.bookings import Booked
from calsync.store import activities, audit
from calsync.store import scheduling as rows
from calsync.store import tables as t

Choice = Literal["keep", "move_back", "cancel"]


def by_token(rt: Runtime, token: str) -> Booked:
    """Return the booking that a guest's link is about (booking_rows.token). Raises NotFound."""
    with rt.reading() as session:
        booking = rows.find_by_token(session, booking_rows.hash_of(token))
        if booking is None or booking.state == BookingState.HELD:
            raise NotFound("booking", "link")
        return bookings.found(session, booking)


def get(rt: Runtime, booking_id: int, *, by: Actor) -> Booked:
    """Return a booking that `by` may see. Raises NotFound."""
    booked = bookings.get(rt, booking_id)
    if not bookings.may_see(booked, by):
        raise NotFound("booking", booking_id)
    return booked


def reschedule(rt: Runtime, booking_id: int, starts_at: datetime, *, by: Actor) -> Booked:
    """Move a booking to another free slot of its event type, with the same resources. Moving it where it is is fine.

    Raises NotFound; SlotTaken with the next free slots; Refused with the code cancelled, or gone without event type.
    """
    return _reschedule(rt, get(rt, booking_id, by=by), starts_at, by)


def reschedule_by_token(rt: Runtime, token: str, starts_at: datetime) -> Booked:
    """Move a booking as its guest, by the link they were given. Raises as reschedule does."""
    booked = by_token(rt, token)
    return _reschedule(rt, booked, starts_at, _guest(booked))


def _reschedule(rt: Runtime, before: Booked, starts_at: datetime, by: Actor) -> Booked:
    booking_id = t.pk(before.booking)
    _check_moves(before.booking)
    if before.booking.starts_at == starts_at:
        return before
    event_type_id = before.booking.event_type_id or 0
    try:
        asks = _hold(rt, booking_id, starts_at)
        taking.ask(rt, asks)
        with rt.writing() as session:
            woken = _move(session, rt, booking_id, starts_at, by)
    except taking.SlotTaken:
        _drop_hold(rt, booking_id)
        raise taking.SlotTaken(taking.next_free(rt, event_type_id, starts_at)) from None
    return bookings.told(rt, booking_id, woken)


def cancel(rt: Runtime, booking_id: int, *, by: Actor) -> Booked:
    """Cancel a booking and its activity; the time is free at once. Cancelling twice is fine. Raises NotFound."""
    return _cancelled(rt, get(rt, booking_id, by=by), by)


def cancel_by_token(rt: Runtime, token: str) -> Booked:
    """Cancel a booking as its guest, by the link they were given. Cancelling twice is fine. Raises NotFound."""
    booked = by_token(rt, token)
    return _cancelled(rt, booked, _guest(booked))


def _cancelled(rt: Runtime, before: Booked, by: Actor) -> Booked:
    booking_id = t.pk(before.booking)
    with rt.writing() as session:
        woken = _cancel(session, rt, booking_id, by)
    return bookings.told(rt, booking_id, woken)


def _guest(booked: Booked) -> Actor:
    return Actor(None, booked.booking.guest_email or "guest", "guest")


def resolve(rt: Runtime, booking_id: int, choice: Choice, *, by: Actor) -> Booked:
    """Settle that a calendar moved a booking onto something else: keep it there, move it back, or cancel it.

    Raises NotFound; Refused with the code `settled` when nothing is to be decided, `taken` when it cannot go back.
    """
    get(rt, booking_id, by=by)
    if choice == "cancel":
        return cancel(rt, booking_id, by=by)
    with rt.writing() as session:
        booking = _locked(session, booking_id)
        if booking.moved_from is None or booking.moved_until is None:
            raise Refused("There is nothing to decide about this booking any more.", code="settled")
        woken: list[int] = []
        if choice == "move_back":
            woken = _move_back(session, rt, booking, (booking.moved_from, booking.moved_until), by)
        else:
            guest_mail.tell(session, rt, booking, activities.get(session, booking.activity_id or 0), "changed")
        booking.moved_from = booking.moved_until = None
        colleague_mail.follow(session, rt, booking, activities.get(session, booking.activity_id or 0))
        after = {"choice": choice}
        audit.record(session, by, "booking.overlap_settled", bookings.thing(booking), at=rt.now(), after=after)
    return bookings.told(rt, booking_id, woken)


# --- moving


def _hold(rt: Runtime, booking_id: int, starts_at: datetime) -> list[taking.Question]:
    """Keep the new time while its calendars are asked; return what to ask. Raises SlotTaken."""
    now = rt.now()
    with rt.writing() as session:
        booking, case, ids = _case(session, booking_id)
        slot, sources = taking.slot_at(session, case, starts_at, now, [booking])
        if not ids <= set(slot.resource_ids):
            raise taking.SlotTaken
        asks = taking.stale(ids, sources, now)
        if asks:
            hold = t.Booking(
                key=_hold_key(booking),
                event_type_id=booking.event_type_id,
                starts_at=slot.starts_at,
                ends_at=slot.ends_at,
                expires_at=now + taking.HOLD,
                created_at=now,
            )
            known = rows.find_by_key(session, _hold_key(booking))
            if known is not None:
                rows.remove_booking(session, t.pk(known))
            session.add(hold)
            session.flush()
            booking_rows.take(session, hold, case.terms, ids, hold.expires_at)
        return asks


def _move(session: Session, rt: Runtime, booking_id: int, starts_at: datetime, by: Actor) -> list[int]:
    now = rt.now()
    booking, case, ids = _case(session, booking_id)
    hold = rows.find_by_key(session, _hold_key(booking))
    moving = [booking] if hold is None else [booking, hold]
    slot, _ = taking.slot_at(session, case, starts_at, now if hold is None else hold.created_at, moving)
    if not ids <= set(slot.resource_ids):
        raise taking.SlotTaken
    if hold is not None:
        rows.remove_booking(session, t.pk(hold))
    before = booking.starts_at
    woken = _write(session, rt, booking, (slot.starts_at, slot.ends_at), by)
    activity = activities.get(session, booking.activity_id or 0)
    guest_mail.tell(session, rt, booking, activity, "changed")
    colleague_mail.follow(session, rt, booking, activity)
    moved = ({"starts_at": before.isoformat()}, {"starts_at": starts_at.isoformat()})
    audit.record(session, by, "booking.moved", bookings.thing(booking), at=now, before=moved[0], after=moved[1])
    return woken


def _move_back(
    session: Session, rt: Runtime, booking: t.Booking, there: tuple[datetime, datetime], by: Actor
) -> list[int]:
    found = rows.resources(session, [row.resource_id for row in rows.taken_by(session, t.pk(booking))])
    if following.in_the_way(session, booking, found, there, rt.now()):
        reason = "Its old time is taken by now. Keep it where it is, choose another time, or cancel it."
        raise Refused(reason, code="taken")
    return _write(session, rt, booking, there, by)


def _write(session: Session, rt: Runtime, booking: t.Booking, there: tuple[datetime, datetime], by: Actor) -> list[int]:
    """Move a booking, its activity and what it takes."""
    now = rt.now()
    activity = activities.get(session, booking.activity_id or 0, lock=True)
    booking.starts_at, booking.ends_at = there
    booking.moved_from = booking.moved_until = None
    booking_rows.move_activity(session, activity, *there, now)
    booking.followed_version = activity.row_version
    resource_ids = [row.resource_id for row in rows.taken_by(session, t.pk(booking))]
    booking_rows.take(session, booking, following.terms_of(session, booking), resource_ids, None)
    return access.wake(session, activity, by, now)


def _case(session: Session, booking_id: int) -> tuple[t.Booking, Case, set[int]]:
    """Return a booking that can move, locked with all resources that its event type is about, and those it takes."""
    event_type_id = rows.get_booking(session, booking_id).event_type_id
    case = taking.locked_case(session, rows.get_event_type(session, event_type_id or 0))
    booking = rows.get_booking(session, booking_id, lock=True)
    _check_moves(booking)
    return booking, case, {row.resource_id for row in rows.taken_by(session, booking_id)}


def _hold_key(booking: t.Booking) -> str:
    return f"moving {booking.public_id}"


def _drop_hold(rt: Runtime, booking_id: int) -> None:
    with rt.writing() as session:
        hold = rows.find_by_key(session, _hold_key(rows.get_booking(session, booking_id)))
        if hold is not None:
            rows.remove_booking(session, t.pk(hold))


def _check_moves(booking: t.Booking) -> None:
    if booking.state != BookingState.BOOKED:
        raise Refused("This booking is cancelled. Make a new one.", code="cancelled")
    if booking.event_type_id is None:
        raise Refused("What was booked is no longer offered. Move its activity instead.", code="gone")


# --- ending


def _cancel(session: Session, rt: Runtime, booking_id: int, by: Actor) -> list[int]:
    now = rt.now()
    booking = _locked(session, booking_id)
    activity = activities.get(session, booking.activity_id or 0, lock=True)
    if booking.state == BookingState.CANCELLED:
        return []
    if not booking_rows.is_over(activity):
        series_rows.cancel_row(session, activity, now)
    booking_rows.mark_cancelled(session, booking, now)
    guest_mail.tell(session, rt, booking, activity, "cancelled")
    colleague_mail.follow(session, rt, booking, activity)
    booking.followed_version = activity.row_version
    woken = access.wake(session, activity, by, now)
    audit.record(session, by, "booking.cancelled", bookings.thing(booking), at=now)
    return woken


def _locked(session: Session, booking_id: int) -> t.Booking:
    rows.lock_resources(session, [row.resource_id for row in rows.taken_by(session, booking_id)])
    return rows.get_booking(session, booking_id, lock=True)
