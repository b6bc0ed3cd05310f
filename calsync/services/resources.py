"""Resources: what can be booked, and the calendar that each of them has for itself."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sqlmodel import Session

from calsync.engine import zones
from calsync.engine.rules import Rules
from calsync.engine.vocabulary import AccountState, Direction, ResourceKind, Unreachable
from calsync.errors import NotAllowed, Refused
from calsync.runtime import Actor, Runtime
from calsync.services import settings
from calsync.store import accounts, asked_busy, audit, people
from calsync.store import scheduling as rows
from calsync.store import tables as t

LONGEST_LAST_KNOWN_MINUTES = 7 * 24 * 60


@dataclass(frozen=True, slots=True)
class ResourceValues:
    """What people say about a resource. `user_id` is whom a person's resource stands for; None: nobody who logs in."""

    name: str
    kind: str = ResourceKind.ROOM
    tz: str = "UTC"
    user_id: int | None = None
    when_unreachable: str = Unreachable.FAIL_CLOSED
    last_known_minutes: int = 60
    description: str = ""
    capacity: int | None = None


def list_resources(rt: Runtime, *, with_disabled: bool = True) -> list[t.Resource]:
    with rt.reading() as session:
        return rows.list_resources(session, with_disabled=with_disabled)


def get(rt: Runtime, resource_id: int) -> t.Resource:
    """Return a resource. Raises NotFound."""
    with rt.reading() as session:
        return rows.get_resource(session, resource_id)


def create(rt: Runtime, values: ResourceValues, *, by: Actor) -> t.Resource:
    """Create a resource without a calendar. Raises Refused naming the field, NotFound (the user), NotAllowed."""
    admin(by, "create resources")
    with rt.writing() as session:
        checked = _checked(session, values, None)
        row = t.Resource(**checked, created_at=rt.now())
        session.add(row)
        session.flush()
        audit.record(session, by, "resource.created", _thing(row), at=rt.now(), after=checked)
        return row


def edit(rt: Runtime, resource_id: int, values: ResourceValues, *, version: int, by: Actor) -> t.Resource:
    """Change what is said about a resource; `version` is the row version that the person saw. Raises as create does,
    and Refused with the code `stale`.
    """
    admin(by, "change resources")
    with rt.writing() as session:
        row = _locked(session, resource_id)
        check_version(row.row_version, version)
        checked = _checked(session, values, row)
        before = {name: getattr(row, name) for name in checked}
        old, new = audit.changes(before, checked)
        if new:
            _set(row, checked)
            audit.record(session, by, "resource.edited", _thing(row), at=rt.now(), before=old, after=new)
        return row


def map_calendar(rt: Runtime, resource_id: int, calendar_id: int, *, by: Actor) -> t.Resource:
    """Give a resource its calendar: its bookings are written there, and what stands there blocks it.

    Mapping it again is fine. Raises NotFound; Refused with the code taken, gone, disconnected, not_syncing, one_way or
    read_only.
    """
    admin(by, "map calendars")
    with rt.writing() as session:
        row = _locked(session, resource_id)
        calendar = accounts.get_calendar(session, calendar_id)
        check_mapping(session, row, calendar)
        if row.calendar_id != calendar_id:
            stop_asking(session, row)
            _set(row, {"calendar_id": calendar_id})
            audit.record(session, by, "resource.mapped", _thing(row), at=rt.now(), after={"calendar": calendar.name})
        return row


def stop_asking(session: Session, row: t.Resource) -> None:
    """Ask no more when a resource is busy, on a row that the caller is writing: a calendar here says it better."""
    if row.asked_address:
        _set(row, {"asked_account_id": None, "asked_address": "", "is_invited": False})
        asked_busy.forget(session, t.pk(row))


def unmap(rt: Runtime, resource_id: int, *, by: Actor) -> t.Resource:
    """Take the calendar off a resource. What was written there stays. Unmapping twice is fine. Raises NotFound."""
    admin(by, "map calendars")
    with rt.writing() as session:
        row = _locked(session, resource_id)
        if row.calendar_id is not None:
            _set(row, {"calendar_id": None})
            audit.record(session, by, "resource.unmapped", _thing(row), at=rt.now())
        return row


def set_active(rt: Runtime, resource_id: int, is_active: bool, *, by: Actor) -> t.Resource:
    """Allow or end bookings of a resource; those that stand go on. Repeating it is fine. Raises NotFound."""
    admin(by, "disable resources")
    with rt.writing() as session:
        row = _locked(session, resource_id)
        if row.is_active != is_active:
            _set(row, {"is_active": is_active})
            action = "resource.enabled" if is_active else "resource.disabled"
            audit.record(session, by, action, _thing(row), at=rt.now())
        return row


