"""The CRM's side: what its people do to activities, through the services, each noted in the ledger."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from calsync.engine import event as events
from calsync.engine.vocabulary import Kind
from calsync.errors import Refused
from calsync.runtime import SYSTEM
from calsync.services import activities
from calsync.store import tables as t
from tests.simulator.ledger import LOCAL, Ledger, Record, token_of
from tests.simulator.people import HOUR, moment
from tests.simulator.world import WORK, World

GUESTS = ("di@example.com", "ed@elsewhere.net")
NAMES = {"summary": "title", "description": "description", "location": "location"}


@dataclass(frozen=True)
class Found:
    """Where a record's activity is."""

    record: Record
    activity: t.Activity

    @property
    def id(self) -> int:
        return t.pk(self.activity)

    @property
    def start(self) -> Any:
        return events.parse_moment(self.activity.content["time"]["start"])

    @property
    def end(self) -> Any:
        return events.parse_moment(self.activity.content["time"]["end"])


def living(world: World, ledger: Ledger, *shapes: str) -> list[Found]:
    """Return the living activities of records, in the order of their numbers; only those of some shapes, if named."""
    found = {}
    for row in world.activities():
        record = ledger.records.get(token_of(row.content["summary"]) or 0)
        alive = row.status != "cancelled" and not row.is_dissolved
        if record and alive and record.shape != "twin" and (not shapes or record.shape in shapes):
            found[record.number] = Found(record, row)
    return [found[number] for number in sorted(found)]


# --- new activities -----------------------------------------------------------------------------------------


def create(world: World, ledger: Ledger, shape: str) -> Record:
    """Create an activity: single, all_day, series, task, or guests (a single one with guests)."""
    record = ledger.new("single" if shape == "guests" else shape, LOCAL)
    title = ledger.text(record)
    start: Any = moment(ledger.serial())
    end = start + HOUR
    if shape == "all_day":
        start, end = start.date(), start.date() + timedelta(days=1)
    _create(
        world,
        Kind.TASK if shape == "task" else Kind.MEETING,
        title=title,
        start=start,
        end=end,
        tz="Europe/Berlin" if shape == "series" else None,
        rrule="FREQ=DAILY;COUNT=6" if shape == "series" else None,
        attendees=GUESTS if shape == "guests" else None,
    )
    ledger.wrote(record, "summary", LOCAL, title, world.clock())
    return record


def create_alike(world: World, ledger: Ledger, shape: str, activities_: int) -> Record:
    """Create activities, and an event at the provider that looks just like them."""
    record = ledger.new(shape, LOCAL)
    title, start = ledger.text(record), moment(ledger.serial())
    for _ in range(activities_):
        _create(world, Kind.MEETING, title=title, start=start, end=start + HOUR)
    event = events.Event(f"alike-{record.number}", start, start + HOUR, tz="UTC", summary=title)
    world.server.put(WORK, event)
    return record


# --- edits --------------------------------------------------------------------------------------------------


def edit(world: World, ledger: Ledger, found: Found, name: str, *, doubtful: bool = False) -> bool:
    """Change one text of an activity; False when this may not be."""
    value = ledger.text(found.record)
    if not _edit(world, found, **{NAMES[name]: value}):
        return False
    ledger.wrote(found.record, name, LOCAL, value, world.clock(), doubtful=doubtful)
    return True


def retime(world: World, ledger: Ledger, found: Found, *, far: bool = False) -> bool:
    """Move an activity to another day and time, a series with all that hangs on it; False when this may not be."""
    length = found.end - found.start
    start: Any = moment(ledger.serial()) + timedelta(days=900 * far)
    if not isinstance(found.start, datetime):
        start = start.date()
    if not _edit(world, found, start=start, end=start + length):
        return False
    if found.record.shape == "single":
        ledger.wrote(found.record, "time", LOCAL, start, world.clock())
    else:
        ledger.stirred(found.record, LOCAL, world.clock())
        _carry(ledger, found, start)
    return True


