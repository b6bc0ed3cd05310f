"""What a booking meets where a calendar has moved it to: for the person who decides what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlmodel import Session

from calsync.runtime import Actor, Runtime
from calsync.services import believing, bookings, busy, overlaps
from calsync.services.bookings import Booked
from calsync.services.overlaps import Side
from calsync.store import booking_list
from calsync.store import tables as t
from calsync.store.booking_list import Line


@dataclass(frozen=True, slots=True)
class Met:
    """One thing in the way. `line` is the booking that it is, where `by` may see that one."""

    side: Side
    line: Line | None = None


def of(rt: Runtime, booking: t.Booking, *, by: Actor) -> list[Met]:
    """Return what else takes the time of a booking's resources, as `by` may see it: titles of others stay theirs."""
    start, end = booking.starts_at, booking.ends_at
    with rt.reading() as session:
        found = booking_list.resources(session, t.pk(booking))
        times = busy.read(session, [believing.of_resource(resource) for resource in found], (start, end), rt.now())
        sight = overlaps.sight_of(session, by, times.values())
        others = [thing for each in times.values() for thing in each.things if _meets(thing, booking)]
        shown = {thing.activity_id for thing in others if thing.source == busy.CRM}
        # A booking whose activity is there stands for nothing more than its buffers.
        once = [thing for thing in others if thing.source != busy.BOOKING or thing.activity_id not in shown]
        return [Met(overlaps.side(sight, thing), _line(session, thing, by)) for thing in once]


def _line(session: Session, thing: busy.Busy, by: Actor) -> Line | None:
    if thing.source != busy.BOOKING or thing.booking_id is None:
        return None
    line = booking_list.get(session, thing.booking_id)
    is_theirs = line.activity is not None and bookings.may_see(Booked(line.booking, line.activity, (), True), by)
    return line if is_theirs else None


def _meets(thing: busy.Busy, booking: t.Booking) -> bool:
    is_other = thing.booking_id != booking.id and thing.activity_id != booking.activity_id
    takes_time = max(thing.starts_at, booking.starts_at) < min(thing.ends_at, booking.ends_at)
    return is_other and takes_time and not thing.ignored
