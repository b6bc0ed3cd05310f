"""Runs and their steps: what syncs did, trying again what failed, approving what is held, taking a run back."""

from __future__ import annotations

from pydantic import Field
from sqlmodel import Session

from calsync.engine.vocabulary import RunState, Scope, Trigger
from calsync.errors import NotFound, Refused
from calsync.services import held, retry, undo
from calsync.store import history, runs, steps
from calsync.store import tables as t
from calsync.store.history import Filters, Line
from webapp.api import lookup, paging
from webapp.api.operations import Call, operation
from webapp.api.paging import Listed, Paged
from webapp.api.schemas.base import Sent, Time, Told

TAG = "Runs"


class RunQuery(Paged):
    """Which runs are wanted; the newest first, those that changed nothing left out unless asked for."""

    integration_id: str | None = Field(None, max_length=64)
    state: RunState | None = None
    trigger: Trigger | None = None


class StepQuery(Paged):
    state: str | None = Field(None, max_length=12)


class RunOut(Told):
    """One sync of one integration."""

    id: str
    integration_id: str
    provider: str
    label: str
    state: str
    trigger: str
    direction: str
    asked_by: str
    started_at: Time
    finished_at: Time | None
    processed: int
    created: int
    updated: int
    deleted: int
    skipped: int
    conflicts: int
    failed: int
    held: int
    requests: int
    error_class: str | None
    error: str | None


class RunList(Listed[RunOut]):
    pass


class StepOut(Told):
    """One change in a run."""

    id: int
    activity_id: str | None
    title: str = Field(description="Empty for somebody else's private record")
    action: str
    direction: str
    state: str
    reason: str
    fields: list[str]
    attempts: int
    error_class: str | None
    error: str | None
    people_mailed: int


class StepList(Listed[StepOut]):
    pass


class RetryIn(Sent):
    step_ids: list[int] | None = Field(None, max_length=1000, description="None: everything that failed")


class DigestIn(Sent):
    digest: str | None = Field(None, max_length=64, description="Of what was looked at; none: what is there now")


class RunAsked(Told):
    run_id: str = Field(description="The run that does it")


class CountOut(Told):
    steps: int


class WaitingOut(Told):
    """What waits for approval, or would be taken back."""

    steps: int
    people_mailed: int
    digest: str


@operation("GET", "/runs", Scope.READ, tag=TAG, query=RunQuery, answer=RunList)
def list_runs(call: Call) -> RunList:
    """List runs"""
    asked: RunQuery = call.query
    filters = Filters(
        viewer_id=lookup.viewer_id(call.by),
        account_id=t.pk(lookup.account(call, asked.integration_id)) if asked.integration_id else None,
        states=(asked.state.value,) if asked.state else history.SHOWN,
        trigger=asked.trigger.value if asked.trigger else "",
    )
    with call.rt.reading() as session:
        found = history.list_runs(session, filters, asked.cut())
        ids = _accounts(session, found.rows)
    part = paging.listed(found, lambda line: _told(line, ids), lambda line: (t.pk(line.run),))
    return RunList(items=part.items, next=part.next)


@operation("GET", "/runs/<id>", Scope.READ, tag=TAG, answer=RunOut)
def show_run(call: Call, id: str) -> RunOut:
    """Show a run"""
    run, account = _run(call, id)
    with call.rt.reading() as session:
        around = history.family(session, run)
    line = Line(run, account.label, account.provider, account.user_id, around.asked_by)
    return _told(line, {t.pk(account): account.public_id})


@operation("GET", "/runs/<id>/steps", Scope.READ, tag=TAG, query=StepQuery, answer=StepList)
def list_steps(call: Call, id: str) -> StepList:
    """List what a run did, record by record"""
    run, account = _run(call, id)
    with call.rt.reading() as session:
        found = steps.list_of_run(session, t.pk(run), call.query.cut(), state=call.query.state or "")
    is_stranger = call.by.user_id is not None and call.by.user_id != account.user_id
    part = paging.listed(found, lambda row: _told_step(row[0], row[1], is_stranger), lambda row: (t.pk(row[0]),))
    return StepList(items=part.items, next=part.next)


@operation("POST", "/runs/<id>/retry", Scope.WRITE, tag=TAG, body=RetryIn, answer=RunAsked, status=202, problems=(409,))
def retry_run(call: Call, id: str) -> RunAsked:
    """Try again what failed in a run"""
    run, _ = _run(call, id)
    wanted = call.body.step_ids
    if wanted is not None and any(not 0 < each < 2**31 for each in wanted):
        raise Refused("These are no ids of steps.", code="invalid", field="step_ids")
    return _asked(call, retry.ask(call.rt, t.pk(run), step_ids=wanted, by=call.by))


