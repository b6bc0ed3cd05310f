"""Recurrence both ways: Outlook's pattern and range, and an RRULE (contract section A6). Pure.

    {"pattern": {"type": "relativeMonthly", "interval": 1, "daysOfWeek": ["tuesday"], "index": "second"},
     "range": {"type": "endDate", "startDate": "2026-03-10", "endDate": "2026-12-31", ...}}

Every pattern is some rule; most rules are no pattern. Where one is not, writing says so: nothing is rounded. Outlook
takes the last day of a month that has no 29th, 30th or 31st, where a rule with that day leaves the month out.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from calsync.engine import recurrence, rrule, slots
from calsync.engine.event import Event, Floating, Moment, moment_text
from calsync.engine.rrule import WEEKDAYS, Rule
from calsync.providers.microsoft import zones

Json = dict[str, Any]

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
INDEXES = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": -1}
_NAMES = {number: name for name, number in INDEXES.items()}
_SURE = 28
"""The last day that every month has."""

_LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class Inexpressible(ValueError):
    """Outlook has no series like this."""


# Reading


def read(value: Json, zone_name: str, *, is_all_day: bool) -> str:
    """Return a recurrence as the value of an RRULE. Raises ValueError, KeyError."""
    pattern, ends = value["pattern"], value["range"]
    return ";".join((*_read_pattern(pattern), *_read_end(ends, zone_name, is_all_day=is_all_day)))


def _read_pattern(pattern: Json) -> list[str]:
    interval = int(pattern.get("interval") or 1)
    every = [] if interval == 1 else [f"INTERVAL={interval}"]
    match pattern["type"]:
        case "daily":
            return ["FREQ=DAILY", *every]
        case "weekly":
            return ["FREQ=WEEKLY", *every, f"BYDAY={_days(pattern)}", *_week_start(pattern, interval)]
        case "absoluteMonthly":
            return ["FREQ=MONTHLY", *every, *_month_day(int(pattern["dayOfMonth"]), 31)]
        case "relativeMonthly":
            return ["FREQ=MONTHLY", *every, *_nth_day(pattern)]
        case "absoluteYearly":
            month = int(pattern["month"])
            day = _month_day(int(pattern["dayOfMonth"]), _LONGEST[month - 1], is_yearly=month != 2)
            return ["FREQ=YEARLY", *every, f"BYMONTH={month}", *day]
        case "relativeYearly":
            return ["FREQ=YEARLY", *every, f"BYMONTH={int(pattern['month'])}", *_nth_day(pattern)]
    raise ValueError(f"the recurrence pattern {pattern['type']!r} is unknown")


def _days(pattern: Json) -> str:
    numbers = sorted({DAYS.index(str(day).lower()) for day in pattern["daysOfWeek"]})
    if not numbers:
        raise ValueError("a recurrence pattern names no day")
    return ",".join(WEEKDAYS[number] for number in numbers)


def _week_start(pattern: Json, interval: int) -> list[str]:
    """Return where weeks begin, where that makes a difference."""
    first = str(pattern.get("firstDayOfWeek") or "sunday").lower()
    return [] if interval == 1 or first == "monday" else [f"WKST={WEEKDAYS[DAYS.index(first)]}"]


def _month_day(day: int, longest: int, *, is_yearly: bool = False) -> list[str]:
    """Return a day of the month that shorter months have at their end."""
    if day <= _SURE or (is_yearly and day <= longest):
        return [f"BYMONTHDAY={day}"]
    if day >= longest:
        return ["BYMONTHDAY=-1"]
    return ["BYMONTHDAY=" + ",".join(str(each) for each in range(_SURE, day + 1)), "BYSETPOS=-1"]


def _nth_day(pattern: Json) -> list[str]:
    position, days = INDEXES[str(pattern.get("index") or "first").lower()], _days(pattern)
    return [f"BYDAY={days}", f"BYSETPOS={position}"] if "," in days else [f"BYDAY={position}{days}"]


def _read_end(ends: Json, zone_name: str, *, is_all_day: bool) -> list[str]:
    match ends["type"]:
        case "noEnd":
            return []
        case "numbered":
            return [f"COUNT={int(ends['numberOfOccurrences'])}"]
        case "endDate":
            last = date.fromisoformat(ends["endDate"][:10])
            return [f"UNTIL={_until(last, zone_name, is_all_day=is_all_day)}"]
    raise ValueError(f"the recurrence range {ends['type']!r} is unknown")


def _until(last: date, zone_name: str, *, is_all_day: bool) -> str:
    if is_all_day:
        return f"{last:%Y%m%d}"
    at = datetime.combine(last, time(23, 59, 59), ZoneInfo(zone_name)).astimezone(UTC)
    return f"{at:%Y%m%dT%H%M%SZ}"


def read_cancelled(ids: Sequence[str], master: Event) -> tuple[Moment, ...]:
    """Return the slots of occurrences that were taken out: their ids end with a day in the zone of the series."""
    found = (slots.moment_at(master, date.fromisoformat(each.rpartition(".")[2][:10])) for each in ids)
    return tuple(sorted(set(found), key=moment_text))


# Writing


def write(event: Event, zone_name: str) -> Json:
    """Return the recurrence of a series. Raises Inexpressible, with the reason."""
    if event.rdates:
        raise Inexpressible("Outlook has no series with further days of their own")
    rule, first = rrule.parse(event.rrule or ""), _first(event, zone_name)
    _check(rule, first)
    pattern = _PATTERNS[rule.freq](rule, first.date())
    return {
        "pattern": {"interval": rule.interval, **pattern},
        "range": {
            "startDate": first.date().isoformat(),
            "recurrenceTimeZone": zones.windows(zone_name) or "UTC",
            **_write_end(rule, event, first),
        },
    }


def _first(event: Event, zone_name: str) -> datetime:
    """Return the wall time of the start in the zone that is written."""
    if isinstance(event.start, Floating):
        return event.start.wall.replace(second=0)
    if isinstance(event.start, datetime):
        return event.start.astimezone(ZoneInfo(zone_name)).replace(tzinfo=None, fold=0, second=0, microsecond=0)
    return datetime.combine(event.start, time())


def _check(rule: Rule, first: datetime) -> None:
    if rule.freq not in _PATTERNS:
        raise Inexpressible("Outlook has no series that repeats within a day")
    if rule.hours or rule.minutes or rule.seconds:
        raise Inexpressible("Outlook has no series with several times of the day")
    if rule.yeardays or rule.weeknos:
        raise Inexpressible("Outlook has no series by the day or the week of the year")
    if rule.count is not None and rule.until is not None:
        raise Inexpressible("Outlook has no series with both an end and a number of times")
    if next(recurrence.between(rule, first, first, first + timedelta(seconds=1)), None) != first:
        raise Inexpressible("Outlook has no series whose first time is not one of its rule")


def _daily(rule: Rule, first: date) -> Json:
    if rule.months or rule.monthdays or rule.setpos:
        raise Inexpressible("Outlook has no daily series of some months or days of a month")
    if not rule.days:
        return {"type": "daily"}
    if rule.interval != 1:
        raise Inexpressible("Outlook has no series of every few days on some weekdays")
    return _weekly(rule, first)


def _weekly(rule: Rule, first: date) -> Json:
    if rule.months or rule.monthdays or rule.setpos or any(ordinal for _, ordinal in rule.days):
        raise Inexpressible("Outlook has no weekly series of some months or positions")
    days = [day for day, _ in rule.days] or [first.weekday()]
    return {"type": "weekly", "daysOfWeek": [DAYS[day] for day in days], "firstDayOfWeek": DAYS[rule.wkst]}


def _monthly(rule: Rule, first: date) -> Json:
    if rule.months or (rule.monthdays and rule.days):
        raise Inexpressible("Outlook has no monthly series of some months, or of weekdays on days of the month")
    if rule.days:
        return {"type": "relativeMonthly", **_write_nth(rule)}
    return {"type": "absoluteMonthly", "dayOfMonth": _write_day(rule, first, 31)}


def _yearly(rule: Rule, first: date) -> Json:
    if len(rule.months) > 1 or (rule.monthdays and rule.days) or (rule.names_days and not rule.months):
        raise Inexpressible("Outlook has no yearly series without one month, or with several")
    month = rule.months[0] if rule.months else first.month
    if rule.days:
        return {"type": "relativeYearly", "month": month, **_write_nth(rule)}
    return {"type": "absoluteYearly", "month": month, "dayOfMonth": _write_day(rule, first, _LONGEST[month - 1])}


_PATTERNS = {"DAILY": _daily, "WEEKLY": _weekly, "MONTHLY": _monthly, "YEARLY": _yearly}


def _write_nth(rule: Rule) -> Json:
    """Return "the second Tuesday" or "the last working day"."""
    ordinals = {ordinal for _, ordinal in rule.days}
    days = [DAYS[day] for day, _ in rule.days]
    if len(rule.days) == 1 and not rule.setpos and ordinals <= _NAMES.keys():
        return {"daysOfWeek": days, "index": _NAMES[ordinals.pop()]}
    if ordinals == {0} and len(rule.setpos) == 1 and rule.setpos[0] in _NAMES:
        return {"daysOfWeek": days, "index": _NAMES[rule.setpos[0]]}
    raise Inexpressible("Outlook has no series of several positions in a month, or of a fifth one")


def _write_day(rule: Rule, first: date, longest: int) -> int:
    """Return the day of the month. One that some of the months lack must be meant as their last."""
    days = rule.monthdays or (first.day,)
    if rule.setpos:
        if rule.setpos == (-1,) and days == tuple(range(_SURE, days[-1] + 1)):
            return days[-1]
    elif days == (-1,):
        return longest
    elif len(days) == 1 and 0 < days[0] <= (longest if _is_never_short(rule, longest) else _SURE):
        return days[0]
    raise Inexpressible("Outlook has no series that leaves out months in which its day is missing, or of several days")


def _is_never_short(rule: Rule, longest: int) -> bool:
    """Return whether the month of a rule has the same length in every year."""
    return rule.freq == "YEARLY" and longest != _LONGEST[1]


def _write_end(rule: Rule, event: Event, first: datetime) -> Json:
    if rule.count is not None:
        return {"type": "numbered", "numberOfOccurrences": rule.count}
    until = slots.until_of(event)
    if until is None:
        return {"type": "noEnd"}
    # An end within a day, before the series' time, leaves that day out.
    last = until.date() if until.time() >= first.time() else until.date() - timedelta(days=1)
    return {"type": "endDate", "endDate": max(last, first.date()).isoformat()}
