"""What people and programs may write into an activity: named values, checked and applied to its event.

| name | value |
|---|---|
| `title`, `description`, `location`, `conference`, `url` | text; "" or None empties |
| `start`, `end` | a Moment; the end of days is exclusive |
| `due` | a Moment: the due time of a task, instead of start and end |
| `tz` | a zone name of any spelling that is understood |
| `rrule` | an RRULE value; "" or None ends the series |
| `attendees` | addresses, or a mapping of addresses to names: all of them |
| `responses` | a mapping of addresses to accepted, declined, tentative, needs-action |
| `reminders` | pairs of minutes and "popup" or "email": all of them |
| `visibility` | public, private, confidential |
| `show_as` | busy, free |
| `status` | confirmed, tentative |
| `kind`, `is_done`, `external_id`, `location_kind` | facts of the CRM alone, which no calendar gets |

Shape is the forms' business; what stands here are the rules.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from calsync.engine import mapping, rrule, series, slots, zones
from calsync.engine.event import Event, Floating, Reminder
from calsync.engine.rules import Rules
from calsync.engine.vocabulary import Kind
from calsync.errors import Refused
from calsync.store import tables as t

Changes = Mapping[str, Any]

CRM_FACTS = frozenset({"kind", "is_done", "external_id", "location_kind"})
RESPONSES = ("accepted", "declined", "tentative", "needs-action")
PLACES = ("", "in_person", "phone", "link")
FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
YEARS = range(1900, 9999)
LONGEST_TITLE, LONGEST_TEXT = 1_000, 60_000
FARTHEST_REMINDER_MINUTES = 40_320
MOST_GUESTS = 500

_ADDRESS = re.compile(r"[^\s@<>\"(),;:\\]+@[^\s@<>\"(),;:\\]+")
_LINK = re.compile(r"https?://[^\s]+", re.IGNORECASE)


def apply(event: Event, changes: Changes, rules: Rules, due_is: str | None = None) -> Event:
    """Return the event with the changes made. Raises Refused, naming the field; an unknown name is a mistake.

    `due_is` says which end of a task's event is its due time.
    """
    unknown = sorted(set(changes) - set(_APPLIERS) - CRM_FACTS - _TIMES)
    if unknown:
        raise Refused(f"There is no field {unknown[0]}.", code="unknown_field", field=unknown[0])
    if _TIMES & set(changes):
        event = _with_times(event, changes, rules, due_is)
    for name, applied in _APPLIERS.items():
        if name in changes:
            event = applied(event, changes[name])
    if event.rrule and {"rrule", *_TIMES} & set(changes):
        _check_begins(event)
    return event


def _check_begins(event: Event) -> None:
    """Refuse a series without its first occurrence: it would stand in no calendar, and nobody would find it."""
    if not series.yields(replace(event, exdates=()), event.start):
        raise Refused("The series would end before it begins.", code="invalid", field="rrule")


def check_facts(changes: Changes, link_kinds: Iterable[str]) -> dict[str, Any]:
    """Return the facts of the CRM among the changes, ready for the row. Raises Refused.

    `link_kinds` are the kinds of conference that providers make; each is a place to meet.
    """
    found = {name: changes[name] for name in CRM_FACTS if name in changes}
    if "kind" in found:
        found["kind"] = _one_of("kind", found["kind"], tuple(k.value for k in Kind))
    if "location_kind" in found:
        found["location_kind"] = _one_of("location_kind", found["location_kind"] or "", (*PLACES, *link_kinds))
    if "is_done" in found:
        found["is_done"] = bool(found["is_done"])
    if "external_id" in found:
        found["external_id"] = clean_text("external_id", found["external_id"], 200) or None
    return found


# --- times

_TIMES = frozenset({"start", "end", "due", "tz"})


def _with_times(event: Event, changes: Changes, rules: Rules, due_is: str | None) -> Event:
    if "due" in changes:
        _check_moment("due", changes["due"])
        moved = mapping.with_due(event, due_is or "end", changes["due"], rules)
    else:
        moved = _moved(event, changes, rules)
    _check_order(moved)
    return replace(moved, tz=_zone(moved, changes))


def _moved(event: Event, changes: Changes, rules: Rules) -> Event:
    """Return the event at its new start and end; where only the start is told it keeps its length."""
    start = changes.get("start", event.start)
    _check_moment("start", start)
    if changes.get("end") is not None:
        _check_moment("end", changes["end"])
        return replace(event, start=start, end=changes["end"])
    if "start" not in changes:
        return event
    if _form(start) is not _form(event.start):
        default = timedelta(days=1) if _form(start) is date else timedelta(minutes=rules.task_minutes)
        return replace(event, start=start, end=slots.later(start, default))
    return replace(event, start=start, end=slots.later(start, slots.length(event)))


def _zone(event: Event, changes: Changes) -> str | None:
    """Return the zone beside the start; days and floating times have none."""
    name = changes.get("tz", event.tz)
    known = zones.resolve(str(name)) if name else None
    if name and known is None:
        raise Refused(f"{name} is no known time zone. Example: Europe/Berlin.", code="invalid", field="tz")
    return known if _form(event.start) is datetime else None


def _check_moment(field: str, value: Any) -> None:
    form = _form(value)
    wall = value.wall if isinstance(value, Floating) else value
    if form is None or (form is datetime and wall.tzinfo is None):
        raise Refused("Give a date, or a date and time.", code="invalid", field=field)
    if wall.year not in YEARS:
        raise Refused(f"The year must be between {YEARS.start} and {YEARS.stop - 1}.", code="invalid", field=field)


def _check_order(event: Event) -> None:
    if _form(event.start) is not _form(event.end):
        raise Refused("Start and end must both be days, or both be times.", code="invalid", field="end")
    length = slots.instant(event.end) - slots.instant(event.start)
    if length < timedelta() or (event.is_all_day and not length):
        raise Refused("The end must be after the start.", code="invalid", field="end")


def _form(moment: Any) -> type | None:
    return next((kind for kind in (Floating, datetime, date) if isinstance(moment, kind)), None)


# --- everything else


def set_facts(row: t.Activity, facts: Mapping[str, Any], now: datetime) -> list[str]:
    """Write facts of the CRM on an activity's row, as `check_facts` gave them; return which changed."""
    changed = [name for name, value in facts.items() if getattr(row, name) != value]
    for name in changed:
        setattr(row, name, facts[name])
    if changed:
        row.row_version, row.updated_at = row.row_version + 1, now
    if "kind" in changed:
        row.excluded = row.considered = ""
        row.due_is = row.due_is if row.kind == Kind.TASK else None
    return changed


