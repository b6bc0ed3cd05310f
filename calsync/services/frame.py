"""The frame of a run: what it finds when it begins, the row that stands for it, and what it leaves when it ends.

Most runs find nothing, and a large installation makes thousands of them an hour: a run begins with one transaction and
ends with one, and what it has read it does not read again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlmodel import Session

from calsync.engine import rules as rule_values
from calsync.engine.rules import Rules
from calsync.engine.vocabulary import AccountState, RunState, Trigger
from calsync.engine.webhooks import Happening
from calsync.errors import ProviderError, RateLimited, Refused
from calsync.runtime import SYSTEM, Actor, Runtime
from calsync.services import claims, clients, failures, settings, usage
from calsync.services.context import Context
from calsync.store import happenings, polls, runs
from calsync.store import tables as t
from calsync.store.polls import Facts, Read

AWAITED = (Trigger.MANUAL, Trigger.API, Trigger.FIRST)
"""Runs that somebody asked for and may be waiting for."""
KEPT_OF_REQUEST = ("choice",)
"""What stays of a waiting run's request beside the rules in force: a run that is taken up again needs it."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What is wanted of a run. `subjects` limits it to these records; `parent_id` is the run it retries.

    `trigger` None: what the account's row says. `queued_id` is the row of a run that somebody asked for and that
    waits; `rules` stand in place of the saved ones.
    """

    trigger: Trigger | None = Trigger.SCHEDULE
    full: bool = False
    dry: bool = False
    by: Actor = SYSTEM
    parent_id: int | None = None
    subjects: frozenset[str] | None = None
    queued_id: int | None = None
    rules: Rules | None = None


@dataclass(slots=True)
class Ended:
    """How a run went, for its row. `phases` are milliseconds; `error` is what stopped it early, or None;
    `halted` why somebody did, "" for nobody.

    `reads` are those that are yet to be saved. `is_awaited` says that somebody asked for it: programs are told that it
    ended although it found nothing.
    """

    error: ProviderError | None = None
    halted: str = ""
    phases: dict[str, int] = field(default_factory=dict)
    spent: usage.Spent = field(default_factory=usage.Spent)
    cursors: dict[str, list[str | None]] = field(default_factory=dict)
    reads: list[Read] = field(default_factory=list)
    is_planned: bool = False
    is_awaited: bool = False


@dataclass(frozen=True, slots=True)
class Opened:
    """A run that has begun, and everything that it needs to know of its account."""

    run_id: int
    account: t.Account
    calendars: tuple[t.Calendar, ...]
    rules: Rules
    switches: settings.Switches
    facts: Facts


# --- the beginning


def claim_and_open(rt: Runtime, account_id: int, ask: Ask, owner: str) -> Opened:
    """Claim an account and begin a run of it. Raises as `open_run`, and Refused (code `busy`)."""
    with rt.writing() as session:
        account, facts = polls.account_and_facts(session, account_id)
        if not claims.take(account, owner, rt.now()):
            raise Refused("This account is being synced right now.", code="busy")
        return _open(rt, session, account, facts, ask)


def open_run(rt: Runtime, account_id: int, ask: Ask, owner: str) -> Opened:
    """Begin a run under the caller's claim.

    Raises NotFound, LeaseLost, and Refused (code `not_active`, or `closed` when the queued run no longer waits).
    """
    with rt.writing() as session:
        account, facts = polls.account_and_facts(session, account_id)
        if not claims.holds(account, owner, rt.now()):
            raise claims.LeaseLost(account_id)
        return _open(rt, session, account, facts, ask)


def _open(rt: Runtime, session: Session, account: t.Account, facts: Facts, ask: Ask) -> Opened:
    if account.state != AccountState.ACTIVE:
        is_paused = account.state == AccountState.PAUSED
        reason = "paused. Resume it first." if is_paused else "disconnected. Connect it again first."
        raise Refused(f"This account is {reason}", code="not_active")
    rules, switches = settings.in_force(facts.saved, account)
    rules = ask.rules or rules
    if facts.has_orphans:
        runs.close_orphans(session, t.pk(account), rt.now())
    run_id = _begin(session, account, ask, _columns(ask, rules, facts, rt.now()))
    calendars = tuple(polls.calendars(session, t.pk(account)))
    return Opened(run_id, account, calendars, rules, switches, facts)


def _columns(ask: Ask, rules: Rules, facts: Facts, now: datetime) -> dict[str, Any]:
    return {
        "direction": rules.direction,
        "rules": rule_values.to_json(rules),
        "is_full": ask.full,
        "is_first": not facts.has_succeeded,
        "phase": "fetch",
        "started_at": now,
    }


def _begin(session: Session, account: t.Account, ask: Ask, columns: dict[str, Any]) -> int:
    if ask.queued_id is not None:
        request = runs.begin_queued(session, ask.queued_id).rules
        kept = {name: request[name] for name in KEPT_OF_REQUEST if name in request}
        polls.update_run(session, ask.queued_id, columns | {"rules": columns["rules"] | kept})
        return ask.queued_id
    asked = {
        "account_id": account.id,
        "trigger": ask.trigger or account.requested_trigger or Trigger.SCHEDULE,
        "parent_id": ask.parent_id,
        "requested_by_id": ask.by.user_id or account.requested_by_id,
    }
    return polls.insert_run(session, {**asked, **columns})


def open_context(rt: Runtime, opened: Opened, ask: Ask, owner: str) -> Context:
    """Connect the account and return what its run carries; the caller closes the reader. Raises ProviderError."""
    account, rules = opened.account, opened.rules
    writes_paused = opened.switches.writes_paused
    writes = clients.may_write(account, rules) and not writes_paused and not ask.dry
    client = clients.connected(rt, account, opened.calendars)
    return Context(
        rt=rt,
        account=account,
        run_id=opened.run_id,
        owner=owner,
        rules=rules,
        capabilities=clients.provider_of(rt, account.provider).info.capabilities,
        reader=client if writes else clients.ReadOnly(client),
        client=client if writes else None,
        own_addresses=addresses(account, opened.facts.email),
        is_first=not opened.facts.has_succeeded,
        is_dry=ask.dry,
        is_full=ask.full,
        is_restored=account.restore_epoch != opened.facts.epoch,
        writes_paused=writes_paused,
        only_subjects=ask.subjects,
        calendars=opened.calendars,
        has_open_steps=opened.facts.has_open_steps,
        has_rechecks=opened.facts.has_rechecks,
        lease_checked_at=rt.now(),
    )


def addresses(account: t.Account, email: str) -> frozenset[str]:
    """Return the addresses under which the account's person, who logs in with `email`, may stand on an event."""
    return frozenset(address.lower() for address in (email, account.label, account.username) if address)


