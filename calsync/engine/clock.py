"""Days as a zone's clock shows them, in whole seconds since 1970 (UTC): what working hours and grids of slots stand on.

Seconds, because a month of slots of ten people is millions of comparisons. Series count by `slots.py` instead.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache

from calsync.engine import slots

Span = tuple[int, int]
"""From the first second to before the last, since 1970."""

MINUTE, DAY = 60, 86_400


@lru_cache(maxsize=4096)
def segments(tz: str, day: date) -> tuple[tuple[int, int, int], ...]:
    """Return the stretches of a local day on which the clock runs evenly: start, end, and wall minus UTC in seconds.

    One on most days; two where the clocks are put forward or back. Raises ValueError for an unknown zone.
    """
    zone = slots.zone(tz)
    start, end = seconds(_midnight(zone, day)), seconds(_midnight(zone, day + timedelta(days=1)))
    found: list[tuple[int, int, int]] = []
    step = DAY if end - start == DAY else MINUTE
    for at in range(start, end, step):
        offset = _offset(zone, at)
        if found and found[-1][2] == offset:
            found[-1] = (found[-1][0], min(at + step, end), offset)
        else:
            found.append((at, min(at + step, end), offset))
    return tuple(found)


def days(tz: str, window: Span) -> Iterator[date]:
    """Yield the local days that a window touches, and their neighbours."""
    day, last = local_day(tz, window[0]) - timedelta(days=1), local_day(tz, window[1]) + timedelta(days=1)
    while day <= last:
        yield day
        day += timedelta(days=1)


def local_day(tz: str, at: int) -> date:
    """Return the day that the clock shows."""
    return moment(at).astimezone(slots.zone(tz)).date()


def at_walls(tz: str, day: date, walls: Sequence[Span]) -> list[Span]:
    """Return when the clock of that day shows times between these, each a span of seconds after midnight.

    A time that the clocks skip is on no such day, one that they repeat is on it twice.
    """
    midnight = seconds(datetime.combine(day, time(), UTC))
    found = []
    for start, end, offset in segments(tz, day):
        for begins, ends in walls:
            low, high = max(start, midnight + begins - offset), min(end, midnight + ends - offset)
            if low < high:
                found.append((low, high))
    return merged(found)


def grid(tz: str, day: date, step: int) -> list[int]:
    """Return the moments at which the clock of that day shows a whole multiple of `step` seconds after midnight."""
    midnight = seconds(datetime.combine(day, time(), UTC))
    found: list[int] = []
    for start, end, offset in segments(tz, day):
        first = midnight - offset
        found += range(first + -(-(start - first) // step) * step, end, step)
    return found


def whole_day(tz: str, day: date) -> Span:
    """Return a local day."""
    zone = slots.zone(tz)
    return seconds(_midnight(zone, day)), seconds(_midnight(zone, day + timedelta(days=1)))


# --- spans


def merged(spans: Iterable[Span]) -> list[Span]:
    """Return the spans in order, those that touch as one, empty ones left out."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if start >= end:
            continue
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def common(first: Sequence[Span], second: Sequence[Span]) -> list[Span]:
    """Return what lies in both, each merged."""
    found, i, j = [], 0, 0
    while i < len(first) and j < len(second):
        low, high = max(first[i][0], second[j][0]), min(first[i][1], second[j][1])
        if low < high:
            found.append((low, high))
        if first[i][1] < second[j][1]:
            i += 1
        else:
            j += 1
    return found


# --- seconds and times


def seconds(at: datetime) -> int:
    """Return an aware time as seconds, what is between two of them as the earlier."""
    return math.floor(at.timestamp())


def span(start: datetime, end: datetime) -> Span:
    """Return the whole seconds that a stretch of time touches."""
    return math.floor(start.timestamp()), math.ceil(end.timestamp())


def moment(at: int) -> datetime:
    """Return seconds as a time in UTC."""
    return datetime.fromtimestamp(at, UTC)


def _midnight(zone: tzinfo, day: date) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _offset(zone: tzinfo, at: int) -> int:
    offset = moment(at).astimezone(zone).utcoffset() or timedelta()
    return int(offset.total_seconds())
