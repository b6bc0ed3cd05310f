"""Time zones as Exchange takes them: Windows names, and the limited list of IANA names (contract A5)."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tzlocal.windows_tz import win_tz

IANA = frozenset(
    """
    Etc/GMT Etc/UTC Etc/GMT+12 Etc/GMT+11 Etc/GMT+2 Etc/GMT-12 Pacific/Honolulu America/Anchorage
    America/Santa_Isabel America/Los_Angeles America/Phoenix America/Chihuahua America/Denver America/Guatemala
    America/Chicago America/Mexico_City America/Regina America/Bogota America/New_York
    America/Indiana/Indianapolis America/Caracas America/Asuncion America/Halifax America/Cuiaba America/La_Paz
    America/Santiago America/St_Johns America/Sao_Paulo America/Argentina/Buenos_Aires America/Cayenne
    America/Godthab America/Montevideo America/Bahia Atlantic/Azores Atlantic/Cape_Verde Africa/Casablanca
    Europe/London Atlantic/Reykjavik Europe/Berlin Europe/Budapest Europe/Paris Europe/Warsaw Africa/Lagos
    Africa/Windhoek Europe/Bucharest Asia/Beirut Africa/Cairo Asia/Damascus Africa/Johannesburg Europe/Kiev
    Europe/Istanbul Asia/Jerusalem Asia/Amman Asia/Baghdad Europe/Kaliningrad Asia/Riyadh Africa/Nairobi
    Asia/Tehran Asia/Dubai Asia/Baku Europe/Moscow Indian/Mauritius Asia/Tbilisi Asia/Yerevan Asia/Kabul
    Asia/Karachi Asia/Tashkent Asia/Kolkata Asia/Colombo Asia/Kathmandu Asia/Almaty Asia/Dhaka
    Asia/Yekaterinburg Asia/Rangoon Asia/Bangkok Asia/Novosibirsk Asia/Shanghai Asia/Krasnoyarsk Asia/Singapore
    Australia/Perth Asia/Taipei Asia/Ulaanbaatar Asia/Irkutsk Asia/Tokyo Asia/Seoul Australia/Adelaide
    Australia/Darwin Australia/Brisbane Australia/Sydney Pacific/Port_Moresby Australia/Hobart Asia/Yakutsk
    Pacific/Guadalcanal Asia/Vladivostok Pacific/Auckland Pacific/Fiji Asia/Magadan Pacific/Tongatapu
    Pacific/Apia Pacific/Kiritimati
    """.split()
)

WINDOWS = {name.lower(): name for name in win_tz}


def find(name: object, *, any_iana: bool = False) -> str | None:
    """Return the name as it is kept, or None for a zone that Exchange does not know."""
    if not isinstance(name, str):
        return None
    windows = WINDOWS.get(name.strip().lower())
    if windows is not None:
        return windows
    if name in IANA or (any_iana and _exists(name)):
        return name
    return None


def _exists(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def info(name: str) -> ZoneInfo:
    """Return the rules of a zone that `find` returned."""
    return ZoneInfo(win_tz.get(name, name))


def instant(wall: datetime, name: str) -> datetime:
    """Return the moment of a wall clock time, in UTC."""
    return wall.replace(tzinfo=info(name)).astimezone(UTC)


def wall(moment: datetime, name: str) -> datetime:
    """Return the naive wall clock time of a moment."""
    return moment.astimezone(info(name)).replace(tzinfo=None)
