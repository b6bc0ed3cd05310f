"""What a view shows: stored events, and occurrences that are computed from a series master (contract A6.2).

An occurrence and the exception that replaces it have one id, made of the master's id and the day.
"""

from __future__ import annotations

import base64
import itertools
from binascii import Error as Base64Error
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from tests.emulators.microsoft import errors, recurrence, zones
from tests.emulators.microsoft.model import Calendar, Event, Key
from tests.emulators.microsoft.world import World

IMMUTABLE, MUTABLE = "AAkALgAAAA", "AAMkAGEv"
PADDING = "A" * 120 + "OID"
"""Between the master's id and the day: ids of occurrences are longer than 200 characters (A2)."""


@dataclass(frozen=True)
class Item:
    """A stored event, or with `day` one occurrence of the series `event`."""

    event: Event
    day: date | None = None

    @property
    def kind(self) -> str:
        return "occurrence" if self.day else self.event.kind

    @property
    def key(self) -> Key:
        """What identifies the item in a delta: an exception keeps the place of its occurrence."""
        if self.event.master and self.event.original:
            return self.event.master, self.event.original.isoformat()
        return self.event.id, self.day.isoformat() if self.day else ""

    @property
    def start(self) -> datetime:
        return datetime.combine(self.day, self.event.start.time()) if self.day else self.event.start

    @property
    def end(self) -> datetime:
        return self.start + (self.event.end - self.event.start)

    @property
    def moments(self) -> tuple[datetime, datetime]:
        return zones.instant(self.start, self.event.zone), zones.instant(self.end, self.event.zone)

    @property
    def change_key(self) -> str:
        return base64.b64encode(b"\x0f\x00\x00\x00" + self.event.revision.to_bytes(8, "big")).decode()

    @property
    def etag(self) -> str:
        return f'W/"{self.change_key}"'

    def id(self, *, immutable: bool) -> str:
        own = self.event.id if immutable else self.event.mutable_id
        return occurrence_id(own, self.day) if self.day else own


def occurrence_id(master_id: str, day: date) -> str:
    tail = base64.urlsafe_b64encode(day.strftime("%Y%m%d").encode()).decode().rstrip("=")
    return f"{master_id.rstrip('=')}{PADDING}{tail}="


def _split(raw: str) -> tuple[str, date] | None:
    """Return master and day of an occurrence's id, None for another one's."""
    body, tail = raw.rstrip("=")[:-11], raw.rstrip("=")[-11:]
    if not body.endswith(PADDING):
        return None
    try:
        digits = base64.urlsafe_b64decode(tail + "=").decode()
        return body.removesuffix(PADDING) + "=", datetime.strptime(digits, "%Y%m%d").date()
    except (Base64Error, ValueError):
        return None


def find(world: World, email: str, raw: str, *, immutable: bool) -> Item:
    """Return the item with this id in the person's mailbox. Raises 404, and 400 for an id of the other kind (A2.1)."""
    prefix = IMMUTABLE if immutable else MUTABLE
    if not raw.startswith(prefix) or not raw.endswith("="):
        raise errors.malformed_id()
    event = world.ids.get(raw)
    if event is not None and not (event.master and event.is_deleted):
        item: Item | None = Item(event)
    else:  # an exception that ended with a new time leaves its id to the occurrence of that day
        parts = _split(raw)
        master = world.ids.get(parts[0]) if parts else None
        item = _occurrence(master, parts[1]) if parts and master else None
    if item is None or item.event.is_deleted or not _is_in(world, email, item.event.calendar):
        raise errors.not_found()
    return item


def _is_in(world: World, email: str, calendar: Calendar) -> bool:
    return world.find_calendar(calendar.id, email) is not None


def _occurrence(master: Event, day: date) -> Item | None:
    """Return the occurrence or exception of a day; None when the series does not meet then (any more)."""
    replaced = exceptions(master).get(day)
    if replaced is not None:
        return Item(replaced)
    if master.recurrence is None or day in master.cancelled:
        return None
    later = itertools.dropwhile(lambda one: one < day, recurrence.days(master.recurrence))
    return Item(master, day) if next(later, None) == day else None


def exceptions(master: Event) -> dict[date, Event]:
    """Return the living exceptions of a series by the day they replace."""
    found = master.calendar.events.values()
    mine = (event for event in found if event.master == master.id and not event.is_deleted)
    return {event.original: event for event in mine if event.original}


def master_of(event: Event) -> Event:
    return event.calendar.events[event.master] if event.master else event


def stored(calendar: Calendar) -> list[Item]:
    """Return single events and masters: what `/events` lists (A4.1)."""
    alive = (event for event in calendar.events.values() if not event.is_deleted and not event.master)
    return [Item(event) for event in alive]


def view(calendar: Calendar, window: tuple[datetime, datetime]) -> list[Item]:
    """Return what touches the window: singles, occurrences, exceptions; never masters (A4.1)."""
    if calendar.last_view is None or calendar.last_view[:2] != (calendar.revision, window):
        calendar.last_view = calendar.revision, window, _view(calendar, window)
    return list(calendar.last_view[2])


def _view(calendar: Calendar, window: tuple[datetime, datetime]) -> list[Item]:
    found: list[Item] = []
    replaced: dict[str, set[date]] = {}
    for event in calendar.events.values():
        if event.master and event.original and not event.is_deleted:
            replaced.setdefault(event.master, set()).add(event.original)
    for event in calendar.events.values():
        if event.is_deleted:
            continue
        if event.recurrence is None:
            found.append(Item(event))
        else:
            found += occurrences(event, window, replaced.get(event.id, set()))
    return sorted((item for item in found if touches(item, window)), key=lambda item: (item.moments[0], item.key))


def touches(item: Item, window: tuple[datetime, datetime]) -> bool:
    """Tell whether an item overlaps the window; touching its edge counts (A4.1)."""
    start, end = item.moments
    return start <= window[1] and end >= window[0]


def occurrences(master: Event, window: tuple[datetime, datetime], without: set[date]) -> Iterator[Item]:
    """Yield the plain occurrences of a series near the window."""
    assert master.recurrence is not None
    margin = timedelta(days=2) + (master.end - master.start)
    first, last = (window[0] - margin).date(), (window[1] + timedelta(days=2)).date()
    for day in itertools.takewhile(lambda one: one <= last, recurrence.days(master.recurrence)):
        if day >= first and day not in without and day not in master.cancelled:
            yield Item(master, day)


def original_start(item: Item) -> datetime | None:
    """Return the moment that an occurrence or exception had in its series, at a whole minute (A4.3)."""
    day = item.day or item.event.original
    if day is None:
        return None
    master = master_of(item.event)
    begins = master.start.time().replace(second=0, microsecond=0)
    return zones.instant(datetime.combine(day, begins or time()), master.zone)
