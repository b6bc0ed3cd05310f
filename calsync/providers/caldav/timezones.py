"""Time zones of a calendar text: which rules a TZID means, and VTIMEZONEs for names that we write.

A name that is understood (IANA, Windows, vendor) is taken from tzdata and the text's own rules are ignored; only a zone
with an invented name is read from its VTIMEZONE.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache

from dateutil.tz import tzical

from calsync.engine import zones
from calsync.providers.caldav import lines, values
from calsync.providers.caldav.lines import Broken, Component, Line

_TZID = re.compile(r"^TZID[^:\n]*:(.*(?:\n[ \t].*)*)", re.IGNORECASE | re.MULTILINE)
_LOCATION = re.compile(r"^X-LIC-LOCATION[^:\n]*:(.*)", re.IGNORECASE | re.MULTILINE)
_RULES = ("DTSTART", "RRULE", "RDATE", "TZOFFSETFROM", "TZOFFSETTO", "TZNAME")
_UNTIL = re.compile(r"UNTIL=(\d{8}T\d{6})Z")
_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Zone:
    """`name` is the IANA name that recurs alike, None where no such zone is known."""

    name: str | None
    rules: tzinfo


class Book:
    """The zones that one text may refer to. `fallback` is the IANA name of the calendar's own zone."""

    def __init__(self, root: Component, fallback: str | None = None) -> None:
        self._root, self._fallback = root, fallback
        self._known: dict[tuple[str, int], Zone] = {}

    def zone(self, tzid: str, year: int) -> Zone:
        """Return the zone that a TZID means, as it was around a year. Raises Broken when nothing tells.

        Never falls back to UTC: an unknown zone is a fault of the event, a wrong hour is a missed meeting.
        """
        if (tzid, year) not in self._known:
            self._known[tzid, year] = of_name(tzid) or self._from_text(tzid, year)
        return self._known[tzid, year]

    def has_rules(self, tzid: str) -> bool:
        return self._body(tzid) is not None

    def _from_text(self, tzid: str, year: int) -> Zone:
        body = self._body(tzid)
        if body is not None:
            location = _LOCATION.search(body)
            return (location and of_name(location[1])) or of_body(body, year)
        for name in (*self._calendar_zone(), self._fallback or ""):
            zone = of_name(name)
            if zone is not None:
                return zone
        raise Broken(f"the time zone {tzid!r} is not known and not described")

    def _body(self, tzid: str) -> str | None:
        for calendar in self._root.items:
            if isinstance(calendar, Component):
                for child in (calendar, *calendar.children("VTIMEZONE")):
                    if child.name == "VTIMEZONE" and tzid_of(child) in (tzid, values.text(tzid)):
                        return child.begin
        return None

    def _calendar_zone(self) -> list[str]:
        calendars = self._root.children("VCALENDAR")
        return [line.value for calendar in calendars for line in calendar.lines("X-WR-TIMEZONE")]


def tzid_of(component: Component) -> str | None:
    """Return the TZID that a VTIMEZONE describes."""
    match = _TZID.search(component.begin)
    return None if match is None else values.text(re.sub(r"\r?\n[ \t]", "", match[1])).strip().strip('"')


@lru_cache(maxsize=1024)
def of_name(name: str) -> Zone | None:
    """Return the zone of an IANA, Windows or vendor name; None when it is not understood."""
    iana = zones.resolve(name)
    return None if iana is None else Zone(iana, zones.zone(iana))


@lru_cache(maxsize=256)
def of_body(body: str, year: int) -> Zone:
    """Return the zone that a VTIMEZONE describes, as it was around a year. Raises Broken.

    Its name is that of a well-known zone with the same offsets in that year and the next, None if there is none.
    """
    rules = _rules(body, year)
    samples = [datetime(year, 1, 1, 12) + timedelta(days=day) for day in range(0, 730, 8)] if year < 9998 else []
    wanted = [_offset(rules, sample) for sample in samples]
    for name in zones.representative() if wanted else ():
        candidate = zones.zone(name)
        if all(_offset(candidate, sample) == offset for sample, offset in zip(samples, wanted, strict=True)):
            return Zone(name, candidate)
    return Zone(None, rules)


