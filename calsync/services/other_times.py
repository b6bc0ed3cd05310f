"""Free times for pages: of an event type, and where a booking could go with what it takes already.

A booking's own time counts as free.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from calsync.engine.openings import Slot
from calsync.errors import Refused
from calsync.runtime import Runtime
from calsync.services import availability
from calsync.services.guest_facts import Found
from calsync.store import tables as t


def free(rt: Runtime, event_type: t.EventType, start: datetime, end: datetime) -> list[Slot]:
    """Return the slots of an event type that was read already, as availability.slots does."""
    return _slots(rt, event_type, (start, end))


def of(rt: Runtime, found: Found, start: datetime, end: datetime) -> list[Slot]:
    """Return the slots of its event type, from `start` to before `end`, to which a booking could be moved.

    At most 92 days, else Refused. Asks for no right: only free times come out. Its present time is not among them;
    where its event type is gone it can go nowhere.
    """
    if found.event_type is None:
        return []
    slots, taken = _slots(rt, found.event_type, (start, end), [found.booking]), set(found.resource_ids)
    return [slot for slot in slots if taken <= set(slot.resource_ids) and slot.starts_at != found.booking.starts_at]


def _slots(
    rt: Runtime, event_type: t.EventType, window: tuple[datetime, datetime], moving: Sequence[t.Booking] = ()
) -> list[Slot]:
    if window[1] - window[0] > availability.LONGEST_WINDOW:
        raise Refused("Ask for at most 92 days at once.", code="invalid", field="end")
    with rt.reading() as session:
        case = availability.case_of(session, event_type)
        return availability.offered(session, case, window, rt.now(), moving).slots
