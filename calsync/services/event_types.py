"""Event types: what can be booked, of whom, and on which terms."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlmodel import Session

from calsync.engine import booking_form
from calsync.engine.booking_form import Question
from calsync.engine.vocabulary import AccountState, MailRule
from calsync.errors import NotAllowed, NotFound, Refused
from calsync.runtime import Actor, Runtime
from calsync.services import activity_fields, booking_rows, conference_drafts, resources
from calsync.store import accounts, audit, conference_hosts
from calsync.store import scheduling as rows
from calsync.store import tables as t

DAY_MINUTES = 1440
LONGEST_MINUTES = DAY_MINUTES
_RANGES = {
    "length_minutes": (1, LONGEST_MINUTES, "A booking lasts 1 minute to 24 hours."),
    "buffer_before_minutes": (0, DAY_MINUTES // 2, "A buffer is at most 12 hours."),
    "buffer_after_minutes": (0, DAY_MINUTES // 2, "A buffer is at most 12 hours."),
    "notice_minutes": (0, 365 * DAY_MINUTES, "Notice is at most a year."),
    "horizon_days": (1, 730, "Bookings open 1 to 730 days ahead."),
    "step_minutes": (1, DAY_MINUTES, "Slots begin every 1 to 1440 minutes."),
}
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LINK = re.compile(r"https?://\S+", re.IGNORECASE)
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
MAIL = ("mail_new", "mail_changed", "mail_cancelled")


@dataclass(frozen=True, slots=True)
class EventTypeValues:
    """What people say about an event type; of exactly one of a resource, a group and an owner.

    `location_kind` is in_person, phone, link, or a kind of meeting that a provider makes; `mail` is None (as the
    organisation's) or the rule for each of new, changed and cancelled: never, external, all.
    """

    name: str
    slug: str = ""
    description: str = ""
    length_minutes: int = 30
    resource_id: int | None = None
    group_id: int | None = None
    owner_id: int | None = None
    location_kind: str = "in_person"
    location: str = ""
    host_account_id: int | None = None
    buffer_before_minutes: int = 0
    buffer_after_minutes: int = 0
    notice_minutes: int = 60
    horizon_days: int = 60
    step_minutes: int = 15
    daily_limit: int | None = None
    reminders: Sequence[tuple[int, str]] = ()
    visibility: str = "public"
    color: str = ""
    questions: tuple[Question, ...] = ()
    mail: Mapping[str, str] | None = None
    is_public: bool = False
    is_active: bool = True


def list_event_types(rt: Runtime) -> list[t.EventType]:
    with rt.reading() as session:
        return rows.list_event_types(session)


def get(rt: Runtime, event_type_id: int) -> t.EventType:
    """Return an event type. Raises NotFound."""
    with rt.reading() as session:
        return rows.get_event_type(session, event_type_id)


def find_public(rt: Runtime, slug: str) -> t.EventType | None:
    """Return the event type behind a public page, or None where there is none."""
    with rt.reading() as session:
        found = rows.find_by_slug(session, slug)
    return found if found is not None and found.is_public and found.is_active else None


def create(rt: Runtime, values: EventTypeValues, *, by: Actor) -> t.EventType:
    """Create an event type; a person without a resource gets one. Staff make their own, admins any.

    Raises Refused naming the field, NotFound (whom it is about), NotAllowed.
    """
    _check_right(by, values.owner_id)
    with rt.writing() as session:
        _check_host(session, rt, values.host_account_id, None, by)
        checked = _checked(session, rt, values, None)
        row = t.EventType(**checked, created_at=rt.now())
        session.add(row)
        session.flush()
        audit.record(session, by, "event_type.created", _thing(row), at=rt.now(), after=_facts(checked))
        return row


def edit(rt: Runtime, event_type_id: int, values: EventTypeValues, *, version: int, by: Actor) -> t.EventType:
    """Change an event type; bookings that stand stay as they are. Raises as create does, and Refused `stale`."""
    with rt.writing() as session:
        row = rows.get_event_type(session, event_type_id)
        _check_right(by, row.owner_id)
        _check_right(by, values.owner_id)
        resources.check_version(row.row_version, version)
        _check_host(session, rt, values.host_account_id, row.host_account_id, by)
        checked = _checked(session, rt, values, row)
        old, new = audit.changes({name: getattr(row, name) for name in checked}, checked)
        for name, value in new.items():
            setattr(row, name, value)
        if new:
            row.row_version += 1
            audit.record(
                session, by, "event_type.edited", _thing(row), at=rt.now(), before=_facts(old), after=_facts(new)
            )
        return row


def _check_right(by: Actor, owner_id: int | None) -> None:
    if not by.is_admin and (by.role == "client" or owner_id is None or owner_id != by.user_id):
        raise NotAllowed("set up event types for others")


def _checked(session: Session, rt: Runtime, values: EventTypeValues, row: t.EventType | None) -> dict[str, Any]:
    values = replace(values, name=values.name.strip(), slug=values.slug.strip() or slug_of(values.name))
    if not values.name:
        raise Refused("Give it a name.", code="invalid", field="name")
    _check_slug(session, values.slug, row)
    for name, (low, high, reason) in _RANGES.items():
        if not low <= getattr(values, name) <= high:
            raise Refused(reason, code="invalid", field=name)
    if values.daily_limit is not None and values.daily_limit < 1:
        raise Refused("A daily limit is 1 or more, or none.", code="invalid", field="daily_limit")
    _check_choices(values)
    _check_who(session, rt, values)
    activity_fields.check_facts({"location_kind": values.location_kind}, link_kinds(rt))
    if values.location_kind == booking_rows.LINK_IS and not _LINK.fullmatch(values.location.strip()):
        raise Refused("Give the link, beginning with https:// or http://.", code="invalid", field="location")
    return asdict(values) | {
        "reminders": [list(reminder) for reminder in values.reminders],
        "questions": booking_form.to_json(values.questions),
        "mail": None if values.mail is None else dict(values.mail),
    }


def link_kinds(rt: Runtime) -> list[str]:
    """Return the kinds of meeting that providers make."""
    return sorted({kind for p in rt.providers.values() for kind in p.info.capabilities.makes_links})


def hosting_kinds(rt: Runtime) -> frozenset[str]:
    """Return the kinds of meeting that an account hosts by itself, whatever calendar the booking stands in."""
    return frozenset(conference_drafts.providers(rt))


def hosts(rt: Runtime, known_id: int | None, *, by: Actor) -> list[t.Account]:
    """Return the accounts that may be chosen to host, and the one that was (`known_id`), also when it is gone."""
    names = [entry.info.name for entry in conference_drafts.providers(rt).values()]
    with rt.reading() as session:
        found = conference_hosts.hosting(session, names, None if by.is_admin else by.user_id) if names else []
        if known_id is not None and all(account.id != known_id for account in found):
            found.append(accounts.get(session, known_id))
    return found


def slug_of(name: str) -> str:
    """Return a name as the end of an address."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:80] or "booking"


def _check_slug(session: Session, slug: str, row: t.EventType | None) -> None:
    if not _SLUG.fullmatch(slug) or len(slug) > 100:
        raise Refused("Use small letters, digits and hyphens, like first-meeting.", code="invalid", field="slug")
    other = rows.find_by_slug(session, slug)
    if other is not None and (row is None or other.id != row.id):
        raise Refused(f"{other.name} has this address already.", code="taken", field="slug")


def _check_choices(values: EventTypeValues) -> None:
    if values.visibility not in ("public", "private", "confidential"):
        raise Refused("Choose public, private or confidential.", code="invalid", field="visibility")
    if values.color and not _COLOR.fullmatch(values.color):
        raise Refused("Give the colour as # and six hex digits.", code="invalid", field="color")
    farthest = activity_fields.FARTHEST_REMINDER_MINUTES
    if any(not 0 <= minutes <= farthest or way not in ("popup", "email") for minutes, way in values.reminders):
        raise Refused(f"A reminder comes 0 to {farthest} minutes before.", code="invalid", field="reminders")
    mail = values.mail or {}
    if set(mail) - set(MAIL) or any(rule not in list(MailRule) for rule in mail.values()):
        raise Refused("Mail goes out never, to external guests, or to all.", code="invalid", field="mail")
    try:
        booking_form.check(values.questions)
    except ValueError as error:
        raise Refused(f"This cannot be asked: {error}.", code="invalid", field="questions") from error


def _check_who(session: Session, rt: Runtime, values: EventTypeValues) -> None:
    given = [i for i in (values.resource_id, values.group_id, values.owner_id) if i is not None]
    if len(given) != 1:
        raise Refused("Choose one: a resource, a group or a person.", code="invalid", field="resource_id")
    if values.resource_id is not None:
        rows.get_resource(session, values.resource_id)
    if values.group_id is not None:
        rows.get_group(session, values.group_id)
    if values.owner_id is not None:
        resources.ensure_person(session, values.owner_id, rt)


def _check_host(session: Session, rt: Runtime, account_id: int | None, before: int | None, by: Actor) -> None:
    """Return when an account may host the meetings of bookings; one that was chosen before may stay, whatever became
    of it. Staff choose their own. Raises NotFound, Refused.
    """
    if account_id is None or account_id == before:
        return
    account = accounts.get(session, account_id)
    if not by.is_admin and account.user_id != by.user_id:
        raise NotFound("account", account_id)
    if account.provider not in {entry.info.name for entry in conference_drafts.providers(rt).values()}:
        reason = f"{account.label} hosts no meetings of its own: they are made with the events in its calendars."
        raise Refused(reason, code="invalid", field="host_account_id")
    if account.state == AccountState.DISCONNECTED:
        raise Refused(f"{account.label} is disconnected.", code="disconnected", field="host_account_id")


def _facts(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def _thing(row: t.EventType) -> tuple[str, str, str]:
    return "event type", str(row.id), row.name
