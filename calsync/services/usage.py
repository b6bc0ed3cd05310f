"""What providers were asked for, summed up by the day, beside what they allow.

Written once per run, never per request.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlmodel import Session

from calsync.providers.pace import Paced
from calsync.runtime import Runtime
from calsync.store import usage as rows
from calsync.store.usage import Used

__all__ = ["Budget", "Spent", "Used", "add", "budget", "of", "today"]


@dataclass(frozen=True, slots=True)
class Spent:
    """What a client cost: requests sent, calls as the provider counts them, answers that asked us to wait."""

    requests: int = 0
    calls: int = 0
    limited: int = 0


@dataclass(frozen=True, slots=True)
class Budget:
    """What a provider allows an installation: calls in a day, in a minute, and of one person in a minute."""

    per_day: int
    per_minute: int
    per_person: int

    def share(self, calls: int) -> float:
        """Return the share of a day's budget that so many calls are, 1.0 for all of it."""
        return calls / self.per_day


def of(client: object) -> Spent:
    """Return what a client has cost so far. One that does not count calls makes one call per request."""
    known = getattr(client, "spent", None)
    if isinstance(known, Spent):
        return known
    requests, calls, limited = (int(getattr(client, name, 0) or 0) for name in ("requests", "calls", "limited"))
    return Spent(requests, calls or requests, limited)


def add(rt: Runtime, session: Session, account_id: int, spent: Spent) -> None:
    """Add what a run cost to its account's day, inside the transaction that ends it."""
    if spent != Spent():
        rows.add(session, account_id, rt.now().date(), spent.requests, spent.calls, spent.limited)


def today(rt: Runtime, session: Session) -> dict[str, Used]:
    """Return what each provider was asked for since midnight (UTC); providers that were not asked are left out."""
    return rows.of_day(session, rt.now().date())


def budget(rt: Runtime, provider: str) -> Budget | None:
    """Return what a provider allows; None where it does not say, or counts otherwise."""
    found = rt.providers.get(provider)
    if not isinstance(found, Paced) or found.pace.per_day is None:
        return None
    return Budget(found.pace.per_day, found.pace.per_project, found.pace.per_person)
