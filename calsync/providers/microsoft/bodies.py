"""An Event to what is sent: whole bodies for new events, PATCH bodies of owned fields only (contract section A4). Pure.

A merge unit that already says the wanted thing is not sent, so HTML, categories, importance and everything else that
is not ours stay as they are.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from calsync.engine.event import FIELDS, Event, Floating, Person, content, recurrence_key, with_content
from calsync.providers.microsoft import codec, marks, people, recurrence, texts, when, zones

Json = dict[str, Any]

MEETINGS = {"teams": "teamsForBusiness"}
"""Our words for conferences that Outlook makes, and its own."""

_SPACE = uuid.UUID("0f2a9d5e-7a55-4c0b-8f39-3d4a51d1e6b2")
_SENSITIVITY = {"public": "normal", "private": "private", "confidential": "confidential"}
_LEFT = frozenset({"exdates", "responses", "conference", "url"})
"""Units that no part of the body says: occurrences and answers are calls of their own, the others stand in our mark."""


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be written. `item` is the stored JSON and `before` what it says; a new event has neither.

    `rooms` are those to be invited, None for those that are.
    """

    event: Event
    item: Json
    before: Event | None
    zone: str
    rooms: tuple[Person, ...] | None = None


def transaction_id(key: str, attempt: int = 0) -> str:
    """Return what makes a repeated create harmless; `attempt` counts events of the same key that were deleted."""
    return str(uuid.uuid5(_SPACE, f"{key} {attempt}" if attempt else key))


def insert(
    event: Event, key: str, calendar_zone: str, attempt: int = 0, rooms: tuple[Person, ...] | None = None
) -> Json:
    """Return the body of a new event. Raises ValueError for what Outlook cannot hold."""
    change = Change(event, {}, None, when.zone_of(event, calendar_zone), rooms)
    body = _units(change, FIELDS)
    return {
        **body,
        **_invitations(change, body),
        "transactionId": transaction_id(key, attempt),
        "singleValueExtendedProperties": marks.properties(key, _noted(change)),
    }


def patch(
    event: Event,
    fields: frozenset[str],
    item: Json,
    calendar_zone: str,
    write_key: str | None = None,
    rooms: tuple[Person, ...] | None = None,
) -> Json:
    """Return a PATCH body that brings the named units of a stored event to what `event` says; {} for nothing to do.

    `write_key` marks an occurrence that this write changes for the first time. Raises ValueError for what Outlook
    cannot hold, and when the stored event cannot be read.
    """
    before = codec.event_of(item, calendar_zone)
    wanted, there = content(event), content(before)
    names = frozenset(name for name in fields if wanted[name] != there[name])
    event = with_content(event, there | {name: wanted[name] for name in names})
    zone = when.zone_of(event, calendar_zone) if "time" in names else "UTC"
    change = Change(event, item, before, zone, rooms)
    body = _units(change, [name for name in FIELDS if name in names])
    body |= _invitations(change, body)
    stored = marks.facts(item)
    noted = _without_none({**stored, **_marks_of(change, names)})
    noted |= {} if write_key is None else {marks.WRITE: write_key}
    return body if noted == stored else body | {"singleValueExtendedProperties": marks.properties(None, noted)}


def noting(item: Json, **facts: str) -> Json:
    """Return the part of a PATCH body that adds to what is noted on an event."""
    return {"singleValueExtendedProperties": marks.properties(None, {**marks.facts(item), **facts})}


def with_link(body: Json, link: str | None, item: Json) -> Json:
    """Return a body that asks for a Teams link too, where one is wanted and the event has none (section A8)."""
    if link not in MEETINGS or codec.conference(item) or item.get("isOnlineMeeting"):
        return body
    return body | {"isOnlineMeeting": True, "onlineMeetingProvider": MEETINGS[link]}


def _units(change: Change, names: Collection[str]) -> Json:
    """Return the JSON of the named merge units."""
    body: Json = {}
    for name in names:
        if name not in _LEFT:
            body |= _WRITERS[name](change)
    return body


def _time(change: Change) -> Json:
    event, before = change.event, change.before
    body = when.write_bounds(event, change.zone)
    if event.recurrence_id is None and event.is_series:
        body["recurrence"] = recurrence.write(event, change.zone)
    elif event.recurrence_id is None and before is not None and before.is_series:
        body["recurrence"] = None
    return body


