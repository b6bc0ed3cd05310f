"""People at the provider: what they do there, each noted in the ledger.

Every function does one thing to one event and returns whether there was anything to do it to.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from calsync.engine.event import Attendee, Event, Floating, Moment, Reminder
from tests.simulator.ledger import ALIVE, REMOTE, Ledger, Record, token_of
from tests.simulator.world import HOME, WORK, World

HOUR = timedelta(hours=1)
FIRST_DAY = datetime(2030, 2, 11, 5, tzinfo=UTC)
TEXTS = ("summary", "description", "location")
GUESTS = (Attendee("bo@example.com"), Attendee("cy@elsewhere.net"))


@dataclass(frozen=True)
class Found:
    """Where a record's event is at the provider."""

    record: Record
    calendar: str
    handle: str
    event: Event


def moment(number: int) -> datetime:
    """Return a time that belongs to this number alone, within six weeks of the start."""
    return FIRST_DAY + timedelta(days=number % 40, minutes=number)


def living(world: World, ledger: Ledger, *shapes: str) -> list[Found]:
    """Return the living events of records, in the order of their numbers; only those of some shapes, if named."""
    found = {}
    for calendar, handle, event in world.remote_events():
        number = token_of(event.summary)
        record = ledger.records.get(number or 0)
        if record and not event.is_cancelled and (not shapes or record.shape in shapes):
            found[record.number] = Found(record, calendar, handle, event)
    return [found[number] for number in sorted(found)]


def pick(items: list[Any], choice: int) -> Any:
    """Return one of the items, or None when there are none."""
    return items[choice % len(items)] if items else None


# --- new events ---------------------------------------------------------------------------------------------


def create(world: World, ledger: Ledger, shape: str, calendar: str = WORK, *, far: bool = False) -> Record | None:
    """Put a new event into a calendar: single, all_day, series, guests (a single one with guests)."""
    if calendar not in world.server.shelves:
        return None
    record = ledger.new("single" if shape == "guests" else shape, REMOTE)
    event = _new_event(ledger, record, shape, far=far)
    world.server.put(calendar, event, colour=f"colour-{record.number}")
    ledger.wrote(record, "summary", REMOTE, event.summary, world.clock())
    return record


def _new_event(ledger: Ledger, record: Record, shape: str, *, far: bool) -> Event:
    number = ledger.serial()
    start: Moment = moment(number) + timedelta(days=900 * far)
    end: Moment = start + HOUR  # type: ignore[operator]
    if shape == "all_day":
        assert isinstance(start, datetime)
        start = start.date()
        end = start + timedelta(days=1)
    event = Event(
        uid=f"remote-{record.number}", start=start, end=end, summary=ledger.text(record), reminders=(Reminder(10),)
    )
    if shape == "series":
        return replace(event, rrule="FREQ=DAILY;COUNT=6", tz="Europe/Berlin")
    return replace(event, attendees=GUESTS) if shape == "guests" else event


def write_nonsense(world: World, ledger: Ledger) -> bool:
    """Put something unreadable into a calendar."""
    world.server.put_raw(WORK, "BEGIN:NOTHING", handle=f"broken-{ledger.serial()}")
    return True


# --- edits --------------------------------------------------------------------------------------------------


def edit(world: World, ledger: Ledger, found: Found, name: str, *, doubtful: bool = False) -> None:
    """Change one text of an event, with line ends and blanks as people leave them."""
    value = ledger.text(found.record)
    typed = f"{value}\r\nsecond line" if name == "description" and ledger.serial() % 3 == 0 else value
    _change(world, found, **{name: typed})
    ledger.wrote(found.record, name, REMOTE, value, world.clock(), doubtful=doubtful)


def retime(world: World, ledger: Ledger, found: Found, *, far: bool = False, doubtful: bool = False) -> None:
    """Move an event to another day and time; a series only while nothing hangs on its occurrences."""
    length = _length(found.event)
    start: Moment = moment(ledger.serial()) + timedelta(days=900 * far)
    if found.event.is_all_day:
        assert isinstance(start, datetime)
        start = start.date()
    _change(world, found, start=start, end=start + length)  # type: ignore[operator]
    if not found.event.is_all_day:
        ledger.wrote(found.record, "time", REMOTE, start, world.clock(), doubtful=doubtful)


