"""Webhooks as their pages show them: how each stands, and how it did in the last day."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from sqlmodel import Session

from calsync.engine.webhooks import Happening
from calsync.services import webhook_delivery
from calsync.store import tables as t
from calsync.store import webhooks as rows

DAY = timedelta(days=1)
SOON = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Line:
    """A webhook in the list. Shares are percent of the tries in the last day, None without any."""

    webhook: t.Webhook
    standing: str
    success: int | None
    p95_ms: int | None
    next_try_at: datetime | None

    @property
    def name(self) -> str:
        """How people call it: what it is for, else the host."""
        return self.webhook.description or urlsplit(self.webhook.url).netloc

    @property
    def events(self) -> str:
        """What it is told of, in few words: everything, one event, or about what."""
        names = self.webhook.events
        if len(names) == len(Happening):
            return "Everything"
        families = dict.fromkeys(Happening(name).family for name in names if name in list(Happening))
        return names[0] if len(names) == 1 else f"{len(names)}: {', '.join(families)}"


def lines(session: Session, now: datetime) -> list[Line]:
    """Return every webhook, oldest first."""
    tries = rows.next_tries(session)
    return [line(webhook, tries.get(t.pk(webhook)), now) for webhook in rows.list_webhooks(session)]


def line(webhook: t.Webhook, next_try_at: datetime | None, now: datetime) -> Line:
    """Return how a webhook does."""
    recent = [(ms, ok) for at, ms, ok in webhook.recent if at > (now - DAY).timestamp()]
    success = round(100 * sum(ok for _, ok in recent) / len(recent)) if recent else None
    waits = next_try_at if webhook.state == "on" else None
    return Line(webhook, standing(webhook), success, _p95([ms for ms, _ in recent]), waits)


def standing(webhook: t.Webhook) -> str:
    """Return how a webhook stands: off, failed, failing, new or on."""
    if webhook.state != "on":
        return webhook.state
    if webhook.failing_since is not None:
        return "failing"
    return "on" if webhook.last_delivered_at is not None else "new"


def delivery_state(delivery: t.Delivery) -> str:
    """Return what became of a message: delivered, failed, waiting, or retrying once a try has failed."""
    return "retrying" if delivery.state == rows.WAITING and delivery.tries else delivery.state


def is_soon(delivery: t.Delivery, webhook: t.Webhook, now: datetime) -> bool:
    """Whether it is worth watching a message: its next try is near, and not long overdue behind an earlier message."""
    at = delivery.next_try_at
    return webhook.state == "on" and at is not None and abs(at - now) < SOON


def body(delivery: t.Delivery) -> str:
    """Return what a message says, spread out for reading."""
    return json.dumps(json.loads(webhook_delivery.body_of(delivery)), indent=2, ensure_ascii=False)


def _p95(values: Sequence[int]) -> int | None:
    return sorted(values)[max(0, -(-len(values) * 95 // 100) - 1)] if values else None
