"""What several previews would do together: queries on the steps of their runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import defer
from sqlmodel import Session, col

from calsync.engine.vocabulary import Action
from calsync.store import tables as t

R, S, A = t.Run, t.Step, t.Account


@dataclass(frozen=True, slots=True)
class Preview:
    """One account's preview and whose account it is."""

    run: t.Run
    label: str
    provider: str
    owner_id: int


@dataclass(frozen=True, slots=True)
class Sum:
    """Steps of one action over all previews."""

    action: str
    count: int
    people_mailed: int


@dataclass(frozen=True, slots=True)
class Sample:
    """One step with its calendar's name and its account's owner."""

    step: t.Step
    calendar: str
    owner_id: int


def list_previews(session: Session, run_ids: Sequence[int]) -> list[Preview]:
    """Return the previews, by account."""
    query = (
        sa.select(R, col(A.label), col(A.provider), col(A.user_id))
        .join(A, col(A.id) == col(R.account_id))
        .where(col(R.id).in_(list(run_ids)))
        .order_by(col(A.label), col(R.id))
        .options(defer(R.rules))  # type: ignore[arg-type]
    )
    return [Preview(*row) for row in session.execute(query)]


def sums(session: Session, run_ids: Sequence[int]) -> dict[str, Sum]:
    """Return what the previews would do, by action."""
    query = (
        sa.select(col(S.action), sa.func.count(), sa.func.sum(col(S.people_mailed)))
        .where(col(S.run_id).in_(list(run_ids)), col(S.action) != Action.NONE)
        .group_by(col(S.action))
    )
    return {str(action): Sum(action, int(n), int(mailed or 0)) for action, n, mailed in session.execute(query)}


def samples(session: Session, run_ids: Sequence[int], each: int = 5) -> list[Sample]:
    """Return the first steps of every action."""
    place = sa.func.row_number().over(partition_by=col(S.action), order_by=col(S.id)).label("place")
    ranked = (
        sa.select(col(S.id).label("id"), place)
        .where(col(S.run_id).in_(list(run_ids)), col(S.action) != Action.NONE)
        .subquery()
    )
    query = (
        sa.select(S, sa.func.coalesce(col(t.Calendar.name), ""), col(A.user_id))
        .join(ranked, ranked.c.id == col(S.id))
        .join(A, col(A.id) == col(S.account_id))
        .outerjoin(t.Calendar, col(t.Calendar.id) == col(S.calendar_id))
        .where(ranked.c.place <= each)
        .order_by(col(S.id))
    )
    return [Sample(*row) for row in session.execute(query)]
