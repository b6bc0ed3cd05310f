"""Activities as programs send and read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from calsync.engine import event as events
from calsync.engine import mapping
from calsync.engine.vocabulary import Kind
from calsync.errors import Refused
from calsync.store import tables as t
from webapp.api.schemas.base import MomentText, Sent, Time, Told, read_moment

_LONGER = {"meet": "google_meet"}
"""Kinds of place that programs know by a longer name. All of them are written in capitals."""

FIELD_NAMES = mapping.PUBLIC_NAMES

_SERVICE_NAMES = {"time_zone": "tz", "conference_url": "conference", "location_type": "location_kind"}

LocationType = Annotated[
    str,
    Field(
        max_length=20,
        description="IN_PERSON, PHONE, LINK, or a kind of meeting that a provider here makes: GOOGLE_MEET, TEAMS, ZOOM",
        examples=["GOOGLE_MEET"],
    ),
]


MEETING: dict[str, Any] = {
    "title": "Kick-off Acme",
    "start": "2030-01-09T10:00:00Z",
    "end": "2030-01-09T11:00:00Z",
    "time_zone": "Europe/Berlin",
    "location_type": "GOOGLE_MEET",
    "attendees": [{"email": "guest@example.org"}],
}
"""What the document shows as a request that works as it stands."""


def _with(example: dict[str, Any]) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [example]})


class AttendeeIn(Sent):
    email: str = Field(max_length=320, examples=["guest@example.org"])
    name: str = Field("", max_length=300)


class ReminderIn(Sent):
    minutes: int = Field(ge=0, le=40_320, description="Before the start")
    method: Literal["popup", "email"] = "popup"


class ActivityValues(Sent):
    """What may be said of an activity. What is left out stays as it is; null empties."""

    title: str | None = Field(None, max_length=1000, examples=["Kick-off Acme"])
    start: MomentText | None = None
    end: MomentText | None = Field(None, description="Exclusive; without it the length stays, or is the usual one")
    due: MomentText | None = Field(None, description="The due time of a task, instead of start and end")
    time_zone: str | None = Field(None, max_length=64, examples=["Europe/Berlin"])
    rrule: str | None = Field(None, max_length=1000, description="RFC 5545", examples=["FREQ=WEEKLY;BYDAY=MO"])
    description: str | None = Field(None, max_length=60_000)
    location: str | None = Field(None, max_length=2000)
    location_type: LocationType | None = None
    conference_url: str | None = Field(None, max_length=2000)
    url: str | None = Field(None, max_length=2000)
    kind: Kind | None = None
    attendees: list[AttendeeIn] | None = Field(None, max_length=500)
    reminders: list[ReminderIn] | None = Field(None, max_length=20)
    visibility: Literal["public", "private", "confidential"] | None = None
    show_as: Literal["busy", "free"] | None = None
    status: Literal["confirmed", "tentative", "cancelled"] | None = None
    is_done: bool | None = None

    def values(self) -> dict[str, Any]:
        """Return what was sent, named and shaped as `activity_fields` wants it. Raises Refused."""
        sent = {name: getattr(self, name) for name in self.model_fields_set if name in ActivityValues.model_fields}
        for name in ("start", "end", "due"):
            if sent.get(name) is not None:
                sent[name] = _moment(name, sent[name], self.time_zone)
        for name in ("start", "end", "due", "kind", "visibility", "show_as", "status", "is_done", "title"):
            if name in sent and sent[name] is None:
                del sent[name]  # these cannot be empty: null says nothing of them
        if sent.get("attendees") is not None:
            sent["attendees"] = {each.email: each.name for each in sent["attendees"]}
        if sent.get("reminders") is not None:
            sent["reminders"] = [(each.minutes, each.method) for each in sent["reminders"]]
        if "location_type" in sent:
            sent["location_type"] = place_of(sent["location_type"] or "")
        if "kind" in sent:
            sent["kind"] = sent["kind"].value
        return {_SERVICE_NAMES.get(name, name): value for name, value in sent.items()}


class ActivityNew(ActivityValues):
    model_config = _with({"external_id": "crm-4711", **MEETING})

    external_id: str | None = Field(None, max_length=200, description="The CRM's own id", examples=["crm-4711"])
    owner: str | None = Field(None, max_length=320, description="A person's id or address; a service token names one")


class ActivityPatch(ActivityValues):
    model_config = _with({"location": "Room 2"})

    external_id: str | None = Field(None, max_length=200)


class ActivityUpsert(ActivityValues):
    model_config = _with(MEETING)

    owner: str | None = Field(None, max_length=320, description="A person's id or address; a service token names one")


class BulkRecord(ActivityUpsert):
    model_config = _with({"external_id": "crm-4711", **MEETING})

    external_id: str = Field(min_length=1, max_length=200, examples=["crm-4711"])
    id: str | None = Field(
        None, max_length=64, description="Ours, of an activity made here that has no external_id yet"
    )


class Bulk(Sent):
    activities: list[dict[str, Any]] = Field(
        min_length=1,
        max_length=1000,
        examples=[[{"external_id": "crm-4711", **MEETING}]],
        description="Each as for PUT /activities/by-external-id, with its `external_id`; each is answered for itself",
    )


class Person(Told):
    id: str
    email: str
    name: str


class AttendeeOut(Told):
    email: str
    name: str
    response: str = Field(description="needs-action, accepted, declined or tentative")


class ReminderOut(Told):
    minutes: int
    method: str


class ActivityOut(Told):
    """An activity: a single one, a series, or a changed occurrence of one."""

    id: str
    external_id: str | None
    owner: Person
    kind: str
    title: str
    start: str
    end: str = Field(description="Exclusive")
    due: str | None
    time_zone: str | None
    is_all_day: bool
    rrule: str | None
    exdates: list[str]
    occurrence_of: str | None = Field(description="The uid of the series whose changed occurrence this is")
    occurrence: str | None = Field(description="The slot of that series")
    description: str
    location: str
    location_type: str
    conference_url: str | None
    url: str | None
    attendees: list[AttendeeOut]
    organizer: str | None
    reminders: list[ReminderOut]
    visibility: str
    show_as: str
    status: str
    is_done: bool
    is_withheld: bool = Field(description="Somebody else's private activity: title and details are left out")
    source: str = Field(description="crm, or calendar when an event made it")
    not_synced_because: str | None
    version: int
    created_at: Time
    updated_at: Time
    cancelled_at: Time | None


def told(row: t.Activity, owner: t.User, *, withheld: bool = False) -> ActivityOut:
    """Return an activity as programs read it; `withheld`, without what is private."""
    content = {**row.content, **mapping.DETAILS} if withheld else row.content
    event = mapping.event_of(row, content)
    return ActivityOut(
        id=row.public_id,
        external_id=row.external_id,
        owner=Person(id=owner.public_id, email=owner.email, name=owner.name),
        kind=row.kind,
        title=event.summary,
        start=events.moment_text(event.start),
        end=events.moment_text(event.end),
        due=events.moment_text(mapping.due_of(event, row.due_is)) if row.due_is else None,
        time_zone=event.tz,
        is_all_day=event.is_all_day,
        rrule=event.rrule,
        exdates=[events.moment_text(moment) for moment in event.exdates],
        occurrence_of=row.uid if row.recurrence_key else None,
        occurrence=row.recurrence_key or None,
        description=event.description,
        location=event.location,
        location_type=place_name(row.location_kind),
        conference_url=event.conference,
        url=event.url,
        attendees=[AttendeeOut(email=a.address, name=a.name, response=a.partstat) for a in event.attendees],
        organizer=row.organizer,
        reminders=[ReminderOut(minutes=r.minutes, method=r.method) for r in event.reminders],
        visibility=event.classification,
        show_as="free" if event.transparency == "transparent" else "busy",
        status=row.status,
        is_done=row.is_done,
        is_withheld=withheld,
        source=row.source,
        not_synced_because=row.excluded or None,
        version=row.row_version,
        created_at=row.created_at,
        updated_at=row.updated_at,
        cancelled_at=row.cancelled_at,
    )


def field_names(stored: list[str]) -> list[str]:
    """Return merge units and columns as programs know them."""
    return [FIELD_NAMES.get(name, name) for name in stored]


def read_record(sent: Mapping[str, Any]) -> BulkRecord:
    """Return one record of a bulk request. Raises ValidationError."""
    return BulkRecord.model_validate(sent)


def place_of(name: str) -> str:
    """Return a kind of place as it is stored, by any name and spelling that programs use."""
    lowered = name.lower()
    return next((kind for kind, longer in _LONGER.items() if longer == lowered), lowered)


def place_name(kind: str) -> str:
    """Return a stored kind of place as programs know it."""
    return _LONGER.get(kind, kind).upper()


def _moment(name: str, text: str, tz: str | None) -> Any:
    try:
        return read_moment(text, tz)
    except (ValueError, OverflowError, KeyError) as error:
        raise Refused(
            "Give a date, or a time in ISO 8601, and a time zone that exists.", code="invalid", field=name
        ) from error
