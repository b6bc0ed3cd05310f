"""Working hours: a week with breaks, days that differ, holidays; and when that is in UTC."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from calsync.engine import clock, slots
from calsync.engine.clock import Span

LAST_MINUTE = 1440
_FIVE_DAYS = ((540, 1020),)


@dataclass(frozen=True, slots=True)
class Holiday:
    """Days off, `first` and `last` included."""

    first: date
    last: date
    name: str = ""


Minutes = tuple[int, int]
"""Part of a day in minutes after midnight by the clock, its end (at most 1440) exclusive."""


@dataclass(frozen=True, slots=True)
class Hours:
    """`weekly` has seven days, Monday first; a break is what lies between two parts of a day.

    `dates` are days that differ, without parts a day off; they stand above holidays.
    """

    tz: str = "UTC"
    weekly: tuple[tuple[Minutes, ...], ...] = (_FIVE_DAYS,) * 5 + ((),) * 2
    dates: tuple[tuple[date, tuple[Minutes, ...]], ...] = ()
    holidays: tuple[Holiday, ...] = ()

    def __post_init__(self) -> None:
        slots.zone(self.tz)
        if len(self.weekly) != 7:
            raise ValueError("a week has seven days")
        for parts in (*self.weekly, *(parts for _, parts in self.dates)):
            _check_day(parts)
        if any(holiday.last < holiday.first for holiday in self.holidays):
            raise ValueError("a holiday ends before it begins")

    def parts_on(self, day: date) -> tuple[Minutes, ...]:
        """Return the hours of a day."""
        differing = dict(self.dates)
        if day in differing:
            return differing[day]
        return () if self.holiday_on(day) else self.weekly[day.weekday()]

    def holiday_on(self, day: date) -> Holiday | None:
        return next((h for h in self.holidays if h.first <= day <= h.last), None)


def working(hours: Hours, window: Span) -> list[Span]:
    """Return the hours that touch a window. Days on which the clocks change have fewer or more of them."""
    found = [
        span
        for day in clock.days(hours.tz, window)
        for span in clock.at_walls(hours.tz, day, [(a * 60, b * 60) for a, b in hours.parts_on(day)])
        if span[0] < window[1] and span[1] > window[0]
    ]
    return clock.merged(found)


def observing(hours: Hours, holidays: Iterable[Holiday]) -> Hours:
    """Return the hours with the holidays of others besides their own."""
    return replace(hours, holidays=tuple(dict.fromkeys((*hours.holidays, *holidays))))


def to_json(hours: Hours) -> dict[str, Any]:
    return {
        "tz": hours.tz,
        "weekly": [[list(part) for part in day] for day in hours.weekly],
        "dates": [[day.isoformat(), [list(part) for part in parts]] for day, parts in hours.dates],
        "holidays": [[h.first.isoformat(), h.last.isoformat(), h.name] for h in hours.holidays],
    }


def from_json(value: Mapping[str, Any]) -> Hours:
    """Read what to_json wrote. Raises ValueError for hours that cannot be."""
    return Hours(
        tz=value["tz"],
        weekly=tuple(_parts(day) for day in value["weekly"]),
        dates=tuple((date.fromisoformat(day), _parts(parts)) for day, parts in value.get("dates", ())),
        holidays=tuple(
            Holiday(date.fromisoformat(first), date.fromisoformat(last), name)
            for first, last, name in value.get("holidays", ())
        ),
    )


def _parts(value: Iterable[Iterable[int]]) -> tuple[Minutes, ...]:
    return tuple((int(start), int(end)) for start, end in value)


def _check_day(parts: tuple[Minutes, ...]) -> None:
    before = 0
    for start, end in parts:
        if not before <= start < end <= LAST_MINUTE:
            raise ValueError("the hours of a day must follow each other, from 00:00 to 24:00 at most")
        before = end
