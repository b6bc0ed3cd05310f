"""Bringing tenants, people, calendars and blank events into the store, with Microsoft's defaults."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from tests.emulators.microsoft import drafts
from tests.emulators.microsoft import world as worlds
from tests.emulators.microsoft.model import CONSUMERS, Calendar, Client, Event, Secret, Tenant, User
from tests.emulators.microsoft.world import World

PERSONAL_DOMAINS = ("outlook.com", "hotmail.com", "live.com", "msn.com")


def add_client(world: World, client_id: str, secret: str, redirect_uris: list[str]) -> Client:
    """Register an app, replacing one of the same id; grants made to it stay."""
    world.clients[client_id] = Client(client_id, [Secret(secret)], redirect_uris)
    return world.clients[client_id]


def add_tenant(world: World, domain: str, name: str = "", tenant_id: str = "") -> Tenant:
    tenant_id = tenant_id or tenant_id_of(domain)
    tenant = Tenant(tenant_id, name or domain.partition(".")[0].title(), [domain])
    world.tenants[tenant_id] = tenant
    return tenant


def tenant_id_of(domain: str) -> str:
    """Return the id that the tenant of a domain has here; it is the same in every test."""
    digest = hashlib.sha256(domain.encode()).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-8{digest[17:20]}-{digest[20:32]}"


def _tenant(world: World, email: str) -> str:
    domain = email.partition("@")[2].lower()
    if domain in PERSONAL_DOMAINS:
        world.tenants.setdefault(CONSUMERS, Tenant(CONSUMERS, "Personal accounts", list(PERSONAL_DOMAINS)))
        return CONSUMERS
    tenant_id = tenant_id_of(domain)
    if tenant_id not in world.tenants:
        add_tenant(world, domain)
    return tenant_id


def add_user(world: World, email: str, name: str = "", **more: Any) -> User:
    """Add a person with a default calendar. Domains of personal accounts make one of these, without Teams."""
    email = email.lower()
    oid = more.pop("oid", None) or tenant_id_of(f"person {email}")
    user = User(email, oid, _tenant(world, email), name or email.partition("@")[0].title())
    if user.is_personal:
        user.providers = []
    for key, value in more.items():
        if not hasattr(user, key):
            raise ValueError(f"A user has no {key}.")
        setattr(user, key, value)
    world.users[email] = user
    add_calendar(world, user, "Calendar").is_default = True
    return user


def add_calendar(world: World, user: User, name: str, **more: Any) -> Calendar:
    """Add a calendar to a person's mailbox. `more` sets fields of `Calendar`."""
    calendar_id = worlds.new_id("AAMkAGCal", 45)
    own = (user.email, user.name)
    calendar = Calendar(calendar_id, user.email, name, own, world.next_revision(), providers=list(user.providers))
    for key, value in more.items():
        if not hasattr(calendar, key):
            raise ValueError(f"A calendar has no {key}.")
        setattr(calendar, key, tuple(value) if key == "owner" else value)
    world.calendars[calendar_id] = calendar
    return calendar


def blank_event(
    world: World, calendar: Calendar, organizer: tuple[str, str], start: datetime, end: datetime, zone: str
) -> Event:
    """Return an event that is not stored yet, with fresh ids and the defaults of a new one."""
    return Event(
        id=worlds.new_id("AAkALgAAAA", 60),
        mutable_id=worlds.new_id("AAMkAGEv", 75),
        calendar=calendar,
        uid=f"040000008200E00074C5B7101A82E0080000000{worlds.new_guid().replace('-', '').upper()}",
        start=start,
        end=end,
        zone=zone,
        start_zone=zone,
        end_zone=zone,
        created=world.now(),
        modified=world.now(),
        organizer=organizer,
        fields={key: list(value) if isinstance(value, list) else value for key, value in drafts.DEFAULTS.items()},
    )
