"""Recurrence as Exchange keeps it: validated patterns, and the days that they mean (contract A6.1)."""

from __future__ import annotations

import calendar
import itertools
from collections.abc import Iterator
from datetime import date, timedelta

from tests.emulators.microsoft import errors, times
from tests.emulators.microsoft.model import Resource

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
INDEXES = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": -1}
PATTERNS: dict[str, tuple[str, ...]] = {
    "daily": (),
    "weekly": ("daysOfWeek",),
    "absoluteMonthly": ("dayOfMonth",),
    "relativeMonthly": ("daysOfWeek",),
    "absoluteYearly": ("month", "dayOfMonth"),
    "relativeYearly": ("month", "daysOfWeek"),
}
NUMBERS = {"interval": (1, 999), "month": (1, 12), "dayOfMonth": (1, 31)}
MOST_OCCURRENCES = 999
NO_DAY = "0001-01-01"


def read(value: object, start: date, zone: str) -> Resource:
    """Return a recurrence with every field filled as answers have it. Raises 400 for what Exchange refuses."""
    if not isinstance(value, dict) or not isinstance(value.get("pattern"), dict):
        raise errors.bad_property("The property 'recurrence' needs a pattern.")
    if not isinstance(value.get("range"), dict):
        raise errors.bad_property("The property 'recurrence' needs a range.")
    whole = {"pattern": _pattern(value["pattern"]), "range": _range(value["range"], start, zone)}
    first = next(days(whole, start), None)
    if first is None:
        raise errors.bad("The recurrence has no occurrence.", "ErrorRecurrenceHasNoOccurrence")
    # Exchange begins a series with its first match; whoever sent another start finds it moved.
    whole["range"]["startDate"] = first.isoformat()
    return whole


def _pattern(sent: Resource) -> Resource:
    known = {"type", "interval", "month", "dayOfMonth", "daysOfWeek", "firstDayOfWeek", "index", "@odata.type"}
    if not sent.keys() <= known or sent.get("type") not in PATTERNS:
        raise errors.bad_property("The recurrence pattern is invalid.")
    needed = PATTERNS[sent["type"]]
    pattern: Resource = {"type": sent["type"], "interval": _number(sent, "interval", required=True)}
    pattern["month"] = _number(sent, "month", required="month" in needed)
    pattern["dayOfMonth"] = _number(sent, "dayOfMonth", required="dayOfMonth" in needed)
    weekdays = sent.get("daysOfWeek") or []
    if not isinstance(weekdays, list) or any(day not in DAYS for day in weekdays):
        raise errors.bad_property("The property 'daysOfWeek' is invalid.")
    if "daysOfWeek" in needed and not weekdays:
        raise errors.bad_property("The recurrence pattern needs daysOfWeek.")
    if "daysOfWeek" in needed:
        pattern["daysOfWeek"] = sorted(set(weekdays), key=DAYS.index)
    pattern["firstDayOfWeek"] = sent.get("firstDayOfWeek") or "sunday"
    pattern["index"] = sent.get("index") or "first"
    if pattern["firstDayOfWeek"] not in DAYS or pattern["index"] not in INDEXES:
        raise errors.bad_property("The recurrence pattern has an invalid firstDayOfWeek or index.")
    return pattern


def _number(sent: Resource, name: str, *, required: bool) -> int:
    """Return a number in its range; one that does not matter is only checked to be a number."""
    value = sent.get(name, 0)
    least, most = NUMBERS[name]
    is_number = isinstance(value, int) and not isinstance(value, bool)
    if not is_number or (required and not least <= value <= most):
        raise errors.bad_property(f"The property '{name}' of the recurrence pattern is invalid: {value!r}.")
    return value if required else 0


