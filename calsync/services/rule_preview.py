"""Rules are tried before they are saved: a dry run of every active account shows what would change.

What an admin entered waits as a proposal of that person; nothing of it counts until it is accepted. Rules that decide
nothing about records (how often, how long history is kept, limits) are saved at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session

from calsync.engine import rules as rule_values
from calsync.engine.rules import Rules
from calsync.engine.vocabulary import AccountState, RunState, Trigger
from calsync.errors import NotAllowed, Refused
from calsync.runtime import Actor, Runtime
from calsync.services import queued, rule_checks, settings
from calsync.store import accounts as account_rows
from calsync.store import audit, runs
from calsync.store import settings as store
from calsync.store import tables as t

HARMLESS = frozenset(
    name
    for name in rule_values.RULE_NAMES
    if name in ("frequency", "account_overrides", "block_busy_time") or name.startswith(("keep_", "brake_"))
)
"""Rules that change no record, so that there is nothing to preview."""

MOST_ACCOUNTS = 200
"""Accounts tried at most: more would keep an admin waiting without telling anything new."""

BATCH = 500
"""Accounts held, or let go again, in one transaction."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """Rules that wait for a yes. `version` is that of the rules they replace; `run_ids` are the previews."""

    rules: Rules
    before: Rules
    version: int
    run_ids: tuple[int, ...]
    asked_at: datetime
    is_stale: bool = False  # somebody saved other rules since

    @property
    def changes(self) -> dict[str, tuple[Any, Any]]:
        """Return what differs, by name: before and after."""
        return differences(self.before, self.rules)


def differences(before: Rules, after: Rules) -> dict[str, tuple[Any, Any]]:
    old, new = asdict(before), asdict(after)
    return {name: (old[name], new[name]) for name in new if old[name] != new[name]}


def propose(rt: Runtime, rules: Rules, version: int, *, by: Actor) -> bool:
    """Try rules on every active account and return True, or save them at once and return False when nothing can
    change.

    Raises Refused, naming the field, for a value that cannot be used; with the code `stale` when somebody saved since
    `version` was read; with `unchanged` when nothing differs.
    """
    _admin(by)
    rule_checks.check(rules)
    with rt.reading() as session:
        before, current = settings.organisation_rules(session)
        wanted = [] if not _matters(before, rules) else _triable(session)
    if current != version:
        raise store.stale()
    if not differences(before, rules):
        raise Refused("Nothing was changed.", code="unchanged")
    if not wanted:
        settings.save_rules(rt, rules, version, by=by)
        return False
    run_ids = _ask(rt, wanted, rules, version, by)
    for run_id in run_ids:
        rt.enqueue(queued.JOB, run_id=run_id)
    return True


def find(rt: Runtime, *, by: Actor) -> Proposal | None:
    """Return what this admin has proposed and not yet decided, or None."""
    with rt.reading() as session:
        found = store.find(session, _name(by))
        before, version = settings.organisation_rules(session)
    if found is None or not found[0]:
        return None
    value = found[0]
    return Proposal(
        rules=rule_values.from_json(value["rules"]),
        before=before,
        version=value["version"],
        run_ids=tuple(value["run_ids"]),
        asked_at=datetime.fromisoformat(value["asked_at"]),
        is_stale=version != value["version"],
    )


def accept(rt: Runtime, *, in_stages: bool = False, by: Actor) -> int:
    """Save the proposed rules; every account's next run follows them. Return how many accounts wait for a yes first.

    In stages, what the next run of each account would change is held until somebody approves it, account by account.
    Raises Refused with code `no_proposal` when there is none, and `stale` when somebody saved other rules since.
    """
    proposal = find(rt, by=by)
    if proposal is None:
        raise Refused("There is nothing to apply any more.", code="no_proposal")
    held = _hold(rt) if in_stages else []  # first: a run that begins in between must not go ahead
    try:
        settings.save_rules(rt, proposal.rules, proposal.version, by=by)
    except Refused:
        _release(rt, held)
        raise
    with rt.writing() as session:
        _forget(session, by, rt.now())
        if in_stages:
            _note(session, by, "settings.applied_in_stages", {"accounts": len(held)}, rt.now())
    return len(held)


def drop(rt: Runtime, *, by: Actor) -> None:
    """Forget what was proposed, and its previews that have not begun. Dropping nothing is fine."""
    _admin(by)
    with rt.writing() as session:
        _forget(session, by, rt.now())


def _forget(session: Session, by: Actor, now: datetime) -> None:
    found = store.find(session, _name(by))
    if found is None or not found[0]:
        return
    store.put(session, _name(by), {}, found[1], by_id=by.user_id, at=now)
    _take_back(session, found[0]["run_ids"], now)


# --- stages


def _hold(rt: Runtime) -> list[int]:
    """Hold the next plan of every account that syncs, and return those whose plan was not held already."""
    held: list[int] = []
    after = 0
    while True:
        with rt.writing() as session:
            accounts = account_rows.list_unheld(session, after, BATCH)
            for account in accounts:
                account.hold_next_plan, account.approved_digest = True, ""
        if not accounts:
            return held
        held += [t.pk(account) for account in accounts]
        after = held[-1]


def _release(rt: Runtime, account_ids: list[int]) -> None:
    for start in range(0, len(account_ids), BATCH):
        with rt.writing() as session:
            for account in account_rows.list_by_ids(session, account_ids[start : start + BATCH]):
                account.hold_next_plan = False


# --- proposing


def _matters(before: Rules, after: Rules) -> bool:
    return any(name not in HARMLESS for name in differences(before, after))


def _triable(session: Session) -> list[t.Account]:
    active = [a for a in account_rows.list_accounts(session) if a.state == AccountState.ACTIVE and a.grant_ok]
    return active[:MOST_ACCOUNTS]


def _ask(rt: Runtime, accounts: list[t.Account], rules: Rules, version: int, by: Actor) -> list[int]:
    """Write the proposal down with a waiting preview of every account."""
    with rt.writing() as session:
        known = store.find(session, _name(by))
        if known is not None and known[0]:
            _take_back(session, known[0]["run_ids"], rt.now())
        run_ids = [t.pk(_preview(session, rt, account, rules, by)) for account in accounts]
        value: Mapping[str, Any] = {
            "rules": rule_values.to_json(rules),
            "version": version,
            "run_ids": run_ids,
            "asked_at": rt.now().isoformat(),
        }
        store.put(session, _name(by), dict(value), known[1] if known else 0, by_id=by.user_id, at=rt.now())
        _note(session, by, "settings.previewed", {"accounts": len(run_ids)}, rt.now())
        return run_ids


def _note(session: Session, by: Actor, action: str, facts: Mapping[str, Any], now: datetime) -> None:
    audit.record(session, by, action, ("setting", "rules", "rules"), at=now, after=dict(facts))


def _preview(session: Session, rt: Runtime, account: t.Account, rules: Rules, by: Actor) -> t.Run:
    own = rule_values.overlay(rules, account.overrides)
    return queued.add(session, rt, t.pk(account), Trigger.PREVIEW, rules=own, by=by)


def _take_back(session: Session, run_ids: list[int], now: datetime) -> None:
    for run_id in run_ids:
        run = session.get(t.Run, run_id)
        if run is not None and run.state == RunState.QUEUED:
            runs.take_back(session, run, now)


def _name(by: Actor) -> str:
    return f"rules_proposal:{by.user_id}"


def _admin(by: Actor) -> None:
    if not by.is_admin:
        raise NotAllowed("change the sync settings")
