"""Checking what a client sends for an event, and putting it in (contract A4.2, A4.4, A5, A13)."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta
from typing import Any

from tests.emulators.microsoft import bodies, errors, recurrence, times, zones
from tests.emulators.microsoft.model import Event, Resource
from tests.emulators.microsoft.world import Settings

CHOICES = {
    "sensitivity": ("normal", "personal", "private", "confidential"),
    "showAs": ("unknown", "free", "tentative", "busy", "oof", "workingElsewhere"),
    "importance": ("low", "normal", "high"),
}
FLAGS = ("isReminderOn", "responseRequested", "allowNewTimeProposals", "hideAttendees")
IGNORED = frozenset(
    """
    id organizer isOrganizer iCalUId webLink type seriesMasterId createdDateTime lastModifiedDateTime changeKey
    bodyPreview hasAttachments isCancelled responseStatus originalStart isDraft onlineMeeting onlineMeetingUrl
    originalStartTimeZone originalEndTimeZone cancelledOccurrences
    """.split()
)
PROVIDERS = ("unknown", "skypeForBusiness", "skypeForConsumer", "teamsForBusiness")
GUID = r"\{[0-9a-fA-F-]{36}\}"
TAG = r"0x[0-9a-fA-F]+"
PROPERTY_ID = re.compile(rf"(String|Integer|Boolean|SystemTime|Double|Long)( {GUID} (Name .+|Id {TAG})| {TAG})")
ADDRESS = re.compile(r"[^@\s<>]+@[^@\s<>]+\.[^@\s<>]+")
MOST_ATTENDEES = 500
DEFAULTS: Resource = {
    "subject": "",
    "html": "",
    "categories": [],
    "attendees": [],
    "locations": [],
    "sensitivity": "normal",
    "showAs": "busy",
    "importance": "normal",
    "isReminderOn": True,
    "reminderMinutesBeforeStart": 15,
    "responseRequested": True,
    "allowNewTimeProposals": True,
    "hideAttendees": False,
}


def check_names(body: Resource) -> None:
    """Raise 400 for members that are no property of an event, and for a fetched event sent back (A4.4)."""
    if any(name.startswith("@odata.") and name != "@odata.type" for name in body):
        raise errors.bad("Requests must contain extension changes exclusively.")
    known = {*CHOICES, *FLAGS, *IGNORED, "subject", "body", "categories", "attendees", "location", "locations"}
    known |= {"start", "end", "isAllDay", "recurrence", "reminderMinutesBeforeStart", "transactionId", "extensions"}
    known |= {"isOnlineMeeting", "onlineMeetingProvider", "singleValueExtendedProperties", "@odata.type"}
    for name in body.keys() - known:
        message = f"The property '{name}' does not exist on type 'microsoft.graph.event'."
        raise errors.GraphError(400, "RequestBodyRead", message)


def fields(body: Resource, before: Resource) -> Resource:
    """Return the fields that only are kept, as they are after this write."""
    after = {**before}
    for name, choices in CHOICES.items():
        if name in body:
            after[name] = _one_of(name, body[name], choices)
    for name in FLAGS:
        if name in body:
            after[name] = _typed(name, body[name], bool)
    if "subject" in body:
        after["subject"] = _typed("subject", body["subject"] or "", str)
    if "reminderMinutesBeforeStart" in body:
        after["reminderMinutesBeforeStart"] = _minutes(body["reminderMinutesBeforeStart"])
    if "categories" in body:
        names = _typed("categories", body["categories"] or [], list)
        after["categories"] = [_typed("categories", name, str) for name in names]
    if "body" in body:
        after["html"] = _body(body["body"])
    if "attendees" in body:
        after["attendees"] = _attendees(body["attendees"] or [], before.get("attendees", []))
    return after | _places(body)


def _one_of(name: str, value: Any, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise errors.bad(f"Requested value '{value}' was not found for property '{name}'.", "RequestBodyRead")
    return value


def _typed(name: str, value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise errors.bad(f"Cannot convert the value of property '{name}' to its type.", "RequestBodyRead")
    return value


def _minutes(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise errors.bad_property("The property 'reminderMinutesBeforeStart' is invalid.")
    return value


def _body(value: Any) -> str:
    if value is None:
        return ""
    _typed("body", value, dict)
    kind = _one_of("contentType", str(value.get("contentType", "text")).lower(), ("text", "html"))
    return bodies.stored(kind, _typed("content", value.get("content") or "", str))


def _attendees(sent: Any, before: list[Resource]) -> list[Resource]:
    """Return the attendees; whoever stays keeps their answer."""
    if len(_typed("attendees", sent, list)) > MOST_ATTENDEES:
        raise errors.bad("Too many attendees.")
    answers = {one["emailAddress"]["address"].lower(): one["status"] for one in before}
    found = []
    for one in sent:
        person = _typed("emailAddress", _typed("attendees", one, dict).get("emailAddress"), dict)
        address = str(person.get("address", ""))
        if not ADDRESS.fullmatch(address):
            raise errors.bad(f"At least one recipient isn't valid: '{address}'.", "ErrorInvalidRecipients")
        kind = _one_of("type", one.get("type", "required"), ("required", "optional", "resource"))
        status = answers.get(address.lower(), {"response": "none", "time": times.NEVER})
        name = person.get("name") or address
        found.append({"type": kind, "status": status, "emailAddress": {"name": name, "address": address}})
    return found


def _places(body: Resource) -> Resource:
    """`location` and `locations` are two sights of one thing: the first is the location."""
    if "locations" in body:
        sent = _typed("locations", body["locations"] or [], list)
    elif "location" in body:
        sent = [body["location"]] if body["location"] else []
    else:
        return {}
    return {"locations": [_place(_typed("location", one, dict)) for one in sent if one.get("displayName")]}


def _place(sent: Resource) -> Resource:
    name = _typed("displayName", sent["displayName"], str)
    place = {"displayName": name, "locationType": sent.get("locationType", "default"), "uniqueId": name}
    extra = {key: sent[key] for key in ("locationUri", "locationEmailAddress", "address", "coordinates") if key in sent}
    return place | {"uniqueIdType": "private"} | extra


def properties(body: Resource) -> dict[str, str]:
    """Return extended properties by id. Raises 400 for an id that is none (A7.1)."""
    sent = _typed("singleValueExtendedProperties", body.get("singleValueExtendedProperties") or [], list)
    found = {}
    for one in sent:
        if not PROPERTY_ID.fullmatch(str(one.get("id", ""))) or not isinstance(one.get("value"), str):
            raise errors.bad_property("The extended property is invalid.")
        found[one["id"]] = one["value"]
    return found


def put_times(event: Event, body: Resource, settings: Settings) -> bool:
    """Set start, end, whole days and recurrence. Return True when time or pattern changed. Raises 400."""
    before = (event.start, event.end, event.zone, event.is_all_day, event.recurrence)
    if "isAllDay" in body and not {"start", "end"} <= body.keys():
        missing = "Event.Start" if "start" not in body else "Event.End"
        raise errors.bad(f"Missing parameters: {missing}", "ErrorInvalidParameter")
    if "isAllDay" in body:
        event.is_all_day = _typed("isAllDay", body["isAllDay"], bool)
    _put_walls(event, body, settings)
    if event.end < event.start:
        raise errors.bad_property("The end of the event lies before its start.")
    if event.is_all_day:
        _check_whole_days(event)
    if "recurrence" in body or event.recurrence:
        _put_recurrence(event, body)
    return (event.start, event.end, event.zone, event.is_all_day, event.recurrence) != before


def _put_walls(event: Event, body: Resource, settings: Settings) -> None:
    """Start and end are kept in the zone of the start; each side remembers the zone it was sent in."""
    any_iana = settings.accepts_any_iana
    if "start" in body:
        old_zone = event.zone
        event.start, event.zone = times.read_pair(body["start"], "start", any_iana=any_iana)
        event.start_zone = event.zone
        if "end" not in body:
            event.end = zones.wall(zones.instant(event.end, old_zone), event.zone)
    if "end" in body:
        wall, zone = times.read_pair(body["end"], "end", any_iana=any_iana)
        event.end_zone = zone
        if event.is_all_day and zone != event.zone:
            raise errors.bad("All day events must start and end in the same time zone.", "ErrorInvalidRequest")
        event.end = wall if zone == event.zone else zones.wall(zones.instant(wall, zone), event.zone)


def _check_whole_days(event: Event) -> None:
    if event.start.time() != time() or event.end.time() != time():
        message = "The Event.Start property for an all-day event needs to be set to midnight."
        raise errors.bad_property(message.replace("Start", "Start" if event.start.time() != time() else "End"))
    if event.end - event.start < timedelta(hours=24):
        raise errors.bad_property("The duration of an event marked as All day must be at least 24 hours.")


def _put_recurrence(event: Event, body: Resource) -> None:
    """Set, keep or drop the recurrence; a start that moved alone moves the first day of the range with it."""
    sent = body.get("recurrence", event.recurrence)
    if sent is None:
        event.recurrence = None
        return
    if event.master:
        raise errors.bad("An occurrence cannot have a recurrence of its own.")
    if "recurrence" not in body:
        sent = {**sent, "range": {**sent["range"], "startDate": event.start.date().isoformat()}}
    zone = sent.get("range", {}).get("recurrenceTimeZone") if isinstance(sent.get("range"), dict) else None
    _follow_zone(event, zone if "recurrence" in body else None)
    event.recurrence = recurrence.read(sent, event.start.date(), event.zone)
    length = event.end - event.start
    first = datetime.fromisoformat(event.recurrence["range"]["startDate"])
    event.start = datetime.combine(first, event.start.time())
    event.end = event.start + length
    recurrence.check_spacing(event.recurrence, length)


def _follow_zone(event: Event, name: Any) -> None:
    """A series repeats in the zone of its recurrence: bring start and end there."""
    if not name or event.is_all_day:
        return
    zone = zones.find(name)
    if zone is None:
        message = f"A valid TimeZone value must be specified. The following is not supported: '{name}'."
        raise errors.bad(message, "TimeZoneNotSupportedException")
    if zone != event.zone:
        start, end = zones.instant(event.start, event.zone), zones.instant(event.end, event.zone)
        event.start, event.end, event.zone = zones.wall(start, zone), zones.wall(end, zone), zone
