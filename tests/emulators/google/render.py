"""How a stored event looks to one reader: zones, `self` marks, omitted defaults, hidden details (2.1, 5.3, 6)."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from tests.emulators.google import access, times
from tests.emulators.google.access import Call
from tests.emulators.google.model import Calendar, Event, Resource

PRIVATE = ("private", "confidential")

BUSY_KEYS = (
    "kind",
    "etag",
    "id",
    "status",
    "start",
    "end",
    "recurringEventId",
    "originalStartTime",
    "recurrence",
    "transparency",
    "visibility",
    "eventType",
)
"""What is left of an event whose details the reader may not see."""

UNSHOWN = ("retired", "promise")


@dataclass(frozen=True)
class View:
    """One reader's eyes: their calendar and role, the zone they asked for, how many guests they want."""

    calendar: Calendar
    email: str
    zone: ZoneInfo
    hides_private: bool
    only_busy: bool
    most_attendees: int | None


def view(call: Call, calendar: Calendar) -> View:
    """Return how the caller sees `calendar`. Raises 400 for an unknown `timeZone`."""
    name = call.query.get("timeZone") or calendar.time_zone
    return View(
        calendar=calendar,
        email=call.user.email,
        zone=times.get_zone(name, "timeZone"),
        hides_private=access.role_of(call, calendar) in ("reader", "writerWithoutPrivateAccess"),
        only_busy=access.sees_only_busy(call, calendar),
        most_attendees=call.query.get("maxAttendees"),
    )


def shown(event: Event, view: View, *, details_of_deleted: bool = True) -> Resource:
    """Return the event as JSON for this reader.

    Deleted events keep their details on the organizer's calendar only, and there only if asked (5.3).
    """
    is_bare = event.body["organizer"]["email"] != view.calendar.id or not details_of_deleted
    if event.is_cancelled and (is_bare or event.is_vanished):
        return stub(event, view)
    body = _own_keys(event, view) | _content(event, view)
    is_hidden = view.hides_private and body.get("visibility") in PRIVATE
    if view.only_busy or is_hidden:
        return {key: body[key] for key in BUSY_KEYS if key in body}
    return body


def stub(event: Event, view: View) -> Resource:
    """Return the least shape of a deleted event, or of a cancelled exception with its slot (5.3)."""
    body: Resource = {"kind": "calendar#event", "etag": event.etag, "id": event.id, "status": "cancelled"}
    if event.series_id:
        body["recurringEventId"] = event.series_id
        body["originalStartTime"] = times.shown(event.body["originalStartTime"], view.zone)
    return body


def gone_instance(event: Event, instance_id: str, original: Resource, view: View) -> Resource:
    """Return the stub of an instance that its series no longer has; without `original`, of a single event."""
    body: Resource = {"kind": "calendar#event", "etag": event.etag, "id": instance_id, "status": "cancelled"}
    if original:
        body["recurringEventId"] = event.id
        body["originalStartTime"] = times.shown(original, view.zone)
    return body


def link(event_id: str, calendar_id: str) -> str:
    """Return `htmlLink`: base64url of event and calendar id, without padding (6.2)."""
    eid = base64.urlsafe_b64encode(f"{event_id} {calendar_id}".encode()).decode().rstrip("=")
    return f"https://www.google.com/calendar/event?eid={eid}"


def _own_keys(event: Event, view: View) -> Resource:
    return {
        "kind": "calendar#event",
        "etag": event.etag,
        "id": event.id,
        "status": event.body["status"],
        "htmlLink": link(event.id, view.calendar.id),
        "created": times.seconds(event.created),
        "updated": times.milliseconds(event.updated),
    }


def _content(event: Event, view: View) -> Resource:
    body = dict(event.body)
    for key in ("start", "end", "originalStartTime"):
        if key in body:
            body[key] = times.shown(body[key], view.zone)
    for role in ("creator", "organizer"):
        mine = {"self": True} if body[role]["email"] == view.calendar.id else {}
        body[role] = body[role] | mine
    if "conferenceData" in body:
        body["conferenceData"] = {key: value for key, value in body["conferenceData"].items() if key not in UNSHOWN}
    if body["creator"]["email"] != view.email:
        body.pop("source", None)
    return body | _attendees(body, view)


def _attendees(body: Resource, view: View) -> Resource:
    guests = body.get("attendees", [])
    if not guests:
        return {}
    marked = [_marked(guest, body, view) for guest in guests]
    hides_others = body.get("guestsCanSeeOtherGuests") is False and "self" not in body["organizer"]
    too_many = view.most_attendees is not None and len(guests) > view.most_attendees
    if not hides_others and not too_many:
        return {"attendees": marked}
    return {"attendees": [guest for guest in marked if guest.get("self")], "attendeesOmitted": True}


def _marked(guest: Resource, body: Resource, view: View) -> Resource:
    marks = {}
    if guest["email"] == body["organizer"]["email"]:
        marks["organizer"] = True
    if guest["email"] == view.calendar.id:
        marks["self"] = True
    return guest | marks
