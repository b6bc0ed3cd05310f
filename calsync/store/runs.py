"""Queries on runs, and the counters that a run keeps of its steps."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine.vocabulary import Action, RunState, StepState
from calsync.errors import NotFound
from calsync.store import steps
from calsync.store import tables as t

R = t.Run


def get(session: Session, run_id: int) -> t.Run:
    """Raises NotFound."""
    row = session.get(R, run_id)
    if row is None:
        raise NotFound("run", run_id)
    return row


def has_succeeded(session: Session, account_id: int) -> bool:
    """Return whether any run of this account ever came to its end."""
    query = sa.select(col(R.id)).where(
        col(R.account_id) == account_id,
        col(R.state).in_([RunState.SUCCEEDED, RunState.NO_CHANGES, RunState.PARTIAL, RunState.HELD]),
    )
    return session.scalars(query.limit(1)).first() is not None


def close_orphans(session: Session, account_id: int, now: datetime) -> None:
    """End the runs whose process died: they hold no lease any more, or this one could not have begun."""
    session.execute(
        sa.update(R)
        .where(col(R.account_id) == account_id, col(R.state) == RunState.RUNNING)
        .values(
            state=RunState.FAILED,
            finished_at=now,
            phase="",
            error_class="bug",
            error="The process ended in the middle of this run. The next run went on from there.",
        )
        .execution_options(synchronize_session=False)
    )


def count(session: Session, run: t.Run) -> None:
    """Write the run's counters from the states of its steps."""
    found = steps.counts(session, t.pk(run))

    def total(state: StepState, *actions: Action) -> int:
        return sum(n for (s, a), n in found.items() if s == state and (not actions or a in actions))

    done = StepState.PREVIEW if run.state == RunState.PREVIEW else StepState.DONE
    run.created = total(done, Action.CREATE)
    run.updated = total(done, Action.UPDATE)
    run.deleted = total(done, Action.CANCEL, Action.DELETE)
    run.failed = total(StepState.FAILED) + total(StepState.IN_DOUBT)
    run.held = total(StepState.HELD)
    run.conflicts = total(StepState.CONFLICT)
