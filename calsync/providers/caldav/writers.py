"""Writing the fields of an event into its VEVENT, each only where it differs, each in the form that was there."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from calsync.engine.event import Attendee, Event, Reminder
from calsync.engine.vocabulary import MailRule
from calsync.providers.caldav import alarms, people, values
from calsync.providers.caldav.ics import Read
from calsync.providers.caldav.lines import Component
from calsync.providers.caldav.when import Pen

# Another wording of the same thing, which clients prefer when they show it: it goes when the thing changes.
_SHADOWS = {"DESCRIPTION": ("X-ALT-DESC",), "LOCATION": ("X-APPLE-STRUCTURED-LOCATION",)}


@dataclass(frozen=True, slots=True)
class Hand:
    """What a writer needs beside the event: how to write, whom a server may mail, and who we are."""

    pen: Pen
    mail: MailRule = MailRule.NEVER
    own_address: str | None = None

    def stays_silent(self, attendee: Attendee, organizer: str | None) -> bool:
        """Return whether the server must not mail this guest. External is who is not of the organizer's domain."""
        if self.mail is MailRule.EXTERNAL:
            ours = (organizer or self.own_address or "").rpartition("@")[2]
            return attendee.address.rpartition("@")[2] == ours
        return self.mail is MailRule.NEVER


def text(name: str, field: str) -> Callable[[Component, Event, Read, Hand], None]:
    """Return the writer of a TEXT property; an empty text takes the property away."""

    def write(component: Component, wanted: Event, read: Read, hand: Hand) -> None:
        new = values.clean(getattr(wanted, field))
        if new == getattr(read.event, field):
            return
        for shadow in component.lines(*_SHADOWS.get(name, ())):
            component.drop(shadow)
        _set(component, name, values.escaped(new), hand.pen, {"ALTREP": None})

    return write


def status(component: Component, wanted: Event, read: Read, hand: Hand) -> None:
    if wanted.status != read.event.status:
        _set(component, "STATUS", wanted.status.upper(), hand.pen)


def transparency(component: Component, wanted: Event, read: Read, hand: Hand) -> None:
    if wanted.transparency == read.event.transparency:
        return
    _set(component, "TRANSP", wanted.transparency.upper(), hand.pen)
    if component.first("X-MICROSOFT-CDO-BUSYSTATUS"):
        shown = "FREE" if wanted.transparency == "transparent" else "BUSY"
        _set(component, "X-MICROSOFT-CDO-BUSYSTATUS", shown, hand.pen)


def classification(component: Component, wanted: Event, read: Read, hand: Hand) -> None:
    if wanted.classification != read.event.classification:
        _set(component, "CLASS", wanted.classification.upper(), hand.pen)


def url(component: Component, wanted: Event, read: Read, hand: Hand) -> None:
    if (wanted.url or None) != read.event.url:
        _set(component, "URL", _uri(wanted.url or ""), hand.pen)


def conference(component: Component, wanted: Event, read: Read, hand: Hand) -> None:
    """Write the join link where it stood; other places that repeat the old one go."""
    old = read.event.conference
    if (wanted.conference or None) == old:
        return
    line = people.conference_line(component.by_name())
    if wanted.conference and line is None:
        parameters = {"VALUE": "URI", "FEATURE": "VIDEO"}
        component.set(None, hand.pen.line("CONFERENCE", _uri(wanted.conference), dict(parameters)))
    elif wanted.conference and line is not None:
        component.set(line, line.changed(hand.pen.newline, _uri(wanted.conference)))
    while (
        stale := people.conference_line(component.by_name())
    ) is not None and stale.value.strip() != wanted.conference:
        component.drop(stale)
    for other in component.lines(*people.CONFERENCE):
        if old is not None and other.value.strip() == old:
            component.drop(other)


def attendees(component: Component, wanted: Event, read: Read, hand: Hand) -> None:
    """Bring guests in and out and change what is known of them; responses are a field of their own."""
    new = {person.address: person for person in wanted.attendees}
    known = {person.address: person for person in read.event.attendees}
    for line in component.lines("ATTENDEE"):
        if people.address(line) not in new:
            component.drop(line)
    for address, line in people.guest_lines(component.lines("ATTENDEE")).items():
        if _facts(new[address]) != _facts(people.attendee(line)):
            component.set(line, line.changed(hand.pen.newline, None, _changed_facts(known[address], new[address])))
    organizer = wanted.organizer.address if wanted.organizer else None
    for person in wanted.attendees:
        if person.address not in known:
            silent = hand.stays_silent(person, organizer)
            component.set(None, hand.pen.line("ATTENDEE", _cal_address(person.address), _new_guest(person, silent)))


