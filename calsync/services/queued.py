"""Runs that somebody asked for and that wait for a free thread: retries, previews, undoings.

The row is the request: a hint to the queue may be lost, a tick finds the row again. A queued run claims its account for
itself; when the account is busy it goes on waiting.
"""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine import rules as rule_values
from calsync.engine.rules import Rules
from calsync.engine.vocabulary import RunState, Trigger
from calsync.errors import Refused
from calsync.runtime import SYSTEM, Actor, Runtime
from calsync.services import accounts, sync
from calsync.store import runs
from calsync.store import tables as t

JOB = "queued_run"

TAKEN_UP = (Trigger.DISCONNECT,)
"""What is taken up again after a crash. All else that was interrupted, the account's next run finds and ends."""

MOST_WAITING = 500
"""Waiting runs looked at by one tick."""


def preview(rt: Runtime, account_id: int, *, rules: Rules | None = None, by: Actor) -> int:
    """Ask for a plan that nobody applies and return the id of its run, which waits for a thread.

    `rules` are tried in place of the saved ones. Raises NotFound, and Refused when the account cannot be read now.
    """
    with rt.writing() as session:
        run = add(session, rt, account_id, Trigger.PREVIEW, rules=rules, by=by)
        run_id = t.pk(run)
    rt.enqueue(JOB, run_id=run_id)
    return run_id


def add(
    session: Session,
    rt: Runtime,
    account_id: int,
    trigger: Trigger,
    *,
    parent_id: int | None = None,
    rules: Rules | None = None,
    by: Actor,
) -> t.Run:
    """Add a waiting run and return it. Raises NotFound, and Refused (codes `paused`, `reconnect`, `disconnected`)."""
    accounts.require_runnable(session, account_id)
    run = t.Run(
        account_id=account_id,
        parent_id=parent_id,
        trigger=trigger,
        requested_by_id=by.user_id,
        state=RunState.QUEUED,
        rules={} if rules is None else rule_values.to_json(rules),
        started_at=rt.now(),
    )
    session.add(run)
    session.flush()
    return run


def list_waiting(rt: Runtime, account_id: int | None = None) -> list[int]:
    """Return waiting runs, the oldest first, of one account or of all."""
    query = _WAITING if account_id is None else _WAITING_OF
    with rt.reading() as session:
        found = session.connection().execute(query, {} if account_id is None else {"account_id": account_id})
        return [i for i in found.scalars() if i is not None]


_WAITING = (
    sa.select(col(t.Run.id)).where(col(t.Run.state) == RunState.QUEUED).order_by(col(t.Run.id)).limit(MOST_WAITING)
)
_WAITING_OF = _WAITING.where(col(t.Run.account_id) == sa.bindparam("account_id"))


def work(rt: Runtime, run_id: int) -> None:
    """Carry out a waiting run. Safe to repeat: one that has begun or ended is left alone. Raises NotFound."""
    with rt.reading() as session:
        run = runs.get(session, run_id)
        by = _asker(session, run)
    if run.state != RunState.QUEUED:
        return
    try:
        _WORK[Trigger(run.trigger)](rt, run, by)
    except Refused as why:
        if why.code not in ("busy", "closed"):
            cancel(rt, run_id, why.reason)


def take_up(rt: Runtime) -> int:
    """Let runs wait again whose process died, where only they can end what they began; return how many."""
    with rt.writing() as session:
        return runs.wait_again(session, TAKEN_UP, rt.now())


def _asker(session: Session, run: t.Run) -> Actor:
    user = session.get(t.User, run.requested_by_id) if run.requested_by_id else None
    return SYSTEM if user is None else Actor(user.id, user.email, user.role)


def cancel(rt: Runtime, run_id: int, why: str) -> None:
    """End a run that waits, saying why; one that has begun is left alone."""
    with rt.writing() as session:
        run = runs.get(session, run_id)
        if run.state == RunState.QUEUED:
            run.state, run.finished_at, run.error = RunState.CANCELLED, rt.now(), why[:1000]


# --- what each kind of request means


def _preview(rt: Runtime, run: t.Run, by: Actor) -> None:
    rules = rule_values.from_json(run.rules) if run.rules else None
    sync.run(rt, run.account_id, trigger=Trigger.PREVIEW, dry=True, by=by, queued_id=run.id, rules=rules)


def _retry(rt: Runtime, run: t.Run, by: Actor) -> None:
    sync.run(
        rt,
        run.account_id,
        trigger=Trigger.RETRY,
        by=by,
        parent_id=run.parent_id,
        queued_id=run.id,
        subjects=_subjects(rt, run) or None,  # no record: its parent failed as a whole
    )


def _subjects(rt: Runtime, run: t.Run) -> frozenset[str]:
    """Return the records that a run takes over from its parent, as the request marked them."""
    query = sa.select(col(t.Step.subject)).where(
        col(t.Step.run_id) == run.parent_id, col(t.Step.retried_in_id) == run.id
    )
    with rt.reading() as session:
        return frozenset(session.scalars(query))


def _push_existing(rt: Runtime, run: t.Run, by: Actor) -> None:
    from calsync.services import push_existing as service  # it adds waiting runs itself

    service.work(rt, run, by)


def _move_events(rt: Runtime, run: t.Run, by: Actor) -> None:
    from calsync.services import move_events as service  # it adds waiting runs itself

    service.work(rt, run, by)


def _undo(rt: Runtime, run: t.Run, by: Actor) -> None:
    from calsync.services import undo as service  # it adds waiting runs itself

    service.work(rt, run, by)


def _disconnect(rt: Runtime, run: t.Run, by: Actor) -> None:
    from calsync.services import disconnect as service  # it adds waiting runs itself

    service.work(rt, run, by)


def _clean_up(rt: Runtime, run: t.Run, by: Actor) -> None:
    from calsync.services import cleanup as service  # it adds waiting runs itself

    service.work(rt, run, by)


_WORK: dict[Trigger, Callable[[Runtime, t.Run, Actor], None]] = {
    Trigger.PREVIEW: _preview,
    Trigger.RETRY: _retry,
    Trigger.EXISTING: _push_existing,
    Trigger.MOVE: _move_events,
    Trigger.UNDO: _undo,
    Trigger.CLEANUP: _clean_up,
    Trigger.DISCONNECT: _disconnect,
}
