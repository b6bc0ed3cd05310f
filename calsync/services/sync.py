"""Run one account: settle doubts, fetch, plan, apply. Everything that happens is rows.

A run can be killed at any instruction and repeated: what it was about is found again by comparing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa
import structlog
from sqlmodel import Session, col

from calsync.engine import rules as rule_values
from calsync.engine.vocabulary import AccountState, RunState, Trigger
from calsync.errors import ProviderError, RateLimited, Refused
from calsync.runtime import SYSTEM, Actor, Runtime
from calsync.services import apply_local, apply_remote, claims, clients, failures, owners, settings
from calsync.services import fetch as fetching
from calsync.services import plan as planning
from calsync.services.context import Context
from calsync.store import accounts as account_rows
from calsync.store import instance, runs
from calsync.store import tables as t

ROUNDS = 4
"""How often a run may plan again what changed under its hands."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Ask:
    """What is wanted of a run. `subjects` limits it to these records; `parent_id` is the run it retries."""

    trigger: Trigger = Trigger.SCHEDULE
    full: bool = False
    dry: bool = False
    by: Actor = SYSTEM
    parent_id: int | None = None
    subjects: frozenset[str] | None = None


def run(
    rt: Runtime,
    account_id: int,
    *,
    trigger: Trigger | str = Trigger.SCHEDULE,
    full: bool = False,
    dry: bool = False,
    by: Actor = SYSTEM,
    owner: str | None = None,
    parent_id: int | None = None,
    subjects: frozenset[str] | None = None,
) -> int:
    """Sync one account and return the id of the run. Provider errors end in the run's row, not here.

    `owner` is who holds the claim; without one the account is claimed here. Raises NotFound, and Refused (code
    `busy`) when another process runs the account, (code `not_active`) when it is paused or disconnected.
    """
    owner = owner or owners.new_owner()
    if not claims.claim(rt, account_id, owner):
        raise Refused("This account is being synced right now.", code="busy")
    ask = Ask(Trigger(trigger), full, dry, by, parent_id, subjects)
    started_at = rt.now()
    error: ProviderError | None = None
    run_id = 0
    try:
        run_id = _open_run(rt, account_id, ask, owner)
        error = _run(rt, account_id, run_id, ask, owner)
    except claims.LeaseLost:
        raise
    except BaseException:
        _crashed(rt, run_id)
        claims.release(rt, account_id, owner)
        raise
    failed = _close_run(rt, account_id, run_id, ask, owner, error)
    claims.release(rt, account_id, owner, error=error, failed=failed, started_at=None if dry else started_at)
    return run_id


def _open_run(rt: Runtime, account_id: int, ask: Ask, owner: str) -> int:
    with rt.writing() as session:
        account = claims.require(session, account_id, owner, rt.now())
        if account.state != AccountState.ACTIVE:
            raise Refused("This account is paused or disconnected.", code="not_active")
        rules = settings.rules_of(session, account)
        runs.close_orphans(session, account_id, rt.now())
        row = t.Run(
            account_id=account_id,
            parent_id=ask.parent_id,
            trigger=ask.trigger,
            requested_by_id=ask.by.user_id or account.requested_by_id,
            direction=rules.direction,
            is_full=ask.full,
            is_first=not runs.has_succeeded(session, account_id),
            phase="fetch",
            rules=rule_values.to_json(rules),
            started_at=rt.now(),
        )
        session.add(row)
        session.flush()
        return t.pk(row)


def _run(rt: Runtime, account_id: int, run_id: int, ask: Ask, owner: str) -> ProviderError | None:
    """Go through the corridor. Returns the provider's error that ended it early, or None."""
    try:
        ctx = _context(rt, account_id, run_id, ask, owner)
    except ProviderError as error:
        return error
    try:
        _corridor(ctx)
    except claims.LeaseLost:
        raise
    except ProviderError as error:
        log.info("run.stopped", account_id=account_id, run_id=run_id, error=type(error).__name__)
        return error
    finally:
        runs_requests = getattr(ctx.reader, "requests", 0)
        ctx.reader.close()
        _note(rt, run_id, requests=int(runs_requests or 0))
    return None


