"""Resources and groups of them: what can be booked. Everybody in the team reads them, admins change them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from pydantic import Field
from sqlmodel import Session, col

from calsync.engine.vocabulary import GroupMode, Pick, ResourceKind, Scope, Unreachable
from calsync.errors import NotFound, Refused
from calsync.services import groups, resources
from calsync.services.groups import GroupValues
from calsync.services.resources import ResourceValues
from calsync.store import tables as t
from webapp.api import lookup
from webapp.api.operations import Answer, Call, operation
from webapp.api.schemas.base import Sent, Told, changed

TAG = "Resources"


class ResourcePatch(Sent):
    name: str | None = Field(None, max_length=200)
    kind: ResourceKind | None = None
    time_zone: str | None = Field(None, max_length=64)
    user: str | None = Field(None, max_length=320, description="Whom a person's resource stands for: id or address")
    when_unreachable: Unreachable | None = None
    last_known_minutes: int | None = Field(None, ge=0, le=100_000)
    description: str | None = Field(None, max_length=2000)
    capacity: int | None = Field(None, ge=0, le=1_000_000)
    calendar_id: str | None = Field(None, max_length=64, description="The calendar of its own; null takes it off")
    is_active: bool | None = None


class ResourceNew(ResourcePatch):
    name: str = Field(min_length=1, max_length=200, examples=["Blue room"])


class ResourceOut(Told):
    """A room, a piece of equipment or a person."""

    id: str
    name: str
    kind: str
    time_zone: str
    user_id: str | None
    calendar_id: str | None
    integration_id: str | None
    when_unreachable: str
    last_known_minutes: int
    description: str
    capacity: int | None
    is_active: bool
    version: int


class ResourcesOut(Told):
    items: list[ResourceOut]


class GroupPatch(Sent):
    name: str | None = Field(None, max_length=200)
    mode: GroupMode | None = None
    pick: Pick | None = None
    resource_ids: list[str] | None = Field(None, max_length=200)
    is_active: bool | None = None


class GroupNew(GroupPatch):
    name: str = Field(min_length=1, max_length=200)


class GroupOut(Told):
    """Resources that are booked together, or of which one is picked."""

    id: str
    name: str
    mode: str
    pick: str
    resource_ids: list[str]
    is_active: bool
    version: int


class GroupsOut(Told):
    items: list[GroupOut]


@operation("GET", "/resources", Scope.READ, tag=TAG, answer=ResourcesOut, team_only=True)
def list_resources(call: Call) -> ResourcesOut:
    """List resources"""
    with call.rt.reading() as session:
        return ResourcesOut(items=_told(session, resources.list_resources(call.rt)))


@operation("GET", "/resources/<id>", Scope.READ, tag=TAG, answer=ResourceOut, team_only=True)
def show_resource(call: Call, id: str) -> ResourceOut:
    """Show a resource"""
    with call.rt.reading() as session:
        return _told(session, [lookup.row(session, t.Resource, id, "resource")])[0]


@operation(
    "POST", "/resources", Scope.ADMIN, tag=TAG, body=ResourceNew, answer=ResourceOut, status=201, problems=(404, 409)
)
def create_resource(call: Call) -> Answer:
    """Create a resource"""
    made = resources.create(call.rt, _values(call, None, call.body), by=call.by)
    _settle(call, made, call.body)
    return Answer(show_resource(call, made.public_id), 201, {"Location": f"/api/v1/resources/{made.public_id}"})


@operation(
    "PATCH",
    "/resources/<id>",
    Scope.ADMIN,
    tag=TAG,
    body=ResourcePatch,
    answer=ResourceOut,
    current=show_resource,
    problems=(409,),
)
def edit_resource(call: Call, id: str) -> ResourceOut:
    """Change a resource, and which calendar is its own"""
    row = _resource(call, id)
    values = _values(call, row, call.body)
    if values != _as_values(row):
        row = resources.edit(call.rt, t.pk(row), values, version=row.row_version, by=call.by)
    _settle(call, row, call.body)
    return show_resource(call, id)


@operation("GET", "/resource-groups", Scope.READ, tag=TAG, answer=GroupsOut, team_only=True)
def list_groups(call: Call) -> GroupsOut:
    """List groups of resources"""
    return GroupsOut(items=[_told_group(call, t.pk(row)) for row in groups.list_groups(call.rt)])


@operation("GET", "/resource-groups/<id>", Scope.READ, tag=TAG, answer=GroupOut, team_only=True)
def show_group(call: Call, id: str) -> GroupOut:
    """Show a group of resources"""
    return _told_group(call, t.pk(_group(call, id)))


@operation(
    "POST", "/resource-groups", Scope.ADMIN, tag=TAG, body=GroupNew, answer=GroupOut, status=201, problems=(404, 409)
)
def create_group(call: Call) -> Answer:
    """Create a group of resources"""
    sent = _group_values(call, call.body)
    made = groups.create(call.rt, GroupValues(**sent), by=call.by)
    return Answer(_told_group(call, t.pk(made)), 201, {"Location": f"/api/v1/resource-groups/{made.public_id}"})


@operation(
    "PATCH",
    "/resource-groups/<id>",
    Scope.ADMIN,
    tag=TAG,
    body=GroupPatch,
    answer=GroupOut,
    current=show_group,
    problems=(409,),
)
def edit_group(call: Call, id: str) -> GroupOut:
    """Change a group of resources"""
    row, members = groups.get(call.rt, t.pk(_group(call, id)))
    known = {"name": row.name, "mode": row.mode, "pick": row.pick, "is_active": row.is_active}
    known["resource_ids"] = [t.pk(each) for each in members]
    values = GroupValues(**{**known, **_group_values(call, call.body)})
    groups.edit(call.rt, t.pk(row), values, version=row.row_version, by=call.by)
    return show_group(call, id)


def _resource(call: Call, public_id: str) -> t.Resource:
    with call.rt.reading() as session:
        return lookup.row(session, t.Resource, public_id, "resource")


def _group(call: Call, public_id: str) -> t.ResourceGroup:
    with call.rt.reading() as session:
        return lookup.row(session, t.ResourceGroup, public_id, "group")


def _as_values(row: t.Resource) -> ResourceValues:
    return ResourceValues(**{name: getattr(row, name) for name in ResourceValues.__slots__})


def _values(call: Call, row: t.Resource | None, sent: ResourcePatch) -> ResourceValues:
    known = {} if row is None else asdict(_as_values(row))
    given = {name: value for name, value in changed(sent).items() if name not in ("calendar_id", "is_active")}
    if "time_zone" in given:
        given["tz"] = given.pop("time_zone")
    if "user" in given:
        given["user_id"] = None if (name := given.pop("user")) is None else lookup.whose(call, name)
    nullable = ("user_id", "capacity")
    return ResourceValues(**{**known, **{n: v for n, v in given.items() if v is not None or n in nullable}})


def _settle(call: Call, row: t.Resource, sent: ResourcePatch) -> None:
    """Bring the calendar and the state of a resource to what was sent: use cases of their own."""
    if "calendar_id" in sent.model_fields_set:
        if sent.calendar_id is None:
            resources.unmap(call.rt, t.pk(row), by=call.by)
        else:
            resources.map_calendar(call.rt, t.pk(row), _calendar(call, sent.calendar_id), by=call.by)
    if sent.is_active is not None and sent.is_active != row.is_active:
        resources.set_active(call.rt, t.pk(row), sent.is_active, by=call.by)


def _calendar(call: Call, public_id: str) -> int:
    with call.rt.reading() as session:
        try:
            return t.pk(lookup.row(session, t.Calendar, public_id, "calendar"))
        except NotFound as error:
            raise Refused("There is no such calendar.", code="invalid", field="calendar_id") from error


def _told(session: Session, rows: list[t.Resource]) -> list[ResourceOut]:
    calendars = {c.id: (c.public_id, a.public_id) for c, a in session.execute(_mapped(rows))}
    owners = lookup.users(session, {row.user_id for row in rows})
    return [_shown(row, owners, calendars) for row in rows]


def _mapped(rows: list[t.Resource]) -> Any:
    C, A = t.Calendar, t.Account
    ids = {row.calendar_id for row in rows} - {None}
    return sa.select(C, A).join(A, col(A.id) == col(C.account_id)).where(col(C.id).in_(ids))


def _shown(row: t.Resource, owners: dict[int, t.User], calendars: dict[int | None, tuple[str, str]]) -> ResourceOut:
    calendar_id, integration_id = calendars.get(row.calendar_id, (None, None))
    return ResourceOut(
        id=row.public_id,
        name=row.name,
        kind=row.kind,
        time_zone=row.tz,
        user_id=owners[row.user_id].public_id if row.user_id in owners else None,
        calendar_id=calendar_id,
        integration_id=integration_id,
        when_unreachable=row.when_unreachable,
        last_known_minutes=row.last_known_minutes,
        description=row.description,
        capacity=row.capacity,
        is_active=row.is_active,
        version=row.row_version,
    )


def _group_values(call: Call, sent: GroupPatch) -> dict[str, Any]:
    given = {name: value for name, value in changed(sent).items() if value is not None}
    if "resource_ids" in given:
        given["resource_ids"] = [t.pk(_resource(call, each)) for each in given["resource_ids"]]
    return given


def _told_group(call: Call, group_id: int) -> GroupOut:
    row, members = groups.get(call.rt, group_id)
    return GroupOut(
        id=row.public_id,
        name=row.name,
        mode=row.mode,
        pick=row.pick,
        resource_ids=[each.public_id for each in members],
        is_active=row.is_active,
        version=row.row_version,
    )
