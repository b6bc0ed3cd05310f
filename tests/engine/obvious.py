"""Free slots the obvious way: ask every question about every minute. Slow; what the fast way must equal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from calsync.engine.hours import Hours
from calsync.engine.openings import Terms
from calsync.engine.vocabulary import GroupMode

MINUTE = timedelta(minutes=1)
Busy = Sequence[tuple[datetime, datetime]]


def works_at(hours: Hours, at: datetime) -> bool:
    """Return whether the clock on the wall shows a time of work in this minute."""
    wall = at.astimezone(ZoneInfo(hours.tz))
    minute = wall.hour * 60 + wall.minute
    return any(start <= minute < end for start, end in hours.parts_on(wall.date()))


def is_free(terms: Terms, hours: Hours, busy: Busy, start: datetime) -> bool:
    """Return whether every minute of the slot is worked, and nothing meets it or its buffers."""
    if not all(works_at(hours, start + n * MINUTE) for n in range(terms.length_minutes)):
        return False
    first = start - terms.before_minutes * MINUTE
    last = start + (terms.length_minutes + terms.after_minutes) * MINUTE
    return not any(a < b and a < last and b > first for a, b in busy)


def starts(
    terms: Terms,
    people: Sequence[tuple[Hours, Busy]],
    window: tuple[datetime, datetime],
    now: datetime,
    mode: GroupMode,
) -> list[tuple[datetime, tuple[int, ...]]]:
    """Return each start in the window with who is free, numbered from 0."""
    found = []
    at = window[0]
    while at < window[1]:
        if _may_begin(terms, at, now):
            free = tuple(n for n, (hours, busy) in enumerate(people) if is_free(terms, hours, busy, at))
            if free and (mode is GroupMode.ANY_OF or len(free) == len(people)):
                found.append((at, free))
        at += MINUTE
    return found


def _may_begin(terms: Terms, at: datetime, now: datetime) -> bool:
    wall = at.astimezone(ZoneInfo(terms.tz))
    if (wall.hour * 60 + wall.minute) % terms.step_minutes:
        return False
    return at >= now + terms.notice_minutes * MINUTE and at <= now + timedelta(days=terms.horizon_days)
