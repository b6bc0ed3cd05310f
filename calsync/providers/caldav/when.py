"""Writing the times of an event into its VEVENT: DTSTART, DTEND or DURATION, RRULE, RDATE, EXDATE.

What already says the wanted thing stays as it was written; a zone name that means the same zone is kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, tzinfo
from zoneinfo import ZoneInfoNotFoundError

from calsync.engine import rrule, zones
from calsync.engine.event import Event, Floating, Moment
from calsync.providers.caldav import lines, times, values
from calsync.providers.caldav.ics import Read
from calsync.providers.caldav.lines import Broken, Component, Line
from calsync.providers.caldav.timezones import Book

Parameters = dict[str, str | None]


@dataclass
class Pen:
    """How times are written in one text: its line ends, its zones. `used` collects the zone names written."""

    newline: str
    book: Book
    used: set[str] = field(default_factory=set)

    def line(self, name: str, text: str, parameters: Parameters | None = None) -> Line:
        return lines.from_text(f"{name}:{text}", self.newline).changed(self.newline, text, parameters or {})


@dataclass(frozen=True, slots=True)
class Home:
    """The zone in which an event's times are written: as the text names it, and its rules. None writes UTC."""

    tz: str | None
    tzid: str | None = None
    rules: tzinfo | None = None

    def written(self, moment: Moment, pen: Pen) -> tuple[str, Parameters]:
        """Return a moment's value and parameters."""
        bare: Parameters = {"VALUE": None, "TZID": None, times.ZONE_MARK: None}
        if isinstance(moment, Floating):
            return values.wall_text(moment.wall), bare
        if not isinstance(moment, datetime):
            return values.date_text(moment), {**bare, "VALUE": "DATE"}
        if self.tzid is None or self.rules is None:
            return values.utc_text(moment), {**bare, times.ZONE_MARK: self.tz}
        wall = values.wall_of(moment, self.rules)
        if values.utc(wall, self.rules) != moment:
            # The second of two equal wall times, when the clocks go back: only UTC can name it.
            return values.utc_text(moment), {**bare, times.ZONE_MARK: self.tz}
        pen.used.add(self.tzid)
        return values.wall_text(wall), {**bare, "TZID": self.tzid}


def home(wanted: Event, read: Read | None) -> Home:
    """Return where the times of the wanted event are at home: the zone as it stands in the text, if it is the same."""
    if not isinstance(wanted.start, datetime):
        return Home(None)
    line = read.component.first("DTSTART") if read is not None and read.event.tz == wanted.tz else None
    if read is not None and line is not None and not line.value.strip().upper().endswith("Z"):
        tzid = line.parameters.get("TZID")
        if tzid is not None:
            return Home(wanted.tz, tzid, read.rules)
    if wanted.tz is None:
        return Home(None)
    try:
        rules = zones.zone(wanted.tz)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Broken(f"{wanted.tz!r} is not a time zone") from error
    return Home(wanted.tz) if zones.is_utc(wanted.tz) else Home(wanted.tz, wanted.tz, rules)


def write_time(component: Component, wanted: Event, read: Read | None, pen: Pen) -> None:
    """Write start, end, rule and extra dates. `read` is what the component says now, None for a new one."""
    place = home(wanted, read)
    is_moved = read is None or (read.event.start, read.event.tz) != (wanted.start, wanted.tz)
    is_retyped = read is not None and type(read.event.start) is not type(wanted.start)
    if is_moved:
        _set(component, "DTSTART", *place.written(wanted.start, pen), pen)
    if is_moved or (read is not None and read.event.end != wanted.end):
        _write_end(component, wanted, place, pen, keeps_form=not is_retyped)
    if read is None or is_retyped or read.event.rrule != wanted.rrule:
        _write_rule(component, wanted, place, pen)
    write_dates(component, "RDATE", wanted.rdates, wanted, read, pen)
    if is_retyped:
        write_dates(component, "EXDATE", wanted.exdates, wanted, read, pen)


