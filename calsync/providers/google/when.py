"""Times both ways: start, end and recurrence lines of an event (contract section 8). Pure.

    "start": {"dateTime": "2026-11-24T09:00:00Z", "timeZone": "Europe/Lisbon"} or {"date": "2026-12-24"}
    "recurrence": ["RRULE:FREQ=WEEKLY;BYDAY=TU", "EXDATE;TZID=Europe/Lisbon:20261229T090000"]

Google knows no floating times: they are written in the calendar's zone, and a private property says what was meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from calsync.engine import rrule, zones
from calsync.engine.event import Event, Floating, Moment

Json = dict[str, Any]

_LINE = re.compile(r"(RRULE|EXRULE|RDATE|EXDATE)((?:;[^:]*)?):(.*)", re.IGNORECASE | re.DOTALL)
_TZID = re.compile(r";TZID=\"?([^;:\"]+)", re.IGNORECASE)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Repeats:
    """What the recurrence lines say."""

    rrule: str | None = None
    rdates: tuple[Moment, ...] = ()
    exdates: tuple[Moment, ...] = ()


# Reading


def read_moment(value: Json, *, is_floating: bool = False) -> Moment:
    """Read a start, an end or an original start. Raises ValueError."""
    if value.get("date"):
        return date.fromisoformat(value["date"])
    if not value.get("dateTime"):
        raise ValueError("a time is missing")
    given = datetime.fromisoformat(value["dateTime"])
    if given.tzinfo is None:
        given = given.replace(tzinfo=_zone(value.get("timeZone")))
    if is_floating:
        return Floating(given.astimezone(_zone(value.get("timeZone"))).replace(tzinfo=None, fold=0))
    return given.astimezone(UTC)


def read_zone(value: Json, *, is_series: bool) -> str | None:
    """Return the zone beside a start; None for UTC. Raises ValueError where a series recurs in an unknown one."""
    name = value.get("timeZone") if value.get("dateTime") else None
    known = zones.resolve(name) if name else None
    if name and known is None and is_series:
        raise ValueError(f"the time zone {name!r} is unknown")
    return None if known is None or zones.is_utc(known) else known


def read_repeats(lines: Sequence[str], start: Moment, zone_name: str | None) -> Repeats:
    """Read recurrence lines. Raises ValueError for what the event model cannot hold."""
    rules: list[str] = []
    dates: dict[str, list[Moment]] = {"RDATE": [], "EXDATE": []}
    for line in lines:
        match = _LINE.fullmatch(line.strip())
        if match is None or match[1].upper() == "EXRULE":
            raise ValueError(f"the recurrence line {line[:60]!r} cannot be read")
        if match[1].upper() == "RRULE":
            rules.append(match[3])
        else:
            dates[match[1].upper()] += _read_dates(match[2], match[3], start, zone_name)
    if len(rules) > 1:
        raise ValueError("the series has several recurrence rules")
    unique = {name: tuple(dict.fromkeys(moments)) for name, moments in dates.items()}
    return Repeats(rules[0] if rules else None, unique["RDATE"], unique["EXDATE"])


def _read_dates(parameters: str, value: str, start: Moment, zone_name: str | None) -> list[Moment]:
    named = _TZID.search(parameters)
    zone = _zone(named[1] if named else zone_name)
    found = (_read_date(part.strip(), start, zone) for part in value.split(",") if part.strip())
    return [moment for moment in found if moment is not None]


def _read_date(text: str, start: Moment, zone: ZoneInfo) -> Moment | None:
    """Return a date in the form of the start; None for a whole day among times, which names no occurrence."""
    if not isinstance(start, datetime | Floating):
        return datetime.strptime(text[:8], "%Y%m%d").date()
    if len(text) == 8:
        return None
    at = datetime.strptime(text.rstrip("Zz"), "%Y%m%dT%H%M%S")
    at = at.replace(tzinfo=UTC if text[-1] in "Zz" else zone)
    if isinstance(start, Floating):
        return Floating(at.astimezone(zone).replace(tzinfo=None, fold=0))
    return at.astimezone(UTC)


def _zone(name: str | None) -> ZoneInfo:
    known = zones.resolve(name) if name else "UTC"
    if known is None:
        raise ValueError(f"the time zone {name!r} is unknown")
    return zones.zone(known)


# Writing


def zone_of(event: Event, calendar_zone: str) -> str:
    """Return the zone in which an event is written; a floating one stands in its calendar's."""
    return calendar_zone if isinstance(event.start, Floating) else event.tz or "UTC"


