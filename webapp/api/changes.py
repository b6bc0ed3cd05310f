"""The feed of changes: everything that became of activities, in order, without gaps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, Field

from calsync.engine.vocabulary import Scope
from calsync.services import changes
from calsync.store import activities as rows
from calsync.store import tables as t
from webapp.api import activities, lookup
from webapp.api.operations import Call, operation
from webapp.api.schemas import activities as shapes
from webapp.api.schemas.activities import ActivityOut
from webapp.api.schemas.base import Time, Told


class ChangeQuery(BaseModel):
    """From where on."""

    cursor: str | None = Field(
        None, max_length=40, description="Of the answer before; `latest` stands at the end; none: from the beginning"
    )
    limit: int = Field(100, ge=1, le=1000)
    include: Literal["activity"] | None = Field(
        None, description="`activity`: each change with its activity as it is now"
    )


class ByOut(Told):
    """Who made a change."""

    kind: str = Field(description="user, api, provider, guest or system")
    name: str


class ChangeOut(Told):
    """What one transaction did to one activity."""

    position: int
    type: str = Field(examples=["activity.updated"])
    activity_id: str | None
    external_id: str | None
    fields: list[str] = Field(description="What changed; `time` is start, end, time zone and recurrence together")
    by: ByOut
    at: Time
    activity: ActivityOut | None = None


class ChangesOut(Told):
    changes: list[ChangeOut]
    cursor: str = Field(description="Send it with the next request, also when there was nothing")
    has_more: bool


@operation(
    "GET", "/activities/changes", Scope.READ, tag="Activities", query=ChangeQuery, answer=ChangesOut, problems=(410,)
)
def list_changes(call: Call) -> ChangesOut:
    """Follow what becomes of activities

    A change appears once, after all that came before it, whatever wrote it. 410 says that the cursor is too old: list
    the activities, then go on from the cursor that the problem names.
    """
    asked: ChangeQuery = call.query
    part = changes.read(call.rt, asked.cursor, asked.limit, by=call.by)
    held = _activities(call, part.told) if asked.include else {}
    return ChangesOut(
        changes=[_told(each, held.get(each.change.activity_id)) for each in part.told],
        cursor=part.cursor,
        has_more=part.has_more,
    )


def _activities(call: Call, told: Sequence[changes.Told]) -> dict[int, ActivityOut]:
    with call.rt.reading() as session:
        found = rows.by_ids(session, {each.change.activity_id for each in told})
        owners = lookup.users(session, {row.owner_id for row in found})
    seen = [row for row in found if lookup.may_see(call.by, row.owner_id)]
    return {t.pk(row): activities.told(call, row, owners[row.owner_id]) for row in seen}


def _told(each: changes.Told, activity: ActivityOut | None) -> ChangeOut:
    change = each.change
    return ChangeOut(
        position=change.position,
        type=f"activity.{change.what}",
        activity_id=each.public_id,
        external_id=each.external_id,
        fields=shapes.field_names(change.fields),
        by=ByOut(kind=change.by_kind, name=change.by),
        at=change.at,
        activity=activity,
    )
