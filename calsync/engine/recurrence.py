"""The wall times that a recurrence rule gives.

Times here are naive: the wall clock of the zone in which the series recurs. Zones, UNTIL, EXDATE, RDATE and
overrides belong to `series.py`.

The periods of a rule are computed, not stepped through, so a window far from the start costs no more than a
near one, and a rule that never matches (30 February) ends with its window. dateutil, which the tests compare
with, looks for such a match until the year 9999.
"""

from __future__ import annotations

import calendar
import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from functools import lru_cache

from calsync.engine.rrule import Rule

SECONDS = {"HOURLY": 3600, "MINUTELY": 60, "SECONDLY": 1}
_EVEN = {"WEEKLY": timedelta(days=7), "DAILY": timedelta(days=1)}
MOST = 100_000
"""Periods that one computation examines: 270 years of days."""


def between(rule: Rule, first: datetime, after: datetime, before: datetime) -> Iterator[datetime]:
    """Yield in order the wall times t of the rule with after <= t < before.

    `first` is the wall time of DTSTART. UNTIL is not looked at: it needs a zone. Raises ValueError
    when more than MOST periods would have to be examined.
    """
    if rule.count is not None:
        yield from _counted(rule, first, after, before)
        return
    for moment in _times(rule, first, max(first, after), before):
        if moment >= after:
            yield moment


def last(rule: Rule, first: datetime, most: int = MOST) -> datetime | None:
    """Return the last wall time of a rule with COUNT, `first` when there is none.

    None when more than `most` periods would have to be examined.
    """
    plain = _last_of_plain(rule, first)
    if plain is not None or rule.count is None:
        return plain
    times = itertools.islice(_times(rule, first, first, datetime.max, most), rule.count)
    try:
        return max(times, default=first)
    except ValueError:
        return None


def step(rule: Rule, first: datetime) -> timedelta | None:
    """Return the distance between the times of a rule by the clock, None where it is not always the same days."""
    is_own_day = rule.freq == "WEEKLY" and rule.days == ((first.weekday(), 0),)
    bare = replace(rule, days=()) if is_own_day else rule
    each = _EVEN.get(rule.freq)
    return None if each is None or bare.has_parts or first.microsecond else each * rule.interval


# Counting


def _counted(rule: Rule, first: datetime, after: datetime, before: datetime) -> Iterator[datetime]:
    end = _last_of_plain(rule, first)
    if end is not None:
        times = _times(rule, first, max(first, after), before)
        yield from (t for t in times if after <= t <= end)
        return
    for moment in itertools.islice(_times(rule, first, first, before), rule.count):
        if moment >= after:
            yield moment


def _last_of_plain(rule: Rule, first: datetime) -> datetime | None:
    """Return the last time of a rule whose times stand at equal distances, None for any other."""
    units = {"WEEKLY": 7 * 86400, "DAILY": 86400} | SECONDS
    if rule.count is None or rule.has_parts or rule.freq not in units:
        return None
    try:
        return first + timedelta(seconds=units[rule.freq] * rule.interval * (rule.count - 1))
    except OverflowError:
        return datetime.max


# Periods and the times in them


def _times(rule: Rule, first: datetime, start: datetime, before: datetime, most: int = MOST) -> Iterator[datetime]:
    """Yield every time >= first from the period of `start` on, COUNT and UNTIL aside."""
    step = _EVEN.get(rule.freq)
    if step is not None and not rule.has_parts:
        yield from _evenly(step * rule.interval, first.replace(microsecond=0), start, before, most)
        return
    periods = _slots(rule, first, start, before) if rule.freq in SECONDS else _date_sets(rule, first, start, before)
    for examined, times in enumerate(periods):
        if examined >= most:
            raise ValueError("recurrence rule repeats too often to be computed")
        for moment in _at_positions(rule, times):
            if moment >= before:
                return
            if moment >= first:
                yield moment


