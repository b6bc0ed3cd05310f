"""Our credentials at providers, as findings: whether they are accepted, and whether grants last that they gave."""

from __future__ import annotations

from collections.abc import Iterator

from sqlmodel import Session

from calsync.runtime import Runtime
from calsync.services.findings import Finding, Level, fine
from calsync.store import credentials as rows
from calsync.store import tables as t
from calsync.store.credentials import Holders


def examine(session: Session, rt: Runtime) -> Iterator[Finding]:
    """Yield one or two findings for each provider that has credentials; nobody is asked."""
    holders = rows.holders(session)
    for row in rows.list_current(session):
        provider = rt.providers.get(row.provider)
        label = provider.info.label if provider else row.provider
        yield _accepted(row, label)
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


def _ending(held: Holders, label: str) -> Finding:
    first = f" The first on {held.ends_at:%Y-%m-%d %H:%M} UTC." if held.ends_at else ""
    return Finding(
        "lasting",
        Level.WARNING,
        f"{label}: {held.ending} of {held.accounts} permissions end by themselves.{first}",
        "Their accounts stop syncing then, until their owners reconnect.",
        "The provider's card says what to do about the cause.",
    )
