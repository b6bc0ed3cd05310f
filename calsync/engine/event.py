"""Event: the neutral value both sides are translated to, and its content as comparable fields.

Field names follow RFC 5545 in snake case. Nothing here knows a provider, a table or a rule.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from calsync.engine.vocabulary import EventKind


@dataclass(frozen=True, slots=True, order=True)
class Floating:
    """A wall time without a zone (RFC 5545 section 3.3.5, form 1). `wall` is naive."""

    wall: datetime


Moment = datetime | date | Floating
"""An aware datetime in UTC, a date (all-day), or a floating time."""

Content = dict[str, Any]
"""The fields of an event that we sync, as JSON values, one key per merge unit (see FIELDS)."""


@dataclass(frozen=True, slots=True)
class Person:
    address: str  # lower case, without "mailto:"
    name: str = ""


@dataclass(frozen=True, slots=True)
class Attendee:
    """`partstat` and `role` are RFC 5545 values in lower case with hyphens: needs-action, accepted, ..."""

    address: str
    name: str = ""
    role: str = "req-participant"
    partstat: str = "needs-action"
    kind: str = "individual"  # CUTYPE: individual, group, resource, room, unknown


@dataclass(frozen=True, slots=True, order=True)
class Reminder:
    """`minutes` before the start; negative means after it. `method` is popup or email."""

    minutes: int
    method: str = "popup"


@dataclass(frozen=True, slots=True)
class Event:
    """One event, one series (with rrule or rdates), or one override (with recurrence_id).

    `end` is exclusive, of the same type as `start`, and equals it for an event of no length. `tz` is the IANA name
    that stands beside start: it decides how a series recurs; None for all-day, floating and plain UTC times.
    `our_id` is the mark that travels with events we wrote: the activity's public id.
    """

    uid: str
    start: Moment
    end: Moment
    tz: str | None = None
    summary: str = ""
    description: str = ""
    location: str = ""
    recurrence_id: Moment | None = None
    rrule: str | None = None  # the value alone, without "RRULE:"
    rdates: tuple[Moment, ...] = ()
    exdates: tuple[Moment, ...] = ()
    status: str = "confirmed"  # confirmed, tentative, cancelled
    transparency: str = "opaque"  # opaque, transparent
    classification: str = "public"  # public, private, confidential
    organizer: Person | None = None
    attendees: tuple[Attendee, ...] = ()
    reminders: tuple[Reminder, ...] = ()
    conference: str | None = None  # join link
    url: str | None = None
    sequence: int = 0
    created: datetime | None = None
    last_modified: datetime | None = None
    our_id: str | None = None
    kind: EventKind = EventKind.DEFAULT  # what becomes of the other kinds is a rule (see scope.py)
    rooms: tuple[Attendee, ...] = ()  # rooms that we invited (Edit.rooms), with their answers; not among attendees
    is_declined: bool = False  # the provider says that the person whose calendar this is declined it

    @property
    def is_all_day(self) -> bool:
        return isinstance(self.start, date) and not isinstance(self.start, datetime)

    @property
    def is_series(self) -> bool:
        return bool(self.rrule or self.rdates)

    @property
    def is_cancelled(self) -> bool:
        return self.status == "cancelled"


FIELDS = (
    "summary",
    "time",  # start, end, tz, rrule, rdates: one merge unit
    "exdates",  # set, merged per element
    "description",
    "location",
    "status",
    "transparency",
    "classification",
    "attendees",  # set per address, without responses
    "responses",  # partstat per address
    "reminders",  # set
    "conference",
    "url",
)
"""The merge units, in the order in which pages show them."""


def moment_text(value: Moment) -> str:
    """Return the stored form: `2026-03-02`, `2026-03-02T09:00:00Z` or `2026-03-02T09:00:00` (floating)."""
    if isinstance(value, Floating):
        return value.wall.isoformat()
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value.isoformat()


def parse_moment(text: str) -> Moment:
    """Read what moment_text wrote. Raises ValueError."""
    if len(text) == 10:
        return date.fromisoformat(text)
    if text.endswith("Z"):
        return datetime.fromisoformat(text)
    return Floating(datetime.fromisoformat(text))


def recurrence_key(event: Event) -> str:
    """Return the part of an event's identity beside its uid: "" for a master or a single event."""
    return "" if event.recurrence_id is None else moment_text(event.recurrence_id)


