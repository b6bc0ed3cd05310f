"""Retry: a child run that tries again what failed in its parent, and nothing else."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine.vocabulary import StepState, Trigger
from calsync.errors import Refused
from calsync.runtime import Actor, Runtime
from calsync.services import sync
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
            raise Refused("Nothing in this run is failed any more.", code="nothing_failed")
        subjects = frozenset(step.subject for step in failed)
        account_id = parent.account_id
        audit.record(session, by, "run.retried", parent, after={"steps": len(failed)}, at=rt.now())
    child = sync.run(rt, account_id, trigger=Trigger.RETRY, by=by, owner=owner, parent_id=run_id, subjects=subjects)
    _note_child(rt, [t.pk(step) for step in failed], child)
    return child


def failed_steps(session: Session, run_id: int, step_ids: Collection[int] | None = None) -> list[t.Step]:
    """Return the steps of a run that failed and that no later run has taken over."""
    query = sa.select(t.Step).where(
        col(t.Step.run_id) == run_id, col(t.Step.state).in_([StepState.FAILED, StepState.IN_DOUBT])
    )
    if step_ids is not None:
        query = query.where(col(t.Step.id).in_(list(step_ids)))
    return list(session.scalars(query))


def _note_child(rt: Runtime, ids: list[int], child: int) -> None:
    with rt.writing() as session:
        for start in range(0, len(ids), 500):
            session.execute(
                sa.update(t.Step)
                .where(col(t.Step.id).in_(ids[start : start + 500]))
                .values(retried_in_id=child)
                .execution_options(synchronize_session=False)
            )
