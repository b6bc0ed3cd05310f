"""Run one account: settle doubts, fetch, plan, apply. Everything that happens is rows.

A run can be killed at any instruction and repeated: what it was about is found again by comparing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import structlog
from sqlmodel import Session

from calsync.engine.rules import Rules
from calsync.engine.vocabulary import RunState, Trigger
from calsync.errors import ProviderError, Refused
from calsync.runtime import SYSTEM, Actor, Runtime
from calsync.services import (
    apply_local,
    apply_remote,
    busy_blocks,
    claims,
    failures,
    faults,
    following,
    frame,
    halting,
    held,
    owners,
    usage,
)
from calsync.services import fetch as fetching
from calsync.services import plan as planning
from calsync.services.context import Context
from calsync.services.frame import Ask, Ended, Opened
from calsync.services.planned import Plan
from calsync.store import instance, runs, steps
from calsync.store import tables as t

__all__ = ["Ask", "Ended", "run"]

ROUNDS = 4
"""How often a run may plan again what changed under its hands."""

log = structlog.get_logger(__name__)


def run(
    rt: Runtime,
    account_id: int,
    *,
    trigger: Trigger | str | None = Trigger.SCHEDULE,
    full: bool = False,
    dry: bool = False,
    by: Actor = SYSTEM,
    owner: str | None = None,
    parent_id: int | None = None,
    subjects: frozenset[str] | None = None,
    queued_id: int | None = None,
    rules: Rules | None = None,
) -> int:
    """Sync one account and return the id of the run. Provider errors end in the run's row, not here.

    `owner` is who holds the claim; without one the account is claimed here. Without a `trigger` the run takes place
    for the reason that stands on the account's row, asked for by whom that names. Raises NotFound, and Refused (code
    `busy`) when another process runs the account, (code `not_active`) when it is paused or disconnected, (code
    `closed`) when the queued run no longer waits.
    """
    owner = owner or owners.new_owner()
    was_due = claims.due_at(rt, account_id) if dry else None
    ask = Ask(Trigger(trigger) if trigger else None, full, dry, by, parent_id, subjects, queued_id, rules)
    started_at = rt.now()
    opened, ended = _claim_and_run(rt, account_id, ask, owner, started_at)
    _close(rt, opened, ask, owner, ended, was_due=was_due, started_at=started_at)
    if ended.is_planned and not dry:
        following.follow(rt)
    return opened.run_id


def _claim_and_run(rt: Runtime, account_id: int, ask: Ask, owner: str, started_at: datetime) -> tuple[Opened, Ended]:
    """Go from the claim to the last write. What cuts a run short ends its row and the claim, unless that was lost."""
    run_id, ended = 0, Ended()
    try:
        opened = frame.claim_and_open(rt, account_id, ask, owner)
        run_id = opened.run_id
        _run(rt, opened, ask, owner, ended)
    except claims.LeaseLost:
        raise
    except BaseException as error:
        crashed(rt, run_id)
        _release(rt, account_id, owner, error, started_at)
        raise
    return opened, ended


def _close(
    rt: Runtime, opened: Opened, ask: Ask, owner: str, ended: Ended, *, was_due: datetime | None, started_at: datetime
) -> None:
    """End the run's row and the claim in one transaction. After a dry run the account is due when it `was_due`."""
    account_id = t.pk(opened.account)
    with rt.writing() as session:
        failed = frame.close_row(rt, session, account_id, opened.run_id, ask, ended)
        if ask.dry:
            claims.return_to(session, account_id, owner, was_due, ended.reads)
        else:
            _end(session, opened, owner, rt.now(), ended, failed=failed, started_at=started_at)


def _end(
    session: Session, opened: Opened, owner: str, now: datetime, ended: Ended, *, failed: int, started_at: datetime
) -> None:
    """End the claim of a run that came to its end, with or without errors. After one that was halted the account is
    due at once: what it has not done it does as soon as it may.
    """
    account_id = t.pk(opened.account)
    failing = steps.failing(session, account_id) if ended.is_planned or opened.facts.has_open_steps else 0
    went_through = ended.error is None and not failed and not failing and not ended.halted
    if went_through and claims.end_well(session, account_id, owner, now, rules=opened.rules, reads=ended.reads):
        return
    error, reads, began = ended.error, ended.reads, None if ended.halted else started_at
    claims.end(
        session, account_id, owner, now, error=error, failed=failed, failing=failing, started_at=began, reads=reads
    )


