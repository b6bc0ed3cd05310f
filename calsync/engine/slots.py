"""The slots of a series: the moments that its start, RDATE and rule give, and how any moment names one of them.

A series recurs by the wall clock of its zone (`Event.tz`; UTC without one). Moments are compared by *slot key*: the
naive wall time in that zone, or the date of an all-day series. Overrides and changes of series belong to `series.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from calsync.engine import recurrence, rrule
from calsync.engine.event import Event, Floating, Moment

NEVER = datetime(9999, 12, 31, tzinfo=UTC)
"""The end of a series that has none; sorts after every real time."""

BEFORE_ALL = datetime(1, 1, 1, tzinfo=UTC)

SlotKey = datetime | date

_PERIODS_FOR_A_BOUND = 2_000
_DAY = timedelta(days=1)


def key_of(master: Event, moment: Moment) -> SlotKey:
    """Return what identifies a slot of the series, whatever form `moment` came in.

    The naive wall time in the master's zone, or a date: always of an all-day series, and where `moment` is only one.
    """
    if isinstance(moment, Floating):
        wall = moment.wall
    elif isinstance(moment, datetime):
        wall = _wall(moment, home(master))
    else:
        return moment
    return wall.date() if master.is_all_day else wall


def moment_at(master: Event, key: SlotKey) -> Moment:
    """Return the moment of a slot in the form of the master's start; a mere date takes the time of the start."""
    if master.is_all_day:
        return key.date() if isinstance(key, datetime) else key
    first = wall_of(master)
    wall = key if isinstance(key, datetime) else datetime.combine(key, first.time())
    if wall == first:
        return master.start
    return Floating(wall) if isinstance(master.start, Floating) else _utc(wall, home(master))


def between(master: Event, after: datetime, before: datetime) -> dict[SlotKey, Moment]:
    """Return the slots with after <= moment < before (UTC, give or take a day), EXDATE aside.

    Raises ValueError when the rule or the zone cannot be read, or more slots than can be computed.
    """
    moments = (moment_at(master, wall) for wall in _walls(master, after, before))
    return {key_of(master, moment): moment for moment in moments}


def times(master: Event, after: datetime, before: datetime) -> Iterator[datetime]:
    """Yield what `between` returns of a series of times (no days, no floating times), some of them twice."""
    first, zone = wall_of(master), home(master)
    for wall in _walls(master, after, before):
        if wall != first:
            yield _utc(wall, zone)
        elif isinstance(master.start, datetime):
            yield master.start


