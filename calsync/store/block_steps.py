"""Queries on the steps of busy blocks: which are open, what was removed lately, and what a block is there for.

Their subject is "block:" and the key of the block. They have neither link nor activity, and are planned by nobody but
`services/busy_blocks.py`: the queries on open steps in `steps.py` leave them out.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine.vocabulary import OPEN_STEP_STATES, Action, StepState
from calsync.store import tables as t
from calsync.store.steps import BLOCK

S = t.Step


def open_of(session: Session, calendar_id: int) -> dict[str, t.Step]:
    """Return the open steps about blocks of a calendar, by their subjects."""
    query = sa.select(S).where(
        col(S.calendar_id) == calendar_id, col(S.state).in_(list(OPEN_STEP_STATES)), col(S.subject).startswith(BLOCK)
    )
    account = sa.select(col(t.Calendar.account_id)).where(col(t.Calendar.id) == calendar_id).scalar_subquery()
    found = session.scalars(query.where(col(S.account_id) == account).order_by(col(S.id)))
    return {step.subject: step for step in found}


def removed(session: Session, calendar_id: int, account_id: int, since: datetime) -> int:
    """Return how many blocks were deleted in a calendar since then without anybody having agreed to it."""
    query = (
        sa.select(sa.func.count())
        .select_from(S)
        .where(
            col(S.account_id) == account_id,
            col(S.state) == StepState.DONE,
            col(S.calendar_id) == calendar_id,
            col(S.action) == Action.DELETE,
            col(S.finished_at) > since,
            col(S.is_approved).is_(False),
            col(S.subject).startswith(BLOCK),
        )
    )
    return int(session.scalar(query) or 0)


@dataclass(frozen=True, slots=True)
class Sum:
    """How many blocks a run wrote and removed, how many it could not, and how many wait for approval."""

    written: int = 0
    removed: int = 0
    failed: int = 0
    held: int = 0


def sum_of(session: Session, run_id: int) -> Sum | None:
    """Return what a run did about blocks, or None."""
    columns = (col(S.state), col(S.action), sa.func.count())
    query = sa.select(*columns).where(col(S.run_id) == run_id, col(S.subject).startswith(BLOCK))
    found = {(state, action): int(n) for state, action, n in session.execute(query.group_by(*columns[:2]))}
    if not found:
        return None

    def total(*states: StepState, removing: bool | None = None) -> int:
        return sum(n for (s, a), n in found.items() if s in states and removing in (None, a == Action.DELETE))

    return Sum(
        total(StepState.DONE, removing=False),
        total(StepState.DONE, removing=True),
        total(StepState.FAILED, StepState.IN_DOUBT),
        total(StepState.HELD),
    )


@dataclass(frozen=True, slots=True)
class Origin:
    """The event that a block is there for: its title, its calendar, and whose it is."""

    title: str
    calendar: str
    user_id: int


def origins(session: Session, event_ids: Collection[int]) -> dict[int, Origin]:
    """Return what blocks are there for, by the ids of mirrored events. Whether it may be shown is not asked here."""
    if not event_ids:
        return {}
    E, C, A = t.MirrorEvent, t.Calendar, t.Account
    query = (
        sa.select(col(E.id), col(E.title), col(C.name), col(A.user_id))
        .join(C, col(C.id) == col(E.calendar_id))
        .join(A, col(A.id) == col(C.account_id))
        .where(col(E.id).in_(event_ids))
    )
    return {int(i): Origin(title, name, int(user_id)) for i, title, name, user_id in session.execute(query)}
