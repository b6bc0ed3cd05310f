"""Groups of resources: booked all together, or one of them whoever is free."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlmodel import Session

from calsync.engine.vocabulary import GroupMode, Pick
from calsync.errors import NotFound, Refused
from calsync.runtime import Actor, Runtime
from calsync.services import resources
from calsync.store import audit
from calsync.store import scheduling as rows
from calsync.store import tables as t


@dataclass(frozen=True, slots=True)
class GroupValues:
    """What people say about a group. `resource_ids` are its members."""

    name: str
    mode: str = GroupMode.ANY_OF
    pick: str = Pick.ROUND_ROBIN
    resource_ids: Sequence[int] = ()
    is_active: bool = True


def list_groups(rt: Runtime) -> list[t.ResourceGroup]:
    with rt.reading() as session:
        return rows.list_groups(session)


def get(rt: Runtime, group_id: int) -> tuple[t.ResourceGroup, list[t.Resource]]:
    """Return a group and its members by id. Raises NotFound."""
    with rt.reading() as session:
        group = rows.get_group(session, group_id)
        ids = [member.resource_id for member in rows.members(session, group_id)]
        return group, rows.resources(session, ids)


def create(rt: Runtime, values: GroupValues, *, by: Actor) -> t.ResourceGroup:
    """Create a group. Raises Refused naming the field, NotFound (a resource), NotAllowed."""
    resources.admin(by, "create groups")
    with rt.writing() as session:
        checked = _checked(session, values)
        group = t.ResourceGroup(**checked, created_at=rt.now())
        session.add(group)
        session.flush()
        _set_members(session, t.pk(group), values.resource_ids)
        audit.record(session, by, "group.created", _thing(group), at=rt.now(), after=_facts(values))
        return group


def edit(rt: Runtime, group_id: int, values: GroupValues, *, version: int, by: Actor) -> t.ResourceGroup:
    """Change a group and its members; raises as create does, and Refused with the code `stale`."""
    resources.admin(by, "change groups")
    with rt.writing() as session:
        group = rows.get_group(session, group_id)
        resources.check_version(group.row_version, version)
        for name, value in _checked(session, values).items():
            setattr(group, name, value)
        group.row_version += 1
        _set_members(session, group_id, values.resource_ids)
        audit.record(session, by, "group.edited", _thing(group), at=rt.now(), after=_facts(values))
        return group


def _checked(session: Session, values: GroupValues) -> dict[str, Any]:
    if not values.name.strip():
        raise Refused("Give it a name.", code="invalid", field="name")
    if values.mode not in list(GroupMode):
        raise Refused("Choose all_of or any_of.", code="invalid", field="mode")
    if values.pick not in list(Pick):
        raise Refused("Choose round_robin or fewest.", code="invalid", field="pick")
    if not values.resource_ids:
        raise Refused("Choose at least one resource.", code="invalid", field="resource_ids")
    known = {t.pk(resource) for resource in rows.resources(session, values.resource_ids)}
    missing = set(values.resource_ids) - known
    if missing:
        raise NotFound("resource", min(missing))
    return {"name": values.name.strip(), "mode": values.mode, "pick": values.pick, "is_active": values.is_active}


def _set_members(session: Session, group_id: int, resource_ids: Sequence[int]) -> None:
    """Keep who stays, so that their turn is not forgotten."""
    before = {member.resource_id: member for member in rows.members(session, group_id)}
    for resource_id in before.keys() - set(resource_ids):
        session.delete(before[resource_id])
    for resource_id in sorted(set(resource_ids) - before.keys()):
        session.add(t.GroupMember(group_id=group_id, resource_id=resource_id))


def _facts(values: GroupValues) -> dict[str, Any]:
    return asdict(values) | {"resource_ids": sorted(set(values.resource_ids))}


def _thing(group: t.ResourceGroup) -> tuple[str, str, str]:
    return "group", str(group.id), group.name
