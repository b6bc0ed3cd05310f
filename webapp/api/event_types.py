"""Event types: what can be booked, how long, of whom, and when at the earliest and latest."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Literal

from pydantic import Field

from calsync.engine import booking_form
from calsync.engine.booking_form import Question
from calsync.engine.vocabulary import Scope
from calsync.services import event_types
from calsync.services.event_types import EventTypeValues
from calsync.store import tables as t
from webapp.api import lookup
from webapp.api.operations import Answer, Call, operation
from webapp.api.schemas.activities import LocationType, ReminderIn, place_name, place_of
from webapp.api.schemas.base import Sent, Told, changed

TAG = "Event types"
_NULLABLE = ("resource_id", "group_id", "owner_id", "daily_limit", "host_account_id")


class QuestionIn(Sent):
    name: str = Field(min_length=1, max_length=40)
    label: str = Field(max_length=200)
    kind: Literal["text", "paragraph", "choice", "yes_no"] = "text"
    is_required: bool = False
    choices: list[str] = Field(default_factory=list, max_length=50)


class EventTypePatch(Sent):
    """Of exactly one of a resource, a group and an owner."""

    name: str | None = Field(None, max_length=200)
    slug: str | None = Field(None, max_length=100)
    description: str | None = Field(None, max_length=5000)
    length_minutes: int | None = Field(None, ge=1, le=10_000)
    resource_id: str | None = Field(None, max_length=64)
    group_id: str | None = Field(None, max_length=64)
    owner: str | None = Field(None, max_length=320, description="A person's id or address")
    location_type: LocationType | None = None
    location: str | None = Field(None, max_length=2000)
    host_integration_id: str | None = Field(None, max_length=64)
    buffer_before_minutes: int | None = Field(None, ge=0, le=527_040)
    buffer_after_minutes: int | None = Field(None, ge=0, le=527_040)
    notice_minutes: int | None = Field(None, ge=0, le=527_040)
    horizon_days: int | None = Field(None, ge=0, le=10_000)
    step_minutes: int | None = Field(None, ge=1, le=10_000)
    daily_limit: int | None = Field(None, ge=1, le=10_000)
    reminders: list[ReminderIn] | None = Field(None, max_length=20)
    visibility: Literal["public", "private", "confidential"] | None = None
    color: str | None = Field(None, max_length=9)
    questions: list[QuestionIn] | None = Field(None, max_length=20)
    is_public: bool | None = None
    is_active: bool | None = None


class EventTypeNew(EventTypePatch):
    name: str = Field(min_length=1, max_length=200, examples=["First talk"])


class EventTypeOut(Told):
    id: str
    name: str
    slug: str
    description: str
    length_minutes: int
    resource_id: str | None
    group_id: str | None
    owner_id: str | None
    location_type: str
    location: str
    host_integration_id: str | None
    buffer_before_minutes: int
    buffer_after_minutes: int
    notice_minutes: int
    horizon_days: int
    step_minutes: int
    daily_limit: int | None
    reminders: list[ReminderIn]
    visibility: str
    color: str
    questions: list[QuestionIn]
    is_public: bool
    is_active: bool
    version: int


class EventTypesOut(Told):
    items: list[EventTypeOut]


@operation("GET", "/event-types", Scope.READ, tag=TAG, answer=EventTypesOut, team_only=True)
def list_event_types(call: Call) -> EventTypesOut:
    """List event types"""
    return EventTypesOut(items=[_told(call, row) for row in event_types.list_event_types(call.rt)])


@operation("GET", "/event-types/<id>", Scope.READ, tag=TAG, answer=EventTypeOut, team_only=True)
def show_event_type(call: Call, id: str) -> EventTypeOut:
    """Show an event type"""
    return _told(call, of(call, id))


@operation(
    "POST",
    "/event-types",
    Scope.WRITE,
    tag=TAG,
    body=EventTypeNew,
    answer=EventTypeOut,
    status=201,
    team_only=True,
    problems=(404, 409),
)
def create_event_type(call: Call) -> Answer:
    """Create an event type

    Staff make those of their own, admins any.
    """
    made = event_types.create(call.rt, EventTypeValues(**_values(call, call.body)), by=call.by)
    return Answer(_told(call, made), 201, {"Location": f"/api/v1/event-types/{made.public_id}"})


@operation(
    "PATCH",
    "/event-types/<id>",
    Scope.WRITE,
    tag=TAG,
    body=EventTypePatch,
    answer=EventTypeOut,
    current=show_event_type,
    team_only=True,
    problems=(409,),
)
def edit_event_type(call: Call, id: str) -> EventTypeOut:
    """Change an event type

    Bookings that stand stay as they are.
    """
    row = of(call, id)
    known = {name: getattr(row, name) for name in EventTypeValues.__slots__}
    known |= {"questions": booking_form.from_json(row.questions), "reminders": [tuple(each) for each in row.reminders]}
    values = EventTypeValues(**{**known, **_values(call, call.body)})
    return _told(call, event_types.edit(call.rt, t.pk(row), values, version=row.row_version, by=call.by))


def of(call: Call, public_id: str) -> t.EventType:
    """Return an event type. Raises NotFound."""
    with call.rt.reading() as session:
        return lookup.row(session, t.EventType, public_id, "event type")


def _values(call: Call, sent: EventTypePatch) -> dict[str, Any]:
    """Return what was sent by the names of EventTypeValues. Null empties only what may be empty."""
    given = changed(sent)
    if "owner" in given:
        given["owner_id"] = None if (name := given.pop("owner")) is None else lookup.whose(call, name)
    with call.rt.reading() as session:
        for name, table in (("resource_id", t.Resource), ("group_id", t.ResourceGroup)):
            if given.get(name) is not None:
                given[name] = t.pk(lookup.row(session, table, given[name], name.removesuffix("_id")))
    if "host_integration_id" in given:
        host = given.pop("host_integration_id")
        given["host_account_id"] = None if host is None else lookup.account(call, host).id
    if given.get("location_type") is not None:
        given["location_kind"] = place_of(given["location_type"])
    given.pop("location_type", None)
    if given.get("questions") is not None:
        given["questions"] = tuple(_question(each) for each in given["questions"])
    if given.get("reminders") is not None:
        given["reminders"] = [(each.minutes, each.method) for each in given["reminders"]]
    return {name: value for name, value in given.items() if value is not None or name in _NULLABLE}


def _question(sent: QuestionIn) -> Question:
    return Question(sent.name, sent.label, sent.kind, sent.is_required, tuple(sent.choices))


def _told(call: Call, row: t.EventType) -> EventTypeOut:
    with call.rt.reading() as session:
        related = {
            "resource_id": _public(session.get(t.Resource, row.resource_id or 0)),
            "group_id": _public(session.get(t.ResourceGroup, row.group_id or 0)),
            "owner_id": _public(session.get(t.User, row.owner_id or 0)),
            "host_integration_id": _public(session.get(t.Account, row.host_account_id or 0)),
        }
    same = set(EventTypeOut.model_fields) & set(t.EventType.model_fields) - set(related) - {"id"}
    asked = booking_form.from_json(row.questions)
    values = {name: getattr(row, name) for name in same} | related
    return EventTypeOut.model_validate(
        values
        | {
            "id": row.public_id,
            "location_type": place_name(row.location_kind),
            "reminders": [{"minutes": minutes, "method": how} for minutes, how in row.reminders],
            "questions": [{**asdict(each), "choices": list(each.choices)} for each in asked],
            "version": row.row_version,
        }
    )


def _public(row: Any) -> str | None:
    return None if row is None else str(row.public_id)
