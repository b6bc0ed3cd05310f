"""The times of an event: its start, its end, its slots and dates, read against each other and against their zones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from calsync.engine.event import Floating, Moment
from calsync.providers.caldav import timezones, values
from calsync.providers.caldav.lines import Broken, Line
from calsync.providers.caldav.timezones import Book
from calsync.providers.caldav.values import Stamp

ZONE_MARK = "X-CALSYNC-TZ"
"""A parameter beside a UTC time: the zone of an event whose start no wall time can name, or which is UTC itself."""


def start_of(line: Line, book: Book) -> tuple[Stamp, str | None, tzinfo | None]:
    """Read DTSTART: its stamp, the IANA name beside it, and the rules of its zone (None when floating or a date)."""
    parameters = line.parameters
    stamp = _stamp(line.value, parameters, book)
    if not isinstance(stamp.moment, datetime):
        return stamp, None, None
    if "TZID" not in parameters or line.value.rstrip().upper().endswith("Z"):
        marked = timezones.of_name(parameters.get(ZONE_MARK, ""))
        return stamp, marked.name if marked else None, marked.rules if marked else UTC
    zone = book.zone(parameters["TZID"], _year(line.value))
    return stamp, zone.name, zone.rules


def stamp_of(line: Line, book: Book) -> Stamp:
    return _stamp(line.value, line.parameters, book)


def _stamp(value: str, parameters: Mapping[str, str], book: Book) -> Stamp:
    if parameters.get("VALUE", "").upper() == "DATE":
        value = value.strip()[:10] if "-" in value[:8] else value.strip()[:8]
    needs_zone = "TZID" in parameters and len(value) > 8 and not value.rstrip().upper().endswith("Z")
    rules = book.zone(parameters["TZID"], _year(value)).rules if needs_zone else None
    return values.stamp(value, rules)


def _year(value: str) -> int:
    year = value.strip()[:4]
    if not year.isdecimal() or not 1 <= int(year) <= 9999:
        raise Broken(f"{value[:40]!r} is not a date or time")
    return int(year)


def agreed(stamp: Stamp, start: Stamp, rules: tzinfo | None) -> Moment:
    """Return a slot or date in the form of the start: a date, an instant, or a floating time.

    A date named for a timed series means the occurrence on that day.
    """
    is_date = not isinstance(stamp.moment, (datetime, Floating))
    if isinstance(start.moment, (datetime, Floating)):
        wall = datetime.combine(stamp.wall.date(), start.wall.time()) if is_date else stamp.wall
        if isinstance(start.moment, Floating):
            return Floating(wall)
        return stamp.moment if isinstance(stamp.moment, datetime) else values.utc(wall, rules or UTC)
    return stamp.wall.date()


def end_of(found: Mapping[str, Sequence[Line]], start: Stamp, rules: tzinfo | None, book: Book) -> Moment:
    """Return the exclusive end (RFC 5545 section 3.6.1); DTEND counts where DURATION stands beside it."""
    if "DTEND" in found:
        end = _like_start(stamp_of(found["DTEND"][0], book), start, rules)
    elif "DURATION" in found:
        end = values.after(start, values.duration(found["DURATION"][0].value), rules)
    else:
        end = start.moment
    if _comparable(end) > _comparable(start.moment):
        return end
    if isinstance(start.moment, (datetime, Floating)):
        return start.moment
    return start.moment if start.moment == date.max else start.moment + timedelta(days=1)


def _like_start(end: Stamp, start: Stamp, rules: tzinfo | None) -> Moment:
    """Return DTEND in the form of DTSTART; a date is its midnight, a time within a day ends after that day."""
    if isinstance(start.moment, Floating):
        return Floating(end.wall)
    if isinstance(start.moment, datetime):
        return end.moment if isinstance(end.moment, datetime) else values.utc(end.wall, rules or UTC)
    is_inside = end.wall.time() != time() and end.wall.date() < date.max
    return end.wall.date() + timedelta(days=1) if is_inside else end.wall.date()


def _comparable(moment: Moment) -> datetime:
    if isinstance(moment, Floating):
        return moment.wall.replace(tzinfo=UTC)
    return moment if isinstance(moment, datetime) else datetime.combine(moment, time(), UTC)


def dates(found: Iterable[Line], start: Stamp, rules: tzinfo | None, book: Book) -> tuple[Moment, ...]:
    moments = (agreed(stamp, start, rules) for line in found for _, stamp in tokens(line, book))
    return tuple(dict.fromkeys(moments))


def tokens(line: Line, book: Book) -> list[tuple[str, Stamp]]:
    """Return the dates of an RDATE or EXDATE, each with its text; of a PERIOD its start."""
    parameters = line.parameters
    if parameters.get("VALUE", "").upper() == "PERIOD":
        parameters = {**parameters, "VALUE": "DATE-TIME"}
    parts = (part.strip() for part in line.value.split(","))
    return [(part, _stamp(part.partition("/")[0], parameters, book)) for part in parts if part]
