"""Queries on runs, and the counters that a run keeps of its steps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine.vocabulary import Action, Direction, ErrorClass, RunState, StepState, Trigger
from calsync.errors import NotFound, Refused
from calsync.store import accounts, steps
from calsync.store import tables as t

R = t.Run


def get(session: Session, run_id: int) -> t.Run:
    """Raises NotFound."""
    row = session.get(R, run_id)
    if row is None:
        raise NotFound("run", run_id)
    return row


def begin_queued(session: Session, run_id: int) -> t.Run:
    """Return a waiting run as a running one. Raises NotFound, and Refused (code `closed`) when it waits no more."""
    change = (
        sa.update(R)
        .where(col(R.id) == run_id, col(R.state) == RunState.QUEUED)
        .values(state=RunState.RUNNING)
        .execution_options(synchronize_session=False)
    )
    if accounts.rows_changed(session, change) != 1:
        get(session, run_id)
        raise Refused("This run has begun already, or was taken back.", code="closed")
    return get(session, run_id)


def take_back(session: Session, run: t.Run, now: datetime) -> None:
    """End a run that nobody waits for any more before it begins."""
    session.execute(
        sa.update(R)
        .where(col(R.id) == run.id, col(R.state) == RunState.QUEUED)
        .values(state=RunState.CANCELLED, finished_at=now)
        .execution_options(synchronize_session=False)
    )


def has_succeeded(session: Session, account_id: int) -> bool:
    """Return whether any run of this account ever came to its end; one that was stopped early did not."""
    query = sa.select(col(R.id)).where(
        col(R.account_id) == account_id,
        col(R.state).in_([RunState.SUCCEEDED, RunState.NO_CHANGES, RunState.PARTIAL, RunState.HELD]),
        col(R.error_class) == "",
    )
    return session.scalars(query.limit(1)).first() is not None


def underway(session: Session, account_id: int, trigger: str) -> t.Run | None:
    """Return the run of an account for this reason that waits or goes on."""
    query = sa.select(R).where(
        col(R.account_id) == account_id,
        col(R.state).in_([RunState.QUEUED, RunState.RUNNING]),
        col(R.trigger) == trigger,
    )
    return session.scalars(query.order_by(col(R.id)).limit(1)).first()


def wait_again(session: Session, triggers: Sequence[str], now: datetime) -> int:
    """Let running runs of these kinds wait whose account nobody holds any more; return how many."""
    held = sa.select(col(t.Account.id)).where(col(t.Account.lease_until) >= now)
    change = (
        sa.update(R)
        .where(
            col(R.state) == RunState.RUNNING,
            col(R.trigger).in_(list(triggers)),
            col(R.account_id).not_in(held),
        )
        .values(state=RunState.QUEUED, phase="")
        .execution_options(synchronize_session=False)
    )
    return accounts.rows_changed(session, change)


def close_orphans(session: Session, account_id: int, now: datetime) -> None:
    """End the runs whose process died: they hold no lease any more, or this one could not have begun.

    One that disconnects is left: it is taken up again.
    """
    for run in _running(session, account_id):
        _end(session, run, now, RunState.FAILED, "The program ended in the middle of this run.")
        run.error_class = ErrorClass.INTERRUPTED


def cut_short(session: Session, account_id: int, now: datetime, why: str) -> None:
    """End the runs of an account that is taken away from them: what they did is counted, no next run goes on.

    The one that disconnects ends by itself.
    """
    for run in _running(session, account_id):
        _end(session, run, now, RunState.CANCELLED, why)


def _running(session: Session, account_id: int) -> Iterable[t.Run]:
    return session.scalars(
        sa.select(R).where(
            col(R.account_id) == account_id, col(R.state) == RunState.RUNNING, col(R.trigger) != Trigger.DISCONNECT
        )
    )


def _end(session: Session, run: t.Run, now: datetime, state: RunState, why: str) -> None:
    count(session, run)
    run.state, run.finished_at, run.phase, run.error = state, now, "", why


def count(session: Session, run: t.Run) -> None:
    """Write the run's counters from the states of its steps. Those of a preview count what would be done."""
    found = steps.counts(session, t.pk(run))

    def total(state: StepState) -> int:
        return sum(n for (s, _), n in found.items() if s == state)

    def done(*actions: Action) -> int:
        states = (StepState.DONE, StepState.PREVIEW)  # no run has both
        return sum(n for (s, a), n in found.items() if s in states and a in actions)

    run.created = done(Action.CREATE)
    run.updated = done(Action.UPDATE)
    run.deleted = done(Action.CANCEL, Action.DELETE)
    run.failed = total(StepState.FAILED) + total(StepState.IN_DOUBT)
    run.held = total(StepState.HELD)
    run.conflicts = total(StepState.CONFLICT)
    sides = steps.sides(session, t.pk(run))
    run.inbound, run.outbound = sides.get(Direction.INBOUND, 0), sides.get(Direction.OUTBOUND, 0)


def settle_held(session: Session, account_id: int) -> None:
    """Close held runs of which nothing is held any more: a newer plan has taken their steps over."""
    query = sa.select(R).where(col(R.account_id) == account_id, col(R.state) == RunState.HELD)
    for run in session.scalars(query):
        count(session, run)
        if not run.held:
            run.state = _settled_state(session, run)


def _settled_state(session: Session, run: t.Run) -> RunState:
    if run.failed:
        return RunState.PARTIAL
    was_approved = sa.select(col(t.Step.id)).where(col(t.Step.run_id) == run.id, col(t.Step.is_approved))
    done = run.created + run.updated + run.deleted + run.conflicts
    has_worked = done or session.scalars(was_approved.limit(1)).first() is not None
    return RunState.SUCCEEDED if has_worked else RunState.NO_CHANGES
