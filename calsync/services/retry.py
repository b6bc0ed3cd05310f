"""Retry: a child run that tries again what failed in its parent, and nothing else."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine.vocabulary import RunState, StepState, Trigger
from calsync.errors import Refused
from calsync.runtime import Actor, Runtime
from calsync.services import queued, sync
from calsync.store import audit, runs
from calsync.store import tables as t


def retry(
    rt: Runtime,
    run_id: int,
    *,
    step_ids: Collection[int] | None = None,
    by: Actor,
    owner: str | None = None,
) -> int:
    """Try the failed steps of a run again and return the id of the child run.

    `step_ids` limits it to some of them. Raises NotFound; Refused (code `nothing_failed`) when none of them is
    failed any more, and what `sync.run` refuses.
    """
    with rt.writing() as session:
        parent = runs.get(session, run_id)
        failed = failed_steps(session, run_id, step_ids)
        if not failed:
            raise _nothing()
        subjects = frozenset(step.subject for step in failed)
        account_id = parent.account_id
        audit.record(session, by, "run.retried", parent, after={"steps": len(failed)}, at=rt.now())
    child = sync.run(rt, account_id, trigger=Trigger.RETRY, by=by, owner=owner, parent_id=run_id, subjects=subjects)
    with rt.writing() as session:
        _note_child(session, [t.pk(step) for step in failed], child)
    return child


def ask(rt: Runtime, run_id: int, *, step_ids: Collection[int] | None = None, by: Actor) -> int:
    """Ask for a retry and return the id of the child run, which waits for a free thread.

    Asking again for steps that a child run has yet to try returns that run. Raises as `retry` does, and Refused when
    the account cannot be run now.
    """
    with rt.writing() as session:
        parent = runs.get(session, run_id)
        failed = failed_steps(session, run_id, step_ids)
        waiting = _underway(session, failed)
        fresh = [t.pk(step) for step in failed if step.retried_in_id not in waiting]
        if failed and not fresh:
            return max(waiting)
        if not failed:
            raise _nothing()
        child = t.pk(queued.add(session, rt, parent.account_id, Trigger.RETRY, parent_id=run_id, by=by))
        _note_child(session, fresh, child)
        audit.record(session, by, "run.retried", parent, after={"steps": len(fresh), "run": child}, at=rt.now())
    rt.enqueue(queued.JOB, run_id=child)
    return child


def failed_steps(session: Session, run_id: int, step_ids: Collection[int] | None = None) -> list[t.Step]:
    """Return the steps of a run that failed and that no later run has taken over."""
    query = sa.select(t.Step).where(
        col(t.Step.run_id) == run_id, col(t.Step.state).in_([StepState.FAILED, StepState.IN_DOUBT])
    )
    if step_ids is not None:
        query = query.where(col(t.Step.id).in_(list(step_ids)))
    return list(session.scalars(query))


def _underway(session: Session, failed: Sequence[t.Step]) -> set[int]:
    """Return the child runs of these steps that wait or are being carried out."""
    children = {step.retried_in_id for step in failed} - {None}
    query = sa.select(col(t.Run.id)).where(
        col(t.Run.id).in_(children), col(t.Run.state).in_([RunState.QUEUED, RunState.RUNNING])
    )
    return {i for i in session.scalars(query) if i is not None} if children else set()


def _nothing() -> Refused:
    return Refused("Nothing in this run is failed any more.", code="nothing_failed")


def _note_child(session: Session, ids: list[int], child: int) -> None:
    for start in range(0, len(ids), 500):
        session.execute(
            sa.update(t.Step)
            .where(col(t.Step.id).in_(ids[start : start + 500]))
            .values(retried_in_id=child)
            .execution_options(synchronize_session=False)
        )
