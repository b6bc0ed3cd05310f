"""Opening and stopping channels, and deciding who is told what (contract 12). Delivery is in `pusher`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from urllib.parse import quote

from tests.emulators.google import access, errors
from tests.emulators.google import world as worlds
from tests.emulators.google.access import Call
from tests.emulators.google.model import Channel, Resource
from tests.emulators.google.wire import Reply
from tests.emulators.google.world import World
from tests.emulators.pusher import PUSHER, Delivery

TTL_S = 604_800
LONGEST_ID, LONGEST_TOKEN = 64, 256
SYNC_S, AFTER_SYNC_S = 0.02, 0.03
"""How soon the first message of a channel and the later ones leave; in this order, the first comes first."""
USER_AGENT = "APIs-Google; (+https://developers.google.com/webmasters/APIs-Google.html)"


def watch_events(call: Call) -> Reply:
    calendar = access.get_calendar(call)
    if not calendar.is_watchable:
        raise errors.ApiError(
            400,
            "pushNotSupportedForRequestedResource",
            "Push notifications are not supported by this resource.",
        )
    return _open(call, worlds.events_of(calendar.id), f"calendars/{quote(calendar.id, safe='')}/events")


def watch_list(call: Call) -> Reply:
    return _open(call, worlds.list_of(call.user.email), "users/me/calendarList")


def watch_settings(call: Call) -> Reply:
    return _open(call, worlds.settings_of(call.user.email), "users/me/settings")


def watch_rules(call: Call) -> Reply:
    calendar = access.get_calendar(call, "owner")
    return _open(call, worlds.rules_of(calendar.id), f"calendars/{quote(calendar.id, safe='')}/acl")


def _open(call: Call, resource: str, path: str) -> Reply:
    body, world = call.body, call.world
    _check(world, body)
    channel = Channel(
        id=body["id"],
        email=call.user.email,
        client_id=call.session.client_id,
        address=body["address"],
        token=body.get("token"),
        expires_at=_expiry(world, body),
        resource=resource,
        resource_id=hashlib.sha256(resource.encode()).hexdigest()[:26],
        resource_uri=f"{call.base_url}/calendar/v3/{path}?alt=json",
    )
    world.channels[channel.id] = channel
    reply = Reply(200, _shown(channel))
    # Google's first message may overtake the answer; by default it follows closely.
    first = _message(world, channel, "sync")
    if world.settings.sync_before_reply:
        reply.before_sending.append(lambda: PUSHER.deliver_now(first))
    else:
        reply.before_sending.append(lambda: PUSHER.send_later(first, SYNC_S))
    return reply


def _check(world: World, body: Resource) -> None:
    for name in ("id", "type", "address"):
        if not body.get(name):
            raise errors.required(f"Missing {name}.", f"resource.{name}")
    if len(body["id"]) > LONGEST_ID or len(body.get("token") or "") > LONGEST_TOKEN:
        raise errors.invalid("The channel id or token is too long.", "resource")
    if body["type"] not in ("web_hook", "webhook"):
        raise errors.ApiError(400, "push.channelTypeNotSupported", "Channel type not supported.")
    if world.settings.https_only and not body["address"].startswith("https://"):
        message = f"WebHook callback must be HTTPS: {body['address']}"
        raise errors.ApiError(400, "push.webhookUrlNotHttps", message)
    if body["id"] in world.channels:
        raise errors.ApiError(400, "channelIdNotUnique", f"Channel id {body['id']} not unique")


def _expiry(world: World, body: Resource) -> datetime:
    """The server may shorten what was asked: nothing lives longer than the default of seven days."""
    ttl = (body.get("params") or {}).get("ttl", str(TTL_S))
    if not ttl.isdigit():
        raise errors.invalid("Invalid ttl.", "resource.params.ttl")
    longest = world.now() + timedelta(seconds=min(int(ttl), TTL_S))
    if not body.get("expiration"):
        return longest
    asked = datetime.fromtimestamp(int(body["expiration"]) / 1000, UTC)
    if asked <= world.now():
        raise errors.invalid("Invalid expiration.", "resource.expiration")
    return min(longest, asked)


def _shown(channel: Channel) -> Resource:
    body: Resource = {
        "kind": "api#channel",
        "id": channel.id,
        "resourceId": channel.resource_id,
        "resourceUri": channel.resource_uri,
        "expiration": str(int(channel.expires_at.timestamp() * 1000)),
    }
    return body | ({"token": channel.token} if channel.token else {})


def stop(call: Call) -> Reply:
    """Close a channel; only its own user and client may, and only with both ids (12.3)."""
    channel = call.world.channels.get(call.body.get("id") or "")
    if channel is None or not _is_live(call.world, channel) or channel.email != call.user.email:
        raise _unknown(call)
    if channel.client_id != call.session.client_id or channel.resource_id != call.body.get("resourceId"):
        raise _unknown(call)
    channel.is_stopped = True
    return Reply(204)


def _unknown(call: Call) -> errors.ApiError:
    return errors.of(404, "notFound", f"Channel '{call.body.get('id')}' not found for project '123456789012'")


def _is_live(world: World, channel: Channel) -> bool:
    grant = world.grants.get((channel.email, channel.client_id))
    is_granted = grant is not None and not grant.is_revoked
    return not channel.is_stopped and channel.expires_at > world.now() and is_granted


def announce(world: World) -> list[Callable[[], None]]:
    """Return the deliveries for everything touched since last time; the caller starts them without the lock.

    Every channel on a resource gets its own message; expired, stopped and revoked ones stay silent.
    """
    touched, world.touched = world.touched, {}
    messages = [
        _message(world, channel, touched[channel.resource])
        for channel in world.channels.values()
        if channel.resource in touched and channel.number > 0 and _is_live(world, channel)
    ]
    chosen = [copy for message in messages for copy in _dropped_or_repeated(world, message)]
    return [partial(PUSHER.send_later, message, AFTER_SYNC_S) for message in chosen]


def _dropped_or_repeated(world: World, message: Delivery) -> list[Delivery]:
    turn = world.created["pushes"] = world.created.get("pushes", 0) + 1
    settings = world.settings
    if settings.push_drop_every and turn % settings.push_drop_every == 0:
        return []
    is_repeated = settings.push_repeat_every and turn % settings.push_repeat_every == 0
    return [message, message] if is_repeated else [message]


def _message(world: World, channel: Channel, state: str) -> Delivery:
    """Numbers start at 1 and grow, with gaps (12.2)."""
    channel.number += 1 if channel.number == 0 else 1 + world.revision % 7
    headers = {
        "User-Agent": USER_AGENT,
        "Content-Length": "0",
        "X-Goog-Channel-ID": channel.id,
        "X-Goog-Channel-Expiration": format_datetime(channel.expires_at, usegmt=True),
        "X-Goog-Resource-ID": channel.resource_id,
        "X-Goog-Resource-URI": channel.resource_uri,
        "X-Goog-Resource-State": state,
        "X-Goog-Message-Number": str(channel.number),
    }
    if channel.token:
        headers["X-Goog-Channel-Token"] = channel.token
    return Delivery(world, _target(world, channel.address), headers)


def _target(world: World, address: str) -> str:
    """Return where to deliver: the address, its public beginning replaced by a loopback one if told so."""
    for public, local in world.settings.webhook_rewrites.items():
        if address.startswith(public):
            return local + address.removeprefix(public)
    return address