def ensure_person(session: Session, user_id: int, rt: Runtime) -> t.Resource:
    """Return the resource that stands for a person, made now if there is none; for callers inside a transaction.

    Raises NotFound for the person.
    """
    found = rows.resource_of_user(session, user_id)
    if found is not None:
        return found
    user = people.get(session, user_id)
    made = t.Resource(
        name=user.name or user.email, kind=ResourceKind.PERSON, tz=user.tz, user_id=user_id, created_at=rt.now()
    )
    session.add(made)
    session.flush()
    return made


# --- rules


def check_mapping(session: Session, resource: t.Resource, calendar: t.Calendar) -> None:
    """Return when the calendar can be the resource's. Raises Refused, saying what stands in the way."""
    name = calendar.name or "This calendar"
    other = rows.resource_on(session, t.pk(calendar))
    if other is not None and other.id != resource.id:
        reason = f"{name} is already the calendar of {other.name}. A calendar belongs to one resource: choose another."
        raise Refused(reason, code="taken", field="calendar")
    account = accounts.get(session, calendar.account_id)
    check_calendar(calendar, account, settings.rules_of(session, account))


def check_calendar(calendar: t.Calendar, account: t.Account, rules: Rules) -> None:
    """Return when a calendar can be one of a resource. Raises Refused, saying what stands in the way."""
    name = calendar.name or "This calendar"
    if account.state == AccountState.DISCONNECTED:
        raise Refused("This account is disconnected. Connect it again first.", code="disconnected", field="calendar")
    if calendar.is_gone:
        raise Refused(f"{name} no longer exists at the provider.", code="gone", field="calendar")
    if not calendar.is_writable or not account.can_write:
        reason = f"{name} can only be read, so bookings could not be written to it. Choose one that can be written."
        raise Refused(reason, code="read_only", field="calendar")
    if not calendar.syncs:
        raise Refused(f"{name} does not sync. Switch Sync on for it first.", code="not_syncing", field="calendar")
    if rules.direction is Direction.INBOUND:
        reason = f"{account.label} is synced one way, into the CRM. Set its direction to both first."
        raise Refused(reason, code="one_way", field="calendar")


def check_version(current: int, seen: int) -> None:
    """Return when a row is as the person saw it. Raises Refused with the code `stale`."""
    if current != seen:
        raise Refused("Somebody changed this meanwhile. Look at it again, then make your change.", code="stale")


def admin(by: Actor, action: str) -> None:
    """Return when an admin asks. Raises NotAllowed."""
    if not by.is_admin:
        raise NotAllowed(action)


def _checked(session: Session, values: ResourceValues, row: t.Resource | None) -> dict[str, Any]:
    found = asdict(values) | {"name": values.name.strip(), "description": values.description.strip()}
    if not found["name"]:
        raise Refused("Give it a name.", code="invalid", field="name")
    if values.kind not in list(ResourceKind):
        raise Refused("Choose room, equipment or person.", code="invalid", field="kind")
    if zones.resolve(values.tz) is None:
        raise Refused(f"{values.tz} is no known time zone. Example: Europe/Berlin.", code="invalid", field="tz")
    if values.when_unreachable not in list(Unreachable):
        reason = "Choose fail_closed, last_known or ignore."
        raise Refused(reason, code="invalid", field="when_unreachable")
    if not 1 <= values.last_known_minutes <= LONGEST_LAST_KNOWN_MINUTES:
        raise Refused("An age is 1 minute to 7 days.", code="invalid", field="last_known_minutes")
    if values.capacity is not None and values.capacity < 1:
        raise Refused("Room for how many people? Give 1 or more, or nothing.", code="invalid", field="capacity")
    _check_user(session, values, row)
    return found | {"tz": zones.resolve(values.tz)}


def _check_user(session: Session, values: ResourceValues, row: t.Resource | None) -> None:
    if values.user_id is None:
        return
    if values.kind != ResourceKind.PERSON:
        raise Refused("Only a person's resource stands for somebody.", code="invalid", field="user_id")
    user = people.get(session, values.user_id)
    other = rows.resource_of_user(session, values.user_id)
    if other is not None and (row is None or other.id != row.id):
        raise Refused(f"{other.name} stands for {user.email} already.", code="taken", field="user_id")


def _locked(session: Session, resource_id: int) -> t.Resource:
    rows.get_resource(session, resource_id)
    return rows.lock_resources(session, [resource_id])[0]


def _set(row: t.Resource, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(row, name, value)
    row.row_version += 1


def _thing(row: t.Resource) -> tuple[str, str, str]:
    return "resource", str(row.id), row.name
