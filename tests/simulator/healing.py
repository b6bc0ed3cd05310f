"""Healing: everything that was wrong is put right, and the account runs until there is nothing left to do."""

from __future__ import annotations

from dataclasses import replace

from calsync.engine.vocabulary import AccountState, ConflictKind, Direction, StepState
from calsync.errors import Refused
from calsync.providers.memory import FaultKind
from calsync.runtime import SYSTEM
from calsync.services import accounts, conflicts, held
from calsync.store import tables as t
from tests.simulator import invariants, run_checks
from tests.simulator.invariants import Violation
from tests.simulator.ledger import Ledger
from tests.simulator.process import Process
from tests.simulator.world import BASE_RULES, HOME, WORK, World

ROUNDS = 16
UNFINISHED = (StepState.PLANNED, StepState.HELD, StepState.APPLYING, StepState.IN_DOUBT, StepState.FAILED)


def heal(world: World, ledger: Ledger) -> None:
    """Bring the world back to quiet, and check that it is. Raises Violation."""
    mend(world)
    full = world.server.faults.fired[FaultKind.HOLLOW] > 0
    approved = 0
    for _ in range(ROUNDS):
        world.clock.advance(hours=7)
        state = _state(world)
        mails = len(world.server.mails)
        world.run(full=full)
        if not approved:  # a person who approves what is held for its mail wants that mail
            run_checks.check_mail(world, mails)
        full = False
        approved = approve(world)
        decided = approved + resolve(world, ledger)
        if not decided and state == _state(world) and not _unfinished(world):
            break
    else:
        raise Violation("unrest", [(s.subject, s.action, s.state, s.reason, s.error) for s in _unfinished(world)])
    check_second_run(world)
    invariants.check_quiet(world, ledger)


def mend(world: World) -> None:
    """Put right whatever faults, people and settings have done."""
    server = world.server
    server.faults.disarm()
    server.allow()
    for _ in range(server.quirks.tombstone_lag + 1):
        server.tick()
    server.quirks = replace(server.quirks, lag=0, tombstone_lag=0, bumps_versions=False)
    world.clock.advance(minutes=10)
    reconnect(world)
    go_on(world)
    for name in (WORK, HOME):
        calendar = world.calendar(name)
        if not calendar.syncs:
            accounts.set_calendar(
                world.rt, t.pk(calendar), syncs=True, is_write_target=True if name == WORK else None, by=SYSTEM
            )
    world.set_rules(replace(BASE_RULES, policy=world.rules.policy, direction=Direction.BOTH))


def reconnect(world: World) -> None:
    """Give the account its password again, if it has lost it or was disconnected."""
    account = world.account()
    if account.state == AccountState.DISCONNECTED or not account.grant_ok:
        world.sign_in_again()


def go_on(world: World) -> bool:
    """End every pause, and return whether there was any."""
    return world.resume_account() | world.pause_writing(False)


def approve(world: World) -> int:
    """Approve all held steps, as a person who has looked at them, and return how many runs that were."""
    runs = {step.run_id for step in world.rows(t.Step, t.Step.state == StepState.HELD)}
    for run_id in sorted(runs):
        held.approve(world.rt, run_id, digest=held.digest(world.rt, run_id), by=SYSTEM)
    return len(runs)


def resolve(world: World, ledger: Ledger) -> int:
    """Decide every open conflict, for the CRM and the calendar by turns, and return how many."""
    open_ones = world.rows(t.Conflict, t.Conflict.state == "open")
    for conflict in open_ones:
        ledger.reached[f"resolved {conflict.kind}"] += 1
        _resolve_one(world, conflict)
    return len(open_ones)


def _resolve_one(world: World, conflict: t.Conflict) -> None:
    side = "crm" if conflict.id and conflict.id % 2 else "external"
    answer = str(conflict.candidates[0]) if conflict.kind == ConflictKind.DUPLICATE_MATCH else side
    try:
        conflicts.resolve(
            world.rt,
            t.pk(conflict),
            {"*": answer},
            local_fp=conflict.local_fp,
            remote_fp=conflict.remote_fp,
            by=SYSTEM,
        )
    except Refused as refusal:
        if refusal.code != "changed":  # a side has changed since: the next run shows the new values
            raise


def check_second_run(world: World) -> None:
    """A run that finds nothing changed writes nothing. Raises Violation."""
    world.clock.advance(minutes=20)
    state, writes, process = _state(world), world.server.writes, Process()
    world.run(process)
    if world.server.writes != writes or _state(world) != state:
        raise Violation("second run", f"it wrote {world.server.writes - writes} times; {process.passed}")


def _state(world: World) -> object:
    rows = [(row.id, row.row_version, row.status) for row in world.activities()]
    return rows, world.server.latest


def _unfinished(world: World) -> list[t.Step]:
    steps = world.rows(t.Step, t.Step.state.in_(UNFINISHED))  # type: ignore[attr-defined]
    refused = {step.id for step in world.refused()}
    return [step for step in steps if not step.subject.startswith("resource:") and step.id not in refused]
