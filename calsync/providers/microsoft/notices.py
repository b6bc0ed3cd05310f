"""Subscriptions to a calendar's changes: opening and stopping them, and reading what arrives (contract section A10).

One subscription per calendar: that of a whole mailbox may tell of the default calendar only. Microsoft keeps one for
the same calendar at a time, so the next takes the place of the last.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from calsync.errors import Rejected, Unavailable
from calsync.providers.channels import Channel, Notice, Posted
from calsync.providers.microsoft.wire import Call, Wire

Json = dict[str, Any]

LIFE = timedelta(days=6, hours=23)
"""The life that is asked for: seven days are just too many."""

LONGEST_GREETING = 2000
"""Characters of a token that we repeat; real ones have some hundred."""

_PATH = "/subscriptions"
_LASTING = ("reauthorizationRequired", "subscriptionRemoved")
"""What is told of a subscription that is paused or gone. `missed`, the third, is a notice like any other."""


def watch(
    wire: Wire, calendar: str, channel_id: str, secret: str, address: str, now: Callable[[], datetime]
) -> Channel:
    """Open a subscription on a calendar's events; the last one to them ends. Raises ProviderError."""
    body = _wanted(calendar, channel_id, secret, address, now() + LIFE)
    call = Call("POST", _PATH, body=body, handle=channel_id, expect=(409,))
    reply = wire.send(call, silence_s=30.0)
    if reply.status == 409:
        _drop_others(wire, body["resource"])
        reply = wire.send(call, silence_s=30.0)
    if reply.status == 409:
        raise Rejected("duplicate", "another subscription to the same calendar is there")
    try:
        expires_at = datetime.fromisoformat(reply.item["expirationDateTime"]).astimezone(UTC)
        return Channel(channel_id, reply.item["id"], expires_at, is_heard=True)
    except (KeyError, ValueError) as error:
        raise Unavailable("the answer names no subscription") from error


def _wanted(calendar: str, channel_id: str, secret: str, address: str, until: datetime) -> Json:
    leads_to = f"{address}?{urlencode({'channel': channel_id})}"
    return {
        "changeType": "created,updated,deleted",
        "notificationUrl": leads_to,
        "lifecycleNotificationUrl": leads_to,
        "resource": f"me/calendars/{calendar}/events",
        "expirationDateTime": f"{until.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "clientState": secret,
        "latestSupportedTlsVersion": "v1_2",
    }


def _drop_others(wire: Wire, resource: str) -> None:
    call = Call("GET", _PATH)
    while True:
        page = wire.send(call).item
        for other in page.get("value") or []:
            if other.get("resource") == resource:
                stop(wire, str(other["id"]))
        if not page.get("@odata.nextLink"):
            return
        call = Call("GET", str(page["@odata.nextLink"]))


def stop(wire: Wire, resource_id: str) -> None:
    """End a subscription; one that has ended already is denied, which is fine."""
    wire.send(Call("DELETE", f"{_PATH}/{quote(resource_id, safe='')}", handle=resource_id, expect=(404, 410)))


def read(posted: Posted) -> Sequence[Notice]:
    """Return the notices in a request: several may travel together, each with its own proof."""
    channel_id = posted.query.get("channel", "")
    try:
        told = json.loads(posted.body)["value"]
        return tuple(_notice(channel_id, each) for each in told) if channel_id else ()
    except (ValueError, KeyError, TypeError, AttributeError):
        return ()


def _notice(channel_id: str, told: Mapping[str, Any]) -> Notice:
    return Notice(
        channel_id,
        str(told.get("subscriptionId") or ""),
        str(told.get("clientState") or ""),
        is_last=told.get("lifecycleEvent") in _LASTING,
    )


def greeting(posted: Posted) -> str | None:
    """Return the token that Microsoft wants to hear back; None for a request without one (section A10.2)."""
    token = posted.query.get("validationToken")
    return None if token is None else token[:LONGEST_GREETING]
