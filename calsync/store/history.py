"""Queries of the history pages on runs: the list, and what stands around one.

Runs are found by branches of one state each, so that an index answers at once however many runs changed nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased, defer
from sqlmodel import Session, col

from calsync.engine.vocabulary import RunState
from calsync.store import tables as t
from calsync.store.keyset import Cut, Slice

R, S, A, U = t.Run, t.Step, t.Account, t.User

QUIET = RunState.NO_CHANGES
SHOWN = tuple(s for s in RunState if s not in (QUIET, RunState.PREVIEW))
"""States that the list shows by themselves; runs without changes are folded, previews are asked for."""

ERRORS = (RunState.PARTIAL, RunState.FAILED)
MOST_BRANCHES = 80
MOST_FOLDED = 5000


@dataclass(frozen=True, slots=True)
class Filters:
    """Which runs are wanted; None, "" and () leave a condition out. `viewer_id` limits to one person's accounts.

    `side` is "inbound" (changed something here) or "outbound" (changed something at the provider).
    """

    viewer_id: int | None = None
    account_id: int | None = None
    calendar_id: int | None = None
    states: tuple[str, ...] = SHOWN
    side: str = ""
    trigger: str = ""
    error_class: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One run with whose account it was and who asked for it ("" for the program itself)."""

    run: t.Run
    label: str
    provider: str
    owner_id: int
    asked_by: str


def list_runs(session: Session, filters: Filters, cut: Cut | None = None) -> Slice:
    """Return a slice of Lines, newest first; its key is (id,)."""
    cut = cut or Cut()
    backwards = cut.before is not None
    bound = cut.before if backwards else cut.after
    ids = _ids(session, filters, bound[0] if bound else None, backwards, cut.limit + 1)
    more, ids = len(ids) > cut.limit, ids[: cut.limit]
    found = {t.pk(line.run): line for line in _lines(session, ids)}
    lines = [found[i] for i in sorted(ids, reverse=True) if i in found]
    if backwards:
        return Slice(lines, has_next=True, has_previous=more)
    return Slice(lines, has_next=more, has_previous=bound is not None)


def quiet_ids(session: Session, filters: Filters, above: int, below: int | None) -> list[int]:
    """Return runs without changes between two ids, newest first, MOST_FOLDED at most."""
    accounts = _accounts(session, filters)
    query = sa.select(col(R.id)).where(col(R.state) == QUIET, col(R.id) > above, *_common(session, filters))
    if below is not None:
        query = query.where(col(R.id) < below)
    if accounts is not None:
        query = query.where(col(R.account_id).in_(accounts))
    return [i for i in session.scalars(query.order_by(col(R.id).desc()).limit(MOST_FOLDED)) if i is not None]


def _ids(session: Session, filters: Filters, bound: int | None, backwards: bool, limit: int) -> list[int]:
    conditions = _common(session, filters) + _narrow(filters)
    if bound is not None:
        conditions.append(col(R.id) > bound if backwards else col(R.id) < bound)
    branches: list[Any] = [
        sa.select(col(R.id).label("id")).where(*branch, *conditions).order_by(_order(R.id, backwards)).limit(limit)
        for branch in _branches(filters, _accounts(session, filters))
    ]
    if not branches:
        return []
    every = sa.union_all(*(sa.select(b.subquery().c.id) for b in branches)).subquery()
    query = sa.select(every.c.id).order_by(_order(every.c.id, backwards)).limit(limit)
    return [int(i) for i in session.scalars(query)]


def _order(column: Any, backwards: bool) -> Any:
    return column.asc() if backwards else column.desc()


def _branches(filters: Filters, accounts: list[int] | None) -> list[tuple[Any, ...]]:
    """Return conditions that an index answers each: one state, and one account where accounts are limited."""
    if accounts is None:
        return [(col(R.state) == state,) for state in filters.states]
    if len(accounts) * len(filters.states) > MOST_BRANCHES:
        return [(col(R.state).in_(filters.states), col(R.account_id).in_(accounts))]
    return [(col(R.account_id) == a, col(R.state) == state) for a in accounts for state in filters.states]


def _accounts(session: Session, filters: Filters) -> list[int] | None:
    """Return the accounts that runs may be of; None when all."""
    if filters.viewer_id is None:
        return None if filters.account_id is None else [filters.account_id]
    query = sa.select(col(A.id)).where(col(A.user_id) == filters.viewer_id)
    mine = [i for i in session.scalars(query) if i is not None]
    return mine if filters.account_id is None else [i for i in mine if i == filters.account_id]


