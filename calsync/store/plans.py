"""What a preview would do, in sums and samples: queries on the steps of one run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine.vocabulary import StepState
from calsync.store import tables as t

S = t.Step


@dataclass(frozen=True, slots=True)
class Total:
    """Steps of one kind in a run. `reason` is filled for those that write nothing."""

    direction: str
    action: str
    reason: str
    count: int
    people_mailed: int


def totals(session: Session, run_id: int) -> list[Total]:
    """Return what a run would do, or did, by direction and action; what writes nothing by its reason."""
    is_note = col(S.action) == "none"
    reason = sa.case((is_note, col(S.reason)), else_="")
    query = (
        sa.select(col(S.direction), col(S.action), reason, sa.func.count(), sa.func.sum(col(S.people_mailed)))
        .where(col(S.run_id) == run_id, col(S.state) != StepState.SUPERSEDED)
        .group_by(col(S.direction), col(S.action), reason)
    )
    return [Total(d, a, r, int(n), int(mailed or 0)) for d, a, r, n, mailed in session.execute(query)]


def shown_digests(session: Session, preview_id: str) -> set[str]:
    """Return what a preview showed, as digests; nothing for "", when nobody said yes to one."""
    if not preview_id.isdigit():
        return set()
    query = sa.select(col(S.digest)).where(col(S.run_id) == int(preview_id), col(S.state) == StepState.PREVIEW)
    return set(session.scalars(query))


def samples(session: Session, run_id: int, wanted: Sequence[tuple[str, str]], each: int = 5) -> list[t.Step]:
    """Return the first steps of every (direction, action), in one query."""
    parts = [
        sa.select(col(S.id))
        .where(col(S.run_id) == run_id, col(S.direction) == direction, col(S.action) == action)
        .order_by(col(S.id))
        .limit(each)
        .subquery()
        for direction, action in wanted
    ]
    if not parts:
        return []
    ids = sa.union_all(*(sa.select(part.c.id) for part in parts)).subquery()
    return list(session.scalars(sa.select(S).where(col(S.id).in_(sa.select(ids.c.id))).order_by(col(S.id))))
