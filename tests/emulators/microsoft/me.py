"""The person and their mailbox: profile, zones, settings, categories (contract A5, A7.3)."""

from __future__ import annotations

from tests.emulators.microsoft import errors, items, listing, render, zones
from tests.emulators.microsoft.access import Call
from tests.emulators.microsoft.model import Resource
from tests.emulators.microsoft.wire import Reply

WORKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday"]


def get(call: Call) -> Resource:
    context = f"{call.base_url}/v1.0/$metadata#users/$entity"
    shown = {"@odata.context": context, **render.user(call.user)}
    if not call.query.select:
        return shown
    return {name: value for name, value in shown.items() if name in ("@odata.context", *call.query.select)}


def settings(call: Call) -> Resource:
    return {
        "@odata.context": f"{call.base_url}/v1.0/$metadata#users('{call.user.oid}')/mailboxSettings",
        "timeZone": call.user.time_zone,
        "language": {"locale": "en-GB", "displayName": "English (United Kingdom)"},
        "workingHours": working_hours(call.user.time_zone),
    }


def settings_zone(call: Call) -> Resource:
    return {"value": call.user.time_zone}


def working_hours(zone: str) -> Resource:
    return {
        "daysOfWeek": WORKDAYS,
        "startTime": "08:00:00.0000000",
        "endTime": "17:00:00.0000000",
        "timeZone": {"name": zone},
    }


def supported_zones(call: Call) -> Resource:
    return {"value": [{"alias": name, "displayName": name} for name in sorted(zones.WINDOWS.values())]}


def supported_iana_zones(call: Call) -> Resource:
    return {"value": [{"alias": name, "displayName": name} for name in sorted(zones.IANA)]}


def categories(call: Call) -> Reply:
    known = [{"id": "c1", "displayName": "Blue category", "color": "preset7"}]
    return listing.answer(call, known, lambda one: one, "masterCategories")


def groups(call: Call) -> Reply:
    own = [{"id": "AAMkAGCalGroup=", "name": "My Calendars", "classId": "0006f0b7-0000-0000-c000-000000000046"}]
    return listing.answer(call, own, lambda one: one, "calendarGroups")


def translate_ids(call: Call) -> Resource:
    """Turn ids of one kind into the other (A2.1)."""
    immutable = {"restId": False, "restImmutableEntryId": True}
    source, target = call.body.get("sourceIdType"), call.body.get("targetIdType")
    ids = call.body.get("inputIds") or []
    if source not in immutable or target not in immutable or len(ids) > 1000:
        raise errors.bad("The ids cannot be translated.")
    found = []
    for raw in ids:
        item = items.find(call.world, call.user.email, raw, immutable=immutable[source])
        found.append({"sourceId": raw, "targetId": item.id(immutable=immutable[target])})
    return {"value": found}
