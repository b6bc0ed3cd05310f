"""Graph's event JSON to an Event, and to the resource that the mirror keeps (contract sections A4 to A6). Pure.

    {"id": "AAMk...", "@odata.etag": "W/\\"DwAAAB...\\"", "type": "singleInstance", "subject": "Intro call",
     "start": {"dateTime": "2026-11-24T09:00:00.0000000", "timeZone": "UTC"}, "end": {...}, "isAllDay": false,
     "originalStartTimeZone": "GMT Standard Time", "iCalUId": "0400...", "showAs": "busy", "recurrence": null, ...}

Masters, single events and exceptions are resources of their own. An exception says little of its series: what has to
be known of that is put beside its JSON when it is read. What we write out of an Event is in `bodies.py`.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from calsync.engine import rrule
from calsync.engine.event import Event, Floating, Moment, Reminder, moment_text
from calsync.engine.resource import Resource
from calsync.providers import occurrence
from calsync.providers.microsoft import marks, people, recurrence, texts, when, zones

Json = dict[str, Any]

SERIES = "calsyncSeries"
"""What is put beside an exception's JSON: uid, isAllDay and floatsIn of its series."""

_CLASSES = {"personal": "private", "private": "private", "confidential": "confidential"}


def version_of(item: Json) -> str | None:
    """Return the concurrency token as If-Match wants it."""
    key = item.get("changeKey")
    return item.get("@odata.etag") or (f'W/"{key}"' if key else None)


def series_of(item: Json) -> str | None:
    """Return the id of the series that an item is an occurrence of."""
    return item.get("seriesMasterId") or None


def is_master(item: Json) -> bool:
    return item.get("type") == "seriesMaster"


def is_gone(item: Json) -> bool:
    """Return whether an item is nothing of its own: an occurrence as its series says, or one that went back to that.

    Outlook keeps such an exception. It counts again as soon as somebody changes it.
    """
    if item.get("type") == "occurrence":
        return True
    mark = marks.facts(item).get(marks.BACK) if series_of(item) else None
    return mark is not None and occurrence.went_back(mark, lambda: event_of(item))


def with_series(item: Json, master: Json) -> Json:
    """Return an exception's JSON with what has to be known of its series."""
    known = {"uid": uid_of(master), "isAllDay": bool(master.get("isAllDay")), "floatsIn": floats_in(master)}
    return {**item, SERIES: known}


def uid_of(item: Json) -> str:
    """Return the iCalendar uid; every occurrence has one of its own there, which is not its series'."""
    known = item.get(SERIES) or {}
    return str(known.get("uid") or item.get("iCalUId") or item["id"])


def floats_in(item: Json) -> str | None:
    """Return the zone whose wall time is meant, where a time is meant without a zone."""
    if marks.facts(item).get(marks.TIME) == marks.FLOATING:
        return zones.iana(item.get("originalStartTimeZone") or "UTC") or "UTC"
    known = item.get(SERIES) or {}
    return known.get("floatsIn")


