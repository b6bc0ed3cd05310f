"""iCalendar text to events (RFC 5545). Writing is in `patch.py`; both see a text as a `Document`.

What people get wrong is read as they meant it where that is known (contract part B9); what cannot be read is `Broken`,
so that it becomes one fault of one resource and never a deletion.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo

from calsync.engine import rrule
from calsync.engine.event import Event, Person, moment_text
from calsync.providers.base import Resource
from calsync.providers.caldav import alarms, lines, people, times, values
from calsync.providers.caldav.lines import Broken, Component, Line
from calsync.providers.caldav.timezones import Book
from calsync.providers.caldav.values import Stamp

OUR_ID = "X-CALSYNC-ID"


@dataclass(frozen=True, slots=True)
class Read:
    """One VEVENT with the event it means; `start` and `rules` are what its other times are read against."""

    component: Component
    event: Event
    start: Stamp
    rules: tzinfo | None
    recurrence_id: Stamp | None = None


class Document:
    """One resource's text, its zones and its events. Raises Broken when it cannot be read."""

    def __init__(self, text: str, zone: str | None = None) -> None:
        self.newline = lines.newline_of(text)
        self.root = lines.parse(text)
        self.book = Book(self.root, zone)

    def calendars(self) -> list[Component]:
        return self.root.children("VCALENDAR")

    def read(self) -> list[Read]:
        """Return the events in the order of the text; of two with one identity the later revision."""
        found = [
            _named(component, self.book) for calendar in self.calendars() for component in calendar.children("VEVENT")
        ]
        masters = {r.event.uid: r for r in found if r.recurrence_id is None}
        latest: dict[tuple[str, str], Read] = {}
        for read in (_settled(r, masters.get(r.event.uid)) for r in found):
            name = identity(read.event)
            known = latest.get(name)
            if known is None or read.event.sequence >= known.event.sequence:
                latest[name] = read
        return list(latest.values())


def identity(event: Event) -> tuple[str, str]:
    """Return what names an event inside its resource: its uid, and its slot if it is an override."""
    return event.uid, "" if event.recurrence_id is None else moment_text(event.recurrence_id)


def parse(text: str, zone: str | None = None) -> tuple[Event, ...]:
    """Return the events in a text; none when it holds only tasks or journals.

    `zone` is the calendar's own zone, for a TZID that nothing else explains. Raises Broken, naming the event.
    Cancelled overrides are events with status cancelled.
    """
    return tuple(read.event for read in Document(text, zone).read())


def resource(handle: str, version: str | None, body: str, zone: str | None = None) -> Resource:
    """Return a text as a resource; one that cannot be read says why in `fault`."""
    try:
        return Resource(handle, version, body, parse(body, zone))
    except Broken as error:
        return Resource(handle, version, body, fault=str(error))


def _named(component: Component, book: Book) -> Read:
    """Read an event; name it when it is broken."""
    try:
        return read_event(component, book)
    except Broken as error:
        title, uid = component.first("SUMMARY"), component.first("UID")
        name = values.text(title.value) if title else uid.value if uid else "an event without a title"
        raise Broken(f"{name[:80]}: {error}") from error


def read_event(component: Component, book: Book) -> Read:
    """Read one VEVENT. Its RECURRENCE-ID is in its own form; `Document.read` settles it with the master."""
    found = component.by_name()
    if "UID" not in found or not found["UID"][0].value.strip():
        raise Broken("it has no UID")
    if "DTSTART" not in found:
        raise Broken("it has no start")
    start, zone_name, rules = times.start_of(found["DTSTART"][0], book)
    slot = times.stamp_of(found["RECURRENCE-ID"][0], book) if "RECURRENCE-ID" in found else None
    event = Event(
        uid=values.text(found["UID"][0].value.strip()),
        start=start.moment,
        end=times.end_of(found, start, rules, book),
        tz=zone_name,
        summary=_text(found, "SUMMARY"),
        description=_text(found, "DESCRIPTION"),
        location=_text(found, "LOCATION"),
        recurrence_id=None if slot is None else times.agreed(slot, start, rules),
        rrule=_rule(found),
        rdates=times.dates(found.get("RDATE", ()), start, rules, book),
        exdates=times.dates(found.get("EXDATE", ()), start, rules, book),
        status=_choice(found, "STATUS", ("confirmed", "tentative", "cancelled"), "confirmed"),
        transparency=_transparency(found),
        classification=_class(found),
        organizer=_organizer(found),
        attendees=tuple(people.attendee(line) for line in people.guest_lines(found.get("ATTENDEE", ())).values()),
        reminders=alarms.reminders(component),
        conference=people.conference(found),
        url=_text(found, "URL") or None,
        sequence=_sequence(found),
        created=_stamped(found, "CREATED"),
        last_modified=_stamped(found, "LAST-MODIFIED") or _stamped(found, "DTSTAMP"),
        our_id=_text(found, OUR_ID) or None,
    )
    return Read(component, event, start, rules, slot)


def _settled(read: Read, master: Read | None) -> Read:
    """Return an override with its slot in the form of its master's start: writers mix zones, dates and UTC."""
    if read.recurrence_id is None or master is None:
        return read
    slot = times.agreed(read.recurrence_id, master.start, master.rules)
    return read if slot == read.event.recurrence_id else replace(read, event=replace(read.event, recurrence_id=slot))


def _rule(found: dict[str, list[Line]]) -> str | None:
    """Return the recurrence rule. RFC 5545 section 3.8.5.3 allows one; of several the first is understood."""
    rule = "".join(found["RRULE"][0].value.upper().split()) if "RRULE" in found else ""
    rule = rule.replace("\\", "").strip(";")  # Xandikos escapes what it took for text
    if not rule:
        return None
    try:
        rrule.parse(rule)
    except ValueError as error:
        raise Broken(str(error)) from error
    return rule


# Other properties


def _text(found: dict[str, list[Line]], name: str) -> str:
    return values.clean_text(found[name][0].value) if name in found else ""


def _choice(found: dict[str, list[Line]], name: str, known: tuple[str, ...], otherwise: str) -> str:
    value = found[name][0].value.strip().lower() if name in found else otherwise
    return value if value in known else otherwise


def _transparency(found: dict[str, list[Line]]) -> str:
    if "TRANSP" not in found and _choice(found, "X-MICROSOFT-CDO-BUSYSTATUS", ("free",), "busy") == "free":
        return "transparent"
    return _choice(found, "TRANSP", ("opaque", "transparent"), "opaque")


def _class(found: dict[str, list[Line]]) -> str:
    """Return the classification; one that is not known is private (RFC 5545 section 3.8.1.3)."""
    if "CLASS" not in found:
        return "public"
    return _choice(found, "CLASS", ("public", "private", "confidential"), "private")


def _sequence(found: dict[str, list[Line]]) -> int:
    value = found["SEQUENCE"][0].value.strip() if "SEQUENCE" in found else "0"
    return int(value) if value.isdecimal() and len(value) < 10 else 0


def _stamped(found: dict[str, list[Line]], name: str) -> datetime | None:
    try:
        moment = values.stamp(found[name][0].value, UTC).moment if name in found else None
    except Broken:
        return None
    return moment if isinstance(moment, datetime) else None


def _organizer(found: dict[str, list[Line]]) -> Person | None:
    if "ORGANIZER" not in found:
        return None
    line = found["ORGANIZER"][0]
    return Person(people.address(line), values.clean(line.parameters.get("CN", "")))
