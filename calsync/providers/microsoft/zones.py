"""Names of time zones for Outlook, which reliably takes Windows' own only (contract section A5). Pure look-ups.

Many places share one Windows zone, so a name read back may be another place's: our mark on the event remembers ours.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

from tzlocal.windows_tz import tz_win, win_tz

from calsync.engine import zones

_COMPARED = tuple(datetime(year, month, 1, 12, tzinfo=UTC) for year in range(2020, 2038) for month in range(1, 13))
"""When two zones are compared: rules that differ do so within a year."""


@lru_cache(maxsize=1024)
def windows(name: str) -> str | None:
    """Return the Windows name for an IANA one: its own, else one with the same rules; None where there is none."""
    if zones.is_utc(name):
        return "UTC"
    return tz_win.get(name) or _own().get(name) or _by_rules().get(_rules(name))


@lru_cache(maxsize=1024)
def iana(name: str) -> str | None:
    """Return the IANA name of what Outlook calls a zone, None for one that is custom or unknown."""
    plain = name.strip().removeprefix("tzone://Microsoft/")
    return None if plain.lower() == "custom" else zones.resolve(plain)


@cache
def _own() -> dict[str, str]:
    return {found: name for name in win_tz if (found := zones.resolve(name)) is not None}


@cache
def _by_rules() -> dict[tuple[float, ...], str]:
    return {_rules(found): name for found, name in reversed(_own().items())}


def _rules(name: str) -> tuple[float, ...]:
    zone = ZoneInfo(name)
    offsets = (at.astimezone(zone).utcoffset() for at in _COMPARED)
    return tuple(offset.total_seconds() for offset in offsets if offset is not None)
