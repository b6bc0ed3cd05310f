"""How changes in each calendar of an account come to us, for its page: told at once, or with the next poll, and why.

found = arrivals.of(session, account, rules)      .reason "" or why nothing is told, .by_calendar[id]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlmodel import Session

from calsync.engine import status
from calsync.engine.rules import Rules
from calsync.engine.vocabulary import AccountState
from calsync.services import channels, wanted_channels
from calsync.store import channels as rows
from calsync.store import tables as t
from webapp import moments, words
from webapp.access import provider_info, runtime


@dataclass(frozen=True, slots=True)
class Arrival:
    """One calendar. `problem` says why nothing is told, or will not be for long; "" while all is well.

    `until` is when the open channel ends by itself, None without one; `again_at` when it is asked for again.
    """

    is_told: bool = False
    until: datetime | None = None
    problem: str = ""
    again_at: datetime | None = None
    error: str = ""

    @property
    def is_usual(self) -> bool:
        """Whether the calendar is one of those that providers never tell of."""
        return self.error.startswith("unsupported")


@dataclass(frozen=True, slots=True)
class Arrivals:
    """All calendars of an account. `reason` says in words why nothing is told about any, "" where something may be."""

    reason: str = ""
    by_calendar: dict[int, Arrival] = field(default_factory=dict)


def of(session: Session, account: t.Account, rules: Rules) -> Arrivals:
    """Return how changes come to an account; nothing is said of providers that never tell."""
    info = provider_info(account.provider)
    if not info.capabilities.can_notify or account.state == AccountState.DISCONNECTED:
        return Arrivals()
    here = channels.address(runtime(), account.provider)
    silent = _silent(account, rules, here)
    if silent:
        return Arrivals(words.silence(silent, info.short))
    known: dict[int, list[t.Channel]] = {}
    for row in rows.of_account(session, t.pk(account)):
        if row.calendar_id is not None and row.state != "closing":
            known.setdefault(row.calendar_id, []).append(row)
    return Arrivals("", {calendar_id: _arrival(found, here, info) for calendar_id, found in known.items()})


def _silent(account: t.Account, rules: Rules, here: str) -> str:
    if account.state != AccountState.ACTIVE or not account.grant_ok:
        return "resting"
    if status.interval(rules) is None:
        return "manual"
    return "" if here else "address"


def _arrival(found: Sequence[t.Channel], here: str, info: Any) -> Arrival:
    """Say how things stand with a calendar's channels, the oldest first: an open one, and one that is being opened."""
    now = moments.now()
    open_ones = [row for row in found if row.state == "open" and row.expires_at is not None and row.expires_at > now]
    told = open_ones[-1] if open_ones else None
    failed = next((row for row in found if row.state == "opening" and row.tries), None)
    problem, until = "", told.expires_at if told else None
    if failed is not None:
        problem = words.refusal(failed.error, info.short)
    elif told is not None and not wanted_channels.is_here(told, here):
        problem = "It was asked to tell an address that is no longer ours; that is mended within minutes."
    elif told is None and any(row.state == "open" for row in found):
        problem = f"What {info.short} promised has ended; it is asked again within minutes."
    again_at, error = (failed.next_try_at, failed.error) if failed else (None, "")
    return Arrival(told is not None and wanted_channels.is_here(told, here), until, problem, again_at, error)
