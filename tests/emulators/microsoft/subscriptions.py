"""Change notification subscriptions: made after a handshake, renewed, reauthorized, ended (contract A10)."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from tests.emulators.microsoft import errors, gateway, listing, notices, times
from tests.emulators.microsoft import world as worlds
from tests.emulators.microsoft.access import Call
from tests.emulators.microsoft.errors import GraphError
from tests.emulators.microsoft.model import Resource, Subscription
from tests.emulators.microsoft.wire import Reply

KINDS = ("created", "updated", "deleted")
SHORTEST = timedelta(minutes=45)
MOST = 1000
LONGEST_STATE = 128
MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,7})?(Z|[+-]\d{2}:\d{2})")
SPELLING = (
    "Could not process subscription creation payload. Are all property names spelled and camelCased properly? "
    "Also are the Datetimes in valid ISO format with a timezone?"
)
KNOWN = frozenset(
    """
    changeType notificationUrl lifecycleNotificationUrl resource expirationDateTime clientState
    latestSupportedTlsVersion includeResourceData
    """.split()
)


def create(call: Call) -> Reply:
    """Check a subscription, shake hands with its addresses once the lock is free, then store it."""
    subscription = _read(call)
    _check_new(call, subscription)
    urls = [subscription.notification_url, subscription.lifecycle_url]
    reply = Reply(201, _shown(call, subscription))

    def finish() -> None:
        wrong = notices.shake_hands(call.world, [url for url in urls if url])
        with call.world.lock:
            if wrong is None:
                call.world.subscriptions[subscription.id] = subscription
            else:
                _refuse(call, reply, wrong)

    reply.before_sending.append(finish)
    return reply


def _refuse(call: Call, reply: Reply, wrong: str) -> None:
    refusal = gateway.refusal(call.world, call.request, GraphError(400, "ValidationError", wrong))
    reply.status, reply.body = 400, refusal.body


def _read(call: Call) -> Subscription:
    body = call.body
    if not body.keys() <= KNOWN:
        raise errors.bad(SPELLING, "InvalidRequest")
    for name in ("changeType", "notificationUrl", "resource", "expirationDateTime"):
        if not body.get(name):
            raise errors.bad(f"{name} is a required property for subscription creation.", "InvalidRequest")
    kinds = [kind.strip() for kind in str(body["changeType"]).split(",")]
    state = body.get("clientState")
    if not set(kinds) <= set(KINDS) or len(state or "") > LONGEST_STATE:
        raise errors.bad("The changeType or clientState is invalid.", "InvalidRequest")
    return Subscription(
        id=worlds.new_guid(),
        email=call.user.email,
        client_id=call.session.client_id,
        resource=body["resource"],
        calendar_id=_calendar(call, body["resource"]),
        change_types=sorted(set(kinds)),
        notification_url=_url(call, body["notificationUrl"]),
        lifecycle_url=_url(call, body["lifecycleNotificationUrl"]) if body.get("lifecycleNotificationUrl") else None,
        client_state=state,
        expires_at=_expiry(call, body["expirationDateTime"]),
        uses_immutable_ids=call.look.immutable,
    )


def _calendar(call: Call, resource: Any) -> str:
    """Return the calendar that is watched, "" for all of a mailbox (or the default one, if the settings say so)."""
    path = gateway.as_me(str(resource).strip("/"), call.user)
    found = re.fullmatch(r"me/(?:calendars/([^/]+)/)?events", path)
    if found is None:
        raise errors.bad(f"Resource '{resource}' is not supported.", "ExtensionError")
    if found[1] and call.world.find_calendar(found[1], call.user.email) is None:
        raise errors.not_found()
    if found[1]:
        return found[1]
    only_default = call.world.settings.default_only_subscriptions
    return call.world.default_calendar(call.user.email).id if only_default else ""


def _url(call: Call, url: Any) -> str:
    if call.world.settings.https_only and not str(url).startswith("https://"):
        raise errors.bad("The notification URL must use https.", "InvalidRequest")
    return str(url)


def _expiry(call: Call, text: Any) -> datetime:
    """Return when a subscription is to end; too soon is put off, too late refused (A10.1)."""
    if not MOMENT.fullmatch(str(text)):
        raise errors.bad(SPELLING, "InvalidRequest")
    asked, now = times.read_moment(text, "expirationDateTime"), call.world.now()
    longest = call.world.settings.subscription_minutes
    if asked <= now:
        raise errors.bad("Subscription expiration must be in the future.", "InvalidRequest")
    if asked > now + timedelta(minutes=longest):
        message = f"Subscription expiration can only be {longest} minutes in the future."
        raise errors.bad(message, "ExtensionError")
    return max(asked, now + SHORTEST)


def _check_new(call: Call, new: Subscription) -> None:
    mine = [one for one in _living(call) if one.email == call.user.email]
    if len(mine) >= MOST:
        raise errors.denied("Subscription limit reached.")
    for one in mine:
        if (one.resource, one.change_types) == (new.resource, new.change_types):
            raise GraphError(409, "Conflict", "A subscription for this resource exists already.")


def _living(call: Call) -> list[Subscription]:
    """Return this app's subscriptions that have not ended."""
    every = call.world.subscriptions.values()
    return [one for one in every if one.client_id == call.session.client_id and one.expires_at > call.world.now()]


