"""Times on pages: the viewer's zone, the organisation's way to write dates, and now, bound to the words for times.

    moments.absolute(run.started_at)   "7 Jan 2030, 09:00"     moments.relative(...)   "5 min ago"
    moments.day(activity.start_on)     "7 Jan 2030"            moments.span(start, end)
    moments.zone()                     the viewer's ZoneInfo   moments.zone_name()     its IANA name

In templates: `ui.time(moment)` shows relative with absolute on hover; `moments` itself is a Jinja global.
"""

from __future__ import annotations

import functools
import zoneinfo
from datetime import date, datetime
from zoneinfo import ZoneInfo

from flask import g
from flask_login import current_user

from webapp import brand
from webapp.access import runtime
from webapp.words import times


def zone_name() -> str:
    """Return the viewer's zone; the organisation's for someone who is not signed in."""
    return getattr(current_user, "tz", "") or brand.organisation().tz or "UTC"


def zone() -> ZoneInfo:
    return _zone(zone_name())


def now() -> datetime:
    """Return one and the same now for the whole answer, so that a page does not contradict itself."""
    if "now" not in g:
        g.now = runtime().now()
    moment: datetime = g.now
    return moment


def absolute(value: datetime) -> str:
    return times.absolute(value, zone(), _style())


def relative(value: datetime) -> str:
    return times.relative(value, now())


def day(value: date) -> str:
    """Return a date; a datetime is put into the viewer's zone first."""
    local = value.astimezone(zone()) if isinstance(value, datetime) else value
    return times.day(local, _style())


def clock(value: datetime) -> str:
    return times.clock(value.astimezone(zone()), _style())


def wall_clock(minute: int) -> str:
    """Return a time of day, given in minutes after midnight by any clock: 1440 is the end of the day."""
    if minute == 24 * 60 and not has_half_days():
        return "24:00"
    return times.clock(datetime(2000, 1, 1, minute // 60 % 24, minute % 60), _style())


def weekday(value: date) -> str:
    local = value.astimezone(zone()) if isinstance(value, datetime) else value
    return times.weekday(local, _style())


def weekdays() -> tuple[str, ...]:
    """Return the short names of the days, from Monday."""
    return _style().weekdays


def month(value: date) -> str:
    return times.month(value, _style())


def has_half_days() -> bool:
    """Whether the clock goes to twelve, twice a day."""
    return _style().has_half_days


def locale() -> str:
    """Return the tag of the language whose dates browsers write as these are: "en-GB"."""
    return _style().tag


def span(start: datetime, end: datetime) -> str:
    return times.span(start, end, zone(), _style())


def duration(milliseconds: float | None) -> str:
    return times.duration(milliseconds)


def iso(value: datetime) -> str:
    """Return the machine-readable form for <time datetime>."""
    return value.isoformat(timespec="seconds")


def zone_names() -> tuple[str, ...]:
    """Return the zones to choose from, without the historical aliases."""
    return _zone_names()


@functools.cache
def _zone_names() -> tuple[str, ...]:
    areas = ("Africa/", "America/", "Antarctica/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/", "Pacific/")
    return ("UTC", *sorted(name for name in zoneinfo.available_timezones() if name.startswith(areas)))


@functools.lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def _style() -> times.Style:
    return times.style(brand.organisation().date_format)