def _evenly(step: timedelta, first: datetime, start: datetime, before: datetime, most: int) -> Iterator[datetime]:
    """Yield what most series are: the same clock time every so many days."""
    moment = first + max(-((first - start) // step), 0) * step
    for _ in range(most):
        if moment >= before:
            return
        yield moment
        if datetime.max - moment < step:
            return
        moment += step
    raise ValueError("recurrence rule repeats too often to be computed")


def _at_positions(rule: Rule, times: list[datetime]) -> list[datetime]:
    if not rule.setpos:
        return times
    size = len(times)
    wanted = {p - 1 if p > 0 else size + p for p in rule.setpos}
    return [times[i] for i in sorted(wanted) if 0 <= i < size]


def _date_sets(rule: Rule, first: datetime, start: datetime, before: datetime) -> Iterator[list[datetime]]:
    clock = _clock(rule, first)
    for days in _periods(rule, first.date(), start.date(), before.date()):
        matching = [day for day in days if _matches(rule, first.date(), day)]
        yield [datetime.combine(day, at) for day in matching for at in clock]


def _clock(rule: Rule, first: datetime) -> list[time]:
    hours, minutes = rule.hours or (first.hour,), rule.minutes or (first.minute,)
    seconds = rule.seconds or (first.second,)
    return [time(h, m, s) for h in hours for m in minutes for s in seconds]


def _periods(rule: Rule, first: date, start: date, before: date) -> Iterator[list[date]]:
    match rule.freq:
        case "YEARLY":
            months = rule.months or (() if rule.names_days else (first.month,))
            for year in _stride(first.year, rule.interval, start.year, before.year):
                yield _days_of_year(year, months)
        case "MONTHLY":
            months_since = _stride(_month(first), rule.interval, _month(start), _month(before))
            for year, month in (divmod(m, 12) for m in months_since):
                yield _days_of_month(year, month + 1)
        case _:
            length = 7 if rule.freq == "WEEKLY" else 1
            anchor = first.toordinal() - ((first.weekday() - rule.wkst) % 7 if length == 7 else 0)
            for day in _stride(anchor, length * rule.interval, start.toordinal(), before.toordinal()):
                yield [date.fromordinal(d) for d in range(day, day + length) if 0 < d <= date.max.toordinal()]


def _stride(anchor: int, step: int, start: int, end: int) -> range:
    """Return anchor + k * step from the last one not after `start` up to `end`."""
    return range(anchor + max(0, (start - anchor) // step) * step, end + 1, step)


def _month(day: date) -> int:
    return day.year * 12 + day.month - 1


def _days_of_month(year: int, month: int) -> list[date]:
    return [date(year, month, d) for d in range(1, calendar.monthrange(year, month)[1] + 1)]


def _days_of_year(year: int, months: tuple[int, ...]) -> list[date]:
    return [day for month in months or range(1, 13) for day in _days_of_month(year, month)]


def _slots(rule: Rule, first: datetime, start: datetime, before: datetime) -> Iterator[list[datetime]]:
    """Yield the times of each hour, minute or second; a day without one counts as empty period."""
    unit = SECONDS[rule.freq]
    anchor = int((first - datetime.min).total_seconds()) // unit * unit
    for day in range(start.toordinal(), before.toordinal() + 1):
        yield []
        if not _matches(rule, None, date.fromordinal(day)):
            continue
        midnight = (day - 1) * 86400
        for second in _stride(anchor, unit * rule.interval, midnight - 1, midnight + 86399):
            if second >= midnight:
                yield _slot(rule, first, datetime.min + timedelta(seconds=second))


def _slot(rule: Rule, first: datetime, at: datetime) -> list[datetime]:
    if rule.hours and at.hour not in rule.hours:
        return []
    if rule.freq == "HOURLY":
        minutes, seconds = rule.minutes or (first.minute,), rule.seconds or (first.second,)
    elif rule.freq == "MINUTELY":
        minutes, seconds = (at.minute,), rule.seconds or (first.second,)
    else:
        minutes, seconds = (at.minute,), (at.second,)
    kept = [m for m in minutes if not rule.minutes or m in rule.minutes]
    return [at.replace(minute=m, second=s) for m in kept for s in seconds if not rule.seconds or s in rule.seconds]


# Which days of a period match


def _matches(rule: Rule, first: date | None, day: date) -> bool:
    """Return whether the day passes every BY part; without one, whether `first` has it (None: any)."""
    if rule.months and day.month not in rule.months:
        return False
    if not rule.names_days:
        return first is None or _is_day_of_first(rule, first, day)
    return _is_named(rule, day) and _is_named_weekday(rule, day)


def _is_day_of_first(rule: Rule, first: date, day: date) -> bool:
    match rule.freq:
        case "WEEKLY":
            return day.weekday() == first.weekday()
        case "YEARLY" | "MONTHLY":
            return day.day == first.day
        case _:
            return True


def _is_named(rule: Rule, day: date) -> bool:
    if rule.monthdays:
        length = calendar.monthrange(day.year, day.month)[1]
        if not {day.day, day.day - length - 1} & set(rule.monthdays):
            return False
    if rule.yeardays:
        number = day.timetuple().tm_yday
        length = 366 if calendar.isleap(day.year) else 365
        if not {number, number - length - 1} & set(rule.yeardays):
            return False
    return not rule.weeknos or bool(set(_week_numbers(day, rule.wkst)) & set(rule.weeknos))


def _week_numbers(day: date, wkst: int) -> tuple[int, int]:
    """Return the number of the day's week, from the start and from the end of its year.

    Week 1 is the first with four days of its year.
    """
    ordinal = day.toordinal()
    week = ordinal - (day.weekday() - wkst) % 7
    year = day.year
    if year < 9999 and week >= _first_week(year + 1, wkst):
        year += 1
    elif week < _first_week(year, wkst):
        year -= 1
    begin, end = _first_week(year, wkst), _first_week(year + 1, wkst)
    return (week - begin) // 7 + 1, (week - end) // 7


@lru_cache(maxsize=512)
def _first_week(year: int, wkst: int) -> int:
    # The week of 4 January. 400 years are whole weeks, so years that Python lacks can be asked for.
    cycles = -1 if year > 9999 else 1 if year < 1 else 0
    fourth = date(year + 400 * cycles, 1, 4)
    return fourth.toordinal() - (fourth.weekday() - wkst) % 7 - 146_097 * cycles


def _is_named_weekday(rule: Rule, day: date) -> bool:
    if not rule.days:
        return True
    return any(day.weekday() == weekday and _is_nth(rule, day, nth) for weekday, nth in rule.days)


def _is_nth(rule: Rule, day: date, nth: int) -> bool:
    # An ordinal has a meaning only in YEARLY and MONTHLY rules; elsewhere it is passed over.
    if nth == 0 or rule.freq not in ("YEARLY", "MONTHLY"):
        return True
    if rule.freq == "MONTHLY" or rule.months:
        before, length = day.day - 1, calendar.monthrange(day.year, day.month)[1]
    else:
        before, length = day.timetuple().tm_yday - 1, 366 if calendar.isleap(day.year) else 365
    return nth == (before // 7 + 1 if nth > 0 else -((length - 1 - before) // 7) - 1)