def _release(rt: Runtime, account_id: int, owner: str, why: BaseException, started_at: datetime) -> None:
    """End the claim of a run that was cut short. After a fault of ours the account waits as after any failed run:
    due at once, a fault that every run meets would keep a thread busy for good.
    """
    if isinstance(why, Refused) or not isinstance(why, Exception):
        claims.release(rt, account_id, owner)
    else:
        claims.release(rt, account_id, owner, error=failures.Fault(), started_at=started_at)


def _run(rt: Runtime, opened: Opened, ask: Ask, owner: str, ended: Ended) -> None:
    """Go through the corridor and note how it ended. Raises LeaseLost."""
    ended.is_awaited = not ask.dry and (ask.trigger or opened.account.requested_trigger) in frame.AWAITED
    try:
        ctx = frame.open_context(rt, opened, ask, owner)
    except ProviderError as error:
        ended.error = error
        return
    try:
        _corridor(ctx, ended)
    except claims.LeaseLost:
        raise
    except halting.Halted as halt:
        ended.halted = str(halt)
    except ProviderError as error:
        log.info("run.stopped", account_id=ctx.account_id, run_id=ctx.run_id, error=type(error).__name__)
        ended.error = error
    finally:
        ended.is_planned = ended.is_planned or ctx.wrote_blocks
        ended.cursors = ctx.cursors
        ended.spent = usage.of(ctx.reader)
        ctx.reader.close()


def _corridor(ctx: Context, ended: Ended) -> None:
    with _phase(ended, "fetch"):
        if ctx.has_open_steps and not ctx.is_dry:
            apply_remote.settle_doubts(ctx)
        fetching.fetch(ctx, ended.reads)
    if ctx.only_subjects is not None:
        ctx.only_subjects |= faults.mended(ctx)
    for _ in range(ROUNDS):
        with _phase(ended, "plan"):
            planned = planning.plan(ctx)
        if planned.is_quiet and not ended.is_planned:
            break
        ended.is_planned = True
        _note_plan(ctx, planned)
        if ctx.is_dry:
            return
        with _phase(ended, "apply"):
            local = apply_local.apply(ctx)
            remote = apply_remote.apply(ctx)
        again = local.missed or remote.missed or local.created_series or remote.created_series
        if not (again or planned.again):
            break
    busy_blocks.keep(ctx)
    _restored(ctx)


def _restored(ctx: Context) -> None:
    """The first complete run after a restore has compared everything: from now on runs are ordinary again.

    A plan that waits for approval as a whole goes on waiting: only a person, or finding nothing to hold, ends that.
    """
    if not (ctx.is_restored or ctx.account.hold_next_plan):
        return
    with ctx.rt.writing() as session:
        account = claims.require(session, ctx.account_id, ctx.owner, ctx.now())
        account.restore_epoch = instance.epoch(session)
        if not held.waiting(session, ctx.run_id):
            account.hold_next_plan = False


@contextmanager
def _phase(ended: Ended, name: str) -> Iterator[None]:
    began = time.monotonic()
    try:
        yield
    finally:
        ended.phases[name] = ended.phases.get(name, 0) + int((time.monotonic() - began) * 1000)


def _note_plan(ctx: Context, planned: Plan) -> None:
    with ctx.rt.writing() as session:
        ctx.holding(session)
        row = session.get_one(t.Run, ctx.run_id)
        row.phase = "apply"
        row.processed = max(row.processed, planned.processed)
        row.skipped = max(row.skipped, planned.skipped)
        row.merged += planned.merged
        row.plan_digest = planned.digest if planned.held else ""
        row.progress_total = row.progress_done + len(planned.counted)


def crashed(rt: Runtime, run_id: int) -> None:
    """A fault of ours: the run says so loudly, and its account can be run again."""
    if run_id:
        with rt.writing() as session:
            row = session.get_one(t.Run, run_id)
            runs.count(session, row)
            row.state, row.finished_at, row.phase = RunState.FAILED, rt.now(), ""
            fault = failures.Fault()
            row.error_class, row.error = failures.error_class(fault), str(fault)