def _context(rt: Runtime, account_id: int, run_id: int, ask: Ask, owner: str) -> Context:
    with rt.reading() as session:
        account = account_rows.get(session, account_id)
        rules = settings.rules_of(session, account)
        switches, _ = settings.switches_of(session)
        row = session.get_one(t.Run, run_id)
        epoch = instance.epoch(session)
        addresses = _own_addresses(session, account)
    provider = rt.providers[account.provider]
    writes = clients.may_write(account, rules) and not switches.writes_paused and not ask.dry
    client = clients.open_client(rt, account_id) if writes else None
    reader = client or clients.open_reader(rt, account_id)
    return Context(
        rt=rt,
        account=account,
        run_id=run_id,
        owner=owner,
        rules=rules,
        capabilities=provider.info.capabilities,
        reader=reader,
        client=client,
        own_addresses=addresses,
        is_first=row.is_first,
        is_dry=ask.dry,
        is_full=ask.full,
        is_restored=account.restore_epoch != epoch,
        writes_paused=switches.writes_paused,
        only_subjects=ask.subjects,
    )


def _own_addresses(session: Session, account: t.Account) -> frozenset[str]:
    """Return the addresses under which the account's person may stand on an event."""
    user = session.get_one(t.User, account.user_id)
    found = {user.email, account.label, account.username}
    return frozenset(address.lower() for address in found if address)


def _corridor(ctx: Context) -> None:
    with _phase(ctx, "fetch"):
        if not ctx.is_dry:
            apply_remote.settle_doubts(ctx)
        fetching.fetch(ctx)
    for _ in range(ROUNDS):
        with _phase(ctx, "plan"):
            planned = planning.plan(ctx)
            _note_plan(ctx, planned)
        if ctx.is_dry:
            return
        with _phase(ctx, "apply"):
            local = apply_local.apply(ctx)
            remote = apply_remote.apply(ctx)
        again = local.missed or remote.missed or local.created_series or remote.created_series
        if not again:
            break
    _restored(ctx)


def _restored(ctx: Context) -> None:
    """The first complete run after a restore has compared everything: from now on runs are ordinary again."""
    if not (ctx.is_restored or ctx.account.hold_next_plan):
        return
    with ctx.rt.writing() as session:
        account = ctx.holding(session)
        account.restore_epoch = instance.epoch(session)
        account.hold_next_plan = False


@contextmanager
def _phase(ctx: Context, name: str) -> Iterator[None]:
    _note(ctx.rt, ctx.run_id, phase=name)
    began = time.monotonic()
    try:
        yield
    finally:
        spent = int((time.monotonic() - began) * 1000)
        with ctx.rt.writing() as session:
            row = session.get_one(t.Run, ctx.run_id)
            row.phases = row.phases | {name: row.phases.get(name, 0) + spent}


def _note(rt: Runtime, run_id: int, **values: object) -> None:
    with rt.writing() as session:
        session.execute(
            sa.update(t.Run)
            .where(col(t.Run.id) == run_id)
            .values(**values)
            .execution_options(synchronize_session=False)
        )


def _note_plan(ctx: Context, planned: planning.Plan) -> None:
    with ctx.rt.writing() as session:
        ctx.holding(session)
        row = session.get_one(t.Run, ctx.run_id)
        row.processed = max(row.processed, planned.processed)
        row.skipped = max(row.skipped, planned.skipped)
        row.merged += planned.merged
        row.plan_digest = planned.digest if planned.held else ""
        row.progress_total = row.progress_done + len(planned.counted)


# --- the end of a run


def _close_run(rt: Runtime, account_id: int, run_id: int, ask: Ask, owner: str, error: ProviderError | None) -> int:
    """Count what the run's steps became and give the run its state. Returns how many steps failed."""
    with rt.writing() as session:
        row = session.get_one(t.Run, run_id)
        runs.count(session, row)
        row.finished_at = rt.now()
        row.phase = ""
        row.state = _state(row, ask, error)
        if error is not None:
            row.error_class, row.error = failures.error_class(error), str(error)[:1000]
        return row.failed


def _state(row: t.Run, ask: Ask, error: ProviderError | None) -> RunState:
    if ask.dry:
        return RunState.FAILED if error is not None else RunState.PREVIEW
    done = row.created + row.updated + row.deleted
    if error is not None:
        return RunState.PARTIAL if done or isinstance(error, RateLimited) else RunState.FAILED
    if row.failed:
        return RunState.PARTIAL
    if row.held:
        return RunState.HELD
    return RunState.SUCCEEDED if done or row.conflicts or row.merged else RunState.NO_CHANGES


def _crashed(rt: Runtime, run_id: int) -> None:
    """A fault of ours: the run says so loudly, and its account can be run again."""
    if run_id:
        with rt.writing() as session:
            row = session.get_one(t.Run, run_id)
            runs.count(session, row)
            row.state, row.finished_at, row.phase = RunState.FAILED, rt.now(), ""
            row.error_class, row.error = "bug", "An unexpected fault in the program; the log has the details."
