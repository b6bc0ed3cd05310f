"""Availability: the free slots of an event type.

What takes time is read in `busy.py`; why a moment is offered or not is told in `slot_reasons.py`, at which times
somebody is double-booked in `overlaps.py`. Both are given on from here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlmodel import Session

from calsync.engine import clock, openings
from calsync.engine import hours as engine_hours
from calsync.engine.clock import Span
from calsync.engine.hours import Hours
from calsync.engine.openings import Diary, Slot, Terms
from calsync.engine.rules import Rules
from calsync.engine.vocabulary import BookingState, GroupMode, Pick
from calsync.errors import Refused
from calsync.runtime import Runtime
from calsync.services import believing, busy, working_hours
from calsync.services.believing import Source
from calsync.services.busy import Busy, Times
from calsync.services.busy_reading import Wanted
from calsync.services.overlaps import Who, overlaps
from calsync.store import scheduling as rows
from calsync.store import tables as t
from calsync.store.busy import Depth

__all__ = ["Answer", "Case", "Who", "overlaps", "slots"]

LONGEST_WINDOW = timedelta(days=92)
DAY = timedelta(days=1)
LONGEST_DAY = timedelta(hours=26)
"""No day by any clock is longer: what begins on a day is read with every moment of it."""


@dataclass(frozen=True, slots=True)
class Case:
    """An event type with the usable ones of its resources, and the hours in force for each, by resource id."""

    event_type: t.EventType
    terms: Terms
    mode: GroupMode
    resources: Sequence[t.Resource]
    hours: Mapping[int, Hours]
    rules: Rules  # the organisation's
    own_hours: Hours | None = None
    pick: Pick = Pick.ROUND_ROBIN
    group_id: int | None = None
    members: Sequence[t.GroupMember] = ()
    is_closed: bool = False  # disabled, or a resource that has to be there is


@dataclass(frozen=True, slots=True)
class Answer:
    """Free slots in order, and how fresh each calendar was that was asked, by resource id."""

    slots: list[Slot] = field(default_factory=list)
    sources: dict[int, list[Source]] = field(default_factory=dict)


def slots(rt: Runtime, event_type_id: int, start: datetime, end: datetime, now: datetime | None = None) -> Answer:
    """Return the slots of an event type that begin from `start` to before `end`, at most 92 days.

    Raises NotFound; Refused for a window that is too long. Asks for no right: only free times come out.
    """
    if end - start > LONGEST_WINDOW:
        raise Refused("Ask for at most 92 days at once.", code="invalid", field="end")
    with rt.reading() as session:
        case = case_of(session, rows.get_event_type(session, event_type_id))
        return offered(session, case, (start, end), now or rt.now())


def offered(
    session: Session, case: Case, window: tuple[datetime, datetime], now: datetime, moving: Sequence[t.Booking] = ()
) -> Answer:
    """Return the slots of a case inside a transaction; the time of bookings that are `moving` counts as free."""
    if case.is_closed or not case.resources:
        return Answer()
    times = read(session, case, window, now, moving)
    return Answer(found_in(case, times, window, now), {i: each.sources for i, each in times.items()})


def found_in(case: Case, times: Mapping[int, Times], window: tuple[datetime, datetime], now: datetime) -> list[Slot]:
    """Return the slots of a case in a window whose times have been read."""
    if case.is_closed or not case.resources:
        return []
    diaries = [diary(case, resource, times[t.pk(resource)], window) for resource in case.resources]
    return openings.find(case.terms, diaries, clock.span(*window), clock.seconds(now), case.mode)


def case_of(session: Session, event_type: t.EventType) -> Case:
    """Return what booking an event type is about."""
    about = rows.about(session, event_type)
    mode = GroupMode.ALL_OF if about.group is None else GroupMode(about.group.mode)
    usable = [resource for resource, can_be_booked in about.resources if can_be_booked]
    is_missing = not usable or (mode is GroupMode.ALL_OF and len(usable) < len(about.resources))
    known = working_hours.of_case(session, event_type, usable)
    return Case(
        event_type,
        terms_of(event_type, known.own.tz if known.own else usable[0].tz if usable else "UTC"),
        mode,
        usable,
        known.hours,
        known.rules,
        known.own,
        Pick.ROUND_ROBIN if about.group is None else Pick(about.group.pick),
        event_type.group_id,
        about.members,
        is_closed=is_missing or not event_type.is_active or (about.group is not None and not about.group.is_active),
    )


def terms_of(event_type: t.EventType, tz: str) -> Terms:
    """Return the terms of an event type; `tz` is by whose clock slots begin."""
    return Terms(
        event_type.length_minutes,
        event_type.step_minutes,
        event_type.buffer_before_minutes,
        event_type.buffer_after_minutes,
        event_type.notice_minutes,
        event_type.horizon_days,
        tz,
    )


def read(
    session: Session,
    case: Case,
    window: tuple[datetime, datetime],
    now: datetime,
    moving: Sequence[t.Booking] = (),
    depth: Depth = Depth.SPANS,
) -> dict[int, Times]:
    """Return what takes the time of a case's resources, by resource id, a day around the window."""
    around = (window[0] - LONGEST_DAY - _reach(case.terms), window[1] + LONGEST_DAY + _reach(case.terms))
    moving_ids = {t.pk(booking) for booking in moving}
    moved = {booking.activity_id for booking in moving if booking.activity_id is not None}
    subjects = [believing.of_resource(r) for r in case.resources]
    found = busy.read_wanted(session, Wanted(subjects, around, now, depth, moved, case.rules))
    for times in found.values() if moving else ():
        times.things = [
            each
            for thing in times.things
            if thing.booking_id not in moving_ids
            for each in _without_moving(thing, moving)
        ]
        times.bookings = [row for row in times.bookings if row.booking_id not in moving_ids]
    return {subject.resource_id: times for subject, times in found.items()}