def _common(session: Session, filters: Filters) -> list[Any]:
    """Return conditions on when and why a run took place. Days become bounds on the id, which grows with time."""
    found: list[Any] = [] if not filters.trigger else [col(R.trigger) == filters.trigger]
    if filters.since is not None:
        first = _first_since(session, filters.since)
        found.append(sa.false() if first is None else col(R.id) >= first)
    if filters.until is not None:
        first = _first_since(session, filters.until)
        found += [] if first is None else [col(R.id) < first]
    return found


def _first_since(session: Session, moment: datetime) -> int | None:
    query = sa.select(col(R.id)).where(col(R.started_at) >= moment).order_by(col(R.started_at), col(R.id))
    return session.scalars(query.limit(1)).first()


def _narrow(filters: Filters) -> list[Any]:
    """Return conditions on what a run did."""
    found: list[Any] = []
    if filters.side:
        found.append((col(R.inbound) if filters.side == "inbound" else col(R.outbound)) > 0)
    steps = sa.select(col(S.id)).where(col(S.run_id) == col(R.id))
    if filters.error_class:
        in_steps = sa.and_(col(R.failed) > 0, steps.where(col(S.error_class) == filters.error_class).exists())
        found.append(sa.or_(col(R.error_class) == filters.error_class, in_steps))
    if filters.calendar_id is not None:
        found.append(steps.where(col(S.calendar_id) == filters.calendar_id).exists())
    return found


def _lines(session: Session, ids: Sequence[int]) -> list[Line]:
    query = (
        sa.select(R, col(A.label), col(A.provider), col(A.user_id), sa.func.coalesce(col(U.email), ""))
        .join(A, col(A.id) == col(R.account_id))
        .outerjoin(U, col(U.id) == col(R.requested_by_id))
        .where(col(R.id).in_(ids))
        .options(defer(R.rules))  # type: ignore[arg-type]
    )
    return [Line(*row) for row in session.execute(query)] if ids else []


def account_choices(session: Session, viewer_id: int | None, limit: int = 200) -> list[tuple[int, str]]:
    """Return accounts to filter by, with their owner where the viewer sees more than the own ones."""
    query = sa.select(col(A.id), col(A.label), col(U.email)).join(U, col(U.id) == col(A.user_id)).limit(limit)
    if viewer_id is not None:
        query = query.where(col(A.user_id) == viewer_id)
    return [(i, label) for i, label, _ in session.execute(query.order_by(col(A.label), col(A.id)))]


def calendar_choices(session: Session, account_id: int, viewer_id: int | None) -> list[tuple[int, str]]:
    """Return the calendars of an account to filter by, as far as the viewer may see them."""
    query = sa.select(col(t.Calendar.id), col(t.Calendar.name)).where(col(t.Calendar.account_id) == account_id)
    if viewer_id is not None:
        query = query.join(A, col(A.id) == col(t.Calendar.account_id)).where(col(A.user_id) == viewer_id)
    return [(i, name or "Unnamed calendar") for i, name in session.execute(query.order_by(col(t.Calendar.id)))]


# --- one run


@dataclass(frozen=True, slots=True)
class Family:
    """What stands around a run: its account and owner, who asked, the run it retries, and those that retry it."""

    account: t.Account
    owner: str
    asked_by: str
    children: list[t.Run]


def cursors(session: Session, run: t.Run) -> list[tuple[str, str | None, str | None]]:
    """Return where reading stood before and after a run, by the calendars' names, where it moved."""
    moved = run.cursors or {}
    query = sa.select(col(t.Calendar.id), col(t.Calendar.name)).where(col(t.Calendar.id).in_([int(i) for i in moved]))
    names = {str(i): name for i, name in session.execute(query)} if moved else {}
    return [(names.get(i, ""), before, after) for i, (before, after) in moved.items()]


def family(session: Session, run: t.Run) -> Family:
    """Return what stands around a run."""
    asker = aliased(U)
    query = (
        sa.select(A, col(U.email), sa.func.coalesce(col(asker.email), ""))
        .join(U, col(U.id) == col(A.user_id))
        .outerjoin(asker, col(asker.id) == run.requested_by_id)
        .where(col(A.id) == run.account_id)
    )
    account, owner, asked_by = session.execute(query).one()
    children = sa.select(R).where(col(R.parent_id) == run.id).order_by(col(R.id)).options(defer(R.rules))  # type: ignore[arg-type]
    return Family(account, owner, asked_by, list(session.scalars(children)))
