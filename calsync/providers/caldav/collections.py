"""Calendar collections: what a server says of each calendar (contract B2), and of what may be written there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote, urljoin, urlsplit

from calsync.engine import zones
from calsync.providers.base import RemoteCalendar
from calsync.providers.caldav import dav, lines, timezones
from calsync.providers.caldav.dav import CS, A, C, D, Item
from calsync.providers.http import Http

_PROPERTIES = (
    f"{D}resourcetype",
    f"{D}displayname",
    f"{D}current-user-privilege-set",
    f"{D}owner",
    f"{C}supported-calendar-component-set",
    f"{C}calendar-timezone",
    f"{A}calendar-color",
)
_WRITES = (f"{D}all", f"{D}write", f"{D}write-content", f"{D}bind")
_COLORS = {
    "red": "#ff0000", "orange": "#ffa500", "yellow": "#ffff00", "green": "#008000", "blue": "#0000ff",
    "purple": "#800080", "brown": "#a52a2a", "black": "#000000", "gray": "#808080", "pink": "#ffc0cb",
}  # fmt: skip


def headers(depth: str) -> dict[str, str]:
    """Return the headers of every question: servers differ in what they assume of a missing Depth."""
    return {"Depth": depth, "Content-Type": "application/xml; charset=utf-8"}


def at(client: Http, url: str, depth: str, principal: str) -> list[RemoteCalendar]:
    """Return the calendars at an address (depth 0) or in a home (depth 1) that can hold events."""
    answer = client.request("PROPFIND", url, headers=headers(depth), body=dav.propfind(_PROPERTIES))
    return [
        _calendar(item, urljoin(answer.url, item.href), principal)
        for item in dav.Multistatus(answer)
        if _holds_events(item)
    ]


def _holds_events(item: Item) -> bool:
    """Return whether this is a calendar for events; a server that names no components takes all."""
    if not item.has(f"{D}resourcetype", f"{C}calendar") or _is_deleted(item):
        return False
    kinds = item.properties.get(f"{C}supported-calendar-component-set")
    names = [] if kinds is None else [kind.get("name", "").upper() for kind in kinds.iter(f"{C}comp")]
    return not names or "VEVENT" in names


def _is_deleted(item: Item) -> bool:
    """Nextcloud lists what is in its trash bin."""
    kinds = item.properties.get(f"{D}resourcetype")
    return kinds is not None and any(kind.tag.endswith(("}deleted-calendar", "}trash-bin")) for kind in kinds)


def _calendar(item: Item, url: str, principal: str) -> RemoteCalendar:
    last = unquote(urlsplit(url).path.rstrip("/").rpartition("/")[2])
    return RemoteCalendar(
        remote_id=url if url.endswith("/") else f"{url}/",
        name=item.text(f"{D}displayname") or last or url,
        color=_color(item.text(f"{A}calendar-color")),
        tz=zone_of(item.text(f"{C}calendar-timezone")),
        access=_access(item, principal),
    )


def _access(item: Item, principal: str) -> str:
    """Return what we may do. Unknown means writable: a refusal will tell (contract B2)."""
    if item.has(f"{D}resourcetype", f"{CS}subscribed"):
        return "reader"
    if f"{D}current-user-privilege-set" in item.properties:
        granted = set(_granted(item))
        if not granted & set(_WRITES):
            return "reader" if f"{D}read" in granted else "free_busy"
    owners = item.hrefs(f"{D}owner")
    return "writer" if owners and dav.key(owners[0]).rstrip("/") != dav.key(principal).rstrip("/") else "owner"


def _granted(item: Item) -> Iterator[str]:
    for privilege in item.properties[f"{D}current-user-privilege-set"].iter(f"{D}privilege"):
        yield from (child.tag for child in privilege)


def _color(text: str | None) -> str | None:
    """Return a colour as #rrggbb; Apple adds two digits for opacity, others write names."""
    match = re.match(r"#([0-9a-fA-F]{6})", text or "")
    return f"#{match[1].lower()}" if match else _COLORS.get((text or "").lower())


def zone_of(text: str | None) -> str | None:
    """Return the IANA name that a calendar-timezone property means: a VTIMEZONE, or just its name."""
    if not text:
        return None
    try:
        calendars = lines.parse(text).children("VCALENDAR")
        names = [timezones.tzid_of(zone) for calendar in calendars for zone in calendar.children("VTIMEZONE")]
    except lines.Broken:
        return None
    return zones.resolve(names[0] or "") if names else zones.resolve(text)
