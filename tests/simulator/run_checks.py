"""Run checks: what no single run may do, whatever is still open. Each raises Violation."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from calsync.engine import event as events
from calsync.engine.vocabulary import Direction, MailRule, RunState, StepState
from calsync.store import tables as t
from tests.simulator.invariants import Violation, holds, is_far, look, one
from tests.simulator.ledger import Ledger, token_of
from tests.simulator.world import World


@dataclass
class Before:
    """What was there when a run began."""

    writes: int
    mails: int
    contents: dict[int, str]
    living_here: set[int]
    living_there: Counter[tuple[str, str]]

    @staticmethod
    def of(world: World) -> Before:
        rows = world.activities()
        return Before(
            writes=world.server.writes,
            mails=len(world.server.mails),
            contents={t.pk(row): row.fingerprint + row.status for row in rows},
            living_here={t.pk(row) for row in rows if row.status != "cancelled" and not row.is_dissolved},
            living_there=_names(world),
        )


def check_run(world: World, before: Before, *, is_first: bool, is_approved: bool) -> None:
    """Check what no run may do. For runs during which nobody else was at work."""
    after = Before.of(world)
    rules = world.rules
    if rules.direction is Direction.INBOUND and after.writes != before.writes:
        raise Violation("direction", f"{after.writes - before.writes} writes of an inbound account")
    changed = {i for i, text in before.contents.items() if after.contents.get(i) != text}
    if rules.direction is Direction.OUTBOUND and (changed or len(after.contents) > len(before.contents)):
        raise Violation("direction", f"activities {changed} changed on an outbound account")
    if not is_approved:
        _check_brake(world, before, after, is_first=is_first)


def check_ended(world: World, before: Before, ledger: Ledger) -> None:
    """A run ends no activity that nobody has ended: leaving the window or a calendar is no deletion."""
    for row in world.activities():
        record = ledger.records.get(token_of(row.content["summary"]) or 0)
        if record is None or record.was_over or record.shape == "override" or t.pk(row) not in before.living_here:
            continue
        if row.status == "cancelled" or row.is_dissolved:
            raise Violation("ended by nobody", record)


def check_halted(world: World, run: t.Run, written: int) -> None:
    """After somebody has said stop, at `written` writes, no more goes out than what was on its way, and a run that ends
    for that says why, leaves nothing half begun, and leaves its account due for the rest.
    """
    more = world.server.writes - written
    if more > world.server.quirks.batch_size:
        raise Violation("halted", f"{more} writes after somebody said stop")
    if run.state != RunState.CANCELLED:
        return
    if not run.error or world.rows(t.Step, t.Step.run_id == run.id, t.Step.state == StepState.APPLYING):
        raise Violation("halted", f"{run.error!r}, and steps that are still under way")
    account = world.account()
    if account.lease_owner or account.next_sync_at is None or account.next_sync_at > world.clock():
        raise Violation("forgotten", f"due {account.next_sync_at}, held by {account.lease_owner}")


def check_asked(world: World, ledger: Ledger) -> None:
    """A clash that a person is to decide is written on neither side."""
    both = look(world)
    for (number, name), (ours, theirs) in ledger.asked.items():
        (here,), (there,) = (one(sides) for sides in both.living(number))
        if here is None or there is None or is_far(world, here) or is_far(world, there):
            continue
        if not (holds(here, name, ours.value) and holds(there, name, theirs.value)):
            found = (here.content[name], there.content[name])
            raise Violation("decided unasked", f"{ledger.records[number]} {name}: {found}, after {ours} and {theirs}")


def check_mail(world: World, since: int) -> None:
    """Nobody was mailed whom the settings spare, and never about the past."""
    rules = world.rules
    allowed = {"new": rules.mail_new, "changed": rules.mail_changed, "cancelled": rules.mail_cancelled}
    for mail in world.server.mails[since:]:
        rule = allowed[mail.why]
        is_internal = mail.to.endswith("@example.com")
        if rule is MailRule.NEVER or (rule is MailRule.EXTERNAL and is_internal):
            raise Violation("mail", f"{mail} although the rule is {rule}")


def _check_brake(world: World, before: Before, after: Before, *, is_first: bool) -> None:
    rules = world.rules
    gone = len(before.living_here - after.living_here) + (before.living_there - after.living_there).total()
    there = max(len(before.living_here), before.living_there.total())
    if gone > rules.brake_deletions and gone > rules.brake_deletion_share * there:
        raise Violation("brake", f"{gone} of {there} ended in one run")
    made = len(after.living_here - before.living_here) + (after.living_there - before.living_there).total()
    if made > rules.brake_creates and not is_first:
        raise Violation("brake", f"{made} created in one run")


def _names(world: World) -> Counter[tuple[str, str]]:
    living = [e for _, _, e in world.remote_events() if not e.is_cancelled]
    return Counter((e.uid, events.recurrence_key(e)) for e in living)
