"""Held steps: a person approves what was shown, or discards it."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine import brake
from calsync.engine.vocabulary import RunState, StepState
from calsync.errors import Refused
from calsync.runtime import Actor, Runtime
from calsync.services import block_steps
from calsync.store import accounts, audit, runs, steps
from calsync.store import tables as t
from calsync.store.links import DISCARDED, mark

CHUNK = 500


def waiting(session: Session, run_id: int) -> list[t.Step]:
    """Return the steps of a run that wait for a person."""
    query = sa.select(t.Step).where(col(t.Step.run_id) == run_id, col(t.Step.state) == StepState.HELD)
    return list(session.scalars(query.order_by(col(t.Step.id))))


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a person is asked to approve. `is_approved`: somebody did, and the next run carries it out."""

    count: int
    people_mailed: int
    digest: str
    is_approved: bool


def digest(rt: Runtime, run_id: int) -> str:
    """Return what an approval of this run is bound to."""
    with rt.reading() as session:
        return waiting_digest(session, run_id).digest


def waiting_digest(session: Session, run_id: int) -> Waiting:
    """Return what waits in a run, counted, with what an approval is bound to."""
    columns = (col(t.Step.digest), col(t.Step.people_mailed), col(t.Step.is_approved))
    query = sa.select(*columns).where(col(t.Step.run_id) == run_id, col(t.Step.state) == StepState.HELD)
    found = [(str(value), int(people), bool(ok)) for value, people, ok in session.execute(query)]
    return Waiting(
        len(found),
        sum(people for _, people, _ in found),
        brake.plan_digest(value for value, *_ in found),
        bool(found) and all(ok for *_, ok in found),
    )


def approve(rt: Runtime, run_id: int, *, digest: str | None = None, by: Actor) -> int:
    """Let the held steps of a run go on and return how many they are.

    They are applied by the account's next run, which is due at once, if they still hold then; anything new is held
    again. `digest` is that of what the person saw; None approves what is there. Raises NotFound; Refused with code
    `nothing_held` or `changed`.
    """
    with rt.writing() as session:
        run = runs.get(session, run_id)
        held = _waiting(session, run)
        if digest is not None and digest != brake.plan_digest(step.digest for step in held):
            raise Refused("The plan has changed since you looked at it. Look again, then approve.", code="changed")
        for step in held:
            step.is_approved = True
        _go_on(session, rt, run, by)
        audit.record(session, by, "run.approved", run, after={"steps": len(held)}, at=rt.now())
        account_id = run.account_id
    rt.enqueue("sync_account", account_id=account_id)
    return len(held)


def discard(rt: Runtime, run_id: int, *, by: Actor) -> int:
    """Leave both sides as they are and return how many steps that concerns.

    A discarded difference is not planned again until one of its sides changes. Raises NotFound; Refused with code
    `nothing_held`.
    """
    with rt.writing() as session:
        run = runs.get(session, run_id)
        held = _waiting(session, run)
        for step in held:
            step.state, step.finished_at = StepState.SUPERSEDED, rt.now()
            forget(session, step)
        audit.record(session, by, "run.discarded", run, after={"steps": len(held)}, at=rt.now())
        session.flush()
        runs.count(session, run)
        if run.state == RunState.HELD:
            has_worked = run.created + run.updated + run.deleted
            run.state = RunState.SUCCEEDED if has_worked else RunState.CANCELLED
    return len(held)


def _waiting(session: Session, run: t.Run) -> list[t.Step]:
    held = waiting(session, t.pk(run))
    if not held:
        raise Refused("Nothing in this run waits for approval any more.", code="nothing_held")
    return held


def _go_on(session: Session, rt: Runtime, run: t.Run, by: Actor) -> None:
    account = accounts.get(session, run.account_id)
    account.next_sync_at, account.requested_by_id = rt.now(), by.user_id


def forget(session: Session, step: t.Step) -> None:
    """Note on what the step was about that this very difference was declined."""
    if step.subject.startswith(steps.BLOCK):
        block_steps.leave(session, step)
    elif step.link_id is not None:
        link = session.get_one(t.Link, step.link_id)
        activity = session.get_one(t.Activity, link.activity_id)
        event = session.get(t.MirrorEvent, link.event_id) if link.event_id else None
        link.waits_for, link.considered_rules = DISCARDED, DISCARDED
        link.considered_local = activity.fingerprint
        link.considered_remote = "" if event is None else mark(event)
    elif step.event_id is not None:
        event = session.get_one(t.MirrorEvent, step.event_id)
        event.excluded = DISCARDED
    elif step.activity_id is not None:
        activity = session.get_one(t.Activity, step.activity_id)
        activity.excluded = DISCARDED
