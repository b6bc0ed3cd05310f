"""Our credentials at providers, as findings: whether they are accepted, whether they and what they gave will last."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlmodel import Session

from calsync.runtime import Runtime
from calsync.services import secret_ends
from calsync.services.findings import Finding, Level, fine
from calsync.store import credentials as rows
from calsync.store import tables as t
from calsync.store.credentials import Holders


def examine(session: Session, rt: Runtime) -> Iterator[Finding]:
    """Yield one to three findings for each provider that has credentials; nobody is asked."""
    holders = rows.holders(session)
    for row in rows.list_current(session):
        provider = rt.providers.get(row.provider)
        label = provider.info.label if provider else row.provider
        yield _accepted(row, label)
        yield from _secret(row, label, rt.now())
        held = holders.get(row.provider, Holders())
        if held.ending:
            yield _ending(held, label)


def _accepted(row: t.ProviderCredential, label: str) -> Finding:
    if row.refused_at is None:
        return fine("credentials", f"{label}: our credentials are not refused.")
    return Finding(
        "credentials",
        Level.ERROR,
        f"{label}: our credentials are refused since {row.refused_at:%Y-%m-%d %H:%M} UTC. {row.refused_why}",
        "No account there can be synced. No permission has ended by it.",
        "Press Test on the provider's card; restore the client there, or give the new secret.",
    )


def _secret(row: t.ProviderCredential, label: str, now: datetime) -> Iterator[Finding]:
    """Yield a finding for a secret that runs out within a month, or has."""
    ends_at = row.secret_expires_at
    stage = secret_ends.stage(ends_at, now) if ends_at else None
    if ends_at is None or stage is None:
        return
    yield Finding(
        "secret",
        Level.WARNING if stage else Level.ERROR,
        f"{label}: our secret {'runs' if stage else 'ran'} out on {ends_at:%Y-%m-%d} UTC.",
        "No account there can be synced from then on. No permission ends by it.",
        "Make a new secret there and give it on the provider's card; both are good until the old one ends.",
    )


def _ending(held: Holders, label: str) -> Finding:
    first = f" The first on {held.ends_at:%Y-%m-%d %H:%M} UTC." if held.ends_at else ""
    return Finding(
        "lasting",
        Level.WARNING,
        f"{label}: {held.ending} of {held.accounts} permissions end by themselves.{first}",
        "Their accounts stop syncing then, until their owners reconnect.",
        "The provider's card says what to do about the cause.",
    )
