"""Queries on what became of each record in one run, and on errors by their cause."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine.vocabulary import Action, StepState
from calsync.store import block_steps, steps
from calsync.store import tables as t
from calsync.store.block_steps import Origin
from calsync.store.keyset import Cut, Slice

S = t.Step


@dataclass(frozen=True, slots=True)
class Record:
    """One step with the name of its calendar and, where it failed and a later step took it up, that step's end.

    `origin` is the event that a busy block is there for.
    """

    step: t.Step
    calendar: str
    later_state: str = ""
    later_run_id: int | None = None
    origin: Origin | None = None

    @property
    def was_retried(self) -> bool:
        return self.later_state == StepState.DONE


_DONE = col(S.state).in_([StepState.DONE, StepState.PREVIEW])  # a preview shows what would be done

OUTCOMES: dict[str, Any] = {
    "created": sa.and_(_DONE, col(S.action) == Action.CREATE),
    "updated": sa.and_(_DONE, col(S.action) == Action.UPDATE),
    "deleted": sa.and_(_DONE, col(S.action).in_([Action.CANCEL, Action.DELETE])),
    "conflict": col(S.state) == StepState.CONFLICT,
    "skipped": col(S.state) == StepState.SKIPPED,
    "failed": sa.and_(col(S.error_class) != "", col(S.state) != StepState.SKIPPED),
    "archived": sa.and_(col(S.error_class) != "", col(S.state) == StepState.SKIPPED),
    "held": col(S.state) == StepState.HELD,
    "undone": col(S.state) == StepState.UNDONE,
}
"""Which steps a choice of outcome shows."""

_VISIBLE = sa.or_(col(S.state) != StepState.SUPERSEDED, col(S.error_class) != "")
"""A superseded step is shown only where it failed first."""


def list_records(session: Session, run_id: int, outcome: str = "", cut: Cut | None = None) -> Slice:
    """Return a slice of a run's Records in the order of planning; its key is (id,)."""
    cut = cut or Cut()
    backwards = cut.before is not None
    bound = cut.before if backwards else cut.after
    query = (
        sa.select(S, sa.func.coalesce(col(t.Calendar.name), ""))
        .outerjoin(t.Calendar, col(t.Calendar.id) == col(S.calendar_id))
        .where(col(S.run_id) == run_id, _VISIBLE, *([OUTCOMES[outcome]] if outcome in OUTCOMES else []))
    )
    if bound is not None:
        query = query.where(col(S.id) < bound[0] if backwards else col(S.id) > bound[0])
    order = col(S.id).desc() if backwards else col(S.id).asc()
    found = [(step, name) for step, name in session.execute(query.order_by(order).limit(cut.limit + 1))]
    more, found = len(found) > cut.limit, found[: cut.limit]
    records = _with_later(session, found[::-1] if backwards else found)
    if backwards:
        return Slice(records, has_next=True, has_previous=more)
    return Slice(records, has_next=more, has_previous=bound is not None)


def _with_later(session: Session, found: Sequence[tuple[t.Step, str]]) -> list[Record]:
    """Add what became of failed records in later runs, and what busy blocks are there for."""
    failed = [step for step, _ in found if step.error_class and step.state in (StepState.SUPERSEDED, StepState.FAILED)]
    later = _latest_after(session, failed) if failed else {}
    later |= _latest_of_blocks(session, [step for step in failed if is_of_block(step)])
    origins = block_steps.origins(session, {_origin_id(step) for step, _ in found if is_of_block(step)})
    return [
        Record(step, name, *later.get(t.pk(step), ("", None)), origins.get(_origin_id(step))) for step, name in found
    ]


def is_of_block(step: t.Step) -> bool:
    """Return whether a step is about a busy block."""
    return step.subject.startswith(steps.BLOCK)


def _origin_id(step: t.Step) -> int:
    return int(step.detail.get("origin") or 0)


