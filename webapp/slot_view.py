"""The slots of a day, and why a time is offered or not, as a page shows them.

slot_view.asked()          the day and time of the address, in the viewer's zone: ?day=2030-01-08&at=14:00
slot_view.show(id, asked)  the day's slots, and what is to be said about the time
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from flask import request, url_for

from calsync.services import slot_reasons
from calsync.services.believing import Source
from calsync.services.overlaps import Side
from calsync.services.slot_reasons import Day, Reason
from calsync.store import tables as t
from webapp import calendar_view, hours_view, moments
from webapp.access import actor, runtime
from webapp.words import scheduling as words
from webapp.words.states import Word


@dataclass(frozen=True, slots=True)
class Asked:
    """`at` is the moment asked about, None for none; `typed` what stands in the field for it."""

    day: date
    at: datetime | None = None
    typed: str = ""
    is_unreadable: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that speaks against a time, or was near it and ignored; `url` leads to it, "" where nothing may."""

    text: str
    detail: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """What is to be said of one resource, or of the event type itself (`name` "")."""

    name: str
    against: list[Line]
    ignored: list[Line]


@dataclass(frozen=True, slots=True)
class Calendar:
    """A calendar that was asked for a resource."""

    resource: str
    source: Source
    worth: Word


@dataclass(frozen=True, slots=True)
class Time:
    text: str
    url: str
    is_asked: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """`is_offered` is None where no time was asked about."""

    event_type: t.EventType
    times: list[Time]
    is_offered: bool | None
    parts: list[Part]
    calendars: list[Calendar]


def asked() -> Asked:
    """Return what the address asks for; without a day it is today."""
    day = _day(request.args.get("day", "")) or moments.now().astimezone(moments.zone()).date()
    typed = request.args.get("at", "").strip()
    try:
        at = datetime.combine(day, time.fromisoformat(typed)) if typed else None
    except ValueError:
        return Asked(day, None, typed, is_unreadable=True)
    return Asked(day, calendar_view.instant(at.replace(tzinfo=None)) if at else None, typed)


def _day(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if 1900 < found.year < 9990 else None


def show(event_type_id: int, wanted: Asked) -> Shown:
    """Return a day of an event type. Raises NotFound."""
    window = calendar_view.begins(wanted.day), calendar_view.begins(wanted.day + timedelta(days=1))
    found = slot_reasons.explain_day(runtime(), event_type_id, window, wanted.at, actor())
    told = found.explanation
    return Shown(
        found.case.event_type,
        [_time(event_type_id, wanted, slot.starts_at) for slot in found.slots],
        None if told is None else told.is_offered,
        [] if told is None else list(_parts(found, told.reasons)),
        [
            Calendar(resource.name, source, _worth(source))
            for resource in found.case.resources
            for source in found.sources.get(t.pk(resource), [])
        ],
    )


def _time(event_type_id: int, wanted: Asked, starts_at: datetime) -> Time:
    at = starts_at.astimezone(moments.zone()).strftime("%H:%M")
    url = url_for("event_types.slots", event_type_id=event_type_id, day=wanted.day.isoformat(), at=at, _anchor="why")
    return Time(moments.clock(starts_at), url, starts_at == wanted.at)


def _worth(source: Source) -> Word:
    return words.calendar_worth(source.why, source.closes, source.counts, source.is_switched_off)


def _parts(found: Day, reasons: Iterable[Reason]) -> Iterable[Part]:
    """Yield what is said of the event type, where anything is, and of each of its resources."""
    listed = list(reasons)
    names = {source.calendar_id: source.name for sources in found.sources.values() for source in sources}
    own = [_line(found, reason, names, None) for reason in listed if reason.resource_id is None]
    if own:
        yield Part("", own, [])
    for resource in found.case.resources:
        mine = [reason for reason in listed if reason.resource_id == resource.id]
        yield Part(
            resource.name,
            [_line(found, reason, names, resource) for reason in mine if reason.is_against],
            [_line(found, reason, names, resource) for reason in mine if not reason.is_against],
        )


def _line(found: Day, reason: Reason, names: dict[int, str], resource: t.Resource | None) -> Line:
    if reason.thing is not None:
        return _thing_line(reason, reason.thing, names)
    if reason.calendar is not None:
        return Line(f"{reason.calendar.name}: nothing counts as free", f"{words.doubt(reason.calendar.why)}.")
    terms = found.case.event_type
    texts = {
        "disabled": ("It cannot be booked now", "The event type, its group or a resource that it needs is disabled."),
        "off_grid": ("No slot begins then", f"They begin every {words.span(terms.step_minutes)} from midnight."),
        "too_soon": ("Too soon", f"The minimum notice is {words.span(terms.notice_minutes)}."),
        "too_far": ("Too far off", f"It is open for booking {terms.horizon_days} days ahead."),
        "daily_limit": ("Fully booked that day", f"Its limit is {terms.daily_limit} of this type a day."),
        "holiday": (f"Day off: {reason.holiday or 'holiday'}", ""),
    }
    if reason.code in texts:
        return Line(*texts[reason.code])
    hours = found.case.hours[t.pk(resource)] if resource is not None else None
    narrowed = "Within the hours of the event type, too." if found.case.own_hours is not None else ""
    return Line("Outside working hours", f"{hours_view.sentence(hours)}. {narrowed}".strip() if hours else narrowed)


def _thing_line(reason: Reason, thing: Side, names: dict[int, str]) -> Line:
    title = (thing.title or "(no title)") if thing.title is not None else words.hidden_source(thing.source)
    where = names.get(thing.calendar_id or 0, "")
    parts = [moments.span(thing.starts_at, thing.ends_at), words.busy_source(thing.source), where]
    url = url_for("activities.show", activity_id=thing.activity_id) if thing.activity_id else ""
    detail = ", ".join(part for part in parts if part)
    return Line(title, f"{detail}. {words.ignored(reason.code)}".strip() if not reason.is_against else detail, url)


def stepped(day: date, by: int) -> str:
    """Return the day before or after in an address; the same at the ends of the calendar."""
    try:
        return (day + timedelta(days=by)).isoformat()
    except OverflowError:
        return day.isoformat()
