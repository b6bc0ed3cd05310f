"""Retry: a child run that tries again what failed in its parent, and nothing else."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine.vocabulary import RunState, StepState, Trigger
from calsync.errors import Refused
from calsync.runtime import Actor, Runtime
from calsync.services import disconnect, faults, queued, sync
from calsync.store import audit, existing, runs
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
        faults.read_again(session, failed)
        audit.record(session, by, "run.retried", parent, after={"steps": len(failed)}, at=rt.now())
    child = sync.run(rt, account_id, trigger=Trigger.RETRY, by=by, owner=owner, parent_id=run_id, subjects=subjects)
    with rt.writing() as session:
        _note_child(session, [t.pk(step) for step in failed], child)
    return child


def ask(rt: Runtime, run_id: int, *, step_ids: Collection[int] | None = None, by: Actor) -> int:
    """Ask for a retry and return the id of the child run, which waits for a free thread.

    Asking again for steps that a child run has yet to try returns that run. A run that failed before it came to any
    record is tried again as a whole. Raises as `retry` does, and Refused when the account cannot be run now.
    """
    left = _left(rt, run_id)
    if left is not None:
        return disconnect.again(rt, left, by=by) or left
    with rt.writing() as session:
        parent = _origin(session, runs.get(session, run_id))
        if step_ids is None and failed_whole(parent):
            child = _child_of_whole(session, rt, parent, by)
        else:
            child = _child_of_steps(session, rt, parent, failed_steps(session, t.pk(parent), step_ids), by)
    rt.enqueue(queued.JOB, run_id=child)
    return child


def failed_whole(run: t.Run) -> bool:
    """Return whether a sync failed before it came to any record: trying it again means all that it was to do."""
    return run.state == RunState.FAILED and not run.failed and run.trigger in _SYNCS


_SYNCS = frozenset(Trigger) - {Trigger.UNDO, Trigger.PREVIEW, Trigger.CLEANUP, Trigger.EXISTING, Trigger.MOVE}


def _left(rt: Runtime, run_id: int) -> int | None:
    """Return the run if it was to disconnect its account: then that is what is asked for again."""
    with rt.reading() as session:
        return run_id if runs.get(session, run_id).trigger == Trigger.DISCONNECT else None


def _origin(session: Session, run: t.Run) -> t.Run:
    """Return the run whose failures a failed retry was to try, or `run` itself."""
    while run.trigger == Trigger.RETRY and failed_whole(run) and run.parent_id is not None:
        run = runs.get(session, run.parent_id)
    return run


def _child_of_whole(session: Session, rt: Runtime, parent: t.Run, by: Actor) -> int:
    """Return the run that tries a whole run again: one that waits or is under way already, else a new one."""
    known = existing.child(session, t.pk(parent), Trigger.RETRY)
    if known is not None and known.state in (RunState.QUEUED, RunState.RUNNING):
        return t.pk(known)
    child = t.pk(queued.add(session, rt, parent.account_id, Trigger.RETRY, parent_id=parent.id, by=by))
    audit.record(session, by, "run.retried", parent, after={"run": child}, at=rt.now())
    return child


def _child_of_steps(session: Session, rt: Runtime, parent: t.Run, failed: Sequence[t.Step], by: Actor) -> int:
    """Return the run that tries these steps again: one that has yet to try them all, else a new one."""
    if not failed:
        raise _nothing()
    waiting = _underway(session, failed)
    fresh = [t.pk(step) for step in failed if step.retried_in_id not in waiting]
    if not fresh:
        return max(waiting)
    child = t.pk(queued.add(session, rt, parent.account_id, Trigger.RETRY, parent_id=parent.id, by=by))
    _note_child(session, fresh, child)
    faults.read_again(session, failed)
    audit.record(session, by, "run.retried", parent, after={"steps": len(fresh), "run": child}, at=rt.now())
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
