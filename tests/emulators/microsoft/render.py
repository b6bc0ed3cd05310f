"""Events, calendars and people as answers show them (contract A3, A4.2)."""

from __future__ import annotations

from dataclasses import dataclass

from tests.emulators.microsoft import bodies, items, times, zones
from tests.emulators.microsoft.items import Item
from tests.emulators.microsoft.model import Calendar, Event, Resource, User


@dataclass(frozen=True)
class Look:
    """What the caller's `Prefer` asks for (A2.1)."""

    zone: str = "UTC"
    immutable: bool = False
    as_text: bool = False


def event(item: Item, look: Look) -> Resource:
    """Return an event with every property that v1.0 shows unasked."""
    stored = item.event
    hidden = _hides(stored)
    body = {
        **_head(item, look),
        "createdDateTime": times.stamp(stored.created),
        "lastModifiedDateTime": times.stamp(stored.modified),
        "changeKey": item.change_key,
        "categories": list(stored.fields["categories"]),
        "transactionId": stored.transaction_id,
        "originalStartTimeZone": stored.start_zone,
        "originalEndTimeZone": stored.end_zone,
        "iCalUId": _uid(item),
        "hasAttachments": False,
        **_plain(stored),
        "subject": "Private appointment" if hidden else stored.fields["subject"],
        "bodyPreview": "" if hidden else bodies.preview(stored.fields["html"]),
        **_state(item, look),
        **_online(stored),
        "recurrence": None if item.day else stored.recurrence,
        "responseStatus": {"response": stored.response[0], "time": times.stamp(stored.response[1])},
        "body": {"contentType": "html", "content": ""} if hidden else bodies.shown(stored, as_text=look.as_text),
        **walls(item, look),
        **_places(stored, hidden=hidden),
        "attendees": [] if hidden else [dict(one) for one in stored.fields["attendees"]],
        "organizer": _person(stored.organizer),
    }
    if stored.transaction_id is None or item.day:
        del body["transactionId"]
    return body


def _head(item: Item, look: Look) -> Resource:
    return {"@odata.etag": item.etag, "id": item.id(immutable=look.immutable)}


def thin(item: Item, look: Look) -> Resource:
    """Return what a delta tells of an occurrence (A9.2)."""
    master = items.master_of(item.event)
    return {
        "@odata.type": "#microsoft.graph.event",
        **_head(item, look),
        "seriesMasterId": Item(master).id(immutable=look.immutable),
        "type": "occurrence",
        **walls(item, look),
    }


def walls(item: Item, look: Look) -> Resource:
    """Return start and end in the asked zone; whole days float and are midnight in every zone (A5)."""
    if item.event.is_all_day:
        return {"start": times.pair(item.start, look.zone), "end": times.pair(item.end, look.zone)}
    start, end = item.moments
    return {
        "start": times.pair(zones.wall(start, look.zone), look.zone),
        "end": times.pair(zones.wall(end, look.zone), look.zone),
    }


def _plain(stored: Event) -> Resource:
    names = (
        "reminderMinutesBeforeStart",
        "isReminderOn",
        "hideAttendees",
        "importance",
        "sensitivity",
        "responseRequested",
        "allowNewTimeProposals",
        "showAs",
    )
    return {name: stored.fields[name] for name in names}


def _state(item: Item, look: Look) -> Resource:
    stored = item.event
    master = items.master_of(stored) if stored.master or item.day else None
    original = items.original_start(item)
    return {
        "originalStart": f"{original:%Y-%m-%dT%H:%M:%SZ}" if original else None,
        "isAllDay": stored.is_all_day,
        "isCancelled": stored.is_cancelled,
        "isDraft": False,
        "isOrganizer": stored.response[0] == "organizer",
        "seriesMasterId": Item(master).id(immutable=look.immutable) if master else None,
        "type": item.kind,
        "webLink": f"https://outlook.office365.com/owa/?itemid={item.id(immutable=False)[:40]}&exvsurl=1&path=/calendar/item",
    }


def _online(stored: Event) -> Resource:
    is_online = bool(stored.fields.get("isOnlineMeeting"))
    return {
        "onlineMeetingUrl": None,
        "isOnlineMeeting": is_online,
        "onlineMeetingProvider": stored.fields.get("onlineMeetingProvider", "unknown") if is_online else "unknown",
        "onlineMeeting": stored.online,
    }


def _uid(item: Item) -> str:
    """The id of the meeting; occurrences and exceptions have one each (A4.2)."""
    day = item.day or item.event.original
    return item.event.uid[:32] + day.strftime("%Y%m%d") + item.event.uid[40:] if day else item.event.uid


def _places(stored: Event, *, hidden: bool) -> Resource:
    places = [] if hidden else [dict(one) for one in stored.fields["locations"]]
    empty = {"displayName": "", "locationType": "default", "uniqueIdType": "unknown", "address": {}, "coordinates": {}}
    return {"location": places[0] if places else empty, "locations": places}


def _hides(stored: Event) -> bool:
    """Private events of a calendar that somebody shared lose what they are about (A4.2)."""
    return stored.fields["sensitivity"] == "private" and not stored.calendar.can_see_private


def _person(who: tuple[str, str]) -> Resource:
    return {"emailAddress": {"name": who[1], "address": who[0]}}


def calendar(one: Calendar) -> Resource:
    """Return a calendar with all fields of A3."""
    return {
        "id": one.id,
        "name": one.name,
        "color": one.color,
        "hexColor": one.hex_color,
        "isDefaultCalendar": one.is_default,
        "changeKey": f"Hk1c{one.revision:08d}==",
        "canShare": one.can_share,
        "canViewPrivateItems": one.can_see_private,
        "canEdit": one.can_edit,
        "isTallyingResponses": one.is_default,
        "isRemovable": not one.is_default,
        "allowedOnlineMeetingProviders": list(one.providers),
        "defaultOnlineMeetingProvider": one.providers[0] if one.providers else "unknown",
        "owner": {"name": one.owner[1], "address": one.owner[0]},
    }


def user(one: User) -> Resource:
    given, _, family = one.name.partition(" ")
    return {
        "id": one.oid if not one.is_personal else one.oid.replace("-", "")[-16:],
        "displayName": one.name,
        "givenName": given,
        "surname": family,
        "userPrincipalName": one.email,
        "mail": one.email if one.has_mailbox else None,
        "jobTitle": None,
        "mobilePhone": None,
        "businessPhones": [],
        "officeLocation": None,
        "preferredLanguage": None,
    }
