"""The value of an RRULE (RFC 5545 section 3.3.10): read into a Rule, and written with another end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from calsync.engine.event import Floating, Moment, moment_text

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
FREQUENCIES = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY")

_RANGES = {
    "BYSECOND": (0, 60),
    "BYMINUTE": (0, 59),
    "BYHOUR": (0, 23),
    "BYMONTHDAY": (-31, 31),
    "BYYEARDAY": (-366, 366),
    "BYWEEKNO": (-53, 53),
    "BYMONTH": (1, 12),
    "BYSETPOS": (-366, 366),
}
_ZERO_ALLOWED = ("BYSECOND", "BYMINUTE", "BYHOUR")


@dataclass(frozen=True, slots=True)
class Rule:
    """Weekdays count from Monday = 0; `days` pairs each with its ordinal, 0 for every one."""

    freq: str
    interval: int = 1
    count: int | None = None
    until: Moment | None = None
    wkst: int = 0
    months: tuple[int, ...] = ()
    weeknos: tuple[int, ...] = ()
    yeardays: tuple[int, ...] = ()
    monthdays: tuple[int, ...] = ()
    days: tuple[tuple[int, int], ...] = ()
    hours: tuple[int, ...] = ()
    minutes: tuple[int, ...] = ()
    seconds: tuple[int, ...] = ()
    setpos: tuple[int, ...] = ()

    @property
    def has_parts(self) -> bool:
        lists = (self.months, self.weeknos, self.yeardays, self.monthdays, self.days)
        return any(lists) or any((self.hours, self.minutes, self.seconds, self.setpos))

    @property
    def names_days(self) -> bool:
        return any((self.weeknos, self.yeardays, self.monthdays, self.days))


@lru_cache(maxsize=2048)
def parse(text: str) -> Rule:
    """Read the value of an RRULE. Raises ValueError that says what is wrong with it."""
    parts = _parts(text)
    freq = parts.pop("FREQ", "")
    if freq not in FREQUENCIES:
        raise ValueError(f"recurrence rule has no known FREQ: {text}")
    numbers = {name: _numbers(name, parts.pop(name, "")) for name in _RANGES}
    until = parts.pop("UNTIL", None)
    count = parts.pop("COUNT", None)
    rule = Rule(
        freq=freq,
        interval=_positive("INTERVAL", parts.pop("INTERVAL", "1")),
        count=None if count is None else _positive("COUNT", count),
        until=None if until is None else _until(until),
        wkst=_weekday(parts.pop("WKST", "MO")),
        months=numbers["BYMONTH"],
        weeknos=numbers["BYWEEKNO"],
        yeardays=numbers["BYYEARDAY"],
        monthdays=numbers["BYMONTHDAY"],
        days=_days(parts.pop("BYDAY", "")),
        hours=numbers["BYHOUR"],
        minutes=numbers["BYMINUTE"],
        seconds=tuple(s for s in numbers["BYSECOND"] if s < 60),  # no clock here shows a leap second
        setpos=numbers["BYSETPOS"],
    )
    _refuse_unknown(parts)
    return rule


def change(text: str, *, count: int | None = None, until: Moment | None = None) -> str:
    """Return the rule with another end: after `count` times, at `until`, or never. The rest stays."""
    kept = [f"{name}={value}" for name, value in _parts(text).items() if name not in ("COUNT", "UNTIL")]
    if count is not None:
        kept.append(f"COUNT={count}")
    if until is not None:
        kept.append("UNTIL=" + moment_text(until).replace("-", "").replace(":", ""))
    return ";".join(kept)


def shift_days(text: str, days: int) -> str:
    """Return the rule for a series that moves by whole days: its weekdays move along.

    Raises ValueError for a rule whose days cannot move so, like "the first Monday of a month".
    """
    rule = parse(text)
    if days == 0 or not (rule.names_days or rule.months or rule.setpos):
        return text
    if rule.freq != "WEEKLY" or rule.months or rule.setpos or rule.monthdays or rule.yeardays or rule.weeknos:
        raise ValueError("recurrence rule names its days, so moving the series to other days needs a new rule")
    moved = ",".join(WEEKDAYS[d] for d in sorted((day + days) % 7 for day, _ in rule.days))
    return ";".join(f"{name}={moved if name == 'BYDAY' else value}" for name, value in _parts(text).items())


def _parts(text: str) -> dict[str, str]:
    body = text.strip().upper().removeprefix("RRULE:").strip(";")
    parts: dict[str, str] = {}
    for part in filter(None, body.split(";")):
        name, equals, value = part.partition("=")
        if not equals or not value or name.strip() in parts:
            raise ValueError(f"recurrence rule cannot be read at {part!r}: {text}")
        parts[name.strip()] = value.strip()
    return parts


def _numbers(name: str, value: str) -> tuple[int, ...]:
    low, high = _RANGES[name]
    numbers = {_whole(name, part) for part in value.split(",") if part.strip()}
    for number in numbers:
        if not low <= number <= high or (number == 0 and name not in _ZERO_ALLOWED):
            raise ValueError(f"recurrence rule has {name}={number}, which is out of range")
    return tuple(sorted(numbers))


def _whole(name: str, value: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise ValueError(f"recurrence rule has {name}={value}, which is not a whole number") from None


def _positive(name: str, value: str) -> int:
    number = _whole(name, value)
    if not 1 <= number <= 10**9:
        raise ValueError(f"recurrence rule has {name}={value}, which is out of range")
    return number


def _weekday(value: str) -> int:
    if value not in WEEKDAYS:
        raise ValueError(f"recurrence rule has no weekday {value}")
    return WEEKDAYS.index(value)


def _days(value: str) -> tuple[tuple[int, int], ...]:
    days = set()
    for part in filter(None, (p.strip() for p in value.split(","))):
        ordinal = part[:-2]
        days.add((_weekday(part[-2:]), _whole("BYDAY", ordinal) if ordinal else 0))
    return tuple(sorted(days))


def _until(value: str) -> Moment:
    try:
        if len(value) == 8:
            return datetime.strptime(value, "%Y%m%d").date()
        if value.endswith("Z"):
            return datetime.strptime(value, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        return Floating(datetime.strptime(value, "%Y%m%dT%H%M%S"))
    except ValueError:
        raise ValueError(f"recurrence rule has UNTIL={value}, which is not a date or time") from None


def _refuse_unknown(parts: dict[str, str]) -> None:
    # RFC 7529 lets a producer name what is the default anyway.
    harmless = {"RSCALE": "GREGORIAN", "SKIP": "OMIT"}
    unknown = [name for name, value in parts.items() if harmless.get(name) != value and not name.startswith("X-")]
    if unknown:
        raise ValueError(f"recurrence rule has {unknown[0]}, which is not understood")
