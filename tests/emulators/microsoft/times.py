"""Reading and writing moments the way Graph does (contract A4.1, A5)."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

from tests.emulators.microsoft import errors, zones
from tests.emulators.microsoft.model import Resource

WALL = re.compile(r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(\.\d{1,7})?")
MOMENT = re.compile(r"(\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2})?)?)(?:\.(\d{1,7}))?(Z|[+-]\d{2}:\d{2})?")
NEVER = "0001-01-01T00:00:00Z"


def read_pair(value: object, name: str, *, any_iana: bool) -> tuple[datetime, str]:
    """Return wall clock time and zone of a dateTimeTimeZone. An offset inside is refused: nobody knows its meaning."""
    if not isinstance(value, dict) or not value.keys() <= {"dateTime", "timeZone", "@odata.type"}:
        raise errors.bad_property(f"The property '{name}' must be a dateTimeTimeZone.")
    found = WALL.fullmatch(str(value.get("dateTime", "")))
    if found is None:
        raise errors.bad_property(f"The property '{name}' has an invalid dateTime: {value.get('dateTime')!r}.")
    zone = zones.find(value.get("timeZone", "UTC"), any_iana=any_iana)
    if zone is None:
        message = f"A valid TimeZone value must be specified. The following is not supported: '{value['timeZone']}'."
        raise errors.bad(message, "TimeZoneNotSupportedException")
    micros = int((found[2] or ".0")[1:7].ljust(6, "0"))
    try:
        return datetime.fromisoformat(found[1]).replace(microsecond=micros), zone
    except ValueError as wrong:
        raise errors.bad_property(f"The property '{name}' has an invalid dateTime.") from wrong


def read_moment(text: str | None, name: str) -> datetime:
    """Return a moment of the query; without an offset it is UTC."""
    found = MOMENT.fullmatch((text or "").replace(" ", "+"))
    if found is None:
        raise errors.bad(f"The value '{text}' of parameter {name} is invalid.", "ErrorInvalidParameter")
    try:
        moment = datetime.fromisoformat(found[1] + (found[3] or "").replace("Z", "+00:00"))
    except ValueError as wrong:
        raise errors.bad(f"The value '{text}' of parameter {name} is invalid.", "ErrorInvalidParameter") from wrong
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def read_day(value: object, name: str) -> date:
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        raise errors.bad_property(f"The property '{name}' must be a date.")
    try:
        return date.fromisoformat(value)
    except ValueError as wrong:
        raise errors.bad_property(f"The property '{name}' must be a date.") from wrong


def pair(wall: datetime, zone: str) -> Resource:
    """Return a dateTimeTimeZone with seven digits of fraction."""
    return {"dateTime": f"{wall:%Y-%m-%dT%H:%M:%S}.{wall.microsecond:06d}0", "timeZone": zone}


def stamp(moment: datetime | None) -> str:
    """Return a moment with seven digits; none is a moment of the year 1 (A4.2)."""
    if moment is None:
        return NEVER
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{moment.microsecond:06d}0Z"
