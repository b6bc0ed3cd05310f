"""What a finished run, or a probe, teaches about its account: the facts on its row, and when it is due again.

The states that people see are derived from these facts elsewhere; nothing here touches a session or a claim.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from calsync.engine import backoff, status
from calsync.engine.rules import Rules
from calsync.engine.vocabulary import ErrorClass
from calsync.errors import ProviderError, RateLimited, SignInNeeded, Unavailable
from calsync.services import failures
from calsync.store import tables as t

FIRST_WAIT = timedelta(minutes=1)
PROBE_EVERY = timedelta(days=1)
PROBE_FAILING_EVERY = timedelta(hours=1)


def record(account: t.Account, error: ProviderError | None, failed: int, now: datetime, failing: int = 0) -> None:
    """Write the facts that a finished run, or a probe, teaches about its account. `failed` counts the records that
    failed in this run, `failing` those that wait to be tried again.
    """
    account.timed_out = isinstance(error, Unavailable) and error.is_timeout
    match error:
        case None:
            _record_success(account, failed, failing, now)
        case RateLimited():
            account.rate_limited_until = error.until
        case SignInNeeded():
            lose_grant(account, error, now)
        case _:
            account.failed_runs += 1
            account.in_sync_since = None
            account.last_error, account.last_error_class = str(error)[:500], failures.error_class(error)


def lose_grant(account: t.Account, error: SignInNeeded, now: datetime) -> None:
    """Mark the account as needing its owner: no run starts until it is reconnected."""
    account.grant_lost_at = account.grant_lost_at if not account.grant_ok else now
    account.grant_ok, account.grant_error, account.grant_checked_at = False, error.why[:300], now
    account.last_error, account.last_error_class = str(error)[:500], ErrorClass.AUTH
    account.in_sync_since = None


def regain_grant(account: t.Account, now: datetime) -> None:
    """Note that the provider accepted the grant just now."""
    account.grant_ok, account.grant_error, account.grant_lost_at = True, "", None
    account.grant_checked_at = now


def next_due(account: t.Account, rules: Rules, error: ProviderError | None, now: datetime) -> datetime | None:
    """Return when the account's next run is due after one that ended now; None: when someone asks."""
    every = status.interval(rules)
    match error:
        case SignInNeeded():
            return None
        case RateLimited():
            return max(error.until, now + (every or timedelta()))
        case None:
            return status.next_sync_at(rules, now)
        case _:
            asked = timedelta(seconds=(error.after_s or 0) if isinstance(error, Unavailable) else 0)
            return now + max(_wait_after(account.failed_runs, every), asked)


def _wait_after(failures: int, every: timedelta | None) -> timedelta:
    """Twice as long after each failed run, never longer than the poll would wait; after ten, once a day."""
    if backoff.needs_attention(failures):
        return backoff.DAILY
    longest = max(every or timedelta(hours=1), FIRST_WAIT)
    doubled = FIRST_WAIT * float(2 ** max(failures - 1, 0))
    return min(doubled, longest)


def _record_success(account: t.Account, failed: int, failing: int, now: datetime) -> None:
    account.failed_runs, account.rate_limited_until = 0, None
    regain_grant(account, now)
    account.last_error = account.last_error_class = ""
    if failed:
        account.in_sync_since = None
        return
    account.last_success_at = now
    account.in_sync_since = None if failing else account.in_sync_since or now
