"""Queries on accounts and their calendars. Each takes a session; none decides anything."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Executable,
    and_,
    bindparam,
    case,
    func,
    literal,
    literal_column,
    or_,
    select,
    update,
)
from sqlmodel import Session, col

from calsync.engine.backoff import RUNS_BEFORE_TROUBLE
from calsync.engine.vocabulary import AccountState, LinkState
from calsync.errors import NotFound
from calsync.store import tables as t

HURRIED = 500
"""Accounts made due in one transaction."""

# In the words of the index ix_account_troubled, without parameters: so said, both databases look there.
LOST_GRANT = col(t.Account.grant_ok).is_(False)
KEEPS_FAILING = col(t.Account.failed_runs) >= literal_column(str(RUNS_BEFORE_TROUBLE))


def find(session: Session, account_id: int) -> t.Account | None:
    """Return the account, or None."""
    return session.get(t.Account, account_id)


def get(session: Session, account_id: int) -> t.Account:
    """Return the account. Raises NotFound."""
    account = find(session, account_id)
    if account is None:
        raise NotFound("account", account_id)
    return account


def find_by_subject(session: Session, user_id: int, provider: str, subject: str) -> t.Account | None:
    """Return the account of this person for this login at the provider, disconnected or not."""
    query = select(t.Account).where(
        col(t.Account.user_id) == user_id,
        col(t.Account.provider) == provider,
        col(t.Account.subject) == subject,
    )
    return session.scalars(query).one_or_none()


def list_accounts(session: Session, *, user_id: int | None = None, with_disconnected: bool = True) -> list[t.Account]:
    """Return accounts in the order in which they were connected, of one person or of all."""
    query = select(t.Account).order_by(col(t.Account.id))
    if user_id is not None:
        query = query.where(col(t.Account.user_id) == user_id)
    if not with_disconnected:
        query = query.where(col(t.Account.state) != AccountState.DISCONNECTED)
    return list(session.scalars(query))


def list_by_ids(session: Session, account_ids: Collection[int]) -> list[t.Account]:
    """Return those of the accounts that there are."""
    return list(session.scalars(select(t.Account).where(col(t.Account.id).in_(account_ids))))


def list_unheld(session: Session, after: int, limit: int) -> list[t.Account]:
    """Return accounts that are not disconnected and whose next plan is not held, by id, beginning behind `after`."""
    account = t.Account
    query = select(account).where(
        col(account.id) > after,
        col(account.state) != AccountState.DISCONNECTED,
        col(account.hold_next_plan).is_(False),
    )
    return list(session.scalars(query.order_by(col(account.id)).limit(limit)))


def list_unchecked(session: Session, before: datetime) -> list[t.Account]:
    """Return active accounts whose grant was last checked before then, or never."""
    checked = col(t.Account.grant_checked_at)
    query = select(t.Account).where(
        col(t.Account.state) == AccountState.ACTIVE, or_(checked.is_(None), checked <= before)
    )
    return list(session.scalars(query.order_by(col(t.Account.id))))


def get_calendar(session: Session, calendar_id: int) -> t.Calendar:
    """Return the calendar. Raises NotFound."""
    calendar = session.get(t.Calendar, calendar_id)
    if calendar is None:
        raise NotFound("calendar", calendar_id)
    return calendar


def list_calendars(session: Session, account_id: int, *, with_gone: bool = True) -> list[t.Calendar]:
    """Return an account's calendars: the primary one first, then by name."""
    query = select(t.Calendar).where(col(t.Calendar.account_id) == account_id)
    if not with_gone:
        query = query.where(~col(t.Calendar.is_gone))
    order = (col(t.Calendar.is_primary).desc(), func.lower(col(t.Calendar.name)), col(t.Calendar.id))
    return list(session.scalars(query.order_by(*order)))


def list_with_target(session: Session, account: t.Account) -> tuple[list[t.Calendar], t.Calendar | None]:
    """Return an account's calendars as `list_calendars` does, and its person's write target, wherever that is."""
    C = t.Calendar
    theirs = select(col(t.Account.id)).where(col(t.Account.user_id) == account.user_id)
    is_target = and_(col(C.is_write_target), col(C.account_id).in_(theirs))
    order = (col(C.is_primary).desc(), func.lower(col(C.name)), col(C.id))
    found = list(session.scalars(select(C).where(or_(col(C.account_id) == account.id, is_target)).order_by(*order)))
    return [c for c in found if c.account_id == account.id], next((c for c in found if c.is_write_target), None)


def calendars_of(session: Session, account_ids: Collection[int]) -> list[t.Calendar]:
    """Return the calendars of several accounts, each account's in the order of `list_calendars`."""
    C = t.Calendar
    query = select(C).where(col(C.account_id).in_(account_ids))
    order = (col(C.account_id), col(C.is_primary).desc(), func.lower(col(C.name)), col(C.id))
    return list(session.scalars(query.order_by(*order)))


