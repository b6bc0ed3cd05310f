"""Who runs an account now: claims with a lease, and what a run leaves on the account when it ends.

The row is the truth. A claim is a conditional UPDATE, so two processes cannot hold one account; it ends
with `release` or by expiring. Whatever asks for a run sets next_sync_at; a request that comes during a run
is seen by `release`, because a claim parks next_sync_at at the end of its lease and a request pulls it
forward again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import case, select, update
from sqlmodel import Session, col

from calsync.engine import status
from calsync.engine.rules import Rules
from calsync.errors import ProviderError
from calsync.runtime import Runtime
from calsync.services import facts, owners, settings
from calsync.store import accounts as rows
from calsync.store import polls, runs
from calsync.store import tables as t
from calsync.store.polls import Read

LEASE = timedelta(minutes=2)


class LeaseLost(ProviderError):
    """Another process runs this account by now: stop without writing anything more."""

    def __init__(self, account_id: int) -> None:
        self.account_id = account_id
        super().__init__(f"the claim on account {account_id} was lost")


def claim_due(rt: Runtime, owner: str, limit: int, *, slow_limit: int | None = None) -> list[int]:
    """Claim up to `limit` due accounts for `owner` and return their ids, the longest waiting first.

    Accounts whose last run timed out come last, and at most `slow_limit` of them (None: no bound of their
    own).
    """
    now = rt.now()
    with rt.writing() as session:
        ids = rows.due_ids(session, now, limit, timed_out=False)
        room = limit - len(ids)
        slow = room if slow_limit is None else min(room, slow_limit)
        if slow > 0:
            ids += rows.due_ids(session, now, slow, timed_out=True)
        return rows.lease(session, ids, owner, now, now + LEASE) if ids else []


def is_anything_due(rt: Runtime) -> bool:
    """Return whether a claim would find an account. Costs one query and no lock."""
    with rt.reading() as session:
        return rows.is_any_due(session, rt.now())


def timed_out_among(rt: Runtime, ids: Sequence[int]) -> set[int]:
    """Return those of the accounts whose last run timed out."""
    with rt.reading() as session:
        return rows.timed_out_among(session, ids)


def claim(rt: Runtime, account_id: int, owner: str) -> bool:
    """Claim one account, due or not. True when `owner` holds it now, also when it did before.

    A claim whose process has certainly died is taken over at once. Raises NotFound.
    """
    with rt.writing() as session:
        return take(polls.account(session, account_id), owner, rt.now())


def take(account: t.Account, owner: str, now: datetime) -> bool:
    """Claim the account of a row that was just read in this transaction. False when somebody else holds it."""
    if not _is_free(account, owner, now):
        return False
    if account.lease_owner == owner and _lasts(account, now):
        return True
    until = now + LEASE
    if account.lease_owner != owner or _asked_meanwhile(account) is None:
        account.next_sync_at = until
    account.lease_owner, account.lease_until = owner, until
    return True


def _lasts(account: t.Account, now: datetime) -> bool:
    """Return whether more than half of a lease is still to come."""
    return account.lease_until is not None and account.lease_until - now > LEASE / 2


def renew_lease(rt: Runtime, account_id: int, owner: str) -> bool:
    """Return whether `owner` still holds the account; prolong the lease when more than half of it is used
    up.
    """
    now = rt.now()
    with rt.reading() as session:
        account = rows.get(session, account_id)
    if not holds(account, owner, now):
        return False
    return _lasts(account, now) or _prolong(rt, account_id, owner, now)


def holds(account: t.Account, owner: str, now: datetime) -> bool:
    """Return whether `owner` holds this account at `now`. For closing transactions, on the row just read."""
    return account.lease_owner == owner and account.lease_until is not None and account.lease_until > now


def check(session: Session, account_id: int, owner: str, now: datetime) -> None:
    """Raise LeaseLost unless `owner` holds the account: the transaction then changes nothing."""
    holder, until = polls.holder(session, account_id)
    if holder != owner or until is None or until <= now:
        raise LeaseLost(account_id)


def require(session: Session, account_id: int, owner: str, now: datetime) -> t.Account:
    """Return the account's row. Raises LeaseLost unless `owner` holds it: the transaction then changes
    nothing.
    """
    account = rows.get(session, account_id)
    if not holds(account, owner, now):
        raise LeaseLost(account_id)
    return account


def release(
    rt: Runtime,
    account_id: int,
    owner: str,
    *,
    error: ProviderError | None = None,
    failed: int = 0,
    started_at: datetime | None = None,
) -> None:
    """End a claim, write what the run taught about the account, and set when it is due again.

    `error` is what stopped the run, None when it went through; `failed` counts its failed steps. A claim
    that was lost meanwhile changes nothing, so calling it twice is fine. Without `started_at` no run took
    place (a stopped process gives back what it had not begun): the account is due at once.
    """
    with rt.writing() as session:
        end(session, account_id, owner, rt.now(), error=error, failed=failed, started_at=started_at)


def end(
    session: Session,
    account_id: int,
    owner: str,
    now: datetime,
    *,
    error: ProviderError | None = None,
    failed: int = 0,
    failing: int = 0,
    started_at: datetime | None = None,
    reads: Sequence[Read] = (),
) -> None:
    """Do what `release` does, inside a transaction, which also saves `reads`.

    `failing` counts records that failed in this run or an earlier one and wait to be tried again.
    """
    account, saved = polls.account_and_settings(session, account_id)
    if account.lease_owner != owner:
        return
    polls.note_reads(session, account_id, reads)
    asked_at = _asked_meanwhile(account)
    if started_at is not None:
        facts.record(account, error, failed, now, failing)
        rules, _ = settings.in_force(saved, account)
        _schedule(account, rules, error, now, asked_at)
    else:
        account.next_sync_at = min(asked_at or now, now)
    account.lease_owner = account.lease_until = None


def end_well(
    session: Session, account_id: int, owner: str, now: datetime, *, rules: Rules, reads: Sequence[Read] = ()
) -> bool:
    """Do what `end` does after a run under `rules` that went through, if the account was well before.

    Most runs end so, and one statement does it, which needs no row. False: nothing was done, `end` is to do it.
    The frequency is the one that the run began with; a change of it is followed by `timetable.reschedule`.
    """
    return polls.end_well(session, account_id, owner, now, status.next_sync_at(rules, now), reads)


def due_at(rt: Runtime, account_id: int) -> datetime | None:
    """Return when an account is due; None: when someone asks. Raises NotFound."""
    with rt.reading() as session:
        return rows.get(session, account_id).next_sync_at


def give_back(rt: Runtime, account_id: int, owner: str, due: datetime | None) -> None:
    """End a claim under which nothing was synced: the account is due when it was before, or when asked meanwhile."""
    with rt.writing() as session:
        return_to(session, account_id, owner, due)


def return_to(session: Session, account_id: int, owner: str, due: datetime | None, reads: Sequence[Read] = ()) -> None:
    """Do what `give_back` does, inside a transaction, which also saves `reads`."""
    account = rows.get(session, account_id)
    if account.lease_owner != owner:
        return
    polls.note_reads(session, account_id, reads)
    asked_at = _asked_meanwhile(account)
    account.next_sync_at = due if asked_at is None else min(asked_at, due or asked_at)
    account.lease_owner = account.lease_until = None


def _asked_meanwhile(account: t.Account) -> datetime | None:
    """Return for when a run was asked for while this one ran; None when nobody asked."""
    if account.next_sync_at is None or account.lease_until is None or account.next_sync_at >= account.lease_until:
        return None
    return account.next_sync_at


def _schedule(
    account: t.Account, rules: Rules, error: ProviderError | None, now: datetime, asked_at: datetime | None
) -> None:
    if asked_at is not None:
        account.next_sync_at = asked_at
        return
    account.requested_trigger, account.requested_by_id = "", None
    account.next_sync_at = facts.next_due(account, rules, error, now)


def _is_free(account: t.Account, owner: str, now: datetime) -> bool:
    holder = account.lease_owner
    if holder is None or holder == owner or account.lease_until is None or account.lease_until <= now:
        return True
    return owners.is_dead(holder)


def prolong(rt: Runtime, account_id: int, owner: str, span: timedelta) -> bool:
    """Return whether `owner` still holds the account; its lease then lasts for `span` from now on."""
    return _prolong(rt, account_id, owner, rt.now(), span)


def _prolong(rt: Runtime, account_id: int, owner: str, now: datetime, span: timedelta = LEASE) -> bool:
    until = now + span
    asked = col(t.Account.next_sync_at) < col(t.Account.lease_until)
    change = (
        update(t.Account)
        .where(
            col(t.Account.id) == account_id,
            col(t.Account.lease_owner) == owner,
            col(t.Account.lease_until) > now,
        )
        .values(lease_until=until, next_sync_at=case((asked, col(t.Account.next_sync_at)), else_=until))
        .execution_options(synchronize_session=False)
    )
    with rt.writing() as session:
        return rows.rows_changed(session, change) == 1


def release_dead(rt: Runtime) -> int:
    """Give back every claim whose process on this machine has ended, and return how many. Run at start."""
    now = rt.now()
    with rt.writing() as session:
        leased = select(t.Account).where(col(t.Account.lease_owner).is_not(None))
        dead = [a for a in session.scalars(leased) if a.lease_owner and owners.is_dead(a.lease_owner)]
        for account in dead:
            account.next_sync_at = min(_asked_meanwhile(account) or now, now)
            account.lease_owner = account.lease_until = None
        return len(dead)


def release_all(rt: Runtime, owner: str) -> int:
    """Give back every claim of `owner` that is still open, due at once, and end the runs under them. For a process
    that stops.
    """
    now = rt.now()
    with rt.writing() as session:
        held = list(session.scalars(select(t.Account).where(col(t.Account.lease_owner) == owner)))
        for account in held:
            account.lease_owner, account.lease_until, account.next_sync_at = None, None, now
            runs.cut_short(session, t.pk(account), now, "The server was stopped. The next run goes on from there.")
        return len(held)
