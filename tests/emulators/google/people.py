"""Bringing people, clients and calendars into the store, with the defaults that Google gives them."""

from __future__ import annotations

import secrets

from tests.emulators.google import world as worlds
from tests.emulators.google.model import ROLES, Calendar, Client, Entry, Resource, Rule, Setting, User
from tests.emulators.google.world import World

DEFAULT_SETTINGS = {
    "autoAddHangouts": "false",
    "dateFieldOrder": "DMY",
    "defaultEventLength": "60",
    "format24HourTime": "true",
    "hideInvitations": "false",
    "hideWeekends": "false",
    "locale": "en",
    "remindOnRespondedEventsOnly": "false",
    "showDeclinedEvents": "true",
    "useKeyboardShortcuts": "true",
    "weekStart": "1",
}

NOTIFIED = ("eventCreation", "eventChange", "eventCancellation", "eventResponse")

OUR_ENTRY_KEYS = ("colorId", "selected", "hidden", "summaryOverride", "defaultReminders")


def add_client(world: World, client_id: str, client_secret: str, redirect_uris: list[str]) -> Client:
    """Register an OAuth client, replacing one of the same id; grants made to it stay."""
    world.clients[client_id] = Client(client_id, client_secret, redirect_uris)
    return world.clients[client_id]


def add_user(world: World, email: str, name: str = "", time_zone: str = "UTC", **more: object) -> User:
    """Add a person with a primary calendar whose id is the address. `more` sets fields of `User`."""
    sub = str(more.pop("sub", "") or 10**20 + secrets.randbelow(10**20))
    user = User(email=email, sub=sub, name=name or email.split("@")[0].title(), time_zone=time_zone)
    for key, value in more.items():
        if not hasattr(user, key):
            raise ValueError(f"A user has no {key}.")
        setattr(user, key, value)
    world.users[email] = user
    for key, value in {**DEFAULT_SETTINGS, "timezone": time_zone}.items():
        user.settings[key] = Setting(value, world.next_revision())
    primary = add_calendar(world, user, email, calendar_id=email, time_zone=time_zone)
    primary.is_primary = True
    user.entries[email].body |= {
        "defaultReminders": [{"method": "popup", "minutes": 10}],
        "notificationSettings": {
            "notifications": [{"type": kind, "method": "email"} for kind in NOTIFIED],
        },
    }
    return user


def add_calendar(
    world: World, owner: User, summary: str, *, calendar_id: str | None = None, time_zone: str | None = None
) -> Calendar:
    """Add a calendar with `owner` as its owner; it appears in the owner's list at once."""
    calendar_id = calendar_id or f"c_{secrets.token_hex(16)}@group.calendar.google.com"
    body: Resource = {"summary": summary, "timeZone": time_zone or owner.time_zone}
    calendar = Calendar(calendar_id, body, owner.email, world.next_revision())
    world.calendars[calendar_id] = calendar
    set_role(world, calendar, "user", owner.email, "owner")
    add_entry(world, owner, calendar, colorId="14")
    return calendar


def add_entry(world: World, user: User, calendar: Calendar, **body: object) -> Entry:
    """Put a calendar on a person's list, keeping nothing of an earlier entry."""
    defaults: Resource = {"colorId": "1", "selected": True, "defaultReminders": []}
    entry = Entry(calendar.id, defaults | dict(body), world.next_revision())
    user.entries[calendar.id] = entry
    world.touch(worlds.list_of(user.email))
    return entry


def set_role(world: World, calendar: Calendar, kind: str, value: str, role: str) -> Rule:
    """Give a role through a sharing rule and end the calendar's sync tokens, as ACL changes do (5.2)."""
    scope: Resource = {"type": kind} if kind == "default" else {"type": kind, "value": value}
    rule_id = kind if kind == "default" else f"{kind}:{value}"
    rule = Rule(rule_id, scope, role, world.next_revision())
    calendar.rules[rule_id] = rule
    world.touch(worlds.rules_of(calendar.id))
    expire_marks(world, worlds.events_of(calendar.id), "fullSyncRequired")
    return rule


def expire_marks(world: World, resource: str | None, reason: str) -> int:
    """End every sync token of `resource` (of all when None) with a 410 of `reason`; return how many."""
    marks = [mark for mark in world.sync_marks.values() if resource in (None, mark.resource)]
    for mark in marks:
        mark.gone_reason = reason
    return len(marks)


def role_of(user: User, calendar: Calendar) -> str:
    """Return the greatest role that any sharing rule gives to this person."""
    domain = user.email.rpartition("@")[2]
    ids = ("default", f"domain:{domain}", f"user:{user.email}")
    roles = [calendar.rules[rule_id].role for rule_id in ids if rule_id in calendar.rules]
    return max(roles, key=ROLES.index, default="none")
