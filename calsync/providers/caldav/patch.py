"""Wanted events into iCalendar text: the stored text edited in place, or a new one.

Lines that need not change are not rewritten, so everything that we do not model comes back as it was: unknown
properties and parameters, other components, other people's alarms and time zones.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from calsync.engine import zones
from calsync.engine.event import FIELDS, Event, Floating, Moment
from calsync.engine.vocabulary import MailRule
from calsync.providers.base import Edit
from calsync.providers.caldav import lines, timezones, values, when, writers
from calsync.providers.caldav.ics import OUR_ID, Document, Read, identity, read_event
from calsync.providers.caldav.lines import Broken, Component
from calsync.providers.caldav.when import Pen
from calsync.providers.caldav.writers import Hand

PRODUCT = "-//Calsync//Calsync//EN"
_SIGNIFICANT = frozenset(("time", "exdates", "status"))
"""Fields whose change is a new revision for guests (RFC 5546 section 2.1.4)."""

# A new override begins as its occurrence of the master, less what makes the master a series.
_NOT_IN_AN_OVERRIDE = ("RRULE", "RDATE", "EXDATE", "EXRULE", "RECURRENCE-ID", OUR_ID)


def patch(
    body: str | None,
    edits: Sequence[Edit],
    *,
    now: datetime,
    mail: MailRule = MailRule.NEVER,
    own_address: str | None = None,
    zone: str | None = None,
) -> str:
    """Return the text with the edits made; `body` None makes a new text. Nothing changed returns `body` itself.

    A master's exdates count cancelled overrides as well (`series.fold_cancelled`): one that is in the text is not
    written again as EXDATE, and one that is no longer wanted goes. `mail` decides whether a server may mail guests
    who are new on an event; guests who stand there are left as they are, since taking a guest from the server's hands
    would send a cancellation (RFC 6638 section 3.2.2.1). `zone` is the calendar's own zone. Raises Broken.
    """
    document = Document(body if body is not None else _empty(), zone)
    pen = Pen(document.newline, document.book)
    desk = _Desk(document, Hand(pen, mail, own_address), now, {identity(edit.event) for edit in edits})
    for edit in sorted(edits, key=lambda e: e.event.recurrence_id is not None):
        desk.make(edit)
    return desk.finished(body)


def _empty() -> str:
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:{PRODUCT}\r\nEND:VCALENDAR\r\n"


class _Desk:
    """One text under edit."""

    def __init__(self, document: Document, hand: Hand, now: datetime, named: set[tuple[str, str]]) -> None:
        calendars = document.calendars()
        if not calendars:
            raise Broken("the text holds no calendar")
        self._document, self._calendar, self._hand, self._now = document, calendars[0], hand, now
        self._read = {identity(read.event): read for read in document.read()}
        self._named = named
        self._years: list[int] = []

    def make(self, edit: Edit) -> None:
        """Make one edit: take an override out, change an event, or add one."""
        key = identity(edit.event)
        read = self._read.get(key)
        self._years.append(_year(edit.event.start))
        if edit.is_removed:
            if read is not None:
                self._drop(read.component)
        elif read is None:
            self._add(edit.event)
        else:
            self._change(read, edit.event, edit.fields)

    def _change(self, read: Read, wanted: Event, fields: frozenset[str]) -> None:
        component, before = read.component, read.component.text()
        pen = self._hand.pen
        if "exdates" in fields:
            self._write_exdates(read, wanted)
        if "time" in fields:
            when.write_time(component, wanted, read, pen)
        for name in FIELDS:
            if name in fields and name in writers.WRITERS:
                writers.WRITERS[name](component, wanted, read, self._hand)
        if fields:
            self._mark(component, wanted)
        if component.text() != before:
            self._stamp(component, bumps=bool(fields & _SIGNIFICANT) and _is_significant(read.event, wanted, fields))

    def _write_exdates(self, read: Read, wanted: Event) -> None:
        """Write the removed occurrences, each in the form found: an EXDATE or a cancelled override."""
        overrides = {r.event.recurrence_id: r for r in self._read.values() if r.event.uid == wanted.uid}
        cancelled = {slot for slot, r in overrides.items() if slot is not None and r.event.is_cancelled}
        revived = cancelled - set(wanted.exdates)
        removed = set(wanted.exdates) - set(read.event.exdates) - cancelled
        for slot in (revived | removed) & overrides.keys():
            if identity(overrides[slot].event) not in self._named:
                self._drop(overrides[slot].component)
        plain = [m for m in wanted.exdates if m not in cancelled or m in read.event.exdates]
        when.write_dates(read.component, "EXDATE", plain, wanted, read, self._hand.pen)

    def _add(self, wanted: Event) -> None:
        """Add an event; an override begins as a copy of its master."""
        master = self._read.get((wanted.uid, "")) if wanted.recurrence_id is not None else None
        component = self._blank(wanted) if master is None else self._copy(master.component)
        pen = self._hand.pen
        if wanted.recurrence_id is not None:
            component.set(None, when.slot_line(wanted.recurrence_id, master, wanted, pen))
        for name in ("DTSTART", "DTEND", "DURATION"):
            for line in component.lines(name):
                component.drop(line)
        when.write_time(component, wanted, None, pen)
        when.write_dates(component, "EXDATE", wanted.exdates, wanted, None, pen)
        read = read_event(component, self._document.book)
        for write in writers.WRITERS.values():
            write(component, wanted, read, self._hand)
        if master is None:
            writers.organizer(component, wanted, self._hand)
        self._mark(component, wanted)
        self._stamp(component, bumps=False)
        self._calendar.items.append(component)

    def _blank(self, wanted: Event) -> Component:
        newline = self._hand.pen.newline
        component = Component("VEVENT", f"BEGIN:VEVENT{newline}", [], f"END:VEVENT{newline}")
        for name, text in (("UID", values.escaped(wanted.uid)), ("DTSTAMP", ""), ("CREATED", self._stamp_text())):
            component.set(None, self._hand.pen.line(name, text))
        if wanted.sequence:
            component.set(None, self._hand.pen.line("SEQUENCE", str(wanted.sequence)))
        return component

    def _copy(self, master: Component) -> Component:
        component = master.copy()
        for line in component.lines(*_NOT_IN_AN_OVERRIDE):
            component.drop(line)
        return component

    def _mark(self, component: Component, wanted: Event) -> None:
        """Leave our id on what we write, so that it is known again when our links are lost."""
        old = component.first(OUR_ID)
        if wanted.our_id and (old is None or values.text(old.value) != wanted.our_id):
            component.set(old, self._hand.pen.line(OUR_ID, values.escaped(wanted.our_id)))

    def _stamp(self, component: Component, *, bumps: bool) -> None:
        """Note when the event was last revised, and count the revision when guests must know of it."""
        pen = self._hand.pen
        for name in ("DTSTAMP", "LAST-MODIFIED"):
            component.set(component.first(name), pen.line(name, self._stamp_text()))
        old = component.first("SEQUENCE")
        if bumps:
            count = int(old.value) if old is not None and old.value.strip().isdecimal() else 0
            component.set(old, pen.line("SEQUENCE", str(count + 1)))

    def _stamp_text(self) -> str:
        return values.utc_text(self._now.replace(microsecond=0))

    def _drop(self, component: Component) -> None:
        for calendar in self._document.calendars():
            if any(item is component for item in calendar.items):
                calendar.drop(component)

    def finished(self, body: str | None) -> str:
        """Return the text, with the rules of zones it newly names and without METHOD (RFC 4791 section 4.1)."""
        for tzid in sorted(self._hand.pen.used):
            if not self._document.book.has_rules(tzid):
                self._describe_zone(tzid)
        text = self._document.root.text()
        if text == body:
            return body
        for calendar in self._document.calendars():
            for line in calendar.lines("METHOD"):
                calendar.drop(line)
        if not any(calendar.children("VEVENT") for calendar in self._document.calendars()):
            raise Broken("nothing would be left of the event")
        return self._document.root.text()

    def _describe_zone(self, tzid: str) -> None:
        name = zones.resolve(tzid)
        if name is None:
            return  # read with the zone of the calendar, since nothing describes it: as it was found
        rules = timezones.vtimezone(name, min(self._years), self._hand.pen.newline, tzid)
        index = next((i for i, item in enumerate(self._calendar.items) if isinstance(item, Component)), None)
        self._calendar.items.insert(len(self._calendar.items) if index is None else index, lines.zone_block(rules))


def _is_significant(old: Event, new: Event, fields: frozenset[str]) -> bool:
    times = ("start", "end", "tz", "rrule", "rdates") if "time" in fields else ()
    names = (*times, *(name for name in ("exdates", "status") if name in fields))
    return any(_comparable(getattr(old, name)) != _comparable(getattr(new, name)) for name in names)


def _comparable(value: object) -> object:
    return set(value) if isinstance(value, tuple) else value


def _year(moment: Moment) -> int:
    if isinstance(moment, Floating):
        return moment.wall.year
    return moment.astimezone(UTC).year if isinstance(moment, datetime) else moment.year
