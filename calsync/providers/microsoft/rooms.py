"""The rooms of an organisation (contract section A14): a list that needs a permission of its own."""

from __future__ import annotations

from typing import Any

from calsync.errors import Unavailable
from calsync.providers.microsoft.wire import Call, Wire
from calsync.providers.rooms import Room

Json = dict[str, Any]

PAGE = 100


def list_all(wire: Wire) -> list[Room]:
    """Return every room, by name; one without an address cannot be invited and is left out. Raises ProviderError."""
    found: dict[str, Room] = {}
    call = Call("GET", "/places/microsoft.graph.room", page=PAGE)
    while True:
        page = wire.send(call).item
        if not isinstance(page.get("value"), list):
            raise Unavailable("the list of rooms has no entries")
        found |= {room.address: room for room in map(_room, page["value"]) if room.address}
        following = page.get("@odata.nextLink")
        if not following:
            return sorted(found.values(), key=lambda room: (room.name.lower(), room.address))
        call = Call("GET", str(following), page=PAGE)


def _room(item: Json) -> Room:
    address = str(item.get("emailAddress") or "").strip().lower()
    size = item.get("capacity")
    return Room(
        address,
        str(item.get("displayName") or address),
        str(item.get("building") or ""),
        size if isinstance(size, int) and size > 0 else None,
    )
