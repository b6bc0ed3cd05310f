"""Google's event JSON to an Event, and to the resource that the mirror keeps (contract sections 5.3 and 6). Pure.

    {"id": "6f1c...", "etag": "\\"3512345678901234\\"", "status": "confirmed", "summary": "Intro call",
     "start": {"dateTime": "2026-11-24T09:00:00Z", "timeZone": "Europe/Lisbon"}, "end": {...},
     "iCalUID": "6f1c...@google.com", "recurringEventId": ..., "originalStartTime": {...}, "attendees": [...]}

Masters, single events and exceptions are resources of their own, each with its id and its etag. What we write out of
an Event is in `bodies.py`.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

from calsync.engine.event import Event, Reminder, moment_text
from calsync.engine.resource import Resource
from calsync.engine.vocabulary import EventKind
from calsync.providers import occurrence
from calsync.providers.google import people, texts, when

Json = dict[str, Any]

MARK = "calsyncId"
"""Private extended property: our id of the event."""

SLOT = "calsyncSlot"
"""Private extended property: the occurrence that our id belongs to. Instances inherit their series' properties."""

TIME = "calsyncTime"
"""Private extended property: "floating" for a time that is meant without a zone."""

LINK = "calsyncLink"
"""Private extended property: a join link that is not Google's own."""

KEY = "calsyncKey"
"""Private extended property: the key of the write that created the event."""

BACK = "calsyncBack"
"""Private extended property of an instance that went back to its series: the fingerprint that it has since then."""

KINDS = {
    "default": EventKind.DEFAULT,
    "outOfOffice": EventKind.OUT_OF_OFFICE,
    "focusTime": EventKind.FOCUS,
    "workingLocation": EventKind.WORK_PLACE,
    "birthday": EventKind.BIRTHDAY,
    "fromGmail": EventKind.FROM_MAIL,
}
"""Our kinds by Google's event types (contract section 9)."""

FLOATING = "floating"
_INSTANCE = re.compile(r"(?P<series>.+)_\d{8}(?:T\d{6}Z)?")
_CLASSES = {"private": "private", "confidential": "confidential"}


def is_cancelled(item: Json) -> bool:
    return item.get("status") == "cancelled"


def is_gone(item: Json) -> bool:
    """Return whether nothing is there: a deleted event, or an exception that went back to its series.

    Google keeps such an exception for ever. It counts again as soon as somebody changes it.
    """
    if is_cancelled(item):
        return True
    mark = private(item).get(BACK)
    return mark is not None and occurrence.went_back(mark, lambda: event_of(item))


def series_of(item: Json) -> str | None:
    """Return the id of the series that an item is an instance of."""
    return item.get("recurringEventId") or None


def is_instance_id(handle: str, series: str) -> bool:
    """Return whether a handle names an instance of a series (contract section 8.4)."""
    match = _INSTANCE.fullmatch(handle)
    return match is not None and match["series"] == series


def uid_of(item: Json) -> str:
    """Return the iCalendar uid; what Google gives its own events by default where we may not see it."""
    return item.get("iCalUID") or f"{series_of(item) or item['id']}@google.com"


def resource_of(item: Json, *, uid: str | None = None, is_detached: bool = False) -> Resource:
    """Return an item as a resource; one that cannot be read has a fault.

    `uid` is that of the series, for a cancelled instance, which does not name its own. `is_detached` reads an
    instance as an event by itself: a calendar that only shows when one is busy lists no series.
    """
    body = json.dumps(item, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    try:
        event = event_of(item, uid=uid, is_detached=is_detached)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        title = item.get("summary") or item["id"]
        return Resource(item["id"], item.get("etag"), body, fault=f"{title}: {error}"[:500])
    return Resource(item["id"], item.get("etag"), body, (event,))


def item_of(body: str) -> Json:
    """Read the body of a resource. Raises ValueError."""
    item = json.loads(body)
    if not isinstance(item, dict):
        raise ValueError("an event is an object")
    return item


def event_of(item: Json, *, uid: str | None = None, is_detached: bool = False) -> Event:
    """Read an item. Raises ValueError, KeyError, TypeError for what cannot be read."""
    marks = private(item)
    is_floating = marks.get(TIME) == FLOATING
    first = item.get("start") or item["originalStartTime"]
    start = when.read_moment(first, is_floating=is_floating)
    zone = None if is_floating else when.read_zone(first, is_series=bool(item.get("recurrence")))
    repeats = when.read_repeats(item.get("recurrence") or [], start, first.get("timeZone"))
    slot = None
    if series_of(item) and not is_detached:
        slot = when.read_moment(item["originalStartTime"], is_floating=is_floating)
    return Event(
        uid=uid or (f"{item['id']}@google.com" if is_detached else uid_of(item)),
        start=start,
        end=when.read_moment(item.get("end") or first, is_floating=is_floating),
        tz=zone,
        summary=item.get("summary", ""),
        description=texts.to_text(item.get("description", "")),
        location=item.get("location", ""),
        recurrence_id=slot,
        rrule=repeats.rrule,
        rdates=repeats.rdates,
        exdates=repeats.exdates,
        status=item.get("status", "confirmed"),
        transparency=item.get("transparency", "opaque"),
        classification=_CLASSES.get(item.get("visibility", ""), "public"),
        organizer=people.read_organizer(item),
        attendees=people.read_attendees(item),
        reminders=_reminders(item),
        conference=conference(item),
        url=(item.get("source") or {}).get("url"),
        sequence=item.get("sequence", 0),
        created=_stamp(item.get("created")),
        last_modified=_stamp(item.get("updated")),
        our_id=_our_id(marks, "" if slot is None else moment_text(slot)),
        kind=KINDS.get(item.get("eventType", "default"), EventKind.OTHER),
        is_declined=people.is_declined(item),
    )


def private(item: Json) -> dict[str, str]:
    """Return the properties that stay on this calendar's copy."""
    return (item.get("extendedProperties") or {}).get("private") or {}


def conference(item: Json) -> str | None:
    """Return the join link: Google's own where there is one, else the one that we put beside the event."""
    points = (item.get("conferenceData") or {}).get("entryPoints") or []
    videos = [point.get("uri") for point in points if point.get("entryPointType") == "video"]
    return next(filter(None, (*videos, item.get("hangoutLink"), private(item).get(LINK))), None)


def link_state(item: Json) -> str | None:
    """Return what became of a request for a conference: pending, success, failure; None without a request."""
    request = (item.get("conferenceData") or {}).get("createRequest") or {}
    return (request.get("status") or {}).get("statusCode")


def _our_id(marks: dict[str, str], slot: str) -> str | None:
    return marks.get(MARK) if marks.get(SLOT, "") == slot else None


def _reminders(item: Json) -> tuple[Reminder, ...]:
    """Return the event's own reminders; the calendar's default ones are nobody's wish for this event."""
    said = item.get("reminders") or {}
    if said.get("useDefault"):
        return ()
    known = (r for r in said.get("overrides") or [] if r.get("method") in ("popup", "email"))
    return tuple(Reminder(int(r["minutes"]), r["method"]) for r in known)


def _stamp(text: str | None) -> datetime | None:
    return None if not text else datetime.fromisoformat(text).astimezone(UTC)