@operation("GET", "/runs/<id>/held", Scope.READ, tag=TAG, answer=WaitingOut)
def show_held(call: Call, id: str) -> WaitingOut:
    """Show what of a run waits for approval"""
    run, _ = _run(call, id)
    with call.rt.reading() as session:
        waiting = held.waiting_digest(session, t.pk(run))
    return WaitingOut(steps=waiting.count, people_mailed=waiting.people_mailed, digest=waiting.digest)


@operation("POST", "/runs/<id>/approve", Scope.ADMIN, tag=TAG, body=DigestIn, answer=CountOut, problems=(409,))
def approve_run(call: Call, id: str) -> CountOut:
    """Let what is held go on"""
    run, _ = _run(call, id)
    return CountOut(steps=held.approve(call.rt, t.pk(run), digest=call.body.digest, by=call.by))


@operation("POST", "/runs/<id>/discard", Scope.ADMIN, tag=TAG, answer=CountOut, problems=(409,))
def discard_run(call: Call, id: str) -> CountOut:
    """Leave both sides of what is held as they are"""
    run, _ = _run(call, id)
    return CountOut(steps=held.discard(call.rt, t.pk(run), by=call.by))


@operation("GET", "/runs/<id>/undo", Scope.READ, tag=TAG, answer=WaitingOut, problems=(409,))
def preview_undo(call: Call, id: str) -> WaitingOut:
    """Show what taking a run back would do"""
    run, _ = _run(call, id)
    _check_small(run)
    found = undo.preview(call.rt, t.pk(run))
    return WaitingOut(steps=len(found.rows), people_mailed=found.people_mailed, digest=found.digest)


@operation("POST", "/runs/<id>/undo", Scope.WRITE, tag=TAG, body=DigestIn, answer=RunAsked, status=202, problems=(409,))
def undo_run(call: Call, id: str) -> RunAsked:
    """Take a run back"""
    run, _ = _run(call, id)
    _check_small(run)
    digest = call.body.digest or undo.preview(call.rt, t.pk(run)).digest
    return _asked(call, undo.ask(call.rt, t.pk(run), digest=digest, by=call.by))


def _check_small(run: t.Run) -> None:
    if undo.is_large(run):
        raise Refused("This run is too large to be looked through at once. Undo it on its page.", code="too_large")


def _run(call: Call, public_id: str) -> tuple[t.Run, t.Account]:
    with call.rt.reading() as session:
        run = lookup.row(session, t.Run, public_id, "run")
        account = session.get_one(t.Account, run.account_id)
    if not lookup.may_see(call.by, account.user_id):
        raise NotFound("run", public_id)
    return run, account


def _asked(call: Call, run_id: int) -> RunAsked:
    with call.rt.reading() as session:
        return RunAsked(run_id=runs.get(session, run_id).public_id)


def _accounts(session: Session, lines: list[Line]) -> dict[int, str]:
    found = {line.run.account_id for line in lines}
    return lookup.public_ids(session, t.Account, found)


def _told(line: Line, accounts: dict[int, str]) -> RunOut:
    run = line.run
    return RunOut(
        id=run.public_id,
        integration_id=accounts[run.account_id],
        provider=line.provider.upper(),
        label=line.label,
        state=run.state,
        trigger=run.trigger,
        direction=run.direction,
        asked_by=line.asked_by,
        started_at=run.started_at,
        finished_at=run.finished_at,
        processed=run.processed,
        created=run.created,
        updated=run.updated,
        deleted=run.deleted,
        skipped=run.skipped,
        conflicts=run.conflicts,
        failed=run.failed,
        held=run.held,
        requests=run.requests,
        error_class=run.error_class or None,
        error=run.error or None,
    )


def _told_step(step: t.Step, activity_id: str | None, is_stranger: bool) -> StepOut:
    return StepOut(
        id=t.pk(step),
        activity_id=activity_id,
        title="" if step.is_private and is_stranger else step.title,
        action=step.action,
        direction=step.direction,
        state=step.state,
        reason=step.reason,
        fields=list(step.fields),
        attempts=step.attempts,
        error_class=step.error_class or None,
        error=step.error or None,
        people_mailed=step.people_mailed,
    )