def _range(sent: Resource, start: date, zone: str) -> Resource:
    known = {"type", "startDate", "endDate", "recurrenceTimeZone", "numberOfOccurrences", "@odata.type"}
    if not sent.keys() <= known or sent.get("type") not in ("noEnd", "endDate", "numbered"):
        raise errors.bad_property("The recurrence range is invalid.")
    if times.read_day(sent.get("startDate"), "startDate") != start:
        raise errors.bad_property("The startDate of the recurrence must be the date of the event's start.")
    whole: Resource = {
        "type": sent["type"],
        "startDate": start.isoformat(),
        "endDate": NO_DAY,
        "recurrenceTimeZone": zone,
        "numberOfOccurrences": 0,
    }
    if sent["type"] == "endDate":
        end = times.read_day(sent.get("endDate"), "endDate")
        if end < start:
            raise errors.bad("The end of the recurrence lies before its start.", "ErrorEndDateEarlierThanStartDate")
        whole["endDate"] = end.isoformat()
    if sent["type"] == "numbered":
        count = sent.get("numberOfOccurrences")
        if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= MOST_OCCURRENCES:
            raise errors.bad_property("The property 'numberOfOccurrences' is invalid.")
        whole["numberOfOccurrences"] = count
    return whole


def check_spacing(recurrence: Resource, length: timedelta) -> None:
    """Raise 400 when occurrences would overlap: a meeting must be shorter than the time between two."""
    some = list(itertools.islice(days(recurrence, date.fromisoformat(recurrence["range"]["startDate"])), 60))
    gaps = [later - earlier for earlier, later in itertools.pairwise(some)]
    if gaps and length > min(gaps):
        message = "The duration of the event must be shorter than how frequently it occurs."
        raise errors.bad(message, "ErrorOccurrenceTimeSpanTooBig")


def days(recurrence: Resource, start: date | None = None) -> Iterator[date]:
    """Yield the days of a series in order; without an end it never ends."""
    rule = recurrence["range"]
    first = start or date.fromisoformat(rule["startDate"])
    found = (day for day in _matching(recurrence["pattern"], first) if day >= first)
    match rule["type"]:
        case "numbered":
            return itertools.islice(found, rule["numberOfOccurrences"])
        case "endDate":
            last = date.fromisoformat(rule["endDate"])
            return itertools.takewhile(lambda day: day <= last, found)
    return found


def _matching(pattern: Resource, first: date) -> Iterator[date]:
    step = pattern["interval"]
    match pattern["type"]:
        case "daily":
            return (first + timedelta(days=step * n) for n in itertools.count())
        case "weekly":
            return _weeks(pattern, first)
        case "absoluteMonthly" | "relativeMonthly":
            return (_in_month(pattern, year, month) for year, month in _months(first, step))
    years = itertools.count(first.year, step)
    return (_in_month(pattern, year, pattern["month"]) for year in itertools.takewhile(lambda y: y < 9000, years))


def _weeks(pattern: Resource, first: date) -> Iterator[date]:
    begins = DAYS.index(pattern["firstDayOfWeek"])
    week = first - timedelta(days=(first.weekday() - begins) % 7)
    offsets = sorted((DAYS.index(day) - begins) % 7 for day in pattern["daysOfWeek"])
    while week.year < 9000:
        yield from (week + timedelta(days=offset) for offset in offsets)
        week += timedelta(weeks=pattern["interval"])


def _months(first: date, step: int) -> Iterator[tuple[int, int]]:
    for count in range(first.year * 12 + first.month - 1, 9000 * 12, step):
        yield count // 12, count % 12 + 1


def _in_month(pattern: Resource, year: int, month: int) -> date:
    """Return the day of one month. Day 29 to 31 is the last day where the month is shorter (A6.1)."""
    length = calendar.monthrange(year, month)[1]
    if pattern["type"].startswith("absolute"):
        return date(year, month, min(pattern["dayOfMonth"], length))
    wanted = {DAYS.index(day) for day in pattern["daysOfWeek"]}
    fitting = [day for day in range(1, length + 1) if date(year, month, day).weekday() in wanted]
    index = INDEXES[pattern["index"]]
    return date(year, month, fitting[index - 1 if index > 0 else -1])