def _carry(ledger: Ledger, found: Found, start: Any) -> None:
    """Note that changed occurrences have moved with their series."""
    for record in ledger.records.values():
        if record.series == found.record.number:
            record.moment += start - found.start
            ledger.stirred(record, LOCAL, ledger.edits[-1].at)


def retime_named(world: World, ledger: Ledger, found: Found, _name: str) -> bool:
    """Move an activity; takes a field's name like `edit`."""
    return retime(world, ledger, found)


def cancel(world: World, ledger: Ledger, found: Found) -> bool:
    """Cancel an activity, a series with all that hangs on it; False when this may not be."""
    if not _allowed(lambda: activities.cancel(world.rt, found.id, by=SYSTEM)):
        return False
    for record in ledger.records.values():
        if record.series == found.record.number:
            ledger.ended(record, LOCAL, world.clock(), doubtful=True)
    ledger.ended(found.record, LOCAL, world.clock())
    return True


def revive(world: World, ledger: Ledger, choice: int) -> bool:
    """Take the cancellation of some activity back."""
    over = [row for row in world.activities() if row.status == "cancelled" and not row.recurrence_key]
    if not over:
        return False
    row = over[choice % len(over)]
    record = ledger.records.get(token_of(row.content["summary"]) or 0)
    if record is None or not _allowed(lambda: activities.revive(world.rt, t.pk(row), by=SYSTEM)):
        return False
    ledger.revived(record)
    return True


# --- occurrences --------------------------------------------------------------------------------------------


def override(world: World, ledger: Ledger, found: Found, choice: int) -> Record | None:
    """Change one occurrence of a series, unless somebody changed or removed it before."""
    at = found.start + timedelta(days=1 + choice % 4)
    if at in _taken(ledger, found):
        return None
    title = f"r{len(ledger.records) + 1} v{ledger.serial()}."
    if not _allowed(lambda: activities.edit_occurrence(world.rt, found.id, at, "this", {"title": title}, by=SYSTEM)):
        return None
    record = ledger.new("override", LOCAL, series=found.record.number, moment=at)
    ledger.wrote(record, "summary", LOCAL, title, world.clock(), doubtful=True)
    ledger.stirred(found.record, LOCAL, world.clock())
    return record


def remove_occurrence(world: World, ledger: Ledger, found: Found, choice: int) -> bool:
    """Remove one occurrence of a series, unless somebody changed or removed it before."""
    at = found.start + timedelta(days=1 + choice % 4)
    if at in _taken(ledger, found):
        return False
    if not _allowed(lambda: activities.cancel_occurrence(world.rt, found.id, at, "this", by=SYSTEM)):
        return False
    ledger.stirred(found.record, LOCAL, world.clock())
    return True


def _taken(ledger: Ledger, found: Found) -> set[Any]:
    removed = {events.parse_moment(text) for text in found.activity.content["exdates"]}
    return removed | {r.moment for r in ledger.records.values() if r.series == found.record.number}


# --- the services themselves --------------------------------------------------------------------------------

EXPECTED_REFUSALS = ("one_way", "read_only", "not_owner", "cancelled", "series", "no_occurrence", "no_series")
"""Codes with which the services rightly refuse: the account may not write, or somebody ended it meanwhile."""


def _create(world: World, kind: Kind, **values: Any) -> None:
    given = {name: value for name, value in values.items() if value is not None}
    activities.create(world.rt, t.pk(world.owner), {"kind": kind, "tz": "UTC", **given}, by=SYSTEM)


def _edit(world: World, found: Found, **changes: Any) -> bool:
    return _allowed(lambda: activities.edit(world.rt, found.id, changes, by=SYSTEM))


def _allowed(act: Callable[[], object]) -> bool:
    """Do it, unless the services refuse with a code that is expected here."""
    try:
        act()
    except Refused as refusal:
        if refusal.code not in EXPECTED_REFUSALS:
            raise
        return False
    return True