def _offset(rules: tzinfo, wall: datetime) -> timedelta | None:
    return wall.replace(tzinfo=rules).utcoffset()


def _rules(body: str, year: int) -> tzinfo:
    try:
        text = "\r\n".join(_readable(lines.parse(_without_wrapper(body)), year))
        found: tzinfo = tzical(io.StringIO(f"BEGIN:VTIMEZONE\r\nTZID:x\r\n{text}\r\nEND:VTIMEZONE\r\n")).get()
        return found
    except (ValueError, AttributeError, TypeError, KeyError, IndexError) as error:
        raise Broken(f"a time zone cannot be read: {error}") from error


def _without_wrapper(body: str) -> str:
    # The reader takes a whole VTIMEZONE as one piece, so it is opened here.
    return re.sub(r"^(?:BEGIN|END):VTIMEZONE[ \t]*\r?\n?", "", body, flags=re.IGNORECASE | re.MULTILINE)


def _readable(root: Component, year: int) -> list[str]:
    """Return the lines that dateutil understands."""
    found = []
    for kind in ("STANDARD", "DAYLIGHT"):
        for part in root.children(kind):
            lines_of_part = (f"{line.name}:{_readable_value(line, part, year)}" for line in part.lines(*_RULES))
            found += [f"BEGIN:{kind}", *lines_of_part, f"END:{kind}"]
    return found


def _readable_value(line: Line, part: Component, year: int) -> str:
    """Return a value with rules begun near the year (some start in 1601), and ended by the wall clock.

    dateutil compares an UNTIL in UTC with wall times as if they were the same.
    """
    value = line.value.strip()
    rule = part.first("RRULE")
    if line.name == "DTSTART" and rule is not None and "COUNT" not in rule.value:
        return f"{max(int(value[:4]), year - 2):04}{value[4:]}"
    until = _UNTIL.search(value) if line.name == "RRULE" else None
    offset = part.first("TZOFFSETFROM")
    if until is None or offset is None:
        return value
    wall = datetime.strptime(until[1], "%Y%m%dT%H%M%S") + _offset_value(offset.value)
    return value.replace(until[0], f"UNTIL={wall:%Y%m%dT%H%M%S}")


def _offset_value(text: str) -> timedelta:
    match = re.fullmatch(r"([+-]?)(\d\d)(\d\d)(\d\d)?", text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not an offset")
    size = timedelta(hours=int(match[2]), minutes=int(match[3]), seconds=int(match[4] or 0))
    return -size if match[1] == "-" else size


# Writing


@dataclass(frozen=True, slots=True)
class _Change:
    """The clocks change: `wall` is the local time before it."""

    wall: datetime
    before: timedelta
    after: timedelta
    name: str
    is_dst: bool

    @property
    def kind(self) -> tuple[object, ...]:
        """What is the same each year when a rule stands behind it."""
        month_day = (self.wall.month, self.wall.weekday(), self.wall.time())
        return (self.before, self.after, self.name, self.is_dst, *month_day)


@lru_cache(maxsize=256)
def vtimezone(name: str, year: int, newline: str = "\r\n", tzid: str = "") -> str:
    """Return a VTIMEZONE for an IANA name that holds from `year` on. Raises ZoneInfoNotFoundError.

    `tzid` is how the text calls the zone, where that is another name.
    """
    rules = zones.zone(name)
    changes = _changes(rules, max(year - 1, 1), min(max(year + 6, 2037), 9998))
    parts = [f"BEGIN:VTIMEZONE{newline}", lines.folded(f"TZID:{values.escaped(tzid or name)}", newline)]
    if not changes or changes[0].wall.year >= year:
        parts.append(_observance([_still(rules, max(year - 1, 1))], newline, is_open=False))
    for run, is_open in _runs(changes):
        parts.append(_observance(run, newline, is_open=is_open))
    return "".join((*parts, f"END:VTIMEZONE{newline}"))


def _changes(rules: tzinfo, first: int, last: int) -> list[_Change]:
    found = []
    moment, end = datetime(first, 1, 1, tzinfo=UTC), datetime(last + 1, 1, 1, tzinfo=UTC)
    while moment < end:
        later = moment + _WEEK
        if moment.astimezone(rules).utcoffset() != later.astimezone(rules).utcoffset():
            found.append(_change(rules, moment, later))
        moment = later
    return found


def _change(rules: tzinfo, low: datetime, high: datetime) -> _Change:
    """Find the second in which the offset changes between two instants."""
    before = low.astimezone(rules).utcoffset() or timedelta()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) // 2
        middle = middle.replace(microsecond=0)
        if middle.astimezone(rules).utcoffset() == before:
            low = middle
        else:
            high = middle
    local = high.astimezone(rules)
    wall = (high + before).replace(tzinfo=None)
    after = local.utcoffset() or timedelta()
    return _Change(wall, before, after, local.tzname() or "", bool(local.dst()))


