"""Other times: where a booking could go, with whom and what it takes already; its own time counts as free."""

from __future__ import annotations

from datetime import datetime

from calsync.engine.openings import Slot
from calsync.errors import Refused
from calsync.runtime import Runtime
from calsync.services import availability
from calsync.services.guest_facts import Found


def of(rt: Runtime, found: Found, start: datetime, end: datetime) -> list[Slot]:
    """Return the slots of its event type, from `start` to before `end`, to which a booking could be moved.

    At most 92 days, else Refused. Asks for no right: only free times come out. Its present time is not among them;
    where its event type is gone it can go nowhere.
    """
    if end - start > availability.LONGEST_WINDOW:
        raise Refused("Ask for at most 92 days at once.", code="invalid", field="end")
    if found.event_type is None:
        return []
    with rt.reading() as session:
        case = availability.case_of(session, found.event_type)
        slots = availability.offered(session, case, (start, end), rt.now(), [found.booking]).slots
    taken = set(found.resource_ids)
    return [slot for slot in slots if taken <= set(slot.resource_ids) and slot.starts_at != found.booking.starts_at]