def write_targets(session: Session, user_id: int) -> list[t.Calendar]:
    """Return the calendars that are marked as this person's write target; at most one by rule."""
    query = (
        select(t.Calendar)
        .join(t.Account, col(t.Account.id) == col(t.Calendar.account_id))
        .where(col(t.Account.user_id) == user_id, col(t.Calendar.is_write_target))
    )
    return list(session.scalars(query))


def park_links(session: Session, reason: str, *where: ColumnElement[bool]) -> int:
    """Park every active link for which `where` holds and return how many."""
    change = (
        update(t.Link)
        .where(col(t.Link.state) == LinkState.ACTIVE, *where)
        .values(state=LinkState.PARKED, park_reason=reason)
        .execution_options(synchronize_session=False)
    )
    return rows_changed(session, change)


def due(now: Any) -> ColumnElement[bool]:
    """Hold for accounts that should run at `now`, a time or a parameter, and that nobody is running.

    A claim moves next_sync_at to the end of its lease, so that the claim of a killed process becomes due by
    itself.
    """
    return and_(
        col(t.Account.state) == AccountState.ACTIVE,
        col(t.Account.next_sync_at) <= now,
        col(t.Account.grant_ok),
        unleased(now),
        or_(col(t.Account.rate_limited_until).is_(None), col(t.Account.rate_limited_until) <= now),
    )


def unleased(now: Any) -> ColumnElement[bool]:
    """Hold for accounts that no living run has claimed at `now`, a time or a parameter."""
    return or_(col(t.Account.lease_owner).is_(None), col(t.Account.lease_until) <= now)


# Claims are made all the time: their statements are built once, and an index leads to the few accounts that timed out.
_DUE = select(col(t.Account.id)).where(due(bindparam("now")))
_DUE_FIRST = _DUE.order_by(col(t.Account.next_sync_at), col(t.Account.id)).limit(bindparam("most"))
_ANY_DUE = _DUE.limit(1)
_DUE_IDS = {slow: _DUE_FIRST.where(col(t.Account.timed_out).is_(slow)) for slow in (False, True)}
# As a CASE no index can answer whether an account is due: SQLite would walk along all that are, to find these few.
_STILL_DUE = case((due(bindparam("now")), literal(1)), else_=literal(0)) == literal(1)
_LEASE = (
    update(t.Account)
    .where(col(t.Account.id).in_(bindparam("ids", expanding=True)), _STILL_DUE)
    .values(lease_owner=bindparam("owner"), lease_until=bindparam("until"), next_sync_at=bindparam("until"))
    .returning(col(t.Account.id))
)
_TIMED_OUT = select(col(t.Account.id)).where(
    col(t.Account.id).in_(bindparam("ids", expanding=True)), col(t.Account.timed_out).is_(True)
)


def is_any_due(session: Session, now: datetime) -> bool:
    """Return whether any account is due."""
    return session.connection().execute(_ANY_DUE, {"now": now}).first() is not None


def due_ids(session: Session, now: datetime, limit: int, *, timed_out: bool) -> list[int]:
    """Return due accounts, the longest waiting first. `timed_out` picks those whose last run timed out."""
    return _ids(session, _DUE_IDS[timed_out], now=now, most=limit)


def lease(session: Session, ids: Sequence[int], owner: str, now: datetime, until: datetime) -> list[int]:
    """Give the lease of each account that is still free to `owner` and return which were."""
    taken = set(_ids(session, _LEASE, ids=ids, owner=owner, now=now, until=until))
    return [i for i in ids if i in taken]


def hurry(session: Session, now: datetime) -> int:
    """Make up to HURRIED accounts that may write due at `now` and return how many were not yet.

    Those that run when somebody asks stay; one that runs at this moment runs once more.
    """
    later = (
        select(col(t.Account.id))
        .where(
            col(t.Account.state) == AccountState.ACTIVE,
            col(t.Account.can_write),
            col(t.Account.failed_runs) == 0,
            col(t.Account.next_sync_at) > now,
        )
        .limit(HURRIED)
    )
    return rows_changed(session, update(t.Account).where(col(t.Account.id).in_(later)).values(next_sync_at=now))


def timed_out_among(session: Session, ids: Sequence[int]) -> set[int]:
    """Return those of the accounts whose last run timed out."""
    return set(_ids(session, _TIMED_OUT, ids=ids))


def _ids(session: Session, statement: Executable, **values: Any) -> list[int]:
    return [int(i) for i in session.connection().execute(statement, values).scalars()]


def rows_changed(session: Session, change: Any) -> int:
    """Run an UPDATE or DELETE and return how many rows it touched."""
    return int(session.execute(change).rowcount)  # type: ignore[attr-defined]