def _still(rules: tzinfo, year: int) -> _Change:
    """Return the state at the beginning of a year as if the clocks had changed to it."""
    local = datetime(year, 1, 1, tzinfo=UTC).astimezone(rules)
    offset = local.utcoffset() or timedelta()
    return _Change(datetime(year, 1, 1), offset, offset, local.tzname() or "", bool(local.dst()))


def _runs(changes: list[_Change]) -> list[tuple[list[_Change], bool]]:
    """Group changes that one yearly rule explains; True for a rule that goes on for ever."""
    runs: list[list[_Change]] = []
    for change in changes:
        run = next((r for r in runs if r[-1].kind == change.kind and _continues(r, change)), None)
        if run is None:
            runs.append([change])
        else:
            run.append(change)
    last_year = changes[-1].wall.year if changes else 0
    return [(run, len(run) > 2 and run[-1].wall.year >= last_year) for run in runs]


def _continues(run: list[_Change], change: _Change) -> bool:
    days = [c.wall.day for c in (*run, change)]
    return change.wall.year == run[-1].wall.year + 1 and max(days) - min(days) < 7


def _day_rule(run: list[_Change]) -> str:
    """Return on which day of the month a run's changes fall: the nth or last weekday, or that after a date."""
    walls = [change.wall for change in run]
    day = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")[walls[0].weekday()]
    if all((wall + _WEEK).month != wall.month for wall in walls):
        return f"BYDAY=-1{day}"
    ordinals = {(wall.day - 1) // 7 + 1 for wall in walls}
    if len(ordinals) == 1:
        return f"BYDAY={ordinals.pop()}{day}"
    dates = range(min(wall.day for wall in walls), max(wall.day for wall in walls) + 1)
    return f"BYDAY={day};BYMONTHDAY={','.join(map(str, dates))}"


def _observance(run: list[_Change], newline: str, *, is_open: bool) -> str:
    first, last = run[0], run[-1]
    kind = "DAYLIGHT" if first.is_dst else "STANDARD"
    text = [f"BEGIN:{kind}", f"DTSTART:{first.wall:%Y%m%dT%H%M%S}"]
    if len(run) > 1:
        rule = f"RRULE:FREQ=YEARLY;BYMONTH={first.wall.month};{_day_rule(run)}"
        end = "" if is_open else f";UNTIL={last.wall - last.before:%Y%m%dT%H%M%S}Z"
        text.append(rule + end)
    text += [f"TZOFFSETFROM:{_offset_text(first.before)}", f"TZOFFSETTO:{_offset_text(first.after)}"]
    text += [f"TZNAME:{first.name}"] if first.name else []
    return "".join(lines.folded(line, newline) for line in (*text, f"END:{kind}"))


def _offset_text(offset: timedelta) -> str:
    seconds = int(abs(offset).total_seconds())
    rest = f"{seconds % 60:02}" if seconds % 60 else ""
    return f"{'-' if offset < timedelta() else '+'}{seconds // 3600:02}{seconds // 60 % 60:02}{rest}"
