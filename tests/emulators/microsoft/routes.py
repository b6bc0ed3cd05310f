"""Which function answers which path of Graph, and the permissions of which one is enough (contract A1.5)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from tests.emulators.microsoft import (
    actions,
    calendars,
    delta,
    extensions,
    me,
    meetings,
    reading,
    schedule,
    subscriptions,
    writing,
)
from tests.emulators.microsoft.access import BASIC, PROFILE, READS, WRITES, Call
from tests.emulators.microsoft.model import Resource
from tests.emulators.microsoft.wire import Reply

Handler = Callable[[Call], Resource | Reply]

ID = "([^/]+)"
MINE = "me"
EVENT = f"(?:{MINE}|{MINE}/calendars/{ID}|{MINE}/calendar)/events/{ID}"
SHARED = (*BASIC, "Calendars.Read.Shared", "Calendars.ReadWrite.Shared")
PLACES = ("Place.Read.All",)
HOME = f"(?:{MINE}|{MINE}/calendar)"
ONE = f"{MINE}/calendars/{ID}"


@dataclass(frozen=True)
class Method:
    """`id` names the method in faults and logs. `needs_mailbox` False: works for accounts without Exchange."""

    verb: str
    pattern: str
    id: str
    scopes: tuple[str, ...]
    handler: Handler
    needs_mailbox: bool = True


METHODS: list[Method] = [
    Method("GET", MINE, "me.get", PROFILE, me.get, needs_mailbox=False),
    Method("GET", f"{MINE}/mailboxSettings", "me.settings", ("MailboxSettings.Read",), me.settings),
    Method("GET", f"{MINE}/mailboxSettings/timeZone", "me.settings", ("MailboxSettings.Read",), me.settings_zone),
    Method("GET", f"{MINE}/outlook/supportedTimeZones", "me.zones", PROFILE, me.supported_zones),
    Method(
        "GET",
        rf"{MINE}/outlook/supportedTimeZones\(TimeZoneStandard=microsoft\.graph\.timeZoneStandard'Iana'\)",
        "me.zones",
        PROFILE,
        me.supported_iana_zones,
    ),
    Method("GET", f"{MINE}/outlook/masterCategories", "me.categories", ("MailboxSettings.Read",), me.categories),
    Method("POST", f"{MINE}/translateExchangeIds", "me.translate", ("User.Read", *BASIC), me.translate_ids),
    Method("GET", f"{MINE}/calendarGroups", "calendarGroups.list", BASIC, me.groups),
    Method("GET", f"{MINE}/calendars", "calendars.list", BASIC, calendars.list_all),
    Method("POST", f"{MINE}/calendars", "calendars.create", WRITES, calendars.create),
    Method("GET", f"{MINE}/calendar", "calendar.get", BASIC, calendars.get_default),
    Method("GET", ONE, "calendars.get", BASIC, calendars.get),
    Method("PATCH", ONE, "calendars.update", WRITES, calendars.update),
    Method("DELETE", ONE, "calendars.delete", WRITES, calendars.delete),
    Method("GET", f"{HOME}/calendarView/delta", "calendarView.delta", READS, delta.calendar_view),
    Method("GET", f"{ONE}/calendarView/delta", "calendars.calendarView.delta", READS, delta.calendar_view),
    Method("POST", "subscriptions", "subscriptions.create", READS, subscriptions.create),
    Method("GET", "subscriptions", "subscriptions.list", (), subscriptions.list_all, needs_mailbox=False),
    Method("GET", f"subscriptions/{ID}", "subscriptions.get", (), subscriptions.get, needs_mailbox=False),
    Method("PATCH", f"subscriptions/{ID}", "subscriptions.update", READS, subscriptions.update),
    Method("DELETE", f"subscriptions/{ID}", "subscriptions.delete", (), subscriptions.delete, needs_mailbox=False),
    Method("POST", f"subscriptions/{ID}/reauthorize", "subscriptions.reauthorize", READS, subscriptions.reauthorize),
    Method("POST", f"{MINE}/calendar/getSchedule", "schedule.get", SHARED, schedule.get),
    Method("POST", f"{ONE}/getSchedule", "schedule.get", SHARED, schedule.get),
    Method("GET", r"places/microsoft\.graph\.room", "places.rooms", PLACES, schedule.rooms, needs_mailbox=False),
    Method("GET", r"places/microsoft\.graph\.roomlist", "places.lists", PLACES, schedule.lists, needs_mailbox=False),
    Method(
        "GET",
        rf"places/{ID}/microsoft\.graph\.roomlist/rooms",
        "places.rooms",
        PLACES,
        schedule.rooms_of_list,
        needs_mailbox=False,
    ),
    Method("GET", f"{HOME}/events", "events.list", READS, reading.list_events),
    Method("GET", f"{ONE}/events", "calendars.events.list", READS, reading.list_events),
    Method("POST", f"{HOME}/events", "events.create", WRITES, writing.create),
    Method("POST", f"{ONE}/events", "calendars.events.create", WRITES, writing.create),
    Method("GET", f"{HOME}/calendarView", "calendarView.list", READS, reading.list_view),
    Method("GET", f"{ONE}/calendarView", "calendars.calendarView.list", READS, reading.list_view),
    Method("GET", EVENT, "events.get", READS, reading.get),
    Method("PATCH", EVENT, "events.update", WRITES, writing.update),
    Method("DELETE", EVENT, "events.delete", WRITES, writing.delete),
    Method("GET", f"{EVENT}/instances", "events.instances", READS, reading.list_instances),
    Method("POST", f"{EVENT}/cancel", "events.cancel", WRITES, actions.cancel),
    Method("POST", f"{EVENT}/accept", "events.accept", WRITES, actions.accept),
    Method("POST", f"{EVENT}/decline", "events.decline", WRITES, actions.decline),
    Method("POST", f"{EVENT}/tentativelyAccept", "events.tentativelyAccept", WRITES, actions.tentatively_accept),
    Method("POST", f"{EVENT}/forward", "events.forward", READS, actions.forward),
    Method("POST", f"{EVENT}/dismissReminder", "events.dismissReminder", WRITES, actions.dismiss_reminder),
    Method("POST", f"{EVENT}/permanentDelete", "events.permanentDelete", WRITES, actions.permanent_delete),
    Method("POST", f"{EVENT}/extensions", "events.extensions.create", WRITES, extensions.create),
    Method("GET", f"{EVENT}/extensions/{ID}", "events.extensions.get", READS, extensions.get),
    Method("POST", f"{MINE}/onlineMeetings", "onlineMeetings.create", ("OnlineMeetings.ReadWrite",), meetings.create),
]


def match(verb: str, path: str) -> tuple[Method | None, list[str], bool]:
    """Return the method, the ids in the path, and whether the path exists with some verb at all.

    Words of the path are compared without case, ids keep theirs.
    """
    is_known = False
    for method in METHODS:
        found = re.fullmatch(method.pattern, path, re.IGNORECASE)
        if found is None:
            continue
        is_known = True
        if method.verb == verb:
            return method, [part for part in found.groups() if part is not None], True
    return None, [], is_known