def tag(world: World, ledger: Ledger, found: Found) -> None:
    """Change sets: reminders and, on events that have guests, the answer of one."""
    _change(world, found, reminders=(Reminder(ledger.serial() % 60),))
    ledger.stirred(found.record, REMOTE, world.clock())
    if found.event.attendees:
        guest = found.event.attendees[0]
        world.server.respond(found.calendar, found.handle, guest.address, "accepted")


def touch(world: World, found: Found) -> None:
    """Raise a version without an edit."""
    world.server.touch(found.calendar, found.handle)


def _change(world: World, found: Found, **changes: Any) -> None:
    world.server.edit(found.calendar, found.handle, at=found.event.recurrence_id, **changes)


def _length(event: Event) -> timedelta:
    match event.start, event.end:
        case Floating(start), Floating(end):
            return end - start
        case (date() as start, date() as end):
            return end - start
    raise ValueError("a start and an end are of one kind")


# --- ends and moves -----------------------------------------------------------------------------------------


def cancel(world: World, ledger: Ledger, found: Found, *, doubtful: bool = False) -> None:
    """Mark an event as cancelled."""
    _end_overrides(world, ledger, found)
    world.server.cancel(found.calendar, found.handle, at=found.event.recurrence_id)
    ledger.ended(found.record, REMOTE, world.clock(), doubtful=doubtful)


def delete(world: World, ledger: Ledger, found: Found, *, doubtful: bool = False) -> None:
    """Delete an event, or a series with its overrides."""
    _end_overrides(world, ledger, found)
    world.server.delete(found.calendar, found.handle)
    ledger.ended(found.record, REMOTE, world.clock(), doubtful=doubtful)


def move(world: World, ledger: Ledger, found: Found) -> bool:
    """Drag an event into the other calendar."""
    to = HOME if found.calendar == WORK else WORK
    if to not in world.server.shelves:
        return False
    world.server.move(found.calendar, found.handle, to)
    return True


def _end_overrides(world: World, ledger: Ledger, found: Found) -> None:
    for record in ledger.records.values():
        if record.series == found.record.number:
            ledger.ended(record, REMOTE, world.clock(), doubtful=True)


# --- occurrences --------------------------------------------------------------------------------------------


def occurrence(found: Found, choice: int) -> datetime:
    """Return one of the first five occurrences of a series."""
    assert isinstance(found.event.start, datetime)
    return found.event.start + timedelta(days=1 + choice % 4)


def override(world: World, ledger: Ledger, found: Found, choice: int) -> Record | None:
    """Change one occurrence, unless it was changed or removed before."""
    at = occurrence(found, choice)
    if at in taken(world, ledger, found.record):
        return None
    record = ledger.new("override", REMOTE, series=found.record.number, moment=at)
    value = ledger.text(record)
    world.server.override(found.calendar, found.handle, at, summary=value, start=at + HOUR, end=at + 2 * HOUR)
    ledger.stirred(found.record, REMOTE, world.clock())
    ledger.wrote(record, "summary", REMOTE, value, world.clock(), doubtful=True)
    return record


def remove_occurrence(world: World, ledger: Ledger, found: Found, choice: int) -> bool:
    """Remove one occurrence, changed or not."""
    at = occurrence(found, choice)
    if at in found.event.exdates:
        return False
    for _, _, event in world.remote_events():
        if (event.uid, event.recurrence_id) == (found.event.uid, at) and not event.is_cancelled:
            record = ledger.records[token_of(event.summary) or 0]
            ledger.ended(record, REMOTE, world.clock(), doubtful=True)
    world.server.delete_occurrence(found.calendar, found.handle, at)
    ledger.stirred(found.record, REMOTE, world.clock())
    return True


def taken(world: World, ledger: Ledger, series: Record) -> set[Any]:
    """Return the occurrences of a series that somebody has already changed or removed, on either side."""
    changed = {r.moment for r in ledger.records.values() if r.series == series.number}
    for found in living(world, ledger, "series"):
        if found.record is series:
            changed |= set(found.event.exdates)
            changed |= {e.recurrence_id for _, _, e in world.remote_events() if e.uid == found.event.uid}
    return changed


def is_ended(ledger: Ledger, record: Record) -> bool:
    return (record.number, ALIVE) in ledger.fresh or record.is_over
