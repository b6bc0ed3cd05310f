"""Dates, moments and zones as the API writes and reads them (contract 2.1, 8.1, 8.2)."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from tests.emulators.google import errors
from tests.emulators.google.model import Resource

DATE_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})?$")


@lru_cache(maxsize=1024)
def find_zone(name: str) -> ZoneInfo | None:
    """Return the IANA zone, or None when there is none of that name."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


def get_zone(name: str, where: str) -> ZoneInfo:
    """Return the zone, or raise 400 naming the parameter `where`."""
    zone = find_zone(name)
    if zone is None:
        raise errors.invalid_parameter(f"Invalid time zone: {name}", where)
    return zone


def parse_moment(text: str) -> datetime | None:
    """Return an aware UTC moment; None when it is not RFC 3339 or has no offset."""
    parsed = _parse(text)
    if parsed is None or parsed.tzinfo is None:
        return None
    return parsed.astimezone(UTC)


def _parse(text: str) -> datetime | None:
    if not DATE_TIME.match(text):
        return None
    try:
        return datetime.fromisoformat(text.upper())
    except ValueError:
        return None


def seconds(moment: datetime) -> str:
    """Return RFC 3339 UTC without a fraction, as `created` is written."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def milliseconds(moment: datetime) -> str:
    """Return RFC 3339 UTC with milliseconds, as `updated` is written."""
    moment = moment.astimezone(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def in_zone(moment: datetime, zone: ZoneInfo) -> str:
    """Return the moment with the zone's offset, `Z` when that is zero."""
    local = moment.astimezone(zone)
    if not local.utcoffset():
        return local.strftime("%Y-%m-%dT%H:%M:%SZ")
    return local.isoformat(timespec="seconds")


def stored(value: Resource | None, label: str, calendar_zone: str, needs_zone: bool) -> Resource:
    """Return `{date}` or `{dateTime (UTC), timeZone}` from a written start or end.

    `label` is `start` or `end`. Raises the 400s of contract 4.3; `needs_zone` is true for
    recurring events, whose zone is where they are expanded.
    """
    value = {key: part for key, part in (value or {}).items() if part}
    if "date" not in value and "dateTime" not in value:
        raise errors.required(f"Missing {label} time.")
    if "date" in value and "dateTime" in value:
        raise errors.invalid(f"Invalid {label} time.")
    if "date" in value:
        return {"date": _stored_day(value["date"], label)}
    return _stored_moment(value, label, calendar_zone, needs_zone)


def _stored_day(text: str, label: str) -> str:
    try:
        if len(text) != len("2026-01-01"):
            raise ValueError
        return date.fromisoformat(text).isoformat()
    except ValueError as wrong:
        raise errors.invalid(f"Invalid {label} time.") from wrong


def _stored_moment(value: Resource, label: str, calendar_zone: str, needs_zone: bool) -> Resource:
    parsed = _parse(value["dateTime"])
    if parsed is None:
        raise errors.invalid(f"Invalid {label} time.")
    name = value.get("timeZone")
    if name is not None and find_zone(name) is None:
        raise errors.invalid(f"Invalid time zone definition for {label} time.")
    if name is None and (parsed.tzinfo is None or needs_zone):
        raise errors.required(f"Missing time zone definition for {label} time.")
    if parsed.tzinfo is None:
        parsed = parsed.replace(tzinfo=find_zone(name or calendar_zone))
    return {"dateTime": seconds(parsed), "timeZone": name or calendar_zone}


def is_all_day(value: Resource) -> bool:
    return "date" in value


def moment_of(value: Resource, calendar_zone: str) -> datetime:
    """Return the UTC moment of a stored start or end; a day counts from midnight in the calendar's zone."""
    if "date" in value:
        midnight = datetime.combine(date.fromisoformat(value["date"]), time(), find_zone(calendar_zone))
        return midnight.astimezone(UTC)
    return datetime.fromisoformat(value["dateTime"]).astimezone(UTC)


def length(start: Resource, end: Resource) -> timedelta:
    """Return how long an event lasts, from its stored start and end."""
    return moment_of(end, "UTC") - moment_of(start, "UTC")


def shown(value: Resource, zone: ZoneInfo) -> Resource:
    """Return a stored start or end as a reader sees it in `zone`; `timeZone` echoes the stored one."""
    if "date" in value:
        return dict(value)
    return {"dateTime": in_zone(moment_of(value, "UTC"), zone), "timeZone": value["timeZone"]}
