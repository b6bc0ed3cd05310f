"""Field values of a record as people read them: pure, so zone and date style are arguments.

`webapp/values.py` binds these to the viewer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from calsync.engine.event import Floating, parse_moment
from webapp.words import times
from webapp.words.times import Style

NOTHING = "–"
LONGEST = 400
_LABELS = {
    "confirmed": "Confirmed",
    "tentative": "Tentative",
    "cancelled": "Cancelled",
    "opaque": "Busy",
    "transparent": "Free",
    "public": "Public",
    "private": "Private",
    "confidential": "Confidential",
    "needs-action": "no answer yet",
    "accepted": "accepted",
    "declined": "declined",
    "delegated": "delegated",
}
_EVERY = {"DAILY": "day", "WEEKLY": "week", "MONTHLY": "month", "YEARLY": "year", "HOURLY": "hour"}


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a diff: what was taken away ("old") or what came ("new")."""

    kind: str
    text: str


def text(name: str, value: Any, zone: ZoneInfo, how: Style) -> str:
    """Return the value of a merge unit in words."""
    if value in (None, "", [], {}):
        return NOTHING
    match name:
        case "time":
            return _time(value, zone, how)
        case "attendees" | "responses" | "reminders" | "exdates":
            return ", ".join(_elements(name, value, zone, how).values())
        case "status" | "transparency" | "classification":
            return _LABELS.get(str(value), str(value))
        case _:
            return _shortened(str(value))


def diff(name: str, before: Any, after: Any, zone: ZoneInfo, how: Style) -> list[Change]:
    """Return what changed: element by element for sets, else the old value and the new one."""
    if name in ("attendees", "responses", "reminders", "exdates"):
        old, new = _elements(name, before, zone, how), _elements(name, after, zone, how)
        gone = [Change("old", value) for key, value in old.items() if new.get(key) != value]
        return gone + [Change("new", value) for key, value in new.items() if old.get(key) != value]
    lines = [Change("old", text(name, before, zone, how))] if before not in (None, "") else []
    return [*lines, Change("new", text(name, after, zone, how))]


def _shortened(value: str) -> str:
    return value if len(value) <= LONGEST else value[:LONGEST].rstrip() + " …"


# --- sets


def _elements(name: str, value: Any, zone: ZoneInfo, how: Style) -> dict[str, str]:
    """Return the elements of a set by what identifies them."""
    if isinstance(value, Mapping):
        make: Callable[[str, Any], str] = _guest if name == "attendees" else _response
        return {address: make(address, facts) for address, facts in sorted(value.items())}
    if name == "reminders":
        return {str(each): _reminder(*each) for each in value or ()}
    return {each: _moment(each, zone, how) for each in value or ()}


def _guest(address: str, facts: Mapping[str, str]) -> str:
    name = facts.get("name", "")
    optional = " (optional)" if facts.get("role") == "opt-participant" else ""
    return (f"{name} <{address}>" if name else address) + optional


def _response(address: str, answer: str) -> str:
    return f"{address}: {_LABELS.get(answer, answer)}"


def _reminder(minutes: int, method: str) -> str:
    way = " by mail" if method == "email" else ""
    return f"{_length(abs(minutes))} {'after' if minutes < 0 else 'before'}{way}"


def _length(minutes: int) -> str:
    for size, unit in ((10_080, "week"), (1440, "day"), (60, "hour")):
        if minutes and minutes % size == 0:
            count = minutes // size
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return f"{minutes} min"


# --- times


def _time(value: Mapping[str, Any], zone: ZoneInfo, how: Style) -> str:
    span = _span(value["start"], value["end"], zone, how)
    tz = value.get("tz")
    named = f" ({tz})" if tz and tz != zone.key else ""
    return span + named + _repeats(value.get("rrule"), len(value.get("rdates") or ()))


def _span(start: str, end: str, zone: ZoneInfo, how: Style) -> str:
    first, last = parse_moment(start), parse_moment(end)
    match first, last:
        case (datetime(), datetime()):
            return times.span(first, last, zone, how)
        case (Floating(), Floating()):
            naive = times.span(first.wall.replace(tzinfo=zone), last.wall.replace(tzinfo=zone), zone, how)
            return f"{naive} wherever you are"
        case (date(), date()):
            return _days(first, last, how)
    return f"{start} – {end}"


def _days(first: date, end: date, how: Style) -> str:
    last = max(first, end - timedelta(days=1))
    return times.day(first, how) + (f" – {times.day(last, how)}" if last != first else "") + ", all day"


def _moment(value: str, zone: ZoneInfo, how: Style) -> str:
    moment = parse_moment(value)
    if isinstance(moment, Floating):
        return times.absolute(moment.wall.replace(tzinfo=zone), zone, how)
    return times.absolute(moment, zone, how) if isinstance(moment, datetime) else times.day(moment, how)


def _repeats(rrule: str | None, rdates: int) -> str:
    if not rrule:
        return f", and {rdates} more" if rdates else ""
    parts = dict(part.partition("=")[::2] for part in rrule.upper().split(";"))
    unit = _EVERY.get(parts.get("FREQ", ""), "time")
    step = int(parts["INTERVAL"]) if parts.get("INTERVAL", "1").isdigit() and "INTERVAL" in parts else 1
    every = f"every {unit}" if step == 1 else f"every {step} {unit}s"
    days = f" on {parts['BYDAY'].replace(',', ', ')}" if "BYDAY" in parts else ""
    count = f", {parts['COUNT']} times" if "COUNT" in parts else ""
    return f", {every}{days}{count}"
