"""Reading `recurrence` lines and working out the places of a series, DST-correct in the event's zone (8.3).

Rules run over naive local times of the event's zone; each place is then put on the time line. A local
time that a DST change skips takes the offset from before the change (RFC 5545 section 3.3.5).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from dateutil import rrule

from tests.emulators.google import errors, times
from tests.emulators.google.model import Resource, Slot

LINE = re.compile(r"(RRULE|EXRULE|RDATE|EXDATE)((?:;[A-Z-]+=[^:;]+)*):(.+)$")
UNTIL = re.compile(r"UNTIL=([0-9TZ]+)")
FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")


def check(lines: list[str], start: Resource) -> None:
    """Raise 400 unless `lines` are recurrence lines that fit a timed or all-day `start`."""
    try:
        _read(tuple(lines), _frozen(start))
    except (ValueError, KeyError, TypeError) as wrong:
        raise errors.invalid("Invalid recurrence rule.") from wrong


def slots(lines: list[str], start: Resource, lower: datetime, upper: datetime) -> Iterator[Slot]:
    """Yield the places that begin from `lower` up to `upper` (aware, both included), in order.

    All-day places are compared as midnight UTC, so bounds need a day's margin there.
    """
    rules, zone = _read(tuple(lines), _frozen(start))
    margin = timedelta(days=1)
    first, last = lower.astimezone(UTC).replace(tzinfo=None), upper.astimezone(UTC).replace(tzinfo=None)
    for local in rules.between(first - margin, last + margin, inc=True):
        slot = _slot(local, zone)
        if lower <= moment(slot) <= upper:
            yield slot


def has(lines: list[str], start: Resource, slot: Slot) -> bool:
    """Tell whether the series has exactly this place."""
    if (slot.day is None) == times.is_all_day(start):
        return False
    return slot in slots(lines, start, moment(slot), moment(slot))


def moment(slot: Slot) -> datetime:
    """Return the place as an aware UTC moment; a day as its midnight in UTC."""
    if slot.moment is not None:
        return slot.moment
    assert slot.day is not None
    return datetime(slot.day.year, slot.day.month, slot.day.day, tzinfo=UTC)


def slot_of(value: Resource) -> Slot:
    """Return the place that a stored start or `originalStartTime` names."""
    if times.is_all_day(value):
        return Slot(day=date.fromisoformat(value["date"]))
    return Slot(moment=times.moment_of(value, "UTC"))


def value_of(slot: Slot, start: Resource) -> Resource:
    """Return the stored form of a place of the series that begins at `start`."""
    if slot.day is not None:
        return {"date": slot.day.isoformat()}
    return {"dateTime": times.seconds(moment(slot)), "timeZone": start["timeZone"]}


def _frozen(start: Resource) -> tuple[str, str | None]:
    return (start.get("date") or start["dateTime"]), start.get("timeZone")


@lru_cache(maxsize=2048)
def _read(lines: tuple[str, ...], start: tuple[str, str | None]) -> tuple[rrule.rruleset, ZoneInfo | None]:
    zone = times.find_zone(start[1]) if start[1] else None
    first = datetime.fromisoformat(start[0])
    if zone is not None:
        first = first.astimezone(zone).replace(tzinfo=None)
    rules = rrule.rruleset(cache=True)
    has_rule = False
    for line in lines:
        found = LINE.match(line)
        if found is None:
            raise ValueError(line)
        name, params, value = found.groups()
        has_rule = has_rule or name == "RRULE"
        _add(rules, name, params, value, first, zone)
    # RFC 5545 section 3.8.5.3: the start is the first place even when the rule would skip it.
    rules.rdate(first)
    return rules, zone


def _add(rules: rrule.rruleset, name: str, params: str, value: str, first: datetime, zone: ZoneInfo | None) -> None:
    if name in ("RDATE", "EXDATE"):
        for part in value.split(","):
            local = _local(part, params, zone)
            rules.rdate(local) if name == "RDATE" else rules.exdate(local)
        return
    rule = _rule(value, first, zone)
    rules.rrule(rule) if name == "RRULE" else rules.exrule(rule)


def _rule(value: str, first: datetime, zone: ZoneInfo | None) -> rrule.rrule:
    parts = dict(part.split("=", 1) for part in value.rstrip(";").split(";"))
    if parts.get("FREQ") not in FREQUENCIES or {"DTSTART", "DTEND"} & parts.keys():
        raise ValueError(value)
    if "UNTIL" in parts:
        # UNTIL is in UTC for timed series and a day for all-day ones; the rule itself runs in local time.
        until = _until(parts["UNTIL"], zone)
        value = UNTIL.sub(f"UNTIL={until:%Y%m%dT%H%M%S}", value)
    rule = rrule.rrulestr(value, dtstart=first, ignoretz=True)
    if not isinstance(rule, rrule.rrule):
        raise ValueError(value)
    return rule


def _until(text: str, zone: ZoneInfo | None) -> datetime:
    if zone is None:
        return datetime.strptime(text, "%Y%m%d")
    until = datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return until.astimezone(zone).replace(tzinfo=None)


def _local(text: str, params: str, zone: ZoneInfo | None) -> datetime:
    """Return an RDATE or EXDATE as naive local time of the series' zone."""
    if zone is None:
        return datetime.strptime(text[:8], "%Y%m%d")
    if "VALUE=DATE" in params and "VALUE=DATE-TIME" not in params:
        raise ValueError(text)
    if text.endswith("Z"):
        given = datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        return given.astimezone(zone).replace(tzinfo=None)
    given = datetime.strptime(text, "%Y%m%dT%H%M%S")
    named = re.search(r"TZID=([^;:]+)", params)
    if named is None:
        return given
    return given.replace(tzinfo=ZoneInfo(named[1])).astimezone(zone).replace(tzinfo=None)


def _slot(local: datetime, zone: ZoneInfo | None) -> Slot:
    if zone is None:
        return Slot(day=local.date())
    return Slot(moment=local.replace(tzinfo=zone).astimezone(UTC))