def _with_text(name: str, longest: int) -> Callable[[Event, Any], Event]:
    return lambda event, value: _set(event, name, clean_text(name, value, longest))


def _with_title(event: Event, value: Any) -> Event:
    return replace(event, summary=" ".join(clean_text("title", value, LONGEST_TITLE).split()))


def _with_link(name: str) -> Callable[[Event, Any], Event]:
    def applied(event: Event, value: Any) -> Event:
        link = clean_text(name, value, 2_000) or None
        if link is not None and not _LINK.fullmatch(link):
            raise Refused("A link begins with https:// or http://.", code="invalid", field=name)
        return _set(event, name, link)

    return applied


def _with_rule(event: Event, value: Any) -> Event:
    text = clean_text("rrule", value, 1_000).removeprefix("RRULE:")
    if not text:
        return replace(event, rrule=None, rdates=(), exdates=())
    if event.recurrence_id is not None:
        raise Refused("One occurrence cannot repeat; change the series.", code="invalid", field="rrule")
    try:
        rule = rrule.parse(text)
    except ValueError as error:
        raise Refused(f"This {error}.", code="invalid", field="rrule") from error
    if rule.freq not in FREQUENCIES:
        raise Refused("Choose daily, weekly, monthly or yearly.", code="invalid", field="rrule")
    return replace(event, rrule=text)


