"""Following: a booking goes where its activity goes, whoever moved or cancelled that, here or in a calendar.

Nothing is refused, for it has happened already. Where a booking was moved onto something else, its old time is kept
beside it until a person decides (`rebooking.resolve`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlmodel import Session

from calsync.engine.openings import Terms
from calsync.engine.vocabulary import BookingState
from calsync.runtime import Runtime
from calsync.services import availability, believing, booking_rows, busy, colleague_mail, guest_mail
from calsync.services.busy import Busy
from calsync.store import activities
from calsync.store import scheduling as rows
from calsync.store import tables as t

AT_ONCE = 200
BACK = timedelta(days=30)
"""Bookings that began earlier are left as they are."""


def follow(rt: Runtime) -> int:
    """Bring bookings in line with their activities and return how many were not. Repeating it is fine."""
    with rt.reading() as session:
        ids = rows.unfollowed(session, rt.now() - BACK, AT_ONCE)
    for booking_id in ids:
        with rt.writing() as session:
            _follow(session, rt, booking_id)
    return len(ids)


def remove_expired(rt: Runtime) -> int:
    """Remove holds that nobody made a booking of, and return how many."""
    with rt.writing() as session:
        return rows.remove_expired(session, rt.now(), AT_ONCE)


def _follow(session: Session, rt: Runtime, booking_id: int) -> None:
    now = rt.now()
    taken = rows.taken_by(session, booking_id)
    found = rows.lock_resources(session, [row.resource_id for row in taken])
    booking = rows.get_booking(session, booking_id, lock=True)
    activity = activities.get(session, booking.activity_id or 0, lock=True)
    before = (booking.state, booking.starts_at)
    if booking_rows.is_over(activity):
        if booking.state != BookingState.CANCELLED:
            booking_rows.mark_cancelled(session, booking, now)
    else:
        _bring_along(session, booking, activity, found, now)
    booking.followed_version = activity.row_version
    _tell(session, rt, booking, activity, before)
    colleague_mail.follow(session, rt, booking, activity)


def _tell(
    session: Session, rt: Runtime, booking: t.Booking, activity: t.Activity, before: tuple[str, datetime]
) -> None:
    """Tell the guest what became of their booking; of an overlap only once somebody has decided."""
    if (booking.state, booking.starts_at) == before or booking.moved_from is not None:
        return
    what: guest_mail.What = "cancelled" if booking.state == BookingState.CANCELLED else "changed"
    guest_mail.tell(session, rt, booking, activity, what)


def _bring_along(
    session: Session, booking: t.Booking, activity: t.Activity, found: Sequence[t.Resource], now: datetime
) -> None:
    before = (booking.starts_at, booking.ends_at)
    was_over = booking.state == BookingState.CANCELLED
    booking.starts_at, booking.ends_at = booking_rows.times_of(activity, found[0].tz if found else "UTC")
    if (booking.starts_at, booking.ends_at) == before and not was_over:
        return
    booking.state, booking.cancelled_at = BookingState.BOOKED, None
    booking_rows.take(session, booking, terms_of(session, booking), [t.pk(r) for r in found], None)
    if not in_the_way(session, booking, found, (booking.starts_at, booking.ends_at), now):
        booking.moved_from = booking.moved_until = None
    elif booking.moved_from is None:
        booking.moved_from, booking.moved_until = before


def terms_of(session: Session, booking: t.Booking) -> Terms:
    """Return on which terms a booking was made, with the event type as it is now; without buffers when that is gone."""
    event_type = None if booking.event_type_id is None else session.get(t.EventType, booking.event_type_id)
    length = max(int((booking.ends_at - booking.starts_at).total_seconds() // 60), 1)
    return Terms(length) if event_type is None else availability.terms_of(event_type, "UTC")


def in_the_way(
    session: Session,
    booking: t.Booking,
    found: Sequence[t.Resource],
    window: tuple[datetime, datetime],
    now: datetime,
) -> list[Busy]:
    """Return what else takes the resources' time in the window."""
    times = busy.read(session, [believing.of_resource(resource) for resource in found], window, now)
    start, end = window
    return [
        thing
        for each in times.values()
        for thing in each.things
        if not thing.ignored
        and thing.booking_id != booking.id
        and thing.activity_id != booking.activity_id
        and max(thing.starts_at, start) < min(thing.ends_at, end)
    ]
