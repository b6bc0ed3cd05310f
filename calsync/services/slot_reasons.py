"""Why a slot is offered or not: every reason against it, and everything near it that was ignored, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from calsync.engine import clock, openings
from calsync.engine.hours import Hours
from calsync.engine.openings import Diary, Slot
from calsync.engine.vocabulary import GroupMode
from calsync.runtime import Actor, Runtime
from calsync.services import availability, overlaps
from calsync.services.availability import Case
from calsync.services.believing import Source
from calsync.services.busy import Times
from calsync.services.overlaps import Side
from calsync.store import scheduling as rows
from calsync.store import tables as t
from calsync.store.busy import Depth

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that speaks against a slot, or that was near it and ignored (`is_against` False).

    `code` is disabled, off_grid, too_soon, too_far (of the event type, `resource_id` None), or of a resource
    outside_hours, holiday, busy, daily_limit, not_believed (a calendar that closes it); of what was ignored it is what
    busy.Busy.ignored says. `thing` is what it is about, as the asker may see it, `holiday` a holiday's name.
    """

    code: str
    is_against: bool = True
    resource_id: int | None = None
    thing: Side | None = None
    calendar: Source | None = None
    holiday: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """`free_ids` are the resources that could take it; `sources` the calendars that were asked, by resource id."""

    is_offered: bool
    reasons: list[Reason] = field(default_factory=list)
    free_ids: tuple[int, ...] = ()
    sources: dict[int, list[Source]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Day:
    """The slots of a window; `explanation` of the asked moment is None where none was asked about."""

    case: Case
    slots: list[Slot]
    explanation: Explanation | None
    sources: dict[int, list[Source]]


def explain_slot(
    rt: Runtime, event_type_id: int, start: datetime, viewer: Actor, now: datetime | None = None
) -> Explanation:
    """Return why an event type can be booked at `start`, or not. Raises NotFound."""
    now = now or rt.now()
    with rt.reading() as session:
        case = availability.case_of(session, rows.get_event_type(session, event_type_id))
        times = availability.read(session, case, (start, start + MINUTE), now, depth=Depth.ALL)
        sight = overlaps.sight_of(session, viewer, times.values())
    return explained(case, times, sight, start, now)


def explain_day(
    rt: Runtime, event_type_id: int, window: tuple[datetime, datetime], start: datetime | None, viewer: Actor
) -> Day:
    """Return the slots of a window, and why there is one at `start` in it or not, from one reading. Raises NotFound."""
    now = rt.now()
    with rt.reading() as session:
        case = availability.case_of(session, rows.get_event_type(session, event_type_id))
        times = availability.read(session, case, window, now, depth=Depth.ALL)
        sight = overlaps.sight_of(session, viewer, times.values())
    found = availability.found_in(case, times, window, now)
    told = None if start is None else explained(case, times, sight, start, now)
    return Day(case, found, told, {resource_id: each.sources for resource_id, each in times.items()})


def explained(
    case: Case, times: Mapping[int, Times], sight: overlaps.Sight, start: datetime, now: datetime
) -> Explanation:
    """Return why a case can be booked at `start`, or not, from the times that were read around it."""
    reasons = list(_of_terms(case, start, now))
    free = []
    for resource in case.resources:
        found = list(_of_resource(case, resource, times[t.pk(resource)], start, sight))
        reasons += found
        if not any(reason.is_against for reason in found):
            free.append(t.pk(resource))
    needed = len(case.resources) if case.mode is GroupMode.ALL_OF else 1
    is_barred = any(reason.resource_id is None for reason in reasons)
    sources = {resource_id: each.sources for resource_id, each in times.items()}
    return Explanation(not is_barred and bool(free) and len(free) >= needed, reasons, tuple(free), sources)


def _of_terms(case: Case, start: datetime, now: datetime) -> Iterator[Reason]:
    at, terms = clock.seconds(start), case.terms
    if case.is_closed:
        yield Reason("disabled")
    day = clock.local_day(terms.tz, at)
    if at not in clock.grid(terms.tz, day, terms.step_minutes * clock.MINUTE):
        yield Reason("off_grid")
    soonest, latest = terms.bounds((at, at + 1), clock.seconds(now))
    if soonest > at:
        yield Reason("too_soon")
    if latest <= at:
        yield Reason("too_far")


def _of_resource(
    case: Case, resource: t.Resource, times: Times, start: datetime, sight: overlaps.Sight
) -> Iterator[Reason]:
    at, resource_id = clock.seconds(start), t.pk(resource)
    window = (start, start + MINUTE)
    if not _fits(case, Diary(resource_id, availability.works(case, resource, window)), at):
        yield from _off_hours(case.hours[resource_id], case.own_hours, resource_id, at)
    for source in times.sources:
        if source.closes:
            yield Reason("not_believed", resource_id=resource_id, calendar=source)
    for thing in times.things:
        span = clock.span(thing.starts_at, thing.ends_at)
        if span[0] < span[1] and not _fits(case, Diary(resource_id, [_around(at)], [span]), at):
            shown = overlaps.side(sight, thing)
            yield Reason(thing.ignored or "busy", not thing.ignored, resource_id, shown)
    if any(low <= at < high for low, high in availability.full(case, resource, times, clock.span(*window))):
        yield Reason("daily_limit", resource_id=resource_id)


def _fits(case: Case, diary: Diary, at: int) -> bool:
    return any(low <= at <= high for low, high in openings.starts(case.terms, diary))


def _around(at: int) -> clock.Span:
    return at - 7 * clock.DAY, at + 7 * clock.DAY


def _off_hours(theirs: Hours, narrowing: Hours | None, resource_id: int, at: int) -> Iterator[Reason]:
    for hours in (theirs, narrowing):
        day = None if hours is None else clock.local_day(hours.tz, at)
        if hours is not None and day is not None and day not in dict(hours.dates):
            holiday = hours.holiday_on(day)
            if holiday is not None:
                yield Reason("holiday", resource_id=resource_id, holiday=holiday.name)
                return
    yield Reason("outside_hours", resource_id=resource_id)
