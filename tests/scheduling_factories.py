"""What tests of scheduling arrange with: resources, event types, hours."""

from __future__ import annotations

from typing import Any

from calsync.engine.hours import Hours
from calsync.runtime import CLI, Runtime
from calsync.services import event_types, groups, resources, working_hours
from calsync.services.event_types import EventTypeValues
from calsync.services.groups import GroupValues
from calsync.services.resources import ResourceValues
from calsync.services.working_hours import Owner
from calsync.store import tables as t

ALWAYS = Hours("UTC", (((0, 1440),),) * 7)


def make_resource(rt: Runtime, name: str = "Room 1", calendar: t.Calendar | None = None, **values: Any) -> t.Resource:
    """Return a new resource, mapped to `calendar` if one is given."""
    made = resources.create(rt, ResourceValues(name, **values), by=CLI)
    return made if calendar is None else resources.map_calendar(rt, t.pk(made), t.pk(calendar), by=CLI)


def make_person(rt: Runtime, user: t.User, **values: Any) -> t.Resource:
    """Return the resource that stands for somebody."""
    return make_resource(rt, user.name, kind="person", user_id=user.id, **values)


def make_group(rt: Runtime, *members: t.Resource, **values: Any) -> t.ResourceGroup:
    """Return a new group, any of its members, in turn."""
    given = {"name": "Nurses", "resource_ids": [t.pk(member) for member in members], **values}
    return groups.create(rt, GroupValues(**given), by=CLI)


def make_event_type(rt: Runtime, of: t.Resource | t.ResourceGroup | t.User, **values: Any) -> t.EventType:
    """Return a new event type: an hour, every hour, without notice."""
    match of:
        case t.Resource():
            who = {"resource_id": of.id}
        case t.ResourceGroup():
            who = {"group_id": of.id}
        case _:
            who = {"owner_id": of.id}
    given = {"name": "Visit", "length_minutes": 60, "step_minutes": 60, "notice_minutes": 0, **who, **values}
    return event_types.create(rt, EventTypeValues(**given), by=CLI)


def work(rt: Runtime, hours: Hours = ALWAYS, **owner: int) -> None:
    """Set working hours, of the organisation unless another owner is named."""
    of = Owner(**owner)
    _, version = working_hours.get(rt, of)
    working_hours.save(rt, of, hours, version=version, by=CLI)
