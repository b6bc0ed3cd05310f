"""An Event to what is sent: whole bodies for new events, PATCH bodies of owned fields only (contract section 7). Pure.

A merge unit that already says the wanted thing is not sent, so HTML, colours, labels, other people's properties and
guests' comments stay as they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from calsync.engine.event import FIELDS, Event, Floating, content, recurrence_key
from calsync.providers.google import codec, people, texts, when

Json = dict[str, Any]

MOST_REMINDERS, LONGEST_REMINDER = 5, 40_320
"""How many reminders of its own an event has, and how many minutes before it they are at most (section 6.2)."""

SOLUTIONS = {"meet": "hangoutsMeet"}
"""Our words for conferences that Google makes, and its own."""

LONGEST_VALUE = 1024
"""Characters of an extended property; Google cuts longer ones without a word (section 10.4)."""


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be written. `item` is the stored JSON and `before` what it says; a new event has neither."""

    event: Event
    fields: frozenset[str]
    calendar_zone: str
    item: Json
    before: Event | None = None

    @property
    def is_new(self) -> bool:
        return self.before is None

    @property
    def zone(self) -> str:
        """The zone in which times are written."""
        return when.zone_of(self.event, self.calendar_zone)


def insert(event: Event, event_id: str, key: str, calendar_zone: str) -> Json:
    """Return the body of a new event."""
    change = Change(event, frozenset(FIELDS), calendar_zone, {})
    body = _units(change, FIELDS) | {"id": event_id}
    body["extendedProperties"] = {"private": {codec.KEY: key, **_marks(change)}}
    return dict(_without_none(body))


def patch(event: Event, fields: frozenset[str], item: Json, calendar_zone: str, key: str | None = None) -> Json:
    """Return a PATCH body that brings the named units of a stored event to what `event` says; {} for nothing to do.

    `key` marks an occurrence that this write changes for the first time. Raises ValueError when the stored event
    cannot be read.
    """
    before = codec.event_of(item)
    change = Change(event, fields, calendar_zone, item, before)
    wanted, there = content(event), content(before)
    body = _units(change, [name for name in FIELDS if name in fields and wanted[name] != there[name]])
    if "conference" in fields and event.conference is None and codec.link_state(item) == "pending":
        body["conferenceData"] = None  # what Google still works on is wanted no more
    marks = _marks(change) | ({} if key is None else {codec.KEY: key})
    stored = codec.private(item)
    changed = {name: value for name, value in marks.items() if stored.get(name) != value}
    return body | ({"extendedProperties": {"private": changed}} if changed else {})


def revival(event: Event, key: str, calendar_zone: str) -> Json:
    """Return a PATCH body that brings a deleted event back as `event` says, every field of it."""
    change = Change(event, frozenset(FIELDS), calendar_zone, {})
    # What a new event leaves unsaid the old one may still hold.
    unsaid = {
        "conferenceData": None,
        "recurrence": None,
        "attendees": None,
        "reminders": {"useDefault": True, "overrides": None},
    }
    body = {**unsaid, **_units(change, FIELDS)}
    return body | {"status": event.status, "extendedProperties": {"private": {codec.KEY: key, **_marks(change)}}}


def with_link(body: Json, link: str | None, item: Json, key: str) -> Json:
    """Return a body that asks for a Meet link too, where one is wanted and the event has none (contract section 11).

    Not while Google still works on an earlier request. Each try at a version of the event has an id of its own,
    because a request with the last one's id is ignored; the same try repeated has the same.
    """
    if link not in SOLUTIONS or codec.conference(item):
        return body
    if codec.link_state(item) == "pending":
        return {name: value for name, value in body.items() if name != "conferenceData"}
    request_id = hashlib.blake2b(f"{key} {item.get('etag')}".encode(), digest_size=16).hexdigest()
    request = {"requestId": request_id, "conferenceSolutionKey": {"type": SOLUTIONS[link]}}
    return body | {"conferenceData": {"createRequest": request}}


def needs_conference(body: Json) -> bool:
    """Return whether a body says something about the conference, which Google ignores unless told otherwise."""
    return "conferenceData" in body


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_none(each) for name, each in value.items() if each is not None}
    return value


def _units(change: Change, names: Collection[str]) -> Json:
    """Return the JSON of the named merge units."""
    body: Json = {}
    if {"time", "exdates"} & set(names):
        body |= _time(change, names)
    if {"attendees", "responses"} & set(names):
        body |= _attendees(change, names)
    for name in names:
        body |= _WRITERS[name](change) if name in _WRITERS else {}
    return body


def _time(change: Change, names: Collection[str]) -> Json:
    body = when.write_bounds(change.event, change.zone) if "time" in names or change.is_new else {}
    if change.event.recurrence_id is not None:
        return body
    before = change.before
    had = None if before is None else when.Repeats(before.rrule, before.rdates, before.exdates)
    stored = change.item.get("recurrence") or []
    is_retyped = before is not None and type(before.start) is not type(change.event.start)
    lines = when.write_lines(change.event, change.zone, stored, None if is_retyped else had)
    if lines != stored:
        body["recurrence"] = lines or None
    return body


def _attendees(change: Change, names: Collection[str]) -> Json:
    if change.is_new and not change.event.attendees:
        return {}
    return people.write_attendees(change.event, change.before, change.item, names)


def _visibility(change: Change) -> Json:
    word = change.event.classification
    return {"visibility": "default" if word == "public" else word}


def _reminders(change: Change) -> Json:
    """Return the reminders. A new event without any has the calendar's; one that lost its own has none."""
    kept = [r for r in change.event.reminders if 0 <= r.minutes <= LONGEST_REMINDER and r.method in ("popup", "email")]
    if change.is_new and not kept:
        return {}
    overrides = [{"method": r.method, "minutes": r.minutes} for r in sorted(kept)[:MOST_REMINDERS]]
    return {"reminders": {"useDefault": False, "overrides": overrides}}


def _conference(change: Change) -> Json:
    """Take Google's conference away where another link, or none, shall stand. A link of others is in a property."""
    return {"conferenceData": None} if change.item.get("conferenceData") else {}


def _source(change: Change) -> Json:
    url = change.event.url
    if url is None or not url.lower().startswith(("http://", "https://")):
        return {"source": None}
    return {"source": {"url": url, "title": url}}


_WRITERS: dict[str, Callable[[Change], Json]] = {
    "summary": lambda change: {"summary": change.event.summary},
    "description": lambda change: {"description": texts.to_html(change.event.description)},
    "location": lambda change: {"location": change.event.location},
    "status": lambda change: {"status": change.event.status},
    "transparency": lambda change: {"transparency": change.event.transparency},
    "classification": _visibility,
    "reminders": _reminders,
    "conference": _conference,
    "url": _source,
}


def _marks(change: Change) -> dict[str, str | None]:
    """Return our private properties; None takes one away."""
    event, marks = change.event, dict[str, str | None]()
    if event.our_id is not None:
        marks |= {codec.MARK: event.our_id, codec.SLOT: recurrence_key(event) or None}
    if change.is_new or "time" in change.fields:
        marks[codec.TIME] = codec.FLOATING if isinstance(event.start, Floating) else None
    if change.is_new or "conference" in change.fields:
        marks[codec.LINK] = _foreign_link(change)
    return marks


def _foreign_link(change: Change) -> str | None:
    """Return the join link that has to be remembered beside the event: any but the one that Google itself shows."""
    link = change.event.conference
    is_googles = (
        change.before is not None and link == change.before.conference and codec.LINK not in codec.private(change.item)
    )
    return None if link is None or is_googles or len(link) > LONGEST_VALUE else link
