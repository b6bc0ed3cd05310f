"""Times as people type them: ISO 8601, with an offset or in a zone."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, date, datetime

import click

from calsync.engine import zones
from calsync.engine.event import Moment


def moment(text: str, tz: str, option: str, *, all_day: bool = False) -> Moment:
    """Return a day where `all_day` or no time is given, else the instant. Raises BadParameter naming the option."""
    try:
        if all_day or len(text.strip()) == 10:
            return date.fromisoformat(text.strip())
    except ValueError as error:
        raise (_no_day if all_day else _bad)(text, option) from error
    return instant(text, tz, option)


def instant(text: str, tz: str, option: str) -> datetime:
    """Return the aware time in UTC; a text without an offset is in the zone `tz`, a day alone is its midnight.

    A time that the zone's clocks show twice is the first of both; one that they skip counts from before the change
    (RFC 5545 section 3.3.5).
    """
    try:
        value = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise _bad(text, option) from error
    try:
        return (value if value.tzinfo else value.replace(tzinfo=_zone(tz))).astimezone(UTC)
    except OverflowError as error:
        raise _bad(text, option) from error


def _zone(name: str) -> zoneinfo.ZoneInfo:
    known = zones.resolve(name)
    if known is None:
        raise click.BadParameter(f"There is no time zone {name!r}. Say one like Europe/Berlin.", param_hint="--tz")
    return zoneinfo.ZoneInfo(known)


def _no_day(text: str, option: str) -> click.BadParameter:
    return click.BadParameter(f"{text!r} is no day. With --all-day say one like 2030-01-07.", param_hint=option)


def _bad(text: str, option: str) -> click.BadParameter:
    return click.BadParameter(
        f"{text!r} is no ISO time. Say 2030-01-07T09:00, 2030-01-07T09:00+01:00 or 2030-01-07.", param_hint=option
    )