def _latest_of_blocks(session: Session, failed: Sequence[t.Step]) -> dict[int, tuple[str, int | None]]:
    """Return what became of blocks that could not be written, in the last run that tried them again."""
    runs = {step.retried_in_id for step in failed} - {None}
    if not runs:
        return {}
    query = sa.select(col(S.run_id), col(S.subject), col(S.state)).where(
        col(S.run_id).in_(runs), col(S.subject).in_({step.subject for step in failed})
    )
    found = {(run_id, subject): state for run_id, subject, state in session.execute(query.order_by(col(S.id)))}
    ends = ((step, found.get((step.retried_in_id, step.subject))) for step in failed)
    return {t.pk(step): (state, step.retried_in_id) for step, state in ends if state is not None}


def _latest_after(session: Session, failed: Sequence[t.Step]) -> dict[int, tuple[str, int | None]]:
    first = min(t.pk(step) for step in failed)
    query = sa.select(
        col(S.id), col(S.run_id), col(S.subject), col(S.state), col(S.link_id), col(S.event_id), col(S.activity_id)
    ).where(col(S.id) > first, col(S.state) != StepState.SUPERSEDED, sa.or_(*_same_rows(failed)))
    found: dict[int, tuple[str, int | None]] = {}
    for later in session.execute(query.order_by(col(S.id))):
        for step in failed:
            if later.id > t.pk(step) and later.run_id != step.run_id and _is_about_same(step, later):
                found[t.pk(step)] = (later.state, later.run_id)
    return found


def _same_rows(failed: Sequence[t.Step]) -> Iterable[Any]:
    for name in ("link_id", "event_id", "activity_id"):
        ids = {getattr(step, name) for step in failed} - {None}
        if ids:
            yield col(getattr(S, name)).in_(ids)
    yield sa.false()


def _is_about_same(step: t.Step, later: Any) -> bool:
    if step.subject == later.subject:
        return True
    names = ("link_id", "event_id", "activity_id")
    return any(getattr(step, n) is not None and getattr(step, n) == getattr(later, n) for n in names)


# --- errors by cause


@dataclass(frozen=True, slots=True)
class Cause:
    """Steps of a run that failed with the same words. `open` counts those that no later run has taken over."""

    error_class: str
    error: str
    count: int
    open: int
    first_at: datetime
    example: str


def causes(session: Session, run_id: int, limit: int = 300) -> list[Cause]:
    """Return what went wrong in a run, by error class and text, the most frequent first."""
    is_open = sa.case((col(S.state).in_([StepState.FAILED, StepState.IN_DOUBT]), 1), else_=0)
    count = sa.func.count()
    query = (
        sa.select(
            col(S.error_class),
            col(S.error),
            count,
            sa.func.sum(is_open),
            sa.func.min(col(S.created_at)),
            sa.func.min(sa.case((col(S.is_private).is_(False), col(S.title)), else_="")),
        )
        .where(col(S.run_id) == run_id, OUTCOMES["failed"])
        .group_by(col(S.error_class), col(S.error))
        .order_by(count.desc())
        .limit(limit)
    )
    return [Cause(c, e, int(n), int(o), at, title) for c, e, n, o, at, title in session.execute(query)]


def open_failures(session: Session, run_ids: Sequence[int]) -> dict[int, int]:
    """Return how many failed steps of each run no later run has taken over; a run without any has no entry."""
    query = (
        sa.select(col(S.run_id), sa.func.count())
        .where(col(S.run_id).in_(list(run_ids)), col(S.state).in_([StepState.FAILED, StepState.IN_DOUBT]))
        .group_by(col(S.run_id))
    )
    return {int(run_id): int(n) for run_id, n in session.execute(query)} if run_ids else {}


def step_ids(session: Session, run_id: int, error_class: str, errors: Sequence[str]) -> list[int]:
    """Return the steps of a run that failed with one of these texts."""
    query = sa.select(col(S.id)).where(
        col(S.run_id) == run_id, col(S.error_class) == error_class, col(S.error).in_(list(errors))
    )
    return [i for i in session.scalars(query) if i is not None]
