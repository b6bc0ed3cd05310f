"""Instances of series: their ids, finding one, and laying exceptions over the worked-out places (8.4)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tests.emulators.google import recurrence, times
from tests.emulators.google.model import Calendar, Event, Resource, Slot
from tests.emulators.google.world import World

HORIZON = timedelta(days=730)
"""How far ahead of now an endless series is worked out when the caller sets no bound (unpublished)."""

END_OF_TIME = datetime(2200, 1, 1, tzinfo=UTC)

START_OF_TIME = datetime(1970, 1, 1, tzinfo=UTC)

INSTANCE_ID = re.compile(r"(?P<series>.+)_(?P<place>\d{8}(T\d{6}Z)?)$")


def instance_id(series_id: str, slot: Slot) -> str:
    if slot.day is not None:
        return f"{series_id}_{slot.day:%Y%m%d}"
    return f"{series_id}_{recurrence.moment(slot):%Y%m%dT%H%M%SZ}"


def split_id(event_id: str) -> tuple[str, Slot] | None:
    """Return series id and place of an instance id, or None when it is not shaped like one."""
    found = INSTANCE_ID.match(event_id)
    if found is None:
        return None
    try:
        if "T" in found["place"]:
            moment = datetime.strptime(found["place"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            return found["series"], Slot(moment=moment)
        return found["series"], Slot(day=datetime.strptime(found["place"], "%Y%m%d").date())
    except ValueError:
        return None


def find(world: World, calendar: Calendar, event_id: str) -> Event | None:
    """Return the stored event of this id, or the instance it names, or None."""
    stored = world.find_stored(calendar, event_id)
    if stored is not None:
        return _inheriting(world, calendar, stored)
    parts = split_id(event_id)
    series = world.find_stored(calendar, parts[0]) if parts else None
    if parts is None or series is None or not series.is_series:
        return None
    if not recurrence.has(series.body["recurrence"], series.body["start"], parts[1]):
        return None
    return worked_out(series, parts[1])


def _inheriting(world: World, calendar: Calendar, event: Event) -> Event:
    """An exception of a deleted series is as gone as the series, though its own copy was not changed."""
    series = calendar.events.get(event.series_id or "")
    if series is None or not series.is_cancelled or event.is_cancelled:
        return event
    return replace(event, body={**event.body, "status": "cancelled"}, updated=series.updated)


def worked_out(series: Event, slot: Slot) -> Event:
    """Return the plain instance at `slot`, inheriting everything from its series."""
    body = {key: value for key, value in series.body.items() if key not in ("recurrence", "start", "end")}
    start = recurrence.value_of(slot, series.body["start"])
    end = _end(slot, series.body)
    body |= {"start": start, "end": end, "recurringEventId": series.id, "originalStartTime": start}
    return Event(instance_id(series.id, slot), body, series.created, series.updated, series.revision)


def _end(slot: Slot, body: Resource) -> Resource:
    """The exact length of the first instance applies to all (RFC 5545 section 3.8.5.3)."""
    length = times.length(body["start"], body["end"])
    if slot.day is not None:
        return {"date": (slot.day + length).isoformat()}
    return {"dateTime": times.seconds(recurrence.moment(slot) + length), "timeZone": body["end"]["timeZone"]}


def exceptions(calendar: Calendar, series_id: str, *, with_vanished: bool = False) -> dict[str, Event]:
    """Return the stored exceptions of a series by id; those whose slot is gone only if asked."""
    return {
        event.id: event
        for event in calendar.events.values()
        if event.series_id == series_id and (with_vanished or not event.is_vanished)
    }


def expand(
    calendar: Calendar, series: Event, now: datetime, lower: datetime | None, upper: datetime | None
) -> Iterator[Event]:
    """Yield instances that end after `lower` and start before `upper`, exceptions in place.

    Cancelled exceptions are yielded too. Without `upper`, an endless series stops at `HORIZON`.
    """
    last = upper or horizon(series.body, now)
    changed = exceptions(calendar, series.id)
    length = times.length(series.body["start"], series.body["end"])
    first = (lower - length if lower else START_OF_TIME) - timedelta(days=1)
    lines, start = series.body["recurrence"], series.body["start"]
    for slot in recurrence.slots(lines, start, first, last + timedelta(days=1)):
        name = instance_id(series.id, slot)
        if name not in changed:
            plain = worked_out(series, slot)
            if in_window(plain, calendar, lower, last):
                yield plain
    for exception in changed.values():
        if in_window(exception, calendar, lower, last):
            yield exception


def horizon(body: Resource, now: datetime) -> datetime:
    """Return how far the instances of a series are worked out when nobody sets a bound."""
    rules = [line for line in body["recurrence"] if line.startswith("RRULE")]
    is_endless = any("COUNT=" not in rule and "UNTIL=" not in rule for rule in rules)
    return now + HORIZON if is_endless else END_OF_TIME


def in_window(event: Event, calendar: Calendar, lower: datetime | None, upper: datetime | None) -> bool:
    """Tell whether the event ends after `lower` and starts before `upper`; both exclusive (5.1)."""
    zone = calendar.time_zone
    start, end = (times.moment_of(event.body[side], zone) for side in ("start", "end"))
    return (lower is None or end > lower) and (upper is None or start < upper)