def _without_moving(thing: Busy, moving: Sequence[t.Booking]) -> list[Busy]:
    """Return what is left of a thing without the bookings that move: a provider tells when somebody else is busy, and
    not that it is because of them.
    """
    left = [thing]
    for booking in moving if thing.source == busy.ASKED else ():
        if booking.state == BookingState.HELD:  # nobody else knows of it
            continue
        left = [
            each._replace(starts_at=start, ends_at=end)
            for each in left
            for start, end in (
                (each.starts_at, min(each.ends_at, booking.starts_at)),
                (max(each.starts_at, booking.ends_at), each.ends_at),
            )
            if start < end
        ]
    return left


def _reach(terms: Terms) -> timedelta:
    return timedelta(minutes=terms.length_minutes + terms.before_minutes + terms.after_minutes)


def diary(case: Case, resource: t.Resource, times: Times, window: tuple[datetime, datetime]) -> Diary:
    """Return a resource's time as the search for slots wants it."""
    spanned = clock.span(*window)
    return Diary(
        t.pk(resource),
        works(case, resource, window),
        times.taken(),
        full(case, resource, times, spanned),
        times.is_closed,
    )


def works(case: Case, resource: t.Resource, window: tuple[datetime, datetime]) -> list[Span]:
    """Return when a resource works for an event type."""
    around = clock.span(window[0] - DAY, window[1] + DAY + _reach(case.terms))
    theirs = engine_hours.working(case.hours[t.pk(resource)], around)
    return theirs if case.own_hours is None else clock.common(theirs, engine_hours.working(case.own_hours, around))


def full(case: Case, resource: t.Resource, times: Times, window: Span) -> list[Span]:
    """Return the days on which a resource has as many bookings of the event type as it may have."""
    limit = case.event_type.daily_limit
    if limit is None:
        return []
    tz = case.hours[t.pk(resource)].tz
    begun = [clock.seconds(b.begins_at) for b in times.bookings if b.event_type_id == case.event_type.id]
    days = (clock.whole_day(tz, day) for day in clock.days(tz, window))
    return [day for day in days if sum(day[0] <= at < day[1] for at in begun) >= limit]
