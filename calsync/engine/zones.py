"""Names of time zones: what calendars write, turned into IANA names.

Pure look-ups. A zone that stands in a calendar as rules (VTIMEZONE) is read in `providers/caldav/timezones.py`.
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache, lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from tzlocal.windows_tz import win_tz

# CLDR keeps the oldest spelling of a place as its key; these are the names that tzdata uses today.
_TODAY = {
    "Asia/Rangoon": "Asia/Yangon",
    "Asia/Katmandu": "Asia/Kathmandu",
    "America/Buenos_Aires": "America/Argentina/Buenos_Aires",
    "Europe/Kiev": "Europe/Kyiv",
    "America/Indianapolis": "America/Indiana/Indianapolis",
    "America/Godthab": "America/Nuuk",
    "Asia/Calcutta": "Asia/Kolkata",
}
_UTC_SPELLINGS = ("z", "utc", "gmt", "utc+00:00", "gmt+00:00", "coordinated universal time")
_OFFSET = re.compile(r"\(?(?:UTC|GMT)?\s*([+-])(\d{1,2}):?(\d{2})?\)?\s*(.*)", re.IGNORECASE)


@lru_cache(maxsize=4096)
def resolve(name: str) -> str | None:
    """Return the IANA name that `name` means, or None when nothing is known about it.

    Understands IANA names in any case, Windows names (CLDR, territory 001), names behind a vendor's path
    (`/softwarestudio.org/Olson_2011/Europe/Berlin`), and display names that list cities behind an offset
    (`(UTC+01:00) Amsterdam, Berlin`). Never guesses: an abbreviation or an invented name gives None.
    """
    name = name.strip().strip("\"'").strip()
    lowered = name.lower()
    known = _iana().get(lowered) or _windows().get(lowered)
    if known:
        return known
    if lowered.rpartition("/")[2] in _UTC_SPELLINGS:
        return "UTC"
    return _behind_a_path(lowered) or _from_offset(name)


def is_utc(name: str) -> bool:
    """Return whether an IANA name is one of the several that mean UTC."""
    return name in ("UTC", "Etc/UTC", "Zulu", "Etc/Zulu", "UCT", "Etc/UCT", "Universal", "Etc/Universal")


def zone(name: str) -> ZoneInfo:
    """Return the rules of an IANA name, from the installed tzdata. Raises ZoneInfoNotFoundError."""
    return ZoneInfo(name)


def tells_twice(local: datetime) -> str:
    """Return the abbreviation that tells a wall time from its twin in an hour that clocks repeat, else ""."""
    is_twice = local.utcoffset() != local.replace(fold=1 - local.fold).utcoffset()
    return (local.tzname() or "") if is_twice else ""


def representative() -> tuple[str, ...]:
    """Return one IANA name for each set of rules in use today, the best-known places first."""
    return tuple(dict.fromkeys(("Europe/Berlin", "America/New_York", *_windows().values())))


@cache
def _iana() -> dict[str, str]:
    # The pinned tzdata decides, so that two machines read the same calendar alike.
    names = files("tzdata").joinpath("zones").read_text(encoding="utf-8").split()
    return {name.lower(): name for name in names}


@cache
def _windows() -> dict[str, str]:
    return {windows.lower(): _TODAY.get(iana, iana) for windows, iana in win_tz.items()}


def _behind_a_path(lowered: str) -> str | None:
    """Return the zone named by the last two or three parts: America/Argentina/Salta has three."""
    parts = lowered.split("/")
    suffixes = ("/".join(parts[-count:]) for count in (3, 2) if len(parts) > count)
    return next((found for suffix in suffixes if (found := _iana().get(suffix))), None)


def _from_offset(name: str) -> str | None:
    match = _OFFSET.fullmatch(name)
    if match is None:
        return None
    sign, hours, minutes, places = match.groups()
    if not places:
        return _fixed(sign, int(hours), int(minutes or 0))
    cities = (re.sub(r"[\s.]+", "_", city.strip().lower()) for city in places.split(","))
    return next((found for city in cities if (found := _cities().get(city))), None)


def _fixed(sign: str, hours: int, minutes: int) -> str | None:
    """Return the zone of a fixed offset. POSIX turned the sign in these names around."""
    if hours == 0 and minutes == 0:
        return "UTC"
    return _iana().get(f"etc/gmt{'-' if sign == '+' else '+'}{hours}") if minutes == 0 else None


@cache
def _cities() -> dict[str, str]:
    """Cities that name exactly one zone."""
    found: dict[str, str | None] = {}
    for name in _iana().values():
        if "/" in name and not name.startswith("Etc/"):
            city = name.rpartition("/")[2].lower()
            found[city] = None if city in found else name
    return {city: name for city, name in found.items() if name}
