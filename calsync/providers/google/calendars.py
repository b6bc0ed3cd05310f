"""The calendars of an account (contract section 13.1)."""

from __future__ import annotations

import re
from typing import Any

from calsync.errors import Unavailable
from calsync.providers.base import RemoteCalendar
from calsync.providers.google.wire import Call, Wire

Json = dict[str, Any]

MOST = 250
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_ACCESS = {
    "owner": "owner",
    "writer": "writer",
    "writerWithoutPrivateAccess": "writer",
    "reader": "reader",
    "freeBusyReader": "free_busy",
}


def list_all(wire: Wire) -> list[RemoteCalendar]:
    """Return every calendar on the person's list, hidden ones too: hiding one in Google ends no sync."""
    found: list[RemoteCalendar] = []
    token: str | None = None
    while True:
        query = {"maxResults": MOST, "showHidden": "true", "pageToken": token}
        page = wire.send(Call("GET", "/users/me/calendarList", query)).item
        if not isinstance(page.get("items"), list):
            raise Unavailable("the list of calendars has no entries")
        found += [_calendar(item) for item in page["items"] if not item.get("deleted") and _access(item)]
        token = page.get("nextPageToken")
        if token is None:
            return found


def _calendar(item: Json) -> RemoteCalendar:
    color = item.get("backgroundColor") or ""
    return RemoteCalendar(
        remote_id=item["id"],
        name=item.get("summaryOverride") or item.get("summary") or item["id"],
        color=color.lower() if _COLOR.fullmatch(color) else None,
        tz=item.get("timeZone"),
        is_primary=bool(item.get("primary")),
        access=_access(item) or "reader",
    )


def _access(item: Json) -> str | None:
    """Return our word for a role; roles that Google invents later allow reading at least, "none" nothing."""
    role = item.get("accessRole", "reader")
    return None if role == "none" else _ACCESS.get(role, "reader")
