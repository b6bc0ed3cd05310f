"""What today's syncs asked of each provider, beside what it allows. For admins.

costs.today(session)["memory"]      .used, .budget, .percent, .is_high
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from calsync.services import usage
from calsync.services.usage import Budget, Used
from webapp.access import provider_info, runtime

HIGH = 0.8
"""The share of a day's budget from which it is shown as a warning."""


@dataclass(frozen=True, slots=True)
class Cost:
    """One provider's day. `budget` is None where the provider does not say what it allows."""

    info: Any
    used: Used
    budget: Budget | None

    @property
    def share(self) -> float:
        """The share of the day's budget that is used, 0 without a budget."""
        return self.budget.share(self.used.calls) if self.budget else 0.0

    @property
    def percent(self) -> str:
        """The same for people: what is used is never shown as nothing."""
        if self.share <= 0:
            return "0 %"
        return f"{self.share:.0%}".replace("%", " %") if self.share >= 0.01 else "under 1 %"

    @property
    def is_high(self) -> bool:
        return self.share >= HIGH


def today(session: Session) -> dict[str, Cost]:
    """Return what every provider that was asked today cost, by one query."""
    found = usage.today(runtime(), session)
    return {
        name: Cost(provider_info(name), used, usage.budget(runtime(), name))
        for name, used in found.items()
        if name in runtime().providers
    }