def content(event: Event) -> Content:
    """Return what is compared, merged and shown in diffs. Server-owned fields are not in it."""
    return {
        "summary": event.summary,
        "time": {
            "start": moment_text(event.start),
            "end": moment_text(event.end),
            "tz": event.tz,
            "rrule": event.rrule,
            "rdates": sorted(moment_text(m) for m in event.rdates),
        },
        "exdates": sorted(moment_text(m) for m in event.exdates),
        "description": event.description,
        "location": event.location,
        "status": event.status,
        "transparency": event.transparency,
        "classification": event.classification,
        "attendees": {a.address: {"name": a.name, "role": a.role, "kind": a.kind} for a in event.attendees},
        "responses": {a.address: a.partstat for a in event.attendees},
        "reminders": sorted([r.minutes, r.method] for r in event.reminders),
        "conference": event.conference,
        "url": event.url,
    }


def with_content(event: Event, values: Mapping[str, Any]) -> Event:
    """Return `event` with its synced fields set to `values`; missing keys stay as they are."""
    merged = values if all(name in values for name in FIELDS) else {**content(event), **values}
    time = merged["time"]
    return replace(
        event,
        summary=merged["summary"],
        start=parse_moment(time["start"]),
        end=parse_moment(time["end"]),
        tz=time["tz"],
        rrule=time["rrule"],
        rdates=tuple(parse_moment(m) for m in time["rdates"]),
        exdates=tuple(parse_moment(m) for m in merged["exdates"]),
        description=merged["description"],
        location=merged["location"],
        status=merged["status"],
        transparency=merged["transparency"],
        classification=merged["classification"],
        attendees=_attendees(merged["attendees"], merged["responses"]),
        reminders=tuple(Reminder(minutes, method) for minutes, method in merged["reminders"]),
        conference=merged["conference"],
        url=merged["url"],
    )


def consistent(values: Content) -> Content:
    """Return content in which exactly the attendees have a response, as a merge per element may leave it otherwise."""
    responses = {a: values["responses"].get(a, "needs-action") for a in values["attendees"]}
    return {**values, "responses": responses}


def resulting(values: Content, changes: Content) -> Content:
    """Return content after `changes`, with responses and attendees consistent."""
    return consistent({**values, **changes})


def fingerprint(values: Content) -> str:
    """Return a hash of content; equal content, equal fingerprint, whatever the key order."""
    return hashlib.blake2b(_canonical(values).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


def changed_fields(before: Content, after: Content) -> tuple[str, ...]:
    """Return the names of the merge units that differ, in FIELDS order."""
    return tuple(name for name in FIELDS if before.get(name) != after.get(name))


def to_json(event: Event, known: Content | None = None) -> dict[str, Any]:
    """Return the whole event, server-owned fields included, as the mirror stores it.

    `known` is the event's content, where the caller has it already.
    """
    rare: dict[str, Any] = {} if event.kind is EventKind.DEFAULT else {"event_kind": event.kind.value}
    if event.is_declined:
        rare["is_declined"] = True
    if event.rooms:
        rare["rooms"] = [[room.address, room.name, room.partstat] for room in event.rooms]
    return (
        (content(event) if known is None else known)
        | rare
        | {
            "uid": event.uid,
            "recurrence_id": None if event.recurrence_id is None else moment_text(event.recurrence_id),
            "organizer": None if event.organizer is None else [event.organizer.address, event.organizer.name],
            "sequence": event.sequence,
            "created": None if event.created is None else moment_text(event.created),
            "last_modified": None if event.last_modified is None else moment_text(event.last_modified),
            "our_id": event.our_id,
        }
    )


def from_json(values: Mapping[str, Any]) -> Event:
    """Read what to_json wrote."""
    start = parse_moment(values["time"]["start"])
    recurrence_id = values.get("recurrence_id")
    organizer = values.get("organizer")
    bare = Event(
        uid=values["uid"],
        start=start,
        end=start,
        recurrence_id=None if recurrence_id is None else parse_moment(recurrence_id),
        organizer=None if organizer is None else Person(*organizer),
        sequence=values.get("sequence", 0),
        created=_aware(values.get("created")),
        last_modified=_aware(values.get("last_modified")),
        our_id=values.get("our_id"),
        kind=EventKind(values.get("event_kind", EventKind.DEFAULT)),
        rooms=tuple(_room(*room) for room in values.get("rooms", ())),
        is_declined=values.get("is_declined", False),
    )
    return with_content(bare, {name: values[name] for name in FIELDS if name in values})


def _attendees(people: Mapping[str, Mapping[str, str]], responses: Mapping[str, str]) -> tuple[Attendee, ...]:
    return tuple(
        Attendee(address, partstat=responses.get(address, "needs-action"), **facts)
        for address, facts in sorted(people.items())
    )


def _room(address: str, name: str, partstat: str) -> Attendee:
    return Attendee(address, name, partstat=partstat, kind="resource")


def _aware(text: str | None) -> datetime | None:
    value = None if text is None else parse_moment(text)
    return value if isinstance(value, datetime) else None
