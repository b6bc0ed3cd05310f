"""Free times for pages: of an event type, and where a booking could go with what it takes already.

A booking's own time counts as free.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from calsync.engine.openings import Slot
from calsync.errors import Refused
from calsync.runtime import Runtime
from calsync.services import availability
from calsync.services.availability import Case
from calsync.services.guest_facts import Found
from calsync.store import tables as t


@dataclass(slots=True)
class Search:
    """Looks for the slots of an event type that was read already; knows whom it is about once it has looked."""

    rt: Runtime
    event_type: t.EventType
    names: dict[int, str] = field(default_factory=dict)  # by resource id, of those that can be booked

    def __call__(self, start: datetime, end: datetime) -> list[Slot]:
        """Return the slots as availability.slots does."""
        case, slots = _read(self.rt, self.event_type, (start, end))
        self.names = {t.pk(resource): resource.name for resource in case.resources}
        return slots


def of(rt: Runtime, found: Found, start: datetime, end: datetime) -> list[Slot]:
    """Return the slots of its event type, from `start` to before `end`, to which a booking could be moved.

    At most 92 days, else Refused. Asks for no right: only free times come out. Its present time is not among them;
    where its event type is gone it can go nowhere.
    """
    if found.event_type is None:
        return []
    _, slots = _read(rt, found.event_type, (start, end), [found.booking])
    taken = set(found.resource_ids)
    return [slot for slot in slots if taken <= set(slot.resource_ids) and slot.starts_at != found.booking.starts_at]


def _read(
    rt: Runtime, event_type: t.EventType, window: tuple[datetime, datetime], moving: Sequence[t.Booking] = ()
) -> tuple[Case, list[Slot]]:
    if window[1] - window[0] > availability.LONGEST_WINDOW:
        raise Refused("Ask for at most 92 days at once.", code="invalid", field="end")
    with rt.reading() as session:
        case = availability.case_of(session, event_type)
        return case, availability.offered(session, case, window, rt.now(), moving).slots
