"""Queries of the account pages: the list with what each account is waiting for, and its last runs as bars.

Counts are taken from indexes on (account, state), so that they cost the same however long the history is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from calsync.engine import backoff
from calsync.engine.vocabulary import AccountState, ErrorClass, RunState, StepState
from calsync.errors import NotFound
from calsync.store import keyset
from calsync.store import tables as t
from calsync.store.keyset import Cut, Slice

A, C, P, R, S, U = t.Account, t.Calendar, t.ProviderCredential, t.Run, t.Step, t.User

BARS = 24
"""Runs shown as bars in a list."""

_NOT_A_SYNC = (RunState.PREVIEW, RunState.QUEUED)
_FAILING = (StepState.FAILED, StepState.IN_DOUBT)


@dataclass(frozen=True, slots=True)
class AccountFilters:
    """Which accounts are wanted; None and "" leave a condition out. `access` is "read" or "write".

    `viewer_id` limits to one person's; disconnected accounts appear only where they are asked for.
    """

    viewer_id: int | None = None
    owner_id: int | None = None
    provider: str = ""
    access: str = ""
    disconnected: bool = False


@dataclass(frozen=True, slots=True)
class AccountLine:
    """An account with its owner, and how much of it waits. `stuck` failed so often that a person must look, or finds no
    room at the provider, which are `full`.

    Since `refused_at` the provider does not accept the credentials that the account lives by, None while it does.
    """

    account: t.Account
    owner: str
    calendars: int
    selected: int
    held: int
    failing: int
    stuck: int
    conflicts: int
    changed_at: datetime | None
    refused_at: datetime | None = None
    full: int = 0


@dataclass(frozen=True, slots=True)
class Bar:
    """One run of the small chart."""

    run_id: int
    state: str
    changes: int
    started_at: datetime


def list_lines(session: Session, filters: AccountFilters, cut: Cut | None = None) -> Slice:
    """Return a slice of AccountLines, the newest account first; its key is (id,)."""
    query = _lines().where(*_conditions(filters))
    found = keyset.fetch(session, query, [A.id], cut or Cut())  # type: ignore[list-item]
    return Slice([_line(row) for row in found.rows], found.has_next, found.has_previous)


def get_line(session: Session, account_id: int) -> AccountLine:
    """Return one account's line, disconnected or not. Raises NotFound."""
    row = session.execute(_lines().where(col(A.id) == account_id)).first()
    if row is None:
        raise NotFound("account", account_id)
    return _line(row)


def bars(session: Session, account_ids: Sequence[int]) -> dict[int, list[Bar]]:
    """Return the last runs of each account, oldest first; one that never ran is left out."""
    older = aliased(R)
    edge = (
        sa.select(col(older.id))
        .where(col(older.account_id) == col(A.id), col(older.state).not_in(_NOT_A_SYNC))
        .order_by(col(older.id).desc())
        .offset(BARS - 1)
        .limit(1)
        .correlate(A)
        .scalar_subquery()
    )
    changes = col(R.created) + col(R.updated) + col(R.deleted)
    query = (
        sa.select(col(R.account_id), col(R.id), col(R.state), changes, col(R.started_at))
        .select_from(A)
        .join(R, sa.and_(col(R.account_id) == col(A.id), col(R.id) >= sa.func.coalesce(edge, 0)))
        .where(col(A.id).in_(account_ids), col(R.state).not_in(_NOT_A_SYNC))
        .order_by(col(R.id))
    )
    found: dict[int, list[Bar]] = {}
    for account_id, *facts in session.execute(query) if account_ids else ():
        found.setdefault(account_id, []).append(Bar(*facts))
    return found


def active_runs(session: Session, account_ids: Sequence[int]) -> dict[int, t.Run]:
    """Return what each account does now: the run that is under way, else the one that waits for a thread."""
    query = sa.select(R).where(
        col(R.account_id).in_(account_ids), col(R.state).in_([RunState.RUNNING, RunState.QUEUED])
    )
    found: dict[int, t.Run] = {}
    for run in session.scalars(query.order_by(col(R.state), col(R.id))) if account_ids else ():
        found[run.account_id] = run  # "running" sorts after "queued", the newest last
    return found


