"""Queries for taking a run back: its done steps, what later runs did to the same records, and where else they are."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine.vocabulary import Action, LinkState, StepState
from calsync.store import tables as t

S, L = t.Step, t.Link

CHANGES = (Action.CREATE, Action.UPDATE, Action.CANCEL, Action.DELETE)


def link_ids(session: Session, run_id: int) -> list[int]:
    """Return the links on which a run's changes stand, in the order of their ids."""
    query = sa.select(col(S.link_id)).where(
        col(S.run_id) == run_id,
        col(S.state) == StepState.DONE,
        col(S.action).in_(CHANGES),
        col(S.link_id).is_not(None),
    )
    return [i for i in session.scalars(query.distinct().order_by(col(S.link_id))) if i is not None]


def done_steps(session: Session, run_id: int, ids: Collection[int]) -> dict[int, list[t.Step]]:
    """Return a run's changes by link, each in the order in which they were done."""
    query = sa.select(S).where(
        col(S.run_id) == run_id,
        col(S.state) == StepState.DONE,
        col(S.action).in_(CHANGES),
        col(S.link_id).in_(list(ids)),
    )
    found: dict[int, list[t.Step]] = {}
    for step in session.scalars(query.order_by(col(S.id))):
        found.setdefault(step.link_id or 0, []).append(step)
    return found


def touched_later(session: Session, run_id: int, ids: Collection[int]) -> dict[int, set[str]]:
    """Return the fields that later runs wrote, by link; the key is there for any later change."""
    query = sa.select(col(S.link_id), col(S.fields)).where(
        col(S.link_id).in_(list(ids)),
        col(S.run_id) > run_id,
        col(S.state) == StepState.DONE,
        col(S.action).in_(CHANGES),
    )
    found: dict[int, set[str]] = {}
    for link_id, fields in session.execute(query):
        found.setdefault(link_id, set()).update(fields)
    return found


def elsewhere(session: Session, activity_ids: Collection[int], account_id: int) -> set[int]:
    """Return those of the activities that are on calendars of other accounts, too."""
    query = sa.select(col(L.activity_id)).where(
        col(L.activity_id).in_(list(activity_ids)),
        col(L.account_id) != account_id,
        col(L.state) == LinkState.ACTIVE,
    )
    return set(session.scalars(query))


def with_overrides(session: Session, ids: Collection[int]) -> set[int]:
    """Return those links to series of which changed occurrences are on the same calendar."""
    other = sa.orm.aliased(L)
    query = (
        sa.select(col(L.id))
        .join(other, sa.and_(col(other.calendar_id) == col(L.calendar_id), col(other.uid) == col(L.uid)))
        .where(
            col(L.id).in_(list(ids)),
            col(L.recurrence_key) == "",
            col(other.recurrence_key) != "",
            col(other.state) == LinkState.ACTIVE,
        )
    )
    return {i for i in session.scalars(query) if i is not None}


def mark_undone(session: Session, run_id: int) -> int:
    """Close the steps that an undoing run has taken back, and return how many they are."""
    query = sa.select(col(S.detail)).where(col(S.run_id) == run_id, col(S.state) == StepState.DONE)
    ids = [int(i) for detail in session.scalars(query) for i in detail.get("undoes", ())]
    _set(session, ids, state=StepState.UNDONE, retried_in_id=run_id)
    return len(ids)


def _set(session: Session, ids: Sequence[int], **values: object) -> None:
    for start in range(0, len(ids), 500):
        session.execute(
            sa.update(S)
            .where(col(S.id).in_(list(ids[start : start + 500])))
            .values(**values)
            .execution_options(synchronize_session=False)
        )
