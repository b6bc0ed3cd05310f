"""Webhooks: addresses of programs that are told of what happens here. For admins.

What is told enters the outbox by itself (`store/happenings.py`); `webhook_delivery.py` delivers it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from sqlmodel import Session

from calsync.engine.webhooks import Happening
from calsync.errors import NotAllowed, Refused
from calsync.providers import network
from calsync.runtime import Actor, Runtime
from calsync.services import webhook_secrets
from calsync.services.webhook_delivery import thing
from calsync.services.webhook_secrets import Keys
from calsync.store import audit, happenings
from calsync.store import tables as t
from calsync.store import webhooks as rows
from calsync.store.messages import Message

MOST = 50
"""Webhooks of one installation at most: every message is kept for each."""
BATCH = 500


def create(
    rt: Runtime, url: str, events: Collection[str], *, description: str = "", by: Actor
) -> tuple[t.Webhook, str]:
    """Save a webhook that is on, and return it with its secret.

    Raises NotAllowed, and Refused naming the field for an address or an event that cannot be.
    """
    _admin(by)
    url, chosen = _checked_url(rt, url), _checked_events(events)
    keys = Keys(webhook_secrets.new())
    with rt.writing() as session:
        if rows.count(session) >= MOST:
            raise Refused(f"There are {MOST} webhooks already. Remove one that is not needed.", code="too_many")
        webhook = t.Webhook(
            url=url, description=description.strip()[:200], events=chosen, created_by_id=by.user_id, created_at=rt.now()
        )
        webhook_secrets.put(rt, webhook, keys)
        session.add(webhook)
        session.flush()
        audit.record(session, by, "webhook.created", thing(webhook), at=rt.now(), after=_facts(webhook))
    return webhook, keys.current


def edit(
    rt: Runtime,
    webhook_id: int,
    *,
    url: str | None = None,
    events: Collection[str] | None = None,
    description: str | None = None,
    version: int | None = None,
    by: Actor,
) -> t.Webhook:
    """Change a webhook; None leaves a value as it is. `version` is the row version that was seen, None for any.

    Raises NotFound, NotAllowed, and Refused naming the field, or with the code `stale`.
    """
    _admin(by)
    url = None if url is None else _checked_url(rt, url)
    chosen = None if events is None else _checked_events(events)
    with rt.writing() as session:
        webhook = _seen(session, webhook_id, version)
        before = _facts(webhook)
        if url is not None and url != webhook.url:
            webhook.url, webhook.failing_since = url, None
        webhook.events = webhook.events if chosen is None else chosen
        webhook.description = webhook.description if description is None else description.strip()[:200]
        _save(rt, session, webhook, "webhook.changed", before, by)
    return webhook


def switch(rt: Runtime, webhook_id: int, *, on: bool, version: int | None = None, by: Actor) -> t.Webhook:
    """Switch a webhook on or off. What waited while it was off leaves now; doing it twice is fine.

    While a person has switched it off nothing is kept for it. Raises as `edit`.
    """
    _admin(by)
    with rt.writing() as session:
        webhook = _seen(session, webhook_id, version)
        if (webhook.state == "on") == on and webhook.state != "failed":
            return webhook
        before = _facts(webhook)
        webhook.state, webhook.off_at = ("on", None) if on else ("off", rt.now())
        webhook.failing_since = None
        _save(rt, session, webhook, "webhook.switched_on" if on else "webhook.switched_off", before, by)
    rt.enqueue("deliver_webhooks")
    rt.enqueue("watch_notices")
    return webhook


def remove(rt: Runtime, webhook_id: int, *, version: int | None = None, by: Actor) -> None:
    """Remove a webhook with its log and everything that waits for it. Raises as `edit`."""
    _admin(by)
    with rt.writing() as session:
        webhook = _seen(session, webhook_id, version)
        session.delete(webhook)
        audit.record(session, by, "webhook.removed", thing(webhook), at=rt.now(), before=_facts(webhook))
    rt.enqueue("watch_notices")


def secret(rt: Runtime, webhook_id: int, *, by: Actor) -> str:
    """Return the secret in force, and write down who saw it. Raises NotFound, NotAllowed."""
    _admin(by)
    with rt.writing() as session:
        webhook = rows.get(session, webhook_id)
        shown = webhook_secrets.of(rt, webhook).current
        audit.record(session, by, "webhook.secret_shown", thing(webhook), at=rt.now())
    return shown


def rotate(rt: Runtime, webhook_id: int, *, by: Actor) -> str:
    """Give a webhook a new secret and return it; the old one signs as well for a day. Raises NotFound, NotAllowed."""
    _admin(by)
    with rt.writing() as session:
        webhook = rows.get(session, webhook_id)
        keys = webhook_secrets.rotated(webhook_secrets.of(rt, webhook), rt.now())
        webhook_secrets.put(rt, webhook, keys)
        webhook.row_version += 1
        audit.record(session, by, "webhook.rotated", thing(webhook), at=rt.now())
    return keys.current


def send_test(rt: Runtime, webhook_id: int, event: str, *, by: Actor) -> t.Delivery:
    """Send a message of any type that says that it is a test, to this webhook alone, and return it.

    Raises NotFound, NotAllowed, and Refused for a type that there is not, or (`off`) while the webhook is off.
    """
    _admin(by)
    (chosen,) = _checked_events([event])
    with rt.writing() as session:
        webhook = rows.get(session, webhook_id)
        if webhook.state != "on":
            raise Refused("This webhook is off. Switch it on first.", code="off")
        # A message about nothing else: no earlier one can hold it up.
        row = happenings.message_row(webhook_id, Message(Happening(chosen), "test", {"test": True}), rt.now())
        row |= {"is_test": True, "subject": f"test:{row['public_id']}"}
        happenings.queue(session, [row])
        audit.record(session, by, "webhook.tested", thing(webhook), at=rt.now(), after={"event": chosen})
        return rows.get_public_delivery(session, webhook_id, row["public_id"])


def resend(rt: Runtime, delivery_id: int, *, by: Actor) -> t.Delivery:
    """Deliver a message again, now, under its old id; one that waits is not made to wait any longer.

    Raises NotFound, NotAllowed.
    """
    _admin(by)
    with rt.writing() as session:
        delivery = rows.get_delivery(session, delivery_id)
        rows.wait_again(session, [delivery_id], rt.now())
        after = {"message": delivery.public_id}
        audit.record(
            session, by, "webhook.resent", thing(rows.get(session, delivery.webhook_id)), at=rt.now(), after=after
        )
    rt.enqueue("deliver_webhooks")
    with rt.reading() as session:
        return rows.get_delivery(session, delivery_id)


def resend_failed(rt: Runtime, webhook_id: int, since: datetime, *, by: Actor) -> int:
    """Deliver everything again that was given up since then, oldest first; return how many. Raises as `resend`."""
    _admin(by)
    count = 0
    with rt.reading() as session:
        webhook = rows.get(session, webhook_id)
    while True:
        with rt.writing() as session:
            ids = rows.failed_ids(session, webhook_id, since, BATCH)
            count += rows.wait_again(session, ids, rt.now()) if ids else 0
        if len(ids) < BATCH:
            break
    with rt.writing() as session:
        after = {"messages": count, "since": since}
        audit.record(session, by, "webhook.resent", thing(webhook), at=rt.now(), after=after)
    rt.enqueue("deliver_webhooks")
    return count


# --- what all of them share


def _admin(by: Actor) -> None:
    if not by.is_admin:
        raise NotAllowed("manage webhooks")


def _seen(session: Session, webhook_id: int, version: int | None) -> t.Webhook:
    webhook = rows.get(session, webhook_id)
    if version is not None and webhook.row_version != version:
        reason = "Somebody changed this webhook meanwhile. Look at it again, then save."
        raise Refused(reason, code="stale")
    return webhook


def _save(rt: Runtime, session: Session, webhook: t.Webhook, action: str, before: dict[str, Any], by: Actor) -> None:
    old, new = audit.changes(before, _facts(webhook))
    if new:
        webhook.row_version += 1
        audit.record(session, by, action, thing(webhook), at=rt.now(), before=old, after=new)


def _facts(webhook: t.Webhook) -> dict[str, Any]:
    names = ("url", "events", "description", "state")
    return {name: getattr(webhook, name) for name in names}


def _checked_events(events: Collection[str]) -> list[str]:
    """Return known events in the order of the list of all. Raises Refused."""
    unknown = sorted(set(events) - {str(each) for each in Happening})
    if unknown:
        raise Refused(f"There is no event called {unknown[0]}.", code="invalid", field="events")
    if not events:
        raise Refused("Choose at least one event.", code="invalid", field="events")
    return [str(each) for each in Happening if each in events]


def _checked_url(rt: Runtime, url: str) -> str:
    """Return an address that can be delivered to. What a name leads to is checked whenever it is connected to."""
    url = url.strip()
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port, parts = "", None, urlsplit("")
    if parts.scheme not in ("http", "https") or not host or port == 0 or len(url) > 1000 or not url.isprintable():
        raise Refused("This is no web address. Example: https://crm.example.com/hooks", code="invalid", field="url")
    if parts.username or parts.password or parts.fragment:
        raise Refused("Give the address without a user name, a password and a #.", code="invalid", field="url")
    if not rt.settings.allow_private_networks:
        _refuse_private(parts.scheme, host)
    return url


def _refuse_private(scheme: str, host: str) -> None:
    if scheme != "https":
        raise Refused("Messages leave by https only: use an address that begins with it.", code="insecure", field="url")
    if _is_private(host):
        reason = "This address is on a private network, where messages may not go unless the operator allows it."
        raise Refused(f"{reason} (CALSYNC_ALLOW_PRIVATE_NETWORKS)", code="private_network", field="url")


def _is_private(host: str) -> bool:
    """Whether a host is of a private network by its look alone."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith((".localhost", ".local", ".internal"))
    return not network.is_public(host)