def responses(component: Component, wanted: Event, read: Read, hand: Hand) -> None:
    """Write who accepted and who declined, of those who stand there."""
    given = {person.address: person.partstat for person in wanted.attendees}
    for line in people.guest_lines(component.lines("ATTENDEE")).values():
        person = people.attendee(line)
        if given.get(person.address, person.partstat) != person.partstat:
            component.set(line, line.changed(hand.pen.newline, None, {"PARTSTAT": _word(given[person.address])}))


def reminders(component: Component, wanted: Event, read: Read, hand: Hand) -> None:
    """Bring alarms in and out. Those that a reminder cannot say stay."""
    kept: set[Reminder] = set()
    for alarm in component.children("VALARM"):
        found = alarms.reminder(alarm)
        if found is not None and found not in wanted.reminders:
            component.drop(alarm)
        elif found is not None:
            kept.add(found)
    for new in dict.fromkeys(wanted.reminders):
        if new not in kept:
            component.items.append(alarms.component(new, wanted.summary, hand.own_address, hand.pen.newline))


def organizer(component: Component, wanted: Event, hand: Hand) -> None:
    """Name who invites, in a new event: a server sends invitations only then."""
    if wanted.organizer is not None:
        parameters = {"CN": values.clean(wanted.organizer.name) or None}
        address = _cal_address(wanted.organizer.address)
        component.set(None, hand.pen.line("ORGANIZER", address, dict(parameters)))
    elif wanted.attendees and hand.own_address and hand.mail is not MailRule.NEVER:
        component.set(None, hand.pen.line("ORGANIZER", _cal_address(hand.own_address)))


WRITERS: Mapping[str, Callable[[Component, Event, Read, Hand], None]] = {
    "summary": text("SUMMARY", "summary"),
    "description": text("DESCRIPTION", "description"),
    "location": text("LOCATION", "location"),
    "status": status,
    "transparency": transparency,
    "classification": classification,
    "attendees": attendees,
    "responses": responses,
    "reminders": reminders,
    "conference": conference,
    "url": url,
}
"""One writer per merge unit; `time` and `exdates` are in `when.py`."""


def _set(
    component: Component, name: str, value: str, pen: Pen, parameters: Mapping[str, str | None] | None = None
) -> None:
    """Set a property that stands once; an empty value takes it away."""
    old = component.first(name)
    if old is None and not value:
        return
    new = pen.line(name, value) if old is None else old.changed(pen.newline, value, parameters or {})
    component.set(old, new if value else None)


def _facts(person: Attendee) -> tuple[str, str, str]:
    return person.name, person.role, person.kind


def _changed_facts(old: Attendee, new: Attendee) -> dict[str, str | None]:
    changed: dict[str, str | None] = {}
    if old.name != new.name:
        changed["CN"] = values.clean(new.name) or None
    if old.role != new.role:
        changed["ROLE"] = _word(new.role)
    if old.kind != new.kind:
        changed["CUTYPE"] = _word(new.kind)
    return changed


def _new_guest(person: Attendee, is_silent: bool) -> dict[str, str | None]:
    """Return the parameters of a guest who was not there. SCHEDULE-AGENT is RFC 6638 section 7.1."""
    return {
        "CN": values.clean(person.name) or None,
        "CUTYPE": _word(person.kind),
        "ROLE": _word(person.role),
        "PARTSTAT": _word(person.partstat),
        **({"SCHEDULE-AGENT": "NONE"} if is_silent else {"RSVP": "TRUE"}),
    }


def _word(value: str) -> str:
    return re.sub(r"[^A-Z0-9-]", "", value.upper())


def _uri(value: str) -> str:
    return re.sub(r"[\s\x00-\x1f]", "", value)


def _cal_address(address: str) -> str:
    address = _uri(address)
    return f"mailto:{address}" if "@" in address and ":" not in address.partition("@")[0] else address
