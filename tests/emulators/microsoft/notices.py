"""Talking to webhooks: the handshake, change notifications, lifecycle notifications (contract A10.2 to A10.4)."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from functools import partial
from urllib.parse import quote, urlsplit

from tests.emulators.microsoft import times
from tests.emulators.microsoft import world as worlds
from tests.emulators.microsoft.items import Item
from tests.emulators.microsoft.model import Event, Resource, Subscription
from tests.emulators.microsoft.world import World
from tests.emulators.pusher import PUSHER, Delivery

SOON_S = 0.03
NO_SUCCESS = (
    "Subscription validation request failed. Notification endpoint must respond with 200 OK to validation request."
)
NO_ECHO = "Subscription validation request failed. Response must exactly match validationToken query parameter."
TIMED_OUT = "Subscription validation request timed out."
LIFECYCLES = ("reauthorizationRequired", "subscriptionRemoved", "missed")


def shake_hands(world: World, urls: list[str]) -> str | None:
    """Ask every address to echo a token; return what went wrong, or None. Do not hold the lock (A10.2)."""
    for url in dict.fromkeys(urls):
        wrong = _shake_hands(world, _target(world, url))
        if wrong is not None:
            return wrong
    return None


def _shake_hands(world: World, url: str) -> str | None:
    token = f"Validation: Testing client application reachability for subscription Request-Id: {worlds.new_guid()} <&>"
    joint = "&" if "?" in url else "?"
    parts = urlsplit(f"{url}{joint}validationToken={quote(token, safe='')}")
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=world.settings.validation_timeout_s)
    try:
        connection.request(
            "POST", f"{parts.path or '/'}?{parts.query}", b"", {"Content-Type": "text/plain; charset=utf-8"}
        )
        answer = connection.getresponse()
        content = answer.read()
    except TimeoutError:
        return TIMED_OUT
    except (OSError, http.client.HTTPException):
        return NO_SUCCESS
    finally:
        connection.close()
    if answer.status != 200:
        return NO_SUCCESS
    is_text = (answer.getheader("Content-Type") or "").startswith("text/plain")
    return None if is_text and content == token.encode() else NO_ECHO


def _target(world: World, url: str) -> str:
    """Return where to deliver: the address, its public beginning replaced by a loopback one if told so."""
    for public, local in world.settings.webhook_rewrites.items():
        if url.startswith(public):
            return local + url.removeprefix(public)
    return url


def announce(world: World) -> list[Callable[[], None]]:
    """Return the deliveries for all changes since last time; the caller starts them without the lock.

    Notifications for one address travel together; some get lost, repeated or turned round if the settings say so.
    """
    changes, world.changes = world.changes, []
    by_url: dict[str, list[Resource]] = {}
    for change, event in changes:
        for subscription in list(world.subscriptions.values()):
            if _is_told(world, subscription, event, change):
                by_url.setdefault(subscription.notification_url, []).extend(
                    _lost_or_repeated(world, _notice(world, subscription, event, change))
                )
    if world.settings.push_reversed:
        by_url = {url: found[::-1] for url, found in by_url.items()}
    return [partial(PUSHER.send_later, _delivery(world, url, found), SOON_S) for url, found in by_url.items() if found]


def _is_told(world: World, subscription: Subscription, event: Event, change: str) -> bool:
    grant = world.grants.get((subscription.email, subscription.client_id))
    is_live = subscription.expires_at > world.now() and not subscription.is_paused
    return (
        is_live
        and grant is not None
        and grant.ended_by is None
        and event.calendar.mailbox == subscription.email
        and subscription.calendar_id in ("", event.calendar.id)
        and change in subscription.change_types
    )


def _lost_or_repeated(world: World, notice: Resource) -> list[Resource]:
    world.notices_made += 1
    turn, settings = world.notices_made, world.settings
    if settings.push_drop_every and turn % settings.push_drop_every == 0:
        return []
    is_repeated = settings.push_repeat_every and turn % settings.push_repeat_every == 0
    return [notice, notice] if is_repeated else [notice]


def _notice(world: World, subscription: Subscription, event: Event, change: str) -> Resource:
    user = world.users[subscription.email]
    item = Item(event)
    raw = item.id(immutable=subscription.uses_immutable_ids)
    path = f"Users/{user.oid}/Events/{raw}"
    data = {"@odata.type": "#Microsoft.Graph.Event", "@odata.id": path, "@odata.etag": item.etag, "id": raw}
    if change == "deleted":
        del data["@odata.etag"]
    return {**_about(world, subscription), "changeType": change, "resource": path, "resourceData": data}


def _about(world: World, subscription: Subscription) -> Resource:
    return {
        "subscriptionId": subscription.id,
        "subscriptionExpirationDateTime": times.stamp(subscription.expires_at),
        "clientState": subscription.client_state,
        "tenantId": world.users[subscription.email].tenant,
    }


def tell_lifecycle(world: World, subscription: Subscription, event: str) -> None:
    """Send one lifecycle notification, and do what it says. Raises ValueError where there is nobody to tell."""
    if event not in LIFECYCLES or subscription.lifecycle_url is None:
        raise ValueError("No such event, or the subscription has no lifecycle address.")
    if event == "reauthorizationRequired":
        subscription.is_paused = True
    if event == "subscriptionRemoved":
        del world.subscriptions[subscription.id]
    notice = {**_about(world, subscription), "lifecycleEvent": event}
    PUSHER.send_later(_delivery(world, subscription.lifecycle_url, [notice]), SOON_S)


def _delivery(world: World, url: str, found: list[Resource]) -> Delivery:
    """Any answer but a success within three seconds means another try (A10.3)."""
    body: Resource = {"value": found}
    return Delivery(
        world,
        _target(world, url),
        {"Content-Type": "application/json; charset=utf-8"},
        body=json.dumps(body).encode(),
        timeout_s=world.settings.push_timeout_s,
        retried=None,
        facts={"body": body},
    )
