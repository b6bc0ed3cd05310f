"""Run one account: settle doubts, fetch, plan, apply. Everything that happens is rows.

A run can be killed at any instruction and repeated: what it was about is found again by comparing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog
from sqlmodel import Session

from calsync.engine import rules as rule_values
from calsync.engine.rules import Rules
from calsync.engine.vocabulary import AccountState, RunState, Trigger
from calsync.errors import ProviderError, RateLimited, Refused
from calsync.runtime import SYSTEM, Actor, Runtime
from calsync.services import apply_local, apply_remote, claims, clients, failures, held, owners, settings
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
    """What is wanted of a run. `subjects` limits it to these records; `parent_id` is the run it retries.

    `queued_id` is the row of a run that somebody asked for and that waits; `rules` stand in place of the saved ones.
    """

    trigger: Trigger = Trigger.SCHEDULE
    full: bool = False
    dry: bool = False
    by: Actor = SYSTEM
    parent_id: int | None = None
    subjects: frozenset[str] | None = None
    queued_id: int | None = None
    rules: Rules | None = None


@dataclass(slots=True)
class Ended:
    """How a run went, for its row. `phases` are milliseconds; `error` is what stopped it early, or None."""

    error: ProviderError | None = None
    phases: dict[str, int] = field(default_factory=dict)
    requests: int = 0
    is_planned: bool = False


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
    queued_id: int | None = None,
    rules: Rules | None = None,
) -> int:
    """Sync one account and return the id of the run. Provider errors end in the run's row, not here.

    `owner` is who holds the claim; without one the account is claimed here. Raises NotFound, and Refused (code
    `busy`) when another process runs the account, (code `not_active`) when it is paused or disconnected, (code
    `closed`) when the queued run no longer waits.
    """
    owner = owner or owners.new_owner()
    was_due = claims.due_at(rt, account_id) if dry else None
    if not claims.claim(rt, account_id, owner):
        raise Refused("This account is being synced right now.", code="busy")
    ask = Ask(Trigger(trigger), full, dry, by, parent_id, subjects, queued_id, rules)
    started_at = rt.now()
    ended = Ended()
    run_id = 0
    try:
        run_id = open_run(rt, account_id, ask, owner)
        _run(rt, account_id, run_id, ask, owner, ended)
    except claims.LeaseLost:
        raise
    except BaseException:
        _crashed(rt, run_id)
        claims.release(rt, account_id, owner)
        raise
    failed = close_run(rt, account_id, run_id, ask, ended)
    if dry:
        claims.give_back(rt, account_id, owner, was_due)
    else:
        claims.release(rt, account_id, owner, error=ended.error, failed=failed, started_at=started_at)
    return run_id


def open_run(rt: Runtime, account_id: int, ask: Ask, owner: str) -> int:
    with rt.writing() as session:
        account = claims.require(session, account_id, owner, rt.now())
        if account.state != AccountState.ACTIVE:
            raise Refused("This account is paused or disconnected.", code="not_active")
        rules = ask.rules or settings.rules_of(session, account)
        runs.close_orphans(session, account_id, rt.now())
        if ask.queued_id is not None:
            row = runs.begin_queued(session, ask.queued_id)
        else:
            row = t.Run(account_id=account_id, trigger=ask.trigger, started_at=rt.now())
            row.parent_id, row.requested_by_id = ask.parent_id, ask.by.user_id or account.requested_by_id
        row.direction, row.rules = rules.direction, rule_values.to_json(rules)
        row.is_full, row.is_first = ask.full, not runs.has_succeeded(session, account_id)
        row.phase, row.started_at = "fetch", rt.now()
        session.add(row)
        session.flush()
        return t.pk(row)


def _run(rt: Runtime, account_id: int, run_id: int, ask: Ask, owner: str, ended: Ended) -> None:
    """Go through the corridor and note how it ended. Raises LeaseLost."""
    try:
        ctx = open_context(rt, account_id, run_id, ask, owner)
    except ProviderError as error:
        ended.error = error
        return
    try:
        _corridor(ctx, ended)
    except claims.LeaseLost:
        raise
    except ProviderError as error:
        log.info("run.stopped", account_id=account_id, run_id=run_id, error=type(error).__name__)
        ended.error = error
    finally:
        ended.requests = int(getattr(ctx.reader, "requests", 0) or 0)
        ctx.reader.close()


def open_context(rt: Runtime, account_id: int, run_id: int, ask: Ask, owner: str) -> Context:
    with rt.reading() as session:
        account = account_rows.get(session, account_id)
        rules = ask.rules or settings.rules_of(session, account)
        switches, _ = settings.switches_of(session)
        row = session.get_one(t.Run, run_id)
        epoch = instance.epoch(session)
        addresses = own_addresses(session, account)
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


def own_addresses(session: Session, account: t.Account) -> frozenset[str]:
    """Return the addresses under which the account's person may stand on an event."""
    user = session.get_one(t.User, account.user_id)
    found = {user.email, account.label, account.username}
    return frozenset(address.lower() for address in found if address)


def _corridor(ctx: Context, ended: Ended) -> None:
    with _phase(ended, "fetch"):
        if not ctx.is_dry:
            apply_remote.settle_doubts(ctx)
        fetching.fetch(ctx)
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
    _restored(ctx)


def _restored(ctx: Context) -> None:
    """The first complete run after a restore has compared everything: from now on runs are ordinary again.

    A plan that waits for approval as a whole goes on waiting: only a person, or finding nothing to hold, ends that.
    """
    if not (ctx.is_restored or ctx.account.hold_next_plan):
        return
    with ctx.rt.writing() as session:
        account = ctx.holding(session)
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


def _note_plan(ctx: Context, planned: planning.Plan) -> None:
    with ctx.rt.writing() as session:
        ctx.holding(session)
        row = session.get_one(t.Run, ctx.run_id)
        row.phase = "apply"
        row.processed = max(row.processed, planned.processed)
        row.skipped = max(row.skipped, planned.skipped)
        row.merged += planned.merged
        row.plan_digest = planned.digest if planned.held else ""
        row.progress_total = row.progress_done + len(planned.counted)


# --- the end of a run


def close_run(rt: Runtime, account_id: int, run_id: int, ask: Ask, ended: Ended) -> int:
    """Count what the run's steps became and give the run its state. Returns how many steps failed."""
    with rt.writing() as session:
        row = session.get_one(t.Run, run_id)
        if ended.is_planned:
            runs.count(session, row)
        row.finished_at, row.phase = rt.now(), ""
        row.phases, row.requests = ended.phases, ended.requests
        row.state = _state(row, ask, ended.error)
        if ended.error is not None:
            row.error_class, row.error = failures.error_class(ended.error), str(ended.error)[:1000]
        if ended.is_planned and not ask.dry:
            runs.settle_held(session, account_id)
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
