"""freebusy.query: merged busy times, with errors per calendar inside a 200 (contract 13.1)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from tests.emulators.google import copies, errors, instances, people, times
from tests.emulators.google.access import Call
from tests.emulators.google.model import Calendar, Event, Resource

MOST_CALENDARS, MOST_MEMBERS = 50, 100
LONGEST = timedelta(days=92)

Span = tuple[datetime, datetime]


def query(call: Call) -> Resource:
    lower, upper = _window(call.body)
    zone = times.get_zone(call.body.get("timeZone") or "UTC", "timeZone")
    most = _limit(call.body, "calendarExpansionMax", MOST_CALENDARS)
    asked = [str(item.get("id", "")) for item in call.body.get("items") or []]
    groups = {name: _group(call, name) for name in asked if name in call.world.groups}
    members = [email for group in groups.values() for email in group.get("calendars", [])]
    names = [name for name in asked if name not in groups]
    names = list(dict.fromkeys([*names, *members]))
    answers = {name: _answer(call, name, lower, upper, zone) for name in names[:most]}
    answers |= {name: _error("tooManyCalendarsRequested") for name in names[most:]}
    body: Resource = {
        "kind": "calendar#freeBusy",
        "timeMin": times.milliseconds(lower),
        "timeMax": times.milliseconds(upper),
        "calendars": answers,
    }
    return body | ({"groups": groups} if groups else {})


def _window(body: Resource) -> Span:
    bounds = []
    for name in ("timeMin", "timeMax"):
        if not body.get(name):
            raise errors.required(f"Missing {name} parameter.", name)
        moment = times.parse_moment(body[name])
        if moment is None:
            raise errors.ApiError(400, "badRequest", "Bad Request", location=("parameter", name))
        bounds.append(moment)
    lower, upper = bounds
    if upper <= lower:
        raise errors.of(400, "timeRangeEmpty")
    if upper - lower > LONGEST:
        raise errors.restricted("timeRangeTooLong", "The requested time range is too long.")
    return lower, upper


def _limit(body: Resource, name: str, most: int) -> int:
    value = body.get(name, most)
    if not 0 < value <= most:
        raise errors.invalid(f"Invalid value for: {name}", name)
    return value


def _group(call: Call, name: str) -> Resource:
    members = call.world.groups[name]
    if len(members) > _limit(call.body, "groupExpansionMax", MOST_MEMBERS):
        return {"errors": [{"domain": "global", "reason": "groupTooBig"}]}
    return {"calendars": members}


def _error(reason: str) -> Resource:
    return {"errors": [{"domain": "global", "reason": reason}], "busy": []}


def _answer(call: Call, name: str, lower: datetime, upper: datetime, zone: ZoneInfo) -> Resource:
    calendar = call.world.find_calendar(call.user.email if name == "primary" else name)
    if calendar is None or people.role_of(call.user, calendar) == "none":
        return _error("notFound")
    spans = sorted(_spans(call, calendar, lower, upper))
    merged = _merged(spans)
    busy = [{"start": times.in_zone(start, zone), "end": times.in_zone(end, zone)} for start, end in merged]
    return {"busy": busy}


def _spans(call: Call, calendar: Calendar, lower: datetime, upper: datetime) -> Iterator[Span]:
    """Yield clipped times of everything that counts as busy."""
    for event in call.world.stored_events(calendar):
        if event.is_series and not event.is_cancelled:
            found = list(instances.expand(calendar, event, call.world.now(), lower, upper))
        elif event.series_id in calendar.events or not instances.in_window(event, calendar, lower, upper):
            continue
        else:
            found = [event]
        for one in found:
            if _is_busy(one, calendar):
                start, end = (times.moment_of(one.body[side], calendar.time_zone) for side in ("start", "end"))
                yield max(start, lower), min(end, upper)


def _is_busy(event: Event, calendar: Calendar) -> bool:
    mine = copies.guests(event.body).get(calendar.id, {})
    return not event.is_cancelled and "transparency" not in event.body and mine.get("responseStatus") != "declined"


def _merged(spans: list[Span]) -> list[Span]:
    result: list[Span] = []
    for start, end in spans:
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        elif end > start:
            result.append((start, end))
    return result