def resource_of(item: Json, calendar_zone: str | None = None) -> Resource:
    """Return an item as a resource; one that cannot be read has a fault."""
    body = json.dumps(item, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    try:
        event = event_of(item, calendar_zone)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        title = item.get("subject") or item["id"]
        return Resource(item["id"], version_of(item), body, fault=f"{title}: {error}"[:500])
    return Resource(item["id"], version_of(item), body, (event,))


def item_of(body: str) -> Json:
    """Read the body of a resource. Raises ValueError."""
    item = json.loads(body)
    if not isinstance(item, dict):
        raise ValueError("an event is an object")
    return item


def event_of(item: Json, calendar_zone: str | None = None) -> Event:
    """Read an item. Raises ValueError, KeyError, TypeError for what cannot be read.

    `calendar_zone` stands in for a zone that somebody made up, which Outlook does not describe.
    """
    noted, floats = marks.facts(item), floats_in(item)
    is_all_day = bool(item.get("isAllDay"))
    start = when.read_moment(item["start"], is_all_day=is_all_day, floats_in=floats)
    slot = _slot(item)
    everybody, invited = people.read_attendees(item), marks.rooms(noted)
    plain = Event(
        uid=uid_of(item),
        start=start,
        end=when.read_moment(item["end"], is_all_day=is_all_day, floats_in=floats),
        tz=_zone(item, noted, start, calendar_zone),
        summary=item.get("subject") or "",
        description=_description(item),
        location=(item.get("location") or {}).get("displayName") or "",
        recurrence_id=slot,
        status=_status(item, noted),
        transparency="transparent" if item.get("showAs") == "free" else "opaque",
        classification=_CLASSES.get(item.get("sensitivity") or "", "public"),
        organizer=people.read_organizer(item, invited),
        attendees=tuple(guest for guest in everybody if guest.address not in invited),
        rooms=tuple(guest for guest in everybody if guest.address in invited),
        reminders=_reminders(item),
        conference=conference(item, noted),
        url=noted.get(marks.URL),
        created=when.stamp(item.get("createdDateTime")),
        last_modified=when.stamp(item.get("lastModifiedDateTime")),
        our_id=_our_id(noted, "" if slot is None else moment_text(slot)),
        is_declined=people.is_declined(item),
    )
    return _repeating(plain, item, noted) if item.get("recurrence") else plain


def conference(item: Json, noted: dict[str, str] | None = None) -> str | None:
    """Return the join link: Outlook's own where there is one, else the one that we put beside the event."""
    own = (item.get("onlineMeeting") or {}).get("joinUrl") or item.get("onlineMeetingUrl")
    return own or (marks.facts(item) if noted is None else noted).get(marks.LINK)


def _repeating(event: Event, item: Json, noted: dict[str, str]) -> Event:
    zone = event.tz or floats_in(item) or "UTC"
    text = recurrence.read(item["recurrence"], zone, is_all_day=event.is_all_day)
    rrule.parse(text)
    series = replace(event, rrule=_as_we_wrote_it(replace(event, rrule=noted.get(marks.RULE)), text, zone))
    return replace(series, exdates=recurrence.read_cancelled(item.get("cancelledOccurrences") or [], series))


def _as_we_wrote_it(noted: Event, text: str, zone: str) -> str:
    """Return the rule in our own words while the pattern still says the same."""
    if noted.rrule is None:
        return text
    try:
        again = recurrence.read(recurrence.write(noted, zone), zone, is_all_day=noted.is_all_day)
    except ValueError:
        return text
    return noted.rrule if again == text else text


def _slot(item: Json) -> Moment | None:
    if not series_of(item):
        return None
    known = item.get(SERIES) or {}
    floats = floats_in(item) if known.get("floatsIn") else None
    return when.read_slot(item["originalStart"], is_all_day=bool(known.get("isAllDay")), floats_in=floats)


def _zone(item: Json, noted: dict[str, str], start: Moment, calendar_zone: str | None) -> str | None:
    """Return the zone beside a start; None for UTC. Raises ValueError where a series recurs in an unknown one."""
    if item.get("isAllDay") or isinstance(start, Floating):
        return None
    ends = (item.get("recurrence") or {}).get("range") or {}
    said = ends.get("recurrenceTimeZone") or item.get("originalStartTimeZone") or "UTC"
    found = zones.iana(said) or zones.iana(item.get("originalStartTimeZone") or "") or calendar_zone
    if found is None and item.get("recurrence"):
        raise ValueError(f"the time zone {said!r} is unknown")
    ours = noted.get(marks.ZONE)
    if ours and found and zones.windows(ours) == zones.windows(found):
        found = ours
    return None if found is None or found == "UTC" or zones.windows(found) == "UTC" else found


def _description(item: Json) -> str:
    body = item.get("body") or {}
    text = str(body.get("content") or "")
    return texts.to_text(text) if body.get("contentType", "html").lower() == "html" else text.replace("\r\n", "\n")


def _status(item: Json, noted: dict[str, str]) -> str:
    if item.get("isCancelled"):
        return "cancelled"
    is_both = item.get("showAs") == "free" and noted.get(marks.STATUS) == "tentative"
    return "tentative" if is_both or item.get("showAs") == "tentative" else "confirmed"


def _reminders(item: Json) -> tuple[Reminder, ...]:
    return (Reminder(int(item.get("reminderMinutesBeforeStart") or 0)),) if item.get("isReminderOn") else ()


def _our_id(noted: dict[str, str], slot: str) -> str | None:
    return noted.get(marks.ID) if noted.get(marks.SLOT, "") == slot else None