def even(master: Event, after: datetime, before: datetime) -> list[datetime] | None:
    """Return what `times` yields of what most series are, every so many days or weeks, and some days around it.

    None for any other series. Raises ValueError when the rule or the zone cannot be read.
    """
    rule, first, zone = rrule.parse(master.rrule or ""), wall_of(master), home(master)
    step, until = recurrence.step(rule, first), until_of(master)
    if step is None:
        return None
    # No zone is more than 15 hours from UTC.
    low = max(_plus_naive(after.replace(tzinfo=None), -_DAY), first)
    high = _plus_naive(before.replace(tzinfo=None), _DAY)
    begin, end = -((first - low) // step), -((first - high) // step)
    if rule.count is not None:
        end = min(end, rule.count)
    if until is not None:
        end = min(end, (until - first) // step + 1)
    if end - begin > recurrence.MOST:
        return None
    # The start is what it says, also where the clock shows its time twice.
    return [_utc(first + number * step, zone) if number else instant(master.start) for number in range(begin, end)]


def removed(master: Event) -> frozenset[SlotKey]:
    return frozenset(key_of(master, m) for m in master.exdates)


def is_in(keys: frozenset[SlotKey], key: SlotKey) -> bool:
    """Return whether a slot is named, by its wall time or by its day."""
    return key in keys or (isinstance(key, datetime) and key.date() in keys)


def last_start(master: Event) -> datetime:
    """Return a UTC bound of the last start that the rule gives; NEVER when there is none or it takes long to know.

    Raises ValueError when the rule or the zone cannot be read.
    """
    rule = rrule.parse(master.rrule or "")
    last = recurrence.last(rule, wall_of(master), _PERIODS_FOR_A_BOUND) if rule.count else None
    walls = [wall for wall in (until_of(master), last) if wall is not None]
    # No zone is more than 15 hours from UTC.
    return plus(min(walls).replace(tzinfo=UTC), timedelta(hours=15)) if walls else NEVER


def _walls(master: Event, after: datetime, before: datetime) -> Iterator[datetime]:
    low, high = _wall(after, home(master)), _wall(before, home(master))
    first, until = wall_of(master), until_of(master)
    fixed = [as_wall(key_of(master, m)) for m in master.rdates]
    if until is None or first <= until:
        fixed.append(first)
    yield from (wall for wall in fixed if low <= wall < high)
    if master.rrule:
        end = high if until is None else min(high, _plus_naive(until, timedelta(microseconds=1)))
        yield from recurrence.between(rrule.parse(master.rrule), first, low, end)


def until_of(master: Event) -> datetime | None:
    """Return the last wall time that UNTIL allows. A date allows its whole day, whatever the start is."""
    until = rrule.parse(master.rrule).until if master.rrule else None
    if until is None:
        return None
    if isinstance(until, datetime) and master.is_all_day:
        until = until.date()
    key = key_of(master, until)
    return key if isinstance(key, datetime) else datetime.combine(key, time.max)


# Times


def home(master: Event) -> tzinfo:
    """Return the zone by whose clock the series recurs."""
    return zone(master.tz) if master.tz else UTC


def zone(name: str) -> tzinfo:
    """Return the zone of an IANA name. Raises ValueError when there is none."""
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (KeyError, OSError, ValueError) as error:
        raise ValueError(f"unknown time zone {name}") from error


def instant(moment: Moment, viewer: tzinfo = UTC) -> datetime:
    """Return the moment in UTC; a date (its midnight) and a floating time are read in the viewer's zone."""
    if isinstance(moment, Floating):
        return _utc(moment.wall, viewer)
    if isinstance(moment, datetime):
        return moment.astimezone(UTC)
    return _utc(as_wall(moment), viewer)


def wall_of(master: Event) -> datetime:
    """Return the wall time of the master's start."""
    return as_wall(key_of(master, master.start))


def as_wall(key: SlotKey) -> datetime:
    return key if isinstance(key, datetime) else datetime.combine(key, time())


def later(moment: Moment, by: timedelta) -> Moment:
    """Return the moment moved by a length of time, by whole days when it is a date. Stays inside the calendar."""
    if isinstance(moment, Floating):
        return Floating(_plus_naive(moment.wall, by))
    if isinstance(moment, datetime):
        return plus(moment, by)
    return _plus_naive(as_wall(moment), timedelta(days=by.days)).date()


def length(event: Event) -> timedelta:
    """Return how long the event is, never negative. Every occurrence is exactly as long (RFC 5545 section 3.8.5.3)."""
    return max(instant(event.end) - instant(event.start), timedelta())


def plus(moment: datetime, by: timedelta) -> datetime:
    """Return an aware time moved, but not past NEVER or BEFORE_ALL."""
    try:
        return min(moment + by, NEVER)
    except OverflowError:
        return NEVER if by > timedelta() else BEFORE_ALL


def _plus_naive(wall: datetime, by: timedelta) -> datetime:
    try:
        return wall + by
    except OverflowError:
        return datetime.max if by > timedelta() else datetime.min


def _wall(moment: datetime, zone: tzinfo) -> datetime:
    try:
        return moment.astimezone(zone).replace(tzinfo=None, fold=0)
    except OverflowError:
        return moment.astimezone(UTC).replace(tzinfo=None)


def _utc(wall: datetime, zone: tzinfo) -> datetime:
    """Return a wall time in UTC. One that the clocks skip counts by the offset before, one they repeat is the first.

    RFC 5545 section 3.3.5; fold=0 means exactly that.
    """
    first = wall.replace(fold=0) if wall.fold else wall
    try:
        return datetime.combine(first, first.time(), zone).astimezone(UTC)  # a quarter of what replace takes
    except OverflowError:
        return wall.replace(tzinfo=UTC)
