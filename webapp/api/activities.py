"""Activities: read, written one by one or a thousand at once by the CRM's own ids, and where they are synced."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from calsync.engine.vocabulary import Kind, Scope
from calsync.errors import NotFound, Refused
from calsync.services import activities, upserts
from calsync.store import activities as rows
from calsync.store import tables as t
from calsync.store import whereabouts
from calsync.store.activity_list import Filters
from webapp.api import lookup, paging
from webapp.api.operations import Answer, Call, operation
from webapp.api.paging import Listed, Paged
from webapp.api.schemas import activities as shapes
from webapp.api.schemas.activities import ActivityNew, ActivityOut, ActivityPatch
from webapp.api.schemas.base import Time, Told

TAG = "Activities"


class ActivityQuery(Paged):
    """Which activities are wanted; newest first."""

    owner: str | None = Field(None, max_length=320, description="A person's id or address")
    kind: Kind | None = None
    status: Literal["confirmed", "tentative", "cancelled"] | None = None
    source: Literal["crm", "calendar"] | None = None
    search: str | None = Field(None, max_length=200, description="Part of a title, an id, a guest's address")
    start: datetime | None = Field(None, description="What touches the time from then on")
    end: datetime | None = Field(None, description="What begins before then")
    sync: Literal["on", "off", "conflict", "failed", "held"] | None = None


class ActivityList(Listed[ActivityOut]):
    pass


class LinkOut(Told):
    """One calendar that an activity is on."""

    integration_id: str
    provider: str
    calendar_id: str
    calendar: str
    state: str = Field(description="active, parked or cancelled")
    parked_because: str | None
    waits_for: str | None
    is_in_sync: bool = Field(description="Both sides hold what they agreed on")
    agreed_at: Time


class SyncStateOut(Told):
    """Where an activity is, and what keeps it from elsewhere."""

    activity_id: str
    not_synced_because: str | None
    links: list[LinkOut]
    open_conflicts: list[int]
    open_steps: list[int]


@operation("GET", "/activities", Scope.READ, tag=TAG, query=ActivityQuery, answer=ActivityList)
def list_activities(call: Call) -> ActivityList:
    """List activities

    Your own; all of them for admins and service tokens.
    """
    asked: ActivityQuery = call.query
    filters = Filters(
        owner_id=lookup.whose(call, asked.owner) if asked.owner else None,
        kind=asked.kind or "",
        status=asked.status or "",
        source=asked.source or "",
        search=asked.search or "",
        start=_aware(asked.start),
        end=_aware(asked.end),
        sync=asked.sync or "",
    )
    found = activities.list_activities(call.rt, filters, asked.cut(), by=call.by)
    with call.rt.reading() as session:
        owners = lookup.users(session, {row.owner_id for row in found.rows})
    part = paging.listed(found, lambda row: told(call, row, owners[row.owner_id]), lambda row: (row.span_start, row.id))
    return ActivityList(items=part.items, next=part.next)


@operation("GET", "/activities/<id>", Scope.READ, tag=TAG, answer=ActivityOut)
def show_activity(call: Call, id: str) -> ActivityOut:
    """Show an activity"""
    return shown(call, lookup.activity(call, id))


@operation("GET", "/activities/by-external-id/<external_id>", Scope.READ, tag=TAG, answer=ActivityOut)
def show_activity_by_external_id(call: Call, external_id: str) -> ActivityOut:
    """Show an activity by the CRM's own id"""
    return shown(call, _by_external_id(call, external_id))


@operation(
    "POST", "/activities", Scope.WRITE, tag=TAG, body=ActivityNew, answer=ActivityOut, status=201, problems=(404, 409)
)
def create_activity(call: Call) -> Answer:
    """Create an activity"""
    sent: ActivityNew = call.body
    owner_id = lookup.whose(call, sent.owner)
    values = sent.values()
    if values.pop("status", None) == upserts.CANCELLED:
        raise Refused("What is new cannot be cancelled already.", code="invalid", field="status")
    if sent.status == "tentative":
        values["status"] = "tentative"
    made = activities.create(call.rt, owner_id, {**values, "external_id": sent.external_id}, by=call.by)
    return Answer(shown(call, made), 201, {"Location": f"/api/v1/activities/{made.public_id}"})


