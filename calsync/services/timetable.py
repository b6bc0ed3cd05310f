"""When accounts are due that nobody asked for: after a rest that ends by the clock, and by the frequency in force."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Select, or_, select, update
from sqlmodel import col

from calsync.engine import status
from calsync.engine.rules import Rules, overlay
from calsync.engine.vocabulary import AccountState
from calsync.runtime import Runtime
from calsync.services import settings
from calsync.store import accounts as rows
from calsync.store import tables as t


def resume_rested(rt: Runtime) -> int:
    """Resume accounts whose pause has ended by the clock, and return how many."""
    now = rt.now()
    change = (
        update(t.Account)
        .where(col(t.Account.state) == AccountState.PAUSED, col(t.Account.paused_until) <= now)
        .values(
            state=AccountState.ACTIVE,
            paused_until=None,
            paused_reason="",
            paused_at=None,
            paused_by_id=None,
            next_sync_at=now,
        )
        .execution_options(synchronize_session=False)
    )
    with rt.writing() as session:
        return rows.rows_changed(session, change)


def reschedule(rt: Runtime) -> int:
    """Bring every account's next run in line with the frequency in force, and return how many changed.

    Needed when an admin changes the organisation's frequency. Accounts that run or were asked to run are
    left alone.
    """
    now = rt.now()
    with rt.reading() as session:
        base, _ = settings.organisation_rules(session)
        ids = [a.id for a in session.scalars(_quiet(now)) if _misses(a, _due_by(a, base, now))]
    for start in range(0, len(ids), 500):
        with rt.writing() as session:
            for account in session.scalars(_quiet(now).where(col(t.Account.id).in_(ids[start : start + 500]))):
                account.next_sync_at = _due_by(account, base, now)
    return len(ids)


def _quiet(now: datetime) -> Select[t.Account]:
    """Accounts that neither run, nor wait for a run somebody asked for, nor are in trouble."""
    return select(t.Account).where(
        col(t.Account.state) == AccountState.ACTIVE,
        col(t.Account.grant_ok),
        col(t.Account.failed_runs) == 0,
        col(t.Account.requested_trigger) == "",
        rows.unleased(now),
        or_(col(t.Account.next_sync_at).is_(None), col(t.Account.next_sync_at) > now),
        or_(col(t.Account.rate_limited_until).is_(None), col(t.Account.rate_limited_until) <= now),
    )


def _due_by(account: t.Account, base: Rules, now: datetime) -> datetime | None:
    """Return when the account is due at the latest under its rules; None for manual."""
    every = status.interval(overlay(base, account.overrides) if account.overrides else base)
    return None if every is None else max((account.last_success_at or account.created_at) + every, now)


def _misses(account: t.Account, due_by: datetime | None) -> bool:
    """Whether the account's next run is later than that, or set although it should not be."""
    if account.next_sync_at is None or due_by is None:
        return account.next_sync_at is not due_by
    return account.next_sync_at > due_by
