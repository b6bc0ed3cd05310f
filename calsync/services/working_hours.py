"""Working hours of the organisation, people, resources and event types, and which of them are in force for a resource.

A resource's own stand above its person's, these above the organisation's; without any it is Monday to Friday, nine to
five by its own clock. The organisation's holidays are everybody's; a day that differs stands above them. An event
type's hours narrow those of whom it is about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import Session

from calsync.engine import hours as engine
from calsync.engine import rules as engine_rules
from calsync.engine.hours import Hours
from calsync.engine.rules import Rules
from calsync.errors import NotAllowed, Refused
from calsync.runtime import Actor, Runtime
from calsync.services import resources, settings
from calsync.store import audit, people
from calsync.store import scheduling as rows
from calsync.store import tables as t

ORGANISATION = "organisation"


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose hours: exactly one id, or none for the organisation's."""

    user_id: int | None = None
    resource_id: int | None = None
    event_type_id: int | None = None

    @property
    def name(self) -> str:
        named = {"user": self.user_id, "resource": self.resource_id, "event_type": self.event_type_id}
        return next((f"{kind}:{i}" for kind, i in named.items() if i is not None), ORGANISATION)


def get(rt: Runtime, owner: Owner) -> tuple[Hours | None, int]:
    """Return the hours that are set for an owner and their version; (None, 0) when none are."""
    with rt.reading() as session:
        row = rows.find_hours(session, owner.name)
    return (None, 0) if row is None else (engine.from_json(row.value), row.row_version)


def above(rt: Runtime, owner: Owner) -> Hours:
    """Return the hours that an owner has where none are set: of an event type those of the first it is about.

    Raises NotFound.
    """
    with rt.reading() as session:
        organisation = rows.find_hours(session, ORGANISATION)
        if owner.user_id is not None:
            standing, tz = None, people.get(session, owner.user_id).tz
        elif owner.resource_id is not None:
            resource = rows.get_resource(session, owner.resource_id)
            standing, tz = rows.find_hours(session, Owner(user_id=resource.user_id or 0).name), resource.tz
        elif owner.event_type_id is not None:
            about = rows.resources_of(session, rows.get_event_type(session, owner.event_type_id))[:1]
            return next(iter(of_resources(session, about).values()), Hours())
        else:
            return Hours()
    found = standing or organisation
    return Hours(tz) if found is None else engine.from_json(found.value)


def save(rt: Runtime, owner: Owner, hours: Hours | None, *, version: int, by: Actor) -> int:
    """Set an owner's hours, or with None go back to those above; return the new version.

    People set their own, admins everybody's. Raises NotAllowed; NotFound; Refused with the code `stale`.
    """
    with rt.writing() as session:
        _check_right(session, owner, by)
        row = rows.find_hours(session, owner.name)
        resources.check_version(row.row_version if row else 0, version)
        before = None if row is None else row.value
        after = None if hours is None else engine.to_json(hours)
        if before == after:
            return version
        _store(session, rt, owner, row, hours)
        thing = ("hours", owner.name, owner.name)
        audit.record(session, by, "hours.changed", thing, at=rt.now(), before=before, after=after)
    return 0 if hours is None else version + 1


def _store(session: Session, rt: Runtime, owner: Owner, row: t.Hours | None, hours: Hours | None) -> None:
    if hours is None:
        session.delete(row)
        return
    row = row or t.Hours(
        owner=owner.name,
        user_id=owner.user_id,
        resource_id=owner.resource_id,
        event_type_id=owner.event_type_id,
        row_version=0,
        value={},
        changed_at=rt.now(),
    )
    row.value, row.changed_at, row.row_version = engine.to_json(hours), rt.now(), row.row_version + 1
    session.add(row)


def _check_right(session: Session, owner: Owner, by: Actor) -> None:
    if sum(i is not None for i in (owner.user_id, owner.resource_id, owner.event_type_id)) > 1:
        raise Refused("Hours belong to one owner.", code="invalid")
    if owner.user_id is not None:
        people.get(session, owner.user_id)
    if owner.resource_id is not None:
        rows.get_resource(session, owner.resource_id)
    of_type = None if owner.event_type_id is None else rows.get_event_type(session, owner.event_type_id)
    own = owner.user_id if of_type is None else of_type.owner_id
    if not by.is_admin and (own is None or own != by.user_id):
        raise NotAllowed("change these working hours")


# --- in force


def of_resources(session: Session, found: Sequence[t.Resource]) -> dict[int, Hours]:
    """Return the hours in force by resource id."""
    known, _ = _known(session, found)
    return {t.pk(resource): _in_force(known, resource) for resource in found}


@dataclass(frozen=True, slots=True)
class InForce:
    """The hours that narrow those of whom an event type is about, those in force by resource id, and the rules."""

    own: Hours | None
    hours: dict[int, Hours]
    rules: Rules


def of_case(session: Session, event_type: t.EventType, found: Sequence[t.Resource]) -> InForce:
    """Return what `of_event_type` and `of_resources` do, and the organisation's rules, by one question."""
    own = Owner(event_type_id=event_type.id).name
    known, rules = _known(session, found, own)
    return InForce(known.get(own), {t.pk(resource): _in_force(known, resource) for resource in found}, rules)


def _known(session: Session, found: Sequence[t.Resource], *more: str) -> tuple[dict[str, Hours], Rules]:
    owners = {ORGANISATION, *more}
    for resource in found:
        owners |= {Owner(resource_id=resource.id).name, Owner(user_id=resource.user_id or 0).name}
    hours, rules = rows.hours(session, owners, settings.RULES)
    return {name: engine.from_json(value) for name, value in hours.items()}, engine_rules.from_json(rules)


def of_event_type(session: Session, event_type: t.EventType) -> Hours | None:
    """Return the hours that narrow those of whom an event type is about, or None."""
    row = rows.find_hours(session, Owner(event_type_id=event_type.id).name)
    return None if row is None else engine.from_json(row.value)


def _in_force(known: Mapping[str, Hours], resource: t.Resource) -> Hours:
    everybody = known.get(ORGANISATION)
    names = (Owner(resource_id=resource.id).name, Owner(user_id=resource.user_id or 0).name)
    own = next((known[name] for name in names if name in known), None)
    if own is None:
        return everybody or Hours(resource.tz)
    return own if everybody is None else engine.observing(own, everybody.holidays)
