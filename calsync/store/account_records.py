"""Queries on the records of one account: in sync, left out and why, failing; and what was done to the account.

Every list walks an index in its own order, so that a page costs the same with a hundred records or a million.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine.vocabulary import LinkState, StepState
from calsync.store import keyset
from calsync.store import tables as t
from calsync.store.keyset import Cut, Slice

A, C, E, L, S = t.Activity, t.Calendar, t.MirrorEvent, t.Link, t.Step

FAILING = (StepState.FAILED, StepState.IN_DOUBT)


@dataclass(frozen=True, slots=True)
class Linked:
    """An activity and where it is in the calendar."""

    link: t.Link
    activity: t.Activity
    calendar: str


@dataclass(frozen=True, slots=True)
class Issue:
    """Records of an account that fail for one cause."""

    error_class: str
    error: str
    count: int
    stuck: int
    first_at: datetime
    title: str  # of the latest one
    is_private: bool
    run_id: int


def linked(session: Session, account_id: int, state: LinkState, cut: Cut) -> Slice:
    """Return a slice of Linked records in a state, newest link first; its key is (id,)."""
    query: Any = (
        sa.select(L, A, sa.func.coalesce(col(C.name), ""))
        .join(A, col(A.id) == col(L.activity_id))
        .join(C, col(C.id) == col(L.calendar_id))
        .where(col(L.account_id) == account_id, col(L.state) == state)
    )
    found = keyset.fetch(session, query, [L.id], cut)  # type: ignore[list-item]
    return Slice([Linked(*row) for row in found.rows], found.has_next, found.has_previous)


def left_out_events(session: Session, account_id: int, cut: Cut) -> Slice:
    """Return a slice of (event, calendar name): events that did not become activities. Key: (calendar_id, considered,
    id), the order of the index that finds them.
    """
    calendars = sa.select(col(C.id)).where(col(C.account_id) == account_id, col(C.syncs))
    query: Any = (
        sa.select(E, col(C.name))
        .join(C, col(C.id) == col(E.calendar_id))
        .where(
            col(E.calendar_id).in_(calendars),
            col(E.considered) > "",
            col(E.excluded) > "",
            ~col(E.is_deleted),
        )
    )
    order: Any = [E.calendar_id, E.considered, E.id]
    return keyset.fetch(session, query, order, cut)


def left_out_activities(session: Session, owner_id: int, cut: Cut) -> Slice:
    """Return a slice of a person's activities that are on no calendar, with the reason. Key: (considered, id)."""
    query = sa.select(A).where(
        col(A.owner_id) == owner_id, col(A.considered) > "", col(A.excluded) > "", ~col(A.is_dissolved)
    )
    order: Any = [A.considered, A.id]
    return keyset.fetch(session, query, order, cut)


def failing(session: Session, account_id: int, cut: Cut) -> Slice:
    """Return a slice of (step, calendar name) that failed or are in doubt, newest first; its key is (id,)."""
    query: Any = (
        sa.select(S, sa.func.coalesce(col(C.name), ""))
        .outerjoin(C, col(C.id) == col(S.calendar_id))
        .where(col(S.account_id) == account_id, col(S.state).in_(FAILING))
    )
    return keyset.fetch(session, query, [S.id], cut)  # type: ignore[list-item]


def issues(session: Session, account_id: int, limit: int = 50) -> list[Issue]:
    """Return what fails in an account, by cause, the most frequent first."""
    stuck = sa.func.sum(sa.case((sa.or_(col(S.next_attempt_at) >= t.NEVER, col(S.attempts) >= 10), 1), else_=0))
    query = (
        sa.select(
            col(S.error_class),
            col(S.error),
            sa.func.count(),
            stuck,
            sa.func.min(col(S.created_at)),
            sa.func.max(col(S.id)),
        )
        .where(col(S.account_id) == account_id, col(S.state).in_(FAILING))
        .group_by(col(S.error_class), col(S.error))
        .order_by(sa.func.count().desc())
        .limit(limit)
    )
    found = list(session.execute(query))
    latest = {t.pk(s): s for s in session.scalars(sa.select(S).where(col(S.id).in_([row[-1] for row in found])))}
    return [_issue(row, latest[row[-1]]) for row in found if row[-1] in latest]


def _issue(row: Any, latest: t.Step) -> Issue:
    kind, error, count, stuck, first_at, _ = row
    return Issue(kind, error, int(count), int(stuck or 0), first_at, latest.title, latest.is_private, latest.run_id)


def failing_ids(session: Session, account_id: int, error_class: str | None, limit: int = 2000) -> dict[int, list[int]]:
    """Return failing steps of an account by the run they failed in; of one error class, or all (None)."""
    query = sa.select(col(S.run_id), col(S.id)).where(col(S.account_id) == account_id, col(S.state).in_(FAILING))
    if error_class is not None:
        query = query.where(col(S.error_class) == error_class)
    found: dict[int, list[int]] = {}
    for run_id, step_id in session.execute(query.order_by(col(S.id)).limit(limit)):
        found.setdefault(int(run_id), []).append(int(step_id))
    return found


def audit_of(session: Session, account_id: int, below: int, limit: int) -> list[t.AuditEntry]:
    """Return what was done to an account and its calendars, newest first, below an id."""
    table = t.AuditEntry
    calendars = [str(i) for i in session.scalars(sa.select(col(C.id)).where(col(C.account_id) == account_id))]
    about = sa.or_(
        sa.and_(col(table.object_kind) == "account", col(table.object_id) == str(account_id)),
        sa.and_(col(table.object_kind) == "calendar", col(table.object_id).in_(calendars)),
    )
    query = sa.select(table).where(about, col(table.id) < below).order_by(col(table.id).desc()).limit(limit)
    return list(session.scalars(query))
