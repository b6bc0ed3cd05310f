"""Delivering messages to programs: at least once, in order for each thing they are about, tried again by a schedule.

One process at a time delivers to one address, under a lease like that of an account's run. A few messages travel at
once; what came of them is written in one transaction, after which the next ones are taken. A crash in between sends
them again, under the same ids.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlmodel import Session

from calsync.engine import webhooks as schedule
from calsync.providers.courier import Courier, Reply
from calsync.runtime import SYSTEM, Runtime
from calsync.services import owners, webhook_secrets
from calsync.services.webhook_secrets import Keys
from calsync.store import audit, messages
from calsync.store import tables as t
from calsync.store import webhooks as rows

LEASE = timedelta(minutes=1)
"""How long a claim lasts without being renewed: longer than a message may travel."""
AT_ONCE = 4
"""How many messages travel to one address at a time."""
WORK_S = 30.0
"""How long a job works on one address before others get its thread."""
REMEMBERED = 200
"""How many tries a webhook's row remembers, for what pages say of the last day."""

log = structlog.get_logger(__name__)


def due(rt: Runtime) -> list[int]:
    """Return the webhooks that have something to be delivered now, and nobody who does it.

    A claim whose process has certainly died is ended.
    """
    with rt.reading() as session:
        found = rows.due_webhooks(session, rt.now())
    dead = [(webhook_id, owner) for webhook_id, owner in found if owner is not None and owners.is_dead(owner)]
    if dead:
        with rt.writing() as session:
            for webhook_id, owner in dead:
                rows.let_go(session, webhook_id, owner)
    return [webhook_id for webhook_id, owner in found if owner is None or (webhook_id, owner) in dead]


def deliver(rt: Runtime, webhook_id: int) -> int:
    """Deliver what is due to one webhook and return how many tries that took. Repeating it is fine.

    Does nothing while somebody else delivers to it, or when it is off.
    """
    owner, tries = owners.new_owner(), 0
    until = time.monotonic() + WORK_S
    if not _claim(rt, webhook_id, owner):
        return 0
    try:
        with contextlib.closing(Courier(rt.settings.allow_private_networks)) as courier:
            while time.monotonic() < until and (batch := _batch(rt, webhook_id, owner)) is not None:
                replies = _send(rt, courier, *batch)
                rt.checkpoint("webhooks.sent")
                _close(rt, webhook_id, batch[1], replies)
                tries += len(replies)
    finally:
        with rt.writing() as session:
            rows.let_go(session, webhook_id, owner)
    return tries


def body_of(delivery: t.Delivery) -> str:
    """Return what a message says: the same text on every try, for it is signed."""
    value = {"type": delivery.type, "timestamp": messages.text(delivery.at), "data": delivery.data}
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _claim(rt: Runtime, webhook_id: int, owner: str) -> bool:
    with rt.writing() as session:
        return rows.take(session, webhook_id, owner, rt.now(), rt.now() + LEASE)


def _batch(rt: Runtime, webhook_id: int, owner: str) -> tuple[t.Webhook, list[t.Delivery]] | None:
    """Return the next messages, with the claim renewed; None when there are none, or the claim was lost."""
    with rt.reading() as session:
        found = rows.due(session, webhook_id, rt.now(), AT_ONCE)
    if not found or not _claim(rt, webhook_id, owner):
        return None
    with rt.reading() as session:
        return rows.get(session, webhook_id), found


def _send(rt: Runtime, courier: Courier, webhook: t.Webhook, found: Sequence[t.Delivery]) -> list[Reply]:
    keys = webhook_secrets.of(rt, webhook)
    if len(found) == 1:
        return [_send_one(courier, webhook.url, keys, found[0], rt.now())]
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="webhook") as pool:
        return list(pool.map(lambda each: _send_one(courier, webhook.url, keys, each, rt.now()), found))


def _send_one(courier: Courier, url: str, keys: Keys, delivery: t.Delivery, now: datetime) -> Reply:
    body = body_of(delivery)
    headers = webhook_secrets.headers(keys, delivery.public_id, body, now)
    return courier.hand_over(url, headers, body.encode())


def _close(rt: Runtime, webhook_id: int, found: Sequence[t.Delivery], replies: Sequence[Reply]) -> None:
    """Write down what came of tries. What a person did to a message or the webhook meanwhile stands."""
    now = rt.now()
    with rt.writing() as session:
        webhook = rows.get(session, webhook_id)
        for seen, reply in zip(found, replies, strict=True):
            delivery = session.get(t.Delivery, seen.id)
            if delivery is not None:
                session.add(_note(delivery, reply, now))
                _settle(delivery, reply, now)
            _learn(webhook, reply, now)
        webhook.recent = [*webhook.recent, *(_remembered(reply, now) for reply in replies)][-REMEMBERED:]
        if webhook.state == "on" and schedule.is_given_up(webhook.failing_since, now):
            _switch_off(rt, session, webhook, now)
    if webhook.state == "failed":
        rt.enqueue("watch_notices")


def _note(delivery: t.Delivery, reply: Reply, now: datetime) -> t.DeliveryTry:
    return t.DeliveryTry(
        delivery_id=t.pk(delivery),
        at=now,
        status=reply.status,
        took_ms=reply.took_ms,
        error=reply.error,
        detail=reply.detail,
        answer=reply.answer,
    )


def _settle(delivery: t.Delivery, reply: Reply, now: datetime) -> None:
    delivery.status, delivery.error = reply.status, reply.error
    if reply.is_success:
        delivery.state, delivery.next_try_at, delivery.ended_at = rows.DELIVERED, None, now
        return
    delivery.tries += 1
    delivery.next_try_at = schedule.next_try(delivery.tries, now)
    if delivery.next_try_at is None:
        delivery.state, delivery.ended_at = rows.FAILED, now


def _learn(webhook: t.Webhook, reply: Reply, now: datetime) -> None:
    if reply.is_success:
        webhook.failing_since, webhook.last_delivered_at = None, now
    else:
        webhook.failing_since, webhook.last_failed_at = webhook.failing_since or now, now


def _remembered(reply: Reply, now: datetime) -> list[Any]:
    return [int(now.timestamp()), reply.took_ms, int(reply.is_success)]


def _switch_off(rt: Runtime, session: Session, webhook: t.Webhook, now: datetime) -> None:
    webhook.state, webhook.off_at = "failed", now
    webhook.row_version += 1
    log.warning("webhook.switched_off", webhook_id=webhook.id)
    after = {"state": "failed", "failing_since": webhook.failing_since}
    audit.record(session, SYSTEM, "webhook.switched_off", thing(webhook), at=now, after=after)


def thing(webhook: t.Webhook) -> tuple[str, str, str]:
    """Return a webhook as the audit log names it."""
    return "webhook", str(webhook.id), webhook.url