def _find(call: Call) -> Subscription:
    for one in _living(call):
        if one.id == call.path[-1] and one.email == call.user.email:
            return one
    raise errors.not_found("ResourceNotFound", "The object was not found.")


def list_all(call: Call) -> Reply:
    mine = [one for one in _living(call) if one.email == call.user.email]
    return listing.answer(call, mine, lambda one: _shown(call, one), "subscriptions")


def get(call: Call) -> Resource:
    return _shown(call, _find(call))


def update(call: Call) -> Reply:
    """Renew, or move to another address after a handshake with it."""
    subscription = _find(call)
    expires_at = _expiry(call, call.body["expirationDateTime"]) if "expirationDateTime" in call.body else None
    url = _url(call, call.body["notificationUrl"]) if "notificationUrl" in call.body else None
    reply = Reply(200)

    def finish() -> None:
        wrong = notices.shake_hands(call.world, [url]) if url else None
        with call.world.lock:
            if wrong is not None:
                _refuse(call, reply, wrong)
                return
            subscription.expires_at = expires_at or subscription.expires_at
            subscription.notification_url = url or subscription.notification_url
            subscription.is_paused = subscription.is_paused and expires_at is None
            reply.body = _shown(call, subscription)

    reply.before_sending.append(finish)
    return reply


def delete(call: Call) -> Reply:
    del call.world.subscriptions[_find(call).id]
    return Reply(204)


def reauthorize(call: Call) -> Reply:
    """Go on delivering; the end stays where it was (A10.4)."""
    subscription = _find(call)
    subscription.is_paused = False
    subscription.reauthorized_at = call.world.now()
    return Reply(200)


def _shown(call: Call, one: Subscription) -> Resource:
    """Return a subscription as answers show it: never with its secret."""
    return {
        "@odata.context": f"{call.base_url}/v1.0/$metadata#subscriptions/$entity",
        "id": one.id,
        "resource": one.resource,
        "applicationId": one.client_id,
        "changeType": ",".join(one.change_types),
        "clientState": None,
        "notificationUrl": one.notification_url,
        "notificationQueryOptions": None,
        "lifecycleNotificationUrl": one.lifecycle_url,
        "expirationDateTime": times.stamp(one.expires_at),
        "creatorId": call.user.oid,
        "includeResourceData": None,
        "latestSupportedTlsVersion": "v1_2",
        "encryptionCertificate": None,
        "encryptionCertificateId": None,
        "notificationUrlAppId": None,
    }
