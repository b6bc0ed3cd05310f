"""Webhooks, as findings: those that were switched off, and those that take nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from sqlmodel import Session

from calsync.runtime import Runtime
from calsync.services.findings import Finding, Level, fine
from calsync.store import tables as t
from calsync.store import webhooks as rows

LONG = timedelta(hours=1)
"""Failures that lasted shorter are a receiver's restart."""


def examine(session: Session, rt: Runtime) -> Iterator[Finding]:
    """Yield a finding for each webhook in trouble, or one that all is well; none where there are no webhooks."""
    known = rows.list_webhooks(session)
    since = rt.now() - LONG
    off = [row for row in known if row.state == "failed"]
    failing = [row for row in known if row.state == "on" and row.failing_since and row.failing_since <= since]
    if known and not off and not failing:
        yield fine("webhooks", "Every webhook that is on takes its messages.")
    for row in off:
        told = "Its receiver misses what happens; it is kept for 30 days."
        todo = "Mend the receiver, then switch the webhook on and send again what failed."
        yield Finding("webhooks", Level.ERROR, f"The webhook {row.url} was switched off after five days.", told, todo)
    for row in failing:
        yield _failing(row)


def _failing(row: t.Webhook) -> Finding:
    return Finding(
        "webhooks",
        Level.WARNING,
        f"The webhook {row.url} takes nothing since {row.failing_since:%Y-%m-%d %H:%M} UTC.",
        "Messages are tried again for 28 hours each; after five days the webhook is switched off.",
        "Open it on the Webhooks page: its messages show what was answered.",
    )
