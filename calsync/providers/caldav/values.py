"""Single values of iCalendar (RFC 5545 section 3.3) to Python and back: text, dates and times, durations."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from calsync.engine.event import Floating, Moment
from calsync.providers.caldav.lines import Broken

_ESCAPED = re.compile(r"\\([\\;,nN])")
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")  # not allowed in XML 1.0 either
_DATE_TIME = re.compile(
    r"(\d{4})-?(\d{2})-?(\d{2})(?:T(\d{2}):?(\d{2}):?(\d{2})?(?:\.\d+)?\s*(Z|[+-]\d{2}:?\d{2})?)?", re.I
)
_USUAL = re.compile(r"\d{8}T\d{6}Z?", re.ASCII)
_DURATION = re.compile(
    r"([+-])?P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?",
    re.IGNORECASE,
)
EARLIEST = datetime(1, 1, 1, tzinfo=UTC)
LATEST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


def text(value: str) -> str:
    """Read a TEXT value."""
    if "\\" not in value:
        return value
    return _ESCAPED.sub(lambda match: "\n" if match[1] in "nN" else match[1], value)


def clean_text(value: str) -> str:
    """Read a TEXT value as it can be stored: see `clean`."""
    # Nothing that is forbidden, and no line end, is printable; reading brings in no more than \n.
    return text(value) if value.isprintable() else clean(text(value))


def clean(value: str) -> str:
    """Return a text as it can be stored: line ends are \\n, characters that no XML answer can carry are left out."""
    return _FORBIDDEN.sub("", value.replace("\r\n", "\n").replace("\r", "\n"))


def escaped(value: str) -> str:
    """Write a TEXT value."""
    value = clean(value).replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return value.replace("\n", "\\n")


@dataclass(frozen=True, slots=True)
class Stamp:
    """A date or time as it was written: its wall reading, and the moment it names.

    `wall` is naive; midnight for a date. `moment` is what the engine knows (UTC, date, floating).
    """

    wall: datetime
    moment: Moment


def stamp(value: str, zone: tzinfo | None) -> Stamp:
    """Read a DATE or DATE-TIME. `zone` is that of its TZID, None when it has none. Raises Broken."""
    value = value.strip()
    usual = _usual(value, zone) if _USUAL.fullmatch(value) else None
    return _stamp(value, zone) if usual is None else usual


def _usual(value: str, zone: tzinfo | None) -> Stamp | None:
    """Read a DATE-TIME as RFC 5545 section 3.3.5 writes it, in a tenth of the time; None for one that is no time."""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    if moment.tzinfo is not None:
        return Stamp(moment.replace(tzinfo=None), moment)
    return Stamp(moment, Floating(moment) if zone is None else utc(moment, zone))


def _stamp(value: str, zone: tzinfo | None) -> Stamp:
    """Read any form that writers are known to use."""
    match = _DATE_TIME.fullmatch(value)
    if match is None:
        raise Broken(f"{value[:40]!r} is not a date or time")
    day, offset = _day(match), match[7]
    if match[4] is None:
        return Stamp(datetime.combine(day, time()), day)
    wall = _wall(day, match)
    if offset is not None:
        return Stamp(wall, utc(wall, UTC) - _offset(offset))
    return Stamp(wall, Floating(wall) if zone is None else utc(wall, zone))


def _day(match: re.Match[str]) -> date:
    try:
        return date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError as error:
        raise Broken(f"{match[0][:40]!r} is not a date: {error}") from error


def _wall(day: date, match: re.Match[str]) -> datetime:
    hour, minute, second = int(match[4]), int(match[5]), min(int(match[6] or 0), 59)  # 60 is a leap second
    try:
        if hour == 24 and minute == 0:
            return datetime.combine(day, time()) + timedelta(days=1)
        return datetime.combine(day, time(hour, minute, second))
    except (ValueError, OverflowError) as error:
        raise Broken(f"{match[0][:40]!r} is not a time: {error}") from error


def _offset(value: str) -> timedelta:
    if value in "zZ":
        return timedelta()
    size = timedelta(hours=int(value[1:3]), minutes=int(value[-2:]))
    return -size if value[0] == "-" else size


def utc(wall: datetime, zone: tzinfo) -> datetime:
    """Return the instant of a wall time, kept inside the calendar.

    A time that happens twice is the first one, one that the clocks skip is read with the offset before the gap
    (RFC 5545 section 3.3.5).
    """
    try:
        return wall.replace(tzinfo=zone).astimezone(UTC)
    except (OverflowError, ValueError):
        return EARLIEST if wall.year < 5000 else LATEST


def wall_of(instant: datetime, zone: tzinfo) -> datetime:
    """Return the naive wall time of an instant as text would show it (`fold` is lost), kept inside the calendar."""
    try:
        return instant.astimezone(zone).replace(tzinfo=None, fold=0)
    except (OverflowError, ValueError):
        return instant.replace(tzinfo=None)


@dataclass(frozen=True, slots=True)
class Duration:
    """Days are nominal (the same wall time on another day), seconds exact (RFC 5545 section 3.3.6)."""

    days: int
    seconds: int

    @property
    def total(self) -> timedelta:
        return timedelta(days=self.days, seconds=self.seconds)


def duration(value: str) -> Duration:
    """Read a DURATION. Raises Broken."""
    match = _DURATION.fullmatch(value.strip())
    if match is None or not any(match.groups()[1:]):
        raise Broken(f"{value[:40]!r} is not a duration")
    weeks, days, hours, minutes, seconds = (min(int(part or 0), 10**7) for part in match.groups()[1:])
    sign = -1 if match[1] == "-" else 1
    return Duration(sign * (7 * weeks + days), sign * (3600 * hours + 60 * minutes + seconds))


def after(start: Stamp, length: Duration, zone: tzinfo | None) -> Moment:
    """Return the moment that is `length` after a start."""
    try:
        if isinstance(start.moment, Floating):
            return Floating(start.wall + length.total)
        if isinstance(start.moment, datetime):
            shifted = start.wall + timedelta(days=length.days)
            nominal = start.moment + timedelta(days=length.days) if zone is None else utc(shifted, zone)
            return (nominal if length.days else start.moment) + timedelta(seconds=length.seconds)
        return start.moment + timedelta(days=length.days + math.ceil(length.seconds / 86400))
    except OverflowError:
        return _last(start.moment)


def _last(like: Moment) -> Moment:
    if isinstance(like, Floating):
        return Floating(LATEST.replace(tzinfo=None))
    return LATEST if isinstance(like, datetime) else date.max


def duration_text(length: timedelta, *, in_days: bool) -> str:
    """Write a DURATION; whole days as days only when they are nominal."""
    seconds = int(length.total_seconds())
    if in_days and seconds % 86400 == 0:
        return f"P{seconds // 86400}D"
    parts = (("H", seconds // 3600), ("M", seconds // 60 % 60), ("S", seconds % 60))
    return "PT" + ("".join(f"{count}{unit}" for unit, count in parts if count) or "0S")


def wall_text(wall: datetime) -> str:
    return f"{wall.year:04}{wall:%m%dT%H%M%S}"


def date_text(day: date) -> str:
    return f"{day.year:04}{day:%m%d}"


def utc_text(instant: datetime) -> str:
    return wall_text(instant.astimezone(UTC)) + "Z"