@operation(
    "PATCH",
    "/activities/<id>",
    Scope.WRITE,
    tag=TAG,
    body=ActivityPatch,
    answer=ActivityOut,
    current=show_activity,
    problems=(409,),
)
def edit_activity(call: Call, id: str) -> ActivityOut:
    """Change an activity

    Of a series, all of it. What is left out stays; `status` cancelled cancels, any other brings a cancelled one back.
    """
    row = lookup.activity(call, id)
    sent: ActivityPatch = call.body
    values = sent.values()
    if "external_id" in sent.model_fields_set:
        values["external_id"] = sent.external_id
    return shown(call, _edited(call, row, values))


@operation(
    "DELETE", "/activities/<id>", Scope.WRITE, tag=TAG, answer=ActivityOut, current=show_activity, problems=(409,)
)
def cancel_activity(call: Call, id: str) -> ActivityOut:
    """Cancel an activity

    Nothing is erased: it stays with the status cancelled, and its copies in calendars are cancelled.
    """
    row = activities.cancel(call.rt, t.pk(lookup.activity(call, id)), by=call.by)
    return shown(call, row)


@operation("GET", "/activities/<id>/sync", Scope.READ, tag=TAG, answer=SyncStateOut)
def show_activity_sync(call: Call, id: str) -> SyncStateOut:
    """Show where an activity is synced"""
    row = lookup.activity(call, id)
    with call.rt.reading() as session:
        about = whereabouts.of(session, [row])[t.pk(row)]
    return SyncStateOut(
        activity_id=row.public_id,
        not_synced_because=row.excluded or None,
        links=[_link(place, row) for place in about.places],
        open_conflicts=[t.pk(each) for each in about.conflicts],
        open_steps=[t.pk(each) for each in about.steps],
    )


def told(call: Call, row: t.Activity, owner: t.User) -> ActivityOut:
    """Return an activity as the caller may read it: admins do not read what others keep private."""
    is_stranger = call.by.user_id is not None and call.by.user_id != row.owner_id
    return shapes.told(row, owner, withheld=row.is_private and is_stranger)


def shown(call: Call, row: t.Activity) -> ActivityOut:
    """Return an activity as the caller may read it, with its owner read for that."""
    with call.rt.reading() as session:
        return told(call, row, lookup.users(session, {row.owner_id})[row.owner_id])


def _by_external_id(call: Call, external_id: str) -> t.Activity:
    with call.rt.reading() as session:
        row = rows.find_by_external_id(session, external_id)
    if row is None or not lookup.may_see(call.by, row.owner_id):
        raise NotFound("activity", external_id)
    return row


def _edited(call: Call, row: t.Activity, values: dict[str, Any]) -> t.Activity:
    """Make the changes; a change of the status to and from cancelled is a use case of its own."""
    if values.get("status") == upserts.CANCELLED:
        return activities.cancel(call.rt, t.pk(row), by=call.by)
    version: int | None = row.row_version
    if row.status == upserts.CANCELLED and "status" in values:
        row, version = activities.revive(call.rt, t.pk(row), by=call.by), None
    return activities.edit(call.rt, t.pk(row), values, by=call.by, expected_version=version)


def _link(place: whereabouts.Place, row: t.Activity) -> LinkOut:
    link = place.link
    return LinkOut(
        integration_id=place.account.public_id,
        provider=place.account.provider.upper(),
        calendar_id=place.calendar.public_id,
        calendar=place.calendar.name,
        state=link.state,
        parked_because=link.park_reason or None,
        waits_for=link.waits_for or None,
        is_in_sync=link.local_fp == row.fingerprint and not link.waits_for,
        agreed_at=link.agreed_at,
    )


def _aware(moment: datetime | None) -> datetime | None:
    if moment is not None and moment.tzinfo is None:
        raise Refused("Give the time with its offset, as 2030-01-09T10:00:00Z.", code="invalid", field="start")
    return moment