def _write_end(component: Component, wanted: Event, place: Home, pen: Pen, *, keeps_form: bool) -> None:
    """Write the end in the form that was there; where there was none as DTEND, without which iCloud refuses."""
    end, length = component.first("DTEND"), component.first("DURATION")
    if end is None and length is not None and keeps_form and wanted.end != wanted.start:
        component.set(length, length.changed(pen.newline, _length(wanted)))
        return
    if length is not None:
        component.drop(length)
    _set(component, "DTEND", *place.written(wanted.end, pen), pen)


def _length(event: Event) -> str:
    start, end = event.start, event.end
    if isinstance(start, Floating) and isinstance(end, Floating):
        return values.duration_text(end.wall - start.wall, in_days=False)
    if isinstance(start, datetime) and isinstance(end, datetime):
        return values.duration_text(end - start, in_days=False)
    return values.duration_text(_midnight(end) - _midnight(start), in_days=True)


def _midnight(moment: Moment) -> datetime:
    if isinstance(moment, (datetime, Floating)):
        raise Broken("start and end are not of one kind")
    return datetime.combine(moment, time())


def _write_rule(component: Component, wanted: Event, place: Home, pen: Pen) -> None:
    found = component.lines("RRULE")
    if wanted.rrule is None:
        for line in (*found, *component.lines("EXRULE")):
            component.drop(line)
        return
    _set(component, "RRULE", rule_text(wanted, place.rules), {}, pen)


def rule_text(event: Event, rules: tzinfo | None) -> str:
    """Return the rule with UNTIL in the form that RFC 5545 section 3.3.10 asks for beside this start."""
    text = event.rrule or ""
    try:
        until = rrule.parse(text).until
        if until is None or type(until) is type(event.start):
            return text.strip().upper()
        return rrule.change(text, until=_until(until, event.start, rules or UTC))
    except ValueError as error:
        raise Broken(str(error)) from error


def _until(until: Moment, start: Moment, rules: tzinfo) -> Moment:
    """Return UNTIL in the form of the start; a date allows its whole day."""
    if isinstance(until, Floating):
        wall = until.wall
    elif isinstance(until, datetime):
        wall = values.wall_of(until, rules)
    else:
        wall = datetime.combine(until, time(23, 59, 59))
    if isinstance(start, Floating):
        return Floating(wall)
    return values.utc(wall, rules) if isinstance(start, datetime) else wall.date()


def write_dates(
    component: Component, name: str, wanted: Iterable[Moment], event: Event, read: Read | None, pen: Pen
) -> None:
    """Make the RDATE or EXDATE lines of a component name exactly the wanted moments; kept ones stay as written."""
    missing = dict.fromkeys(wanted)
    if read is not None:
        for moment in _keep_dates(component, name, set(missing), read, pen):
            missing.pop(moment, None)
    place = home(event, read)
    for text, parameters in (place.written(moment, pen) for moment in missing):
        component.set(None, pen.line(name, text, {k: v for k, v in parameters.items() if k != times.ZONE_MARK}))


def _keep_dates(component: Component, name: str, wanted: set[Moment], read: Read, pen: Pen) -> list[Moment]:
    """Take out what is not wanted, and return what stands there."""
    found = []
    for line in component.lines(name):
        named = [(text, times.agreed(stamp, read.start, read.rules)) for text, stamp in times.tokens(line, pen.book)]
        kept = [text for text, moment in named if moment in wanted]
        if len(kept) < len(named):
            component.set(line, line.changed(pen.newline, ",".join(kept)) if kept else None)
        found += [moment for _, moment in named if moment in wanted]
    return found


def slot_line(slot: Moment, master: Read | None, event: Event, pen: Pen) -> Line:
    """Return the RECURRENCE-ID of a new override, in the form of its master's start."""
    place = home(event, None) if master is None else home(master.event, master)
    text, parameters = place.written(slot, pen)
    return pen.line("RECURRENCE-ID", text, {**parameters, times.ZONE_MARK: None})


def _set(component: Component, name: str, text: str, parameters: Parameters, pen: Pen) -> None:
    old = component.first(name)
    new = pen.line(name, text, parameters) if old is None else old.changed(pen.newline, text, parameters)
    component.set(old, new)
