"""What state each account is in, as people see it: stored facts and the rules in force, put before the engine."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlmodel import Session

from calsync.engine import rules as engine_rules
from calsync.engine import status
from calsync.engine.rules import Rules
from calsync.engine.status import AccountFacts, State
from calsync.engine.vocabulary import AccountState
from calsync.services import settings
from calsync.store import tables as t
from calsync.store.account_pages import AccountLine


def states(
    session: Session, lines: Iterable[AccountLine], now: datetime, base: Rules | None = None
) -> dict[int, State]:
    """Return the state of each account by its id. `base` are the organisation's rules; None reads them."""
    base = base or settings.organisation_rules(session)[0]
    found: dict[int, State] = {}
    for line in lines:
        rules = engine_rules.overlay(base, line.account.overrides)
        found[t.pk(line.account)] = status.account_state(facts_of(line, now), rules, now)
    return found


def facts_of(line: AccountLine, now: datetime) -> AccountFacts:
    """Return what an account's state depends on."""
    account = line.account
    return AccountFacts(
        stored=AccountState(account.state),
        connected_at=account.created_at,
        grant_ok=account.grant_ok,
        has_calendars=line.selected > 0,
        is_running=is_running(account, now),
        last_success_at=account.last_success_at,
        failed_runs=account.failed_runs,
        rate_limited_until=account.rate_limited_until,
        held_steps=line.held,
        open_issues=line.stuck,
        open_conflicts=line.conflicts,
    )


def is_running(account: t.Account, now: datetime) -> bool:
    """Return whether a living run has claimed the account."""
    return account.lease_owner is not None and account.lease_until is not None and account.lease_until > now


def is_asked(account: t.Account, now: datetime) -> bool:
    """Return whether somebody asked for a run that has not begun."""
    is_due = account.next_sync_at is not None and account.next_sync_at <= now
    return bool(account.requested_trigger) and is_due and account.state == AccountState.ACTIVE and account.grant_ok
