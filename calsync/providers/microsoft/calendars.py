"""The calendars of an account (contract section A3)."""

from __future__ import annotations

import re
from typing import Any

from calsync.errors import Unavailable
from calsync.providers.base import RemoteCalendar
from calsync.providers.microsoft import zones
from calsync.providers.microsoft.wire import Call, Wire

Json = dict[str, Any]

MOST = 100
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_COLORS = {
    "lightBlue": "#a6d1f5",
    "lightGreen": "#87d28e",
    "lightOrange": "#fcab73",
    "lightGray": "#c0c0c0",
    "lightYellow": "#f5e46f",
    "lightTeal": "#9fdcc9",
    "lightPink": "#f08cc0",
    "lightBrown": "#cba287",
    "lightRed": "#f88c9b",
    "maxColor": "#a6d1f5",
}
"""Near what Outlook shows for its words; it gives a number only for colours that somebody chose."""


def mailbox_zone(wire: Wire) -> str | None:
    """Return the IANA name of the mailbox's time zone (section A5), None where it is not told or none that is known."""
    reply = wire.send(Call("GET", "/me/mailboxSettings", expect=(403, 404)))
    name = reply.item.get("timeZone")
    return zones.iana(str(name)) if reply.status < 400 and name else None


def list_all(wire: Wire, zone: str | None = None) -> list[RemoteCalendar]:
    """Return every calendar of the mailbox, those that others share with it too; `zone` is theirs all."""
    found: list[RemoteCalendar] = []
    call = Call("GET", "/me/calendars", page=MOST)
    while True:
        page = wire.send(call).item
        if not isinstance(page.get("value"), list):
            raise Unavailable("the list of calendars has no entries")
        found += [_calendar(item, zone) for item in page["value"]]
        following = page.get("@odata.nextLink")
        if not following:
            return found
        call = Call("GET", str(following), page=MOST)


def _calendar(item: Json, zone: str | None) -> RemoteCalendar:
    color = item.get("hexColor") or _COLORS.get(item.get("color") or "") or ""
    return RemoteCalendar(
        remote_id=item["id"],
        name=item.get("name") or item["id"],
        color=color.lower() if _COLOR.fullmatch(color) else None,
        tz=zone,
        is_primary=bool(item.get("isDefaultCalendar")),
        access=_access(item),
    )


def _access(item: Json) -> str:
    """Return our word for what may be done: who may share a calendar, it belongs to."""
    if not item.get("canEdit"):
        return "reader"
    return "owner" if item.get("canShare") or item.get("isDefaultCalendar") else "writer"