def _description(change: Change) -> Json:
    stored = str((change.item.get("body") or {}).get("content") or "")
    return {
        "body": {
            "contentType": "html",
            "content": texts.beside_meeting(texts.to_html(change.event.description), stored),
        }
    }


def _shown_as(change: Change) -> Json:
    """Return how the time is shown: one word for what are two fields here. Kinds of being busy stay as they are."""
    event, there = change.event, change.item.get("showAs")
    if event.transparency == "transparent":
        return {"showAs": "free"}
    if event.status == "tentative":
        return {"showAs": "tentative"}
    return {} if there in ("oof", "workingElsewhere", "busy") else {"showAs": "busy"}


def _reminders(change: Change) -> Json:
    """Return the reminder: Outlook has one, before the start. The last of several is the one that helps."""
    minutes = [r.minutes for r in change.event.reminders if r.minutes >= 0]
    return {"isReminderOn": True, "reminderMinutesBeforeStart": min(minutes)} if minutes else {"isReminderOn": False}


def _attendees(change: Change) -> Json:
    if change.before is None and not change.event.attendees:
        return {}
    return {"attendees": people.write_attendees(change.event, change.item)}


def _location(change: Change) -> Json:
    """Return the place; one that is an invited room is named as such."""
    text = change.event.location
    room = next((room for room in change.rooms or () if room.name == text), None)
    place = {"displayName": text}
    if room is not None:
        place |= {"locationType": "conferenceRoom", "locationEmailAddress": room.address}
    return {"location": place}


def _invitations(change: Change, body: Json) -> Json:
    """Return the attendees where rooms come or go, or where `body` names the others: the list is replaced whole."""
    there = () if change.before is None else change.before.rooms
    wanted = there if change.rooms is None else change.rooms
    is_same = {room.address for room in there} == {room.address for room in wanted}
    if is_same and not (wanted and "attendees" in body):
        return {}
    listed = body.get("attendees", people.stored(change.item))
    rooms = [Person(room.address, room.name) for room in wanted]
    return {"attendees": people.with_rooms(listed, {room.address for room in there}, rooms)}


_WRITERS: dict[str, Callable[[Change], Json]] = {
    "summary": lambda change: {"subject": change.event.summary},
    "time": _time,
    "description": _description,
    "location": _location,
    "status": _shown_as,
    "transparency": _shown_as,
    "classification": lambda change: {"sensitivity": _SENSITIVITY.get(change.event.classification, "private")},
    "attendees": _attendees,
    "reminders": _reminders,
}


# What is noted beside the event


def _noted(change: Change) -> dict[str, str]:
    return _without_none(_marks_of(change, frozenset(FIELDS)))


def _marks_of(change: Change, names: frozenset[str]) -> dict[str, str | None]:
    """Return the marks that go with the named units; None takes one away."""
    event, noted = change.event, dict[str, str | None]()
    if event.our_id is not None:
        noted |= {marks.ID: event.our_id, marks.SLOT: recurrence_key(event) or None}
    if "time" in names:
        is_floating = isinstance(event.start, Floating)
        noted |= {marks.TIME: marks.FLOATING if is_floating else None, marks.ZONE: _shared_zone(event)}
        noted[marks.RULE] = None if event.recurrence_id is not None else event.rrule
    if {"status", "transparency"} & names:
        is_both = event.status == "tentative" and event.transparency == "transparent"
        noted[marks.STATUS] = "tentative" if is_both else None
    if change.rooms is not None:
        noted[marks.ROOMS] = " ".join(sorted(room.address for room in change.rooms)) or None
    if "url" in names:
        noted[marks.URL] = event.url
    if "conference" in names:
        own = codec.conference({**change.item, "singleValueExtendedProperties": []})
        noted[marks.LINK] = None if event.conference == own else event.conference
    return noted


def _shared_zone(event: Event) -> str | None:
    """Return our name of a zone that reads back as another place's."""
    name = None if event.tz is None else zones.windows(event.tz)
    return event.tz if name and zones.iana(name) != event.tz else None


def _without_none(noted: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in noted.items() if value is not None}
