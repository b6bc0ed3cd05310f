"""Mapping: an activity's own fields to the neutral event and back.

An activity always holds the whole span of its event. A task says with `due_is` which end of it is its due time, so
what was read is written back as it was.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Protocol

from calsync.engine import event as events
from calsync.engine import projection, slots
from calsync.engine.event import Attendee, Content, Event, Floating, Moment, Person
from calsync.engine.rules import Rules
from calsync.engine.vocabulary import Kind

DETAILS: Content = {
    "summary": projection.BUSY,
    "description": "",
    "location": "",
    "attendees": {},
    "responses": {},
    "conference": None,
    "url": None,
}
"""What is withheld of a private event, and what stands in its place."""

PUBLIC_NAMES = {
    "summary": "title",
    "classification": "visibility",
    "transparency": "show_as",
    "conference": "conference_url",
    "location_kind": "location_type",
    "owner_id": "owner",
}
"""How programs know merge units and columns that have another name here."""


@dataclass(frozen=True, slots=True)
class ActivityValues:
    """What an imported event becomes. `due_is` is set for a task only."""

    kind: Kind
    uid: str
    recurrence_key: str
    organizer: str | None
    content: Content
    due_is: str | None = None


class ActivityRow(Protocol):
    """The columns of an activity that make its event."""

    @property
    def public_id(self) -> str: ...
    @property
    def uid(self) -> str: ...
    @property
    def recurrence_key(self) -> str: ...
    @property
    def organizer(self) -> str | None: ...
    @property
    def content(self) -> dict[str, Any]: ...


def imported(event: Event, rules: Rules) -> ActivityValues:
    """Return what an event from a calendar becomes here under the import rules."""
    content = events.content(event)
    kind = Kind(rules.import_kind)
    return ActivityValues(
        kind=kind,
        uid=event.uid,
        recurrence_key=events.recurrence_key(event),
        organizer=event.organizer.address if event.organizer else None,
        content={**content, **_withheld(content, rules)},
        due_is=rules.due_is if kind is Kind.TASK else None,
    )


def concealed(remote: Content, rules: Rules) -> frozenset[str]:
    """Return the fields of an event that somebody else made private and that the rules keep from being read in."""
    return frozenset(_withheld(remote, rules))


def event_of(activity: ActivityRow, content: Content | None = None) -> Event:
    """Return the event an activity stands for, or would stand for with other content."""
    values = activity.content if content is None else content
    start = events.parse_moment(values["time"]["start"])
    bare = Event(
        uid=activity.uid,
        start=start,
        end=start,
        recurrence_id=events.parse_moment(activity.recurrence_key) if activity.recurrence_key else None,
        organizer=Person(activity.organizer) if activity.organizer else None,
        our_id=activity.public_id,
    )
    return events.with_content(bare, values)


def read_moment(text: str, tz: str | None = None) -> Moment:
    """Read a date, or a time in ISO 8601: with an offset as said, without one by the clock of `tz` (None: UTC).

    Raises ValueError.
    """
    if len(text.strip()) == 10:
        return date.fromisoformat(text.strip())
    at = datetime.fromisoformat(text.strip())
    return slots.instant(Floating(at), slots.zone(tz or "UTC")) if at.tzinfo is None else at.astimezone(UTC)


def guests(addresses: dict[str, str], known: tuple[Attendee, ...] = ()) -> tuple[Attendee, ...]:
    """Return attendees by address and name; one that is known keeps role and response."""
    before = {a.address: a for a in known}
    found = {}
    for address, name in addresses.items():
        key = address.strip().lower()
        old = before.get(key, Attendee(key))
        found[key] = replace(old, name=name or old.name)
    return tuple(found.values())


# Due times


def due_span(due: Moment, rules: Rules) -> tuple[Moment, Moment]:
    """Return start and end of the event of a task with a due time only: it ends then, or lasts that whole day."""
    if isinstance(due, (datetime, Floating)):
        return slots.later(due, -timedelta(minutes=rules.task_minutes)), due
    return due, slots.later(due, timedelta(days=1))


def due_of(event: Event, due_is: str) -> Moment:
    """Return a task's due time: the start or the end of its event; of an all-day one its first or last day."""
    if due_is == "start":
        return event.start
    return slots.later(event.end, timedelta(days=-1)) if event.is_all_day else event.end


def with_due(event: Event, due_is: str, due: Moment, rules: Rules) -> Event:
    """Return the event moved so that the task is due at `due`; its length stays where the form allows it."""
    if isinstance(due, (datetime, Floating)) is event.is_all_day:
        start, end = due_span(due, rules)
        return replace(event, start=start, end=end)
    length = slots.length(event)
    if due_is == "start":
        return replace(event, start=due, end=slots.later(due, length))
    end = slots.later(due, timedelta(days=1)) if event.is_all_day else due
    return replace(event, start=slots.later(end, -length), end=end)


def _withheld(content: Content, rules: Rules) -> Content:
    is_private = content["classification"] != "public"
    return dict(DETAILS) if is_private and rules.import_private == "busy" else {}