def write_moment(moment: Moment, zone_name: str) -> Json:
    """Write a start or an end; None takes away what the other kind would leave behind."""
    if isinstance(moment, Floating):
        at = moment.wall.replace(tzinfo=_zone(zone_name)).astimezone(UTC)
    elif isinstance(moment, datetime):
        at = moment.astimezone(UTC)
    else:
        return {"date": moment.isoformat(), "dateTime": None, "timeZone": None}
    return {"date": None, "dateTime": at.strftime("%Y-%m-%dT%H:%M:%SZ"), "timeZone": zone_name}


def write_bounds(event: Event, zone_name: str) -> Json:
    """Write start and end. A whole day ends a day later at least: Google refuses one of no length."""
    end = event.end
    if event.is_all_day and isinstance(event.start, date) and isinstance(end, date) and end <= event.start:
        end = event.start + _DAY
    return {"start": write_moment(event.start, zone_name), "end": write_moment(end, zone_name)}


def write_lines(event: Event, zone_name: str, stored: Sequence[str] = (), before: Repeats | None = None) -> list[str]:
    """Return the recurrence lines of an event; those that already say the same stay as they are written."""
    if not event.is_series:
        return []
    before = before or Repeats()
    lines: list[str] = []
    if event.rrule is not None:
        is_same = event.rrule == before.rrule
        lines += _named(stored, "RRULE") if is_same else [f"RRULE:{_rule_text(event, zone_name)}"]
    for name, wanted, had in (("RDATE", event.rdates, before.rdates), ("EXDATE", event.exdates, before.exdates)):
        is_same = set(wanted) == set(had)
        lines += _named(stored, name) if is_same else [_date_line(name, m, zone_name) for m in sorted(wanted, key=str)]
    return lines


def _named(lines: Iterable[str], name: str) -> list[str]:
    return [line for line in lines if line.strip().upper().startswith((f"{name}:", f"{name};"))]


def _date_line(name: str, moment: Moment, zone_name: str) -> str:
    if not isinstance(moment, datetime | Floating):
        return f"{name};VALUE=DATE:{moment:%Y%m%d}"
    zone = _zone(zone_name)
    wall = moment.wall if isinstance(moment, Floating) else moment.astimezone(zone).replace(tzinfo=None, fold=0)
    at = wall.replace(tzinfo=zone).astimezone(UTC)
    if zones.is_utc(zone_name) or (isinstance(moment, datetime) and at != moment):
        # Of two equal wall times, when the clocks go back, only UTC can name the second.
        return f"{name}:{(moment if isinstance(moment, datetime) else at).astimezone(UTC):%Y%m%dT%H%M%SZ}"
    return f"{name};TZID={zone_name}:{wall:%Y%m%dT%H%M%S}"


def _rule_text(event: Event, zone_name: str) -> str:
    """Return the rule with UNTIL in UTC beside times and as a day beside days (contract section 8.3)."""
    text = event.rrule or ""
    until = rrule.parse(text).until
    if until is None:
        return text
    return rrule.change(text, until=_until(until, event.start, _zone(zone_name)))


def _until(until: Moment, start: Moment, zone: ZoneInfo) -> Moment:
    if not isinstance(start, datetime | Floating):
        if isinstance(until, datetime):
            return until.astimezone(zone).date()
        return until.wall.date() if isinstance(until, Floating) else until
    if isinstance(until, datetime):
        return until
    wall = until.wall if isinstance(until, Floating) else datetime.combine(until, time(23, 59, 59))
    return wall.replace(tzinfo=zone).astimezone(UTC)


def slot_text(moment: Moment, zone_name: str) -> str:
    """Return how an instance's id ends: its original start (contract section 8.4)."""
    if isinstance(moment, Floating):
        moment = moment.wall.replace(tzinfo=_zone(zone_name))
    if isinstance(moment, datetime):
        return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    return f"{moment:%Y%m%d}"
