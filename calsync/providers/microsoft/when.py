"""Times both ways: start, end and whole days of an event (contract section A5). Pure.

    "start": {"dateTime": "2026-11-24T09:00:00.0000000", "timeZone": "UTC"},
    "originalStartTimeZone": "GMT Standard Time"

We ask for times in UTC; the zone in which somebody planned the event stands beside them. Whole days come as midnight
in whatever zone is asked for: the day counts, and nothing is converted. Outlook keeps whole minutes.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from calsync.engine import zones as names
from calsync.engine.event import Event, Floating, Moment
from calsync.providers.microsoft import zones

Json = dict[str, Any]

_DAY = timedelta(days=1)
_HALF = timedelta(hours=12)


# Reading


def read_moment(value: Json, *, is_all_day: bool = False, floats_in: str | None = None) -> Moment:
    """Read a start or an end; `floats_in` is the zone whose wall time was meant. Raises ValueError."""
    text = value.get("dateTime")
    if not text:
        raise ValueError("a time is missing")
    if is_all_day:
        return date.fromisoformat(text[:10])
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        at = at.replace(tzinfo=_zone(value.get("timeZone") or "UTC"))
    at = at.astimezone(UTC).replace(microsecond=0)
    return Floating(wall(at, floats_in)) if floats_in else at


def read_slot(text: str, *, is_all_day: bool = False, floats_in: str | None = None) -> Moment:
    """Read the original start of an occurrence, which is in UTC also where its series has days. Raises ValueError."""
    at = datetime.fromisoformat(text)
    at = (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC).replace(second=0, microsecond=0)
    if is_all_day:
        return (at + _HALF).date()  # the midnight of some zone lies at most half a day from the one in UTC
    return Floating(wall(at, floats_in)) if floats_in else at


def wall(at: datetime, zone_name: str) -> datetime:
    """Return what the clock of a zone shows, naive."""
    return at.astimezone(ZoneInfo(zone_name)).replace(tzinfo=None, fold=0)


def stamp(text: str | None) -> datetime | None:
    """Read a time of the server's; None for none, which it also writes as the year 1."""
    if not text or text.startswith("0001-"):
        return None
    return datetime.fromisoformat(text).astimezone(UTC)


def _zone(name: str) -> ZoneInfo:
    known = zones.iana(name)
    if known is None:
        raise ValueError(f"the time zone {name!r} is unknown")
    return ZoneInfo(known)


# Writing


def zone_of(event: Event, calendar_zone: str) -> str:
    """Return the IANA zone in which an event is written; a floating one stands in its calendar's.

    One that Outlook has no name for is written in UTC, where it is the same time; a series cannot be.
    """
    name = calendar_zone if isinstance(event.start, Floating) else event.tz or "UTC"
    if zones.windows(name) is not None:
        return name
    if event.is_series:
        raise ValueError(f"Outlook has no time zone like {name}")
    return "UTC"


def write_bounds(event: Event, zone_name: str) -> Json:
    """Write start, end and whether they are days, which only count together. A day ends a day later at least."""
    end = event.end
    if isinstance(event.start, datetime | Floating):
        start_at, end_at = _instant(event.start, zone_name), _instant(end, zone_name)
        is_clear = _is_clear(start_at, zone_name) and _is_clear(end_at, zone_name)
        zone_name = zone_name if is_clear or event.is_series else "UTC"
        ends = max(start_at, end_at)
        return {"start": _timed(start_at, zone_name), "end": _timed(ends, zone_name), "isAllDay": False}
    last = end if isinstance(end, date) and end > event.start else event.start + _DAY
    return {"start": _day(event.start), "end": _day(last), "isAllDay": True}


def _instant(moment: Moment, zone_name: str) -> datetime:
    if isinstance(moment, Floating):
        moment = moment.wall.replace(tzinfo=ZoneInfo(zone_name))
    if not isinstance(moment, datetime):
        raise ValueError("an event begins and ends with days, or with times")
    return moment.astimezone(UTC).replace(second=0, microsecond=0)


def _is_clear(at: datetime, zone_name: str) -> bool:
    """Return whether the wall time names the moment: when clocks go back, each is shown twice."""
    return wall(at, zone_name).replace(tzinfo=ZoneInfo(zone_name)).astimezone(UTC) == at


def _timed(at: datetime, zone_name: str) -> Json:
    shown = at.replace(tzinfo=None) if names.is_utc(zone_name) else wall(at, zone_name)
    return {"dateTime": shown.isoformat(timespec="seconds"), "timeZone": zones.windows(zone_name)}


def _day(day: date) -> Json:
    return {"dateTime": f"{day.isoformat()}T00:00:00", "timeZone": "UTC"}