def active_run(session: Session, account_id: int) -> t.Run | None:
    """Return what one account does now, or None."""
    return active_runs(session, [account_id]).get(account_id)


def last_run(session: Session, account_id: int) -> t.Run | None:
    """Return the account's newest run that is no preview."""
    query = sa.select(R).where(col(R.account_id) == account_id, col(R.state).not_in(_NOT_A_SYNC))
    return session.scalars(query.order_by(col(R.id).desc()).limit(1)).first()


def owners(session: Session, limit: int = 200) -> list[tuple[int, str]]:
    """Return people who have an account, to filter by."""
    has = sa.select(col(A.id)).where(col(A.user_id) == col(U.id)).exists()
    name = sa.func.coalesce(sa.func.nullif(col(U.name), ""), col(U.email))
    found = session.execute(sa.select(col(U.id), name).where(has).order_by(name, col(U.id)).limit(limit))
    return [(user_id, shown) for user_id, shown in found if user_id is not None]


def configured(session: Session) -> set[str]:
    """Return the providers for which an admin has given credentials."""
    table = t.ProviderCredential
    return set(session.scalars(sa.select(col(table.provider)).where(col(table.state) == "current")))


# --- how a line is made


def _lines() -> Any:
    owner = sa.func.coalesce(sa.func.nullif(col(U.name), ""), col(U.email))
    here = sa.and_(col(C.account_id) == col(A.id), ~col(C.is_gone))
    chosen = sa.or_(col(C.syncs), col(C.blocks))
    is_full = col(S.error_class) == ErrorClass.STORAGE
    stuck = sa.or_(col(S.next_attempt_at) >= t.NEVER, col(S.attempts) >= backoff.RUNS_BEFORE_ATTENTION, is_full)
    return sa.select(
        A,
        owner,
        _count(C, here),
        _count(C, here, chosen),
        _count(S, _steps(StepState.HELD)),
        _count(S, _steps(*_FAILING)),
        _count(S, _steps(*_FAILING), stuck),
        _count(S, _steps(*_FAILING), is_full),
        _count(t.Conflict, col(t.Conflict.account_id) == col(A.id), col(t.Conflict.state) == "open"),
        _last(RunState.SUCCEEDED),
        _last(RunState.PARTIAL),
        sa.select(col(P.refused_at))
        .where(col(P.id) == col(A.credential_id), col(P.state) == "current")
        .correlate(A)
        .scalar_subquery(),
    ).join(U, col(U.id) == col(A.user_id))


def _line(row: Any) -> AccountLine:
    account, owner, *counts, whole, partial, refused_at = row
    calendars, selected, held, failing, stuck, full, conflicts = counts
    changed = max((moment for moment in (whole, partial) if moment is not None), default=None)
    return AccountLine(account, owner, calendars, selected, held, failing, stuck, conflicts, changed, refused_at, full)


def _steps(*states: str) -> Any:
    return sa.and_(col(S.account_id) == col(A.id), col(S.state).in_(states))


def _count(table: Any, *conditions: Any) -> Any:
    return sa.select(sa.func.count()).select_from(table).where(*conditions).correlate(A).scalar_subquery()


def _last(state: str) -> Any:
    query = sa.select(col(R.started_at)).where(col(R.account_id) == col(A.id), col(R.state) == state)
    return query.order_by(col(R.id).desc()).limit(1).correlate(A).scalar_subquery()


def _conditions(filters: AccountFilters) -> list[Any]:
    gone = col(A.state) == AccountState.DISCONNECTED
    found: list[Any] = [gone if filters.disconnected else ~gone]
    if filters.viewer_id is not None:
        found.append(col(A.user_id) == filters.viewer_id)
    if filters.owner_id is not None:
        found.append(col(A.user_id) == filters.owner_id)
    if filters.provider:
        found.append(col(A.provider) == filters.provider)
    if filters.access:
        found.append(col(A.can_write) == (filters.access == "write"))
    return found