# --- the end


def close_run(rt: Runtime, account_id: int, run_id: int, ask: Ask, ended: Ended) -> int:
    """Count what the run's steps became and give the run its state. Returns how many steps failed."""
    with rt.writing() as session:
        return close_row(rt, session, account_id, run_id, ask, ended)


def close_row(rt: Runtime, session: Session, account_id: int, run_id: int, ask: Ask, ended: Ended) -> int:
    """Do what `close_run` does, inside a transaction."""
    now = rt.now()
    usage.add(rt, session, account_id, ended.spent)
    if not ended.is_planned:
        polls.update_run(session, run_id, _ending(None, ask, ended, now))
        if ended.is_awaited and ended.error is None and not ended.halted:
            happenings.note(session, Happening.INTEGRATION_SYNCED, runs.get(session, run_id))
        return 0
    row = runs.get(session, run_id)
    runs.count(session, row)
    for name, value in _ending(row, ask, ended, now).items():
        setattr(row, name, value)
    if not ask.dry:
        runs.settle_held(session, account_id)
    return row.failed


def _ending(row: t.Run | None, ask: Ask, ended: Ended, now: datetime) -> dict[str, Any]:
    """Return what the row of a run says of its end. One that planned nothing has no counters, and no row here."""
    said = {"finished_at": now, "phase": "", "phases": ended.phases, "requests": ended.spent.requests}
    if ended.cursors:
        said["cursors"] = ended.cursors
    if ended.error is not None:
        said |= {"error_class": failures.error_class(ended.error), "error": str(ended.error)[:1000]}
    if ended.halted:
        return {**said, "state": RunState.CANCELLED, "error": ended.halted}
    return {**said, "state": _state(row, ask, ended.error)}


def _state(row: t.Run | None, ask: Ask, error: ProviderError | None) -> RunState:
    if ask.dry:
        return RunState.FAILED if error is not None else RunState.PREVIEW
    done = 0 if row is None else row.created + row.updated + row.deleted
    if error is not None:
        return RunState.PARTIAL if done or isinstance(error, RateLimited) else RunState.FAILED
    if row is None:
        return RunState.NO_CHANGES
    if row.failed:
        return RunState.PARTIAL
    if row.held:
        return RunState.HELD
    return RunState.SUCCEEDED if done or row.conflicts or row.merged else RunState.NO_CHANGES