def _with_attendees(event: Event, value: Mapping[str, str] | Iterable[str] | None) -> Event:
    named = dict(value) if isinstance(value, Mapping) else dict.fromkeys(value or (), "")
    people = {clean_address(a): clean_text("attendees", name, 300) for a, name in named.items()}
    if len(people) > MOST_GUESTS:
        raise Refused(f"At most {MOST_GUESTS} guests fit an event.", code="invalid", field="attendees")
    return replace(event, attendees=mapping.guests(people, event.attendees))


def _with_responses(event: Event, value: Mapping[str, str]) -> Event:
    told = {clean_address(a): _one_of("responses", r, RESPONSES) for a, r in value.items()}
    known = {a.address for a in event.attendees}
    strangers = sorted(set(told) - known)
    if strangers:
        raise Refused(f"{strangers[0]} is not invited.", code="invalid", field="responses")
    people = tuple(replace(a, partstat=told.get(a.address, a.partstat)) for a in event.attendees)
    return replace(event, attendees=people)


def _with_reminders(event: Event, value: Iterable[tuple[int, str]] | None) -> Event:
    reminders = {Reminder(int(minutes), _one_of("reminders", way, ("popup", "email"))) for minutes, way in value or ()}
    if any(not 0 <= r.minutes <= FARTHEST_REMINDER_MINUTES for r in reminders):
        reason = f"A reminder comes 0 to {FARTHEST_REMINDER_MINUTES} minutes before the start."
        raise Refused(reason, code="invalid", field="reminders")
    return replace(event, reminders=tuple(sorted(reminders)))


def _with_choice(name: str, field: str, choices: Mapping[str, str]) -> Callable[[Event, Any], Event]:
    return lambda event, value: _set(event, field, choices[_one_of(name, value, tuple(choices))])


def _set(event: Event, field: str, value: Any) -> Event:
    return replace(event, **{field: value})


def _same(*values: str) -> dict[str, str]:
    return {value: value for value in values}


_APPLIERS: dict[str, Callable[[Event, Any], Event]] = {
    "title": _with_title,
    "description": _with_text("description", LONGEST_TEXT),
    "location": _with_text("location", 2_000),
    "conference": _with_link("conference"),
    "url": _with_link("url"),
    "rrule": _with_rule,
    "attendees": _with_attendees,
    "responses": _with_responses,
    "reminders": _with_reminders,
    "visibility": _with_choice("visibility", "classification", _same("public", "private", "confidential")),
    "show_as": _with_choice("show_as", "transparency", {"busy": "opaque", "free": "transparent"}),
    "status": _with_choice("status", "status", _same("confirmed", "tentative")),
}

FIELDS = frozenset(_APPLIERS) | _TIMES | CRM_FACTS
"""Every name that create and edit understand."""


def clean_text(field: str, value: Any, longest: int) -> str:
    """Return what somebody typed as it is stored. Raises Refused when it is too long."""
    text = str(value or "").replace("\0", "").replace("\r\n", "\n").strip()
    if len(text) > longest:
        raise Refused(f"At most {longest} characters fit here.", code="invalid", field=field)
    return text


def clean_address(value: str, field: str = "attendees") -> str:
    """Return an e-mail address as it is compared. Raises Refused, naming the field."""
    address = value.strip().removeprefix("mailto:").lower()
    if not _ADDRESS.fullmatch(address) or len(address) > 320:
        raise Refused(f"{value.strip() or 'An empty line'} is no e-mail address.", code="invalid", field=field)
    return address


def _one_of(field: str, value: Any, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        named = ", ".join(a for a in allowed if a)
        raise Refused(f"{value} is not known here. Choose one of {named}.", code="invalid", field=field)
    return str(value)
