"""Series of times at equal distances by the clock, in whole seconds: what most series are, and a search for free slots
unfolds hundreds of them. All others are for `series.py`, which knows them all; where both answer, they agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache

from calsync.engine import clock, recurrence, rrule, slots
from calsync.engine import event as events
from calsync.engine.clock import DAY, Span
from calsync.engine.event import Event, Floating

_EPOCH = datetime(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Even:
    """`first` is the wall time of the start, all in seconds; `count` how many times there are, None without an end."""

    starts_at: int
    first: int
    step: int
    length: int
    count: int | None
    tz: str


@lru_cache(maxsize=4096)
def read(start: str, end: str, tz: str | None, rule: str) -> Even | None:
    """Return a series from its stored times (event.moment_text); None where it is not of this kind, or not readable."""
    moments = events.parse_moment(start), events.parse_moment(end)
    if not all(isinstance(moment, datetime) for moment in moments):
        return None
    master = Event("", *moments, tz, rrule=rule)
    try:
        parsed, first, length = rrule.parse(rule), slots.wall_of(master), slots.length(master)
        step, until = recurrence.step(parsed, first), slots.until_of(master)
    except ValueError:
        return None
    if step is None or length.microseconds:
        return None
    counts = [parsed.count, None if until is None else max((until - first) // step + 1, 0)]
    known = [count for count in counts if count is not None]
    return Even(
        clock.seconds(slots.instant(master.start)),
        (first - _EPOCH) // timedelta(seconds=1),
        step // timedelta(seconds=1),
        length // timedelta(seconds=1),
        min(known) if known else None,
        tz or "UTC",
    )


def spans(even: Even, window: Span) -> list[Span]:
    """Return the times that touch the window, in order; what has no length lies in it."""
    # No zone is more than a day from UTC.
    begin = max(-((even.first - window[0] + even.length + DAY) // even.step), 0)
    end = -((even.first - window[1] - DAY) // even.step)
    if even.count is not None:
        end = min(end, even.count)
    found = []
    for number in range(begin, end):
        at = _utc(even, number)
        until = at + even.length
        if at < window[1] and (until > window[0] or (until == at == window[0])):
            found.append((at, until))
    return found


def _utc(even: Even, number: int) -> int:
    if not number:  # the start is what it says, also where the clock shows its time twice
        return even.starts_at
    wall = even.first + number * even.step
    offset = _offset(even.tz, wall // DAY)
    if offset is not None:
        return wall - offset
    shown = Floating(_EPOCH + timedelta(seconds=wall))
    return clock.seconds(slots.instant(shown, slots.zone(even.tz)))


@lru_cache(maxsize=4096)
def _offset(tz: str, day: int) -> int | None:
    """Return wall minus UTC in seconds, on a day counted from 1970 by the clock; None where the clocks are changed."""
    local = date.fromordinal(_EPOCH.toordinal() + day)
    parts = clock.segments(tz, local)  # none on a day that was left out
    return parts[0][2] if len(parts) == 1 and parts[0][1] - parts[0][0] == DAY else None
