"""Push channels: opening and stopping them, and reading what arrives (contract section 12)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from calsync.errors import Unavailable
from calsync.providers.channels import Channel, Notice
from calsync.providers.google.wire import Call, Wire, events_path

LIFE_S = 604_800
"""The life that is asked for: Google's default and most, seven days."""


def watch(wire: Wire, calendar: str, channel_id: str, secret: str, address: str) -> Channel:
    """Open a channel on a calendar's events. Raises ProviderError."""
    body = {
        "id": channel_id,
        "type": "web_hook",
        "address": address,
        "token": secret,
        "params": {"ttl": str(LIFE_S)},
    }
    item = wire.send(Call("POST", events_path(calendar, "watch"), body=body, handle=channel_id)).item
    try:
        expires_at = datetime.fromtimestamp(int(item["expiration"]) / 1000, UTC)
        return Channel(item["id"], item["resourceId"], expires_at)
    except (KeyError, ValueError) as error:
        raise Unavailable("the answer names no channel") from error


def stop(wire: Wire, channel_id: str, resource_id: str) -> None:
    """Close a channel; Google denies one that has ended (section 12.3)."""
    body = {"id": channel_id, "resourceId": resource_id}
    wire.send(Call("POST", "/channels/stop", body=body, handle=channel_id, expect=(404,)))


def read(headers: Mapping[str, str]) -> Notice | None:
    """Return the notice in a request's headers, None when it is none."""
    found = {name.lower(): value for name, value in headers.items()}
    channel_id, state = found.get("x-goog-channel-id"), found.get("x-goog-resource-state")
    if not channel_id or not state:
        return None
    return Notice(
        channel_id,
        found.get("x-goog-resource-id", ""),
        found.get("x-goog-channel-token", ""),
        is_first=state == "sync",
    )
