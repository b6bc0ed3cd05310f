"""Free slots: at which moments a thing of some length can begin, of one resource or of a group, and who takes it.

Takes working hours and busy times as spans; where they come from is not known here.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from calsync.engine import clock
from calsync.engine.clock import DAY, MINUTE, Span
from calsync.engine.vocabulary import GroupMode, Pick


@dataclass(frozen=True, slots=True)
class Terms:
    """How something is booked. Starts are whole multiples of the step after midnight by the clock of `tz`."""

    length_minutes: int
    step_minutes: int = 15
    before_minutes: int = 0
    after_minutes: int = 0
    notice_minutes: int = 0
    horizon_days: int = 60
    tz: str = "UTC"

    def around(self, start: int) -> Span:
        """Return what a booking at `start` takes, buffers included."""
        length = self.length_minutes * MINUTE
        return start - self.before_minutes * MINUTE, start + length + self.after_minutes * MINUTE

    def bounds(self, window: Span, now: int) -> Span:
        """Return between which moments a booking of the window may begin: not too soon, not too far off."""
        soonest, latest = now + self.notice_minutes * MINUTE, now + self.horizon_days * DAY + 1
        return max(window[0], soonest), min(window[1], latest)


@dataclass(frozen=True, slots=True)
class Diary:
    """One resource: when it works, when it is busy, and on which spans of starts it has reached its daily limit.

    `is_closed` where its calendar cannot be believed: then it is never free.
    """

    resource_id: int
    works: Sequence[Span]
    busy: Sequence[Span] = ()
    full: Sequence[Span] = ()
    is_closed: bool = False


@dataclass(frozen=True, slots=True)
class Slot:
    """`resource_ids` are the members that are free: all of them are taken, or one is picked."""

    starts_at: datetime
    ends_at: datetime
    resource_ids: tuple[int, ...]


def find(
    terms: Terms, diaries: Sequence[Diary], window: Span, now: int, mode: GroupMode = GroupMode.ALL_OF
) -> list[Slot]:
    """Return the free slots that begin in the window, in order."""
    bounds = terms.bounds(window, now)
    if not diaries or bounds[0] >= bounds[1]:
        return []
    points = [p for day in clock.days(terms.tz, bounds) for p in clock.grid(terms.tz, day, terms.step_minutes * MINUTE)]
    points = [p for p in points if bounds[0] <= p < bounds[1]]
    free: list[list[int]] = [[] for _ in points]
    for diary in diaries:
        for among in _among(points, starts(terms, diary)):
            for members in free[among]:
                members.append(diary.resource_id)
    needed = len(diaries) if mode is GroupMode.ALL_OF else 1
    length = terms.length_minutes * MINUTE
    return [
        Slot(clock.moment(point), clock.moment(point + length), tuple(members))
        for point, members in zip(points, free, strict=True)
        if len(members) >= needed
    ]


def starts(terms: Terms, diary: Diary) -> Iterator[Span]:
    """Yield the spans of moments at which the resource could begin, in order; both ends belong to them."""
    length = terms.length_minutes * MINUTE
    hours = ((a, b - length) for a, b in diary.works if b - length >= a)
    taken = iter(_blocked(terms, diary))
    blocked = next(taken, None)
    for start, last in () if diary.is_closed else hours:
        while blocked is not None and blocked[1] <= start:
            blocked = next(taken, None)
        low = start
        while blocked is not None and blocked[0] <= last:
            if blocked[0] > low:
                yield low, blocked[0] - 1
            low = max(low, blocked[1])
            if blocked[1] > last:
                break
            blocked = next(taken, None)
        if low <= last:
            yield low, last


def _blocked(terms: Terms, diary: Diary) -> list[Span]:
    """Return from when to before when nothing may begin: it would meet something, or the day is full."""
    before = terms.before_minutes * MINUTE
    reach = (terms.length_minutes + terms.after_minutes) * MINUTE
    busy = ((a - reach + 1, b + before) for a, b in diary.busy if a < b)
    return clock.merged(itertools.chain(busy, diary.full))


def _among(points: Sequence[int], spans: Iterable[Span]) -> Iterator[slice]:
    """Yield which of the points lie in each span."""
    at = 0
    for first, last in spans:
        begin = bisect_left(points, first, at)
        at = bisect_right(points, last, begin)
        yield slice(begin, at)


# --- groups


def pick(
    candidates: Sequence[int],
    how: Pick,
    picked_at: Mapping[int, datetime | None],
    ahead: Mapping[int, int],
) -> int:
    """Return which of the free members takes a booking.

    In turn: whoever was picked longest ago, those never picked first; or whoever has the fewest bookings `ahead`, among
    equals in turn. Raises ValueError without candidates.
    """
    turn = {
        i: (picked_at.get(i) is not None, clock.seconds(picked_at.get(i) or clock.moment(0)), i) for i in candidates
    }
    if how is Pick.ROUND_ROBIN:
        return min(candidates, key=lambda i: turn[i])
    return min(candidates, key=lambda i: (ahead.get(i, 0), turn[i]))
