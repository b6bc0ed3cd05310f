"""Machine: chance decides what people do, when the account runs, and what goes wrong meanwhile.

One example is one world. It ends with healing, and with it every check there is.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from calsync.engine.vocabulary import AccountState, Direction, LinkState, MailRule, Policy, RunState, StepState
from calsync.providers.memory import FaultKind, Quirks
from calsync.runtime import SYSTEM
from calsync.services import accounts, disconnect
from calsync.store import tables as t
from tests.simulator import crm, healing, invariants, people
from tests.simulator.invariants import Before
from tests.simulator.ledger import Ledger, token_of
from tests.simulator.process import Process, guarded
from tests.simulator.world import HOME, WORK, World

PROFILES = {
    "plain": Quirks(),
    "paged": Quirks(page_size=2, keeps_unknown=False, answers_version=False),
    "google-like": Quirks(series_is_one_resource=False, cancel_is_visible=False, mails_by_choice=True, batch_size=5),
    "graph-like": Quirks(
        series_is_one_resource=False, cancel_is_visible=False, mails_on_write=True, normalises=True, can_move=True
    ),
    "lagging": Quirks(lag=4, page_size=3),
    "late": Quirks(tombstone_lag=6, mails_by_choice=True),
    "restless": Quirks(bumps_versions=True, normalises=True, account_wide_uids=True, can_move=True),
    "listing": Quirks(has_feed=False, expresses=Quirks().expresses - {"reminders", "classification"}),
}
"""Servers as they are found; each example meets one."""

CHOICES = st.integers(0, 999)
POLICIES = st.sampled_from([None, *Policy])
FAULTS = [kind for kind in FaultKind if kind is not FaultKind.CLOCK_SKEW]


@dataclass
class Tally:
    """How often everything was reached, over all examples of a session."""

    counts: Counter[str] = field(default_factory=Counter)

    def report(self) -> str:
        lines = [f"  {count:6d}  {name}" for name, count in sorted(self.counts.items())]
        return "reached:\n" + "\n".join(lines)


TALLY = Tally()


class Simulator(RuleBasedStateMachine):
    """Two sides, one account, and everything that can happen to them."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="simulator-"))
        self.world: World | None = None
        self.ledger = Ledger()
        self.is_first = True
        self.is_sound = True

    @initialize(profile=st.sampled_from(sorted(PROFILES)), choice=CHOICES)
    def start(self, profile: str, choice: int) -> None:
        self.world = World(self.folder, PROFILES[profile])
        self.did(f"profile {profile}")
        for n in range(4 + choice % 4):
            people.create(self.w, self.ledger, ("single", "series", "all_day", "single")[n % 4])
        for n in range(3):
            crm.create(self.w, self.ledger, ("single", "series", "single")[n])
        self.run()

    @property
    def w(self) -> World:
        assert self.world is not None
        return self.world

    def did(self, name: str, times: int = 1) -> None:
        TALLY.counts[name] += times

    def pause(self, choice: int = 60) -> None:
        """Let time pass between two actions; short enough for ties now and then."""
        self.w.clock.advance(seconds=2 if choice % 7 == 0 else 61)

    # --- the calendar's side ---------------------------------------------------------------------------------

    @rule(shape=st.sampled_from(["single", "single", "all_day", "series", "guests"]), home=st.booleans())
    def they_create(self, shape: str, home: bool) -> None:
        self.pause()
        people.create(self.w, self.ledger, shape, HOME if home else WORK)
        self.did(f"they create {shape}")

    @rule(name=st.sampled_from(people.TEXTS), choice=CHOICES)
    def they_edit(self, name: str, choice: int) -> None:
        found = people.pick(people.living(self.w, self.ledger), choice)
        if found:
            self.pause(choice)
            people.edit(self.w, self.ledger, found, name)
            self.did("they edit")

    @rule(choice=CHOICES)
    def they_retime(self, choice: int) -> None:
        found = people.pick(people.living(self.w, self.ledger, "single", "all_day"), choice)
        if found:
            self.pause(choice)
            people.retime(self.w, self.ledger, found, far=choice % 9 == 0)
            self.did("they move to another day")

    @rule(choice=CHOICES)
    def they_tag(self, choice: int) -> None:
        found = people.pick(people.living(self.w, self.ledger, "single", "series"), choice)
        if found:
            people.tag(self.w, self.ledger, found)
            self.did("they change sets")

    @rule(choice=CHOICES)
    def they_cancel(self, choice: int) -> None:
        found = people.pick(people.living(self.w, self.ledger, "single", "all_day", "series"), choice)
        if found:
            self.pause(choice)
            people.cancel(self.w, self.ledger, found)
            self.did("they cancel")

    @rule(choice=CHOICES)
    def they_delete(self, choice: int) -> None:
        found = people.pick(people.living(self.w, self.ledger, "single", "all_day", "series"), choice)
        if found:
            self.pause(choice)
            people.delete(self.w, self.ledger, found)
            self.did("they delete")

    @rule(choice=CHOICES)
    def they_drag_to_another_calendar(self, choice: int) -> None:
        found = people.pick(people.living(self.w, self.ledger, "single", "series"), choice)
        if found and people.move(self.w, self.ledger, found):
            self.ledger.doubt([found.record.number])
            self.did("they drag to another calendar")

    @rule(choice=CHOICES)
    def they_change_an_occurrence(self, choice: int) -> None:
        found = people.pick(people.living(self.w, self.ledger, "series"), choice)
        if found and people.override(self.w, self.ledger, found, choice):
            self.did("they change an occurrence")

    @rule(choice=CHOICES)
    def they_remove_an_occurrence(self, choice: int) -> None:
        found = people.pick(people.living(self.w, self.ledger, "series"), choice)
        if found and people.remove_occurrence(self.w, self.ledger, found, choice):
            self.did("they remove an occurrence")

    @rule()
    def they_write_nonsense(self) -> None:
        people.write_nonsense(self.w, self.ledger)
        self.did("they write nonsense")

    @rule(choice=CHOICES)
    def the_server_touches(self, choice: int) -> None:
        found = people.pick(people.living(self.w, self.ledger), choice)
        if found:
            people.touch(self.w, found)
            self.did("the server touches")

    @rule()
    def they_delete_many(self) -> None:
        for found in people.living(self.w, self.ledger, "single", "all_day")[:8]:
            people.delete(self.w, self.ledger, found)
        self.did("they delete many")

    # --- the CRM's side --------------------------------------------------------------------------------------

    @rule(shape=st.sampled_from(["single", "single", "all_day", "series", "guests", "task"]))
    def we_create(self, shape: str) -> None:
        self.pause()
        crm.create(self.w, self.ledger, shape)
        self.did(f"we create {shape}")

    @rule(name=st.sampled_from(people.TEXTS), choice=CHOICES)
    def we_edit(self, name: str, choice: int) -> None:
        found = people.pick(crm.living(self.w, self.ledger), choice)
        self.pause(choice)
        if found and crm.edit(self.w, self.ledger, found, name):
            self.did("we edit")

    @rule(choice=CHOICES)
    def we_retime(self, choice: int) -> None:
        found = people.pick(crm.living(self.w, self.ledger, "single", "all_day"), choice)
        self.pause(choice)
        if found and crm.retime(self.w, self.ledger, found, far=choice % 9 == 0):
            self.did("we move to another day")

    @rule(choice=CHOICES)
    def we_cancel(self, choice: int) -> None:
        found = people.pick(crm.living(self.w, self.ledger, "single", "all_day", "series"), choice)
        self.pause(choice)
        if found and crm.cancel(self.w, self.ledger, found):
            self.did("we cancel")

    @rule(choice=CHOICES)
    def we_revive(self, choice: int) -> None:
        self.pause(choice)
        if crm.revive(self.w, self.ledger, choice):
            self.did("we revive")

    @rule(choice=CHOICES)
    def we_change_an_occurrence(self, choice: int) -> None:
        found = people.pick(crm.living(self.w, self.ledger, "series"), choice)
        if found and crm.override(self.w, self.ledger, found, choice):
            self.did("we change an occurrence")

    @rule(choice=CHOICES)
    def we_remove_an_occurrence(self, choice: int) -> None:
        found = people.pick(crm.living(self.w, self.ledger, "series"), choice)
        if found and crm.remove_occurrence(self.w, self.ledger, found, choice):
            self.did("we remove an occurrence")

    # --- both at once ----------------------------------------------------------------------------------------

    @rule(name=st.sampled_from((*people.TEXTS, "time")), choice=CHOICES, ours_first=st.booleans(), policy=POLICIES)
    def both_edit(self, name: str, choice: int, ours_first: bool, policy: Policy | None) -> None:
        """One field of one record, changed on both sides before a run."""
        pair = people.pick(self._pairs("single", "series"), choice)
        if pair is None or (name == "time" and pair[0].record.shape == "series"):
            return
        self._under(policy)
        ours, theirs = pair
        acts: list[Callable[[], object]] = [
            partial(crm.edit if name != "time" else crm.retime_named, self.w, self.ledger, ours, name),
            partial(people.edit, self.w, self.ledger, theirs, name)
            if name != "time"
            else partial(people.retime, self.w, self.ledger, theirs),
        ]
        for act in acts if ours_first else acts[::-1]:
            self.pause(choice)
            act()
        self.did("both edit one field")
        self._and_run(policy)

    @rule(choice=CHOICES, ours_ends=st.booleans(), ours_first=st.booleans(), policy=POLICIES)
    def one_ends_what_the_other_edits(
        self, choice: int, ours_ends: bool, ours_first: bool, policy: Policy | None
    ) -> None:
        pair = people.pick(self._pairs("single"), choice)
        if pair is None:
            return
        self._under(policy)
        ours, theirs = pair
        here = partial(crm.cancel, self.w, self.ledger, ours)
        there = partial(people.delete if choice % 2 else people.cancel, self.w, self.ledger, theirs)
        if ours_ends:
            there = partial(people.edit, self.w, self.ledger, theirs, "summary")
        else:
            here = partial(crm.edit, self.w, self.ledger, ours, "summary")
        for act in (here, there) if ours_first else (there, here):
            self.pause(choice)
            act()
        self.did("one ends what the other edits")
        self._and_run(policy)

    @rule(choice=CHOICES)
    def a_series_moves_under_a_changed_occurrence(self, choice: int) -> None:
        pair = people.pick(self._pairs("series"), choice)
        if pair is None:
            return
        ours, theirs = pair
        if people.override(self.w, self.ledger, theirs, choice) and crm.retime(self.w, self.ledger, ours):
            self.did("a series moves under a changed occurrence")

    @rule()
    def twins_meet(self) -> None:
        """Two activities look like one event: only a person can tell which it is."""
        if self._sees_everything() and self.w.rules.direction is Direction.BOTH:
            crm.create_alike(self.w, self.ledger, "twin", 2)
            self.run()
            self.did("twins meet")

    @rule()
    def we_write_down_what_they_have(self) -> None:
        """An activity and an event that are the same, each made without knowing of the other."""
        if self._sees_everything():
            crm.create_alike(self.w, self.ledger, "single", 1)
            self.run()
            self.did("we write down what they have")

    def _sees_everything(self) -> bool:
        """Return whether a run in peace reads everything there is before it writes anything."""
        is_open = self.w.account().state == AccountState.ACTIVE and self.w.calendar(WORK).syncs
        is_open = is_open and self.w.rules.window_future_days >= 365
        return is_open and not self.w.server.quirks.lag

    def _under(self, policy: Policy | None) -> None:
        """Put a policy in force first; None keeps the one there is."""
        if policy is not None and policy is not self.w.rules.policy:
            self.choose_policy(policy)

    def _and_run(self, policy: Policy | None) -> None:
        """Run at once, so that nothing comes between; with the policy kept, others may still interfere."""
        if policy is not None:
            self.run()

    # --- settings and access ---------------------------------------------------------------------------------

    @rule(policy=st.sampled_from(list(Policy)))
    def choose_policy(self, policy: Policy) -> None:
        self.w.change_rules(policy=policy)
        self.ledger.doubt()
        self.did(f"policy {policy.value}")

    @rule(days=st.sampled_from([50, 365]))
    def choose_window(self, days: int) -> None:
        self.w.change_rules(window_future_days=days)
        self.ledger.doubt()
        self.did("window changes")

    @rule(direction=st.sampled_from([Direction.INBOUND, Direction.OUTBOUND, Direction.BOTH, Direction.BOTH]))
    def choose_direction(self, direction: Direction) -> None:
        self.w.change_rules(direction=direction)
        self.ledger.doubt()
        self.did(f"direction {direction.value}")

    @rule(rule_=st.sampled_from(list(MailRule)))
    def choose_mail(self, rule_: MailRule) -> None:
        self.w.change_rules(mail_new=rule_, mail_changed=rule_, mail_cancelled=rule_)
        self.did(f"mail {rule_.value}")

    @rule(shown=st.booleans())
    def choose_privacy(self, shown: bool) -> None:
        self.w.change_rules(show_description=shown, show_location=shown)
        self.ledger.doubt()
        self.did("privacy changes")

    @rule(syncs=st.booleans(), home=st.booleans())
    def choose_calendar(self, syncs: bool, home: bool) -> None:
        calendar = self.w.calendar(HOME if home else WORK)
        if self.w.account().state != AccountState.DISCONNECTED:
            accounts.set_calendar(self.w.rt, t.pk(calendar), syncs=syncs, by=SYSTEM)
            self.ledger.doubt()
            self.did("calendar selected" if syncs else "calendar deselected")

    @rule(choice=CHOICES, is_brief=st.booleans())
    def disconnect_and_reconnect(self, choice: int, is_brief: bool) -> None:
        """Disconnect, go on working on both sides, and connect again; unless it is brief, some other time."""
        if self.w.account().state != AccountState.DISCONNECTED:
            disconnect.disconnect(self.w.rt, self.w.account_id, "keep", by=SYSTEM)
            self.did("disconnected")
            self.ledger.doubt()
        if is_brief or choice % 2:
            self.we_edit("location", choice)
            self.they_edit("location", choice // 2)
            healing.reconnect(self.w)
            self.did("reconnected")
            self.ledger.doubt()

    @rule(choice=CHOICES)
    def approve_and_resolve(self, choice: int) -> None:
        """A person looks at what waits; where nothing does, some clash is brought about first."""
        if not self._waits():
            self.both_edit("summary", choice, ours_first=bool(choice % 2), policy=Policy.MANUAL)
        if healing.approve(self.w) + healing.resolve(self.w, self.ledger):
            self.ledger.doubt()
            self.run(is_approved=True)
            self.did("a person decides")

    def _waits(self) -> bool:
        held = self.w.rows(t.Step, t.Step.state == StepState.HELD)
        return bool(held or self.w.rows(t.Conflict, t.Conflict.state == "open"))

    # --- runs ------------------------------------------------------------------------------------------------

    @rule()
    def sync(self) -> None:
        self.run()
        self.did("run in peace")

    @rule(kinds=st.lists(st.tuples(st.sampled_from(FAULTS), st.integers(0, 4)), min_size=1, max_size=3))
    def sync_with_faults(self, kinds: list[tuple[FaultKind, int]]) -> None:
        for kind, skip in kinds:
            self._make_way_for(kind, skip)
            self.w.server.faults.arm(kind, skip=skip)
        self.run(is_troubled=True)
        self.w.server.faults.disarm()
        if FaultKind.REVOKED in dict(kinds):
            self.w.server.allow()
            healing.reconnect(self.w)
        self.w.clock.advance(minutes=2)

    def _make_way_for(self, kind: FaultKind, choice: int) -> None:
        """See to it that there will be a request that this fault can happen to."""
        if kind is FaultKind.HOLLOW:
            self.w.server.expire_cursors(WORK)
        if kind in (FaultKind.LOST_AFTER, FaultKind.LOST_BEFORE, FaultKind.VERSION_MISMATCH):
            self.we_edit("description", choice)

    # Rules are drawn evenly, and there are more kinds of faults than anything else.
    faults_again = sync_with_faults
    more_faults = sync_with_faults
    still_more_faults = sync_with_faults

    @rule(minutes=st.sampled_from([-7, 7, 0]))
    def the_server_clock_is_wrong(self, minutes: int) -> None:
        self.w.server.faults.skew = timedelta(minutes=minutes)
        self.w.server.faults.arm(FaultKind.CLOCK_SKEW)
        self.run(is_troubled=True)
        self.ledger.doubt()

    @rule(place=st.integers(0, 60))
    def sync_and_die(self, place: int) -> None:
        process = Process()
        process.at[place] = process.die
        self.run(process, is_troubled=True)
        if process.is_dead:
            self.did("crash")
            self.did(f"crash at {process.passed[-1]}")

    @rule(place=st.integers(0, 40), choice=CHOICES, ours=st.booleans())
    def sync_while_somebody_edits(self, place: int, choice: int, ours: bool) -> None:
        process = Process()
        side = crm if ours else people

        def happen() -> None:
            found = people.pick(side.living(self.w, self.ledger, "single"), choice)
            if found and side.edit(self.w, self.ledger, found, people.TEXTS[choice % 3], doubtful=True) is not False:
                self.did("we edit during a run" if ours else "they edit during a run")

        process.at[place] = guarded(happen)
        self.run(process, is_troubled=True)

    @rule(place=st.integers(0, 40))
    def sync_and_stall(self, place: int) -> None:
        """The process sleeps until its lease is over, and another one does its work meanwhile."""
        process = Process()

        def happen() -> None:
            self.w.clock.advance(minutes=10)
            self.w.run(Process())
            self.did("a run overtakes a stalled one")

        process.at[place] = guarded(happen)
        self.run(process, is_troubled=True)

    @rule()
    def cursors_expire(self) -> None:
        self.w.server.expire_cursors(WORK)
        self.did("cursors expire")

    @precondition(lambda self: self.world is not None)
    @rule()
    def calm_down(self) -> None:
        """Heal in the middle, so that long stories do not all begin in a mess."""
        self.heal()

    # --- how it is done --------------------------------------------------------------------------------------

    def run(self, process: Process | None = None, *, is_troubled: bool = False, is_approved: bool = False) -> None:
        self.is_sound = False  # until this run has been judged: after a violation there is nothing left to heal
        world, before, mails = self.w, Before.of(self.w), len(self.w.server.mails)
        goes_both_ways = world.rules.direction is Direction.BOTH
        if goes_both_ways:
            self.ledger.before_run(world.rules.policy, self._hidden())
        fired = world.server.faults.fired.copy()
        run = world.run(process)
        is_clean = run is not None and not is_troubled and run.state in (RunState.SUCCEEDED, RunState.NO_CHANGES)
        carries_over = is_clean and goes_both_ways and not world.server.quirks.lag
        self.ledger.after_run(clean=carries_over, settled=self._settled())
        for kind, times in (world.server.faults.fired - fired).items():
            self.did(f"fault {kind.value}", times)
        if not is_approved:
            invariants.check_mail(world, mails)
        if not is_troubled:
            invariants.check_run(world, before, is_first=self.is_first, is_approved=is_approved)
        if carries_over:
            invariants.check_asked(world, self.ledger)
        if is_clean:
            self.is_first = False
        self.is_sound = True

    def heal(self) -> None:
        self.is_sound = False
        healing.heal(self.w, self.ledger)
        self.ledger.fresh.clear()
        self.ledger.expected.clear()
        self.w.server.quirks = self.w.quirks
        self.did("healed")
        self.is_sound = True

    def _hidden(self) -> set[str]:
        shown = {"description": self.w.rules.show_description, "location": self.w.rules.show_location}
        return {name for name, is_shown in shown.items() if not is_shown}

    def _settled(self) -> set[int]:
        """Return the records whose links are in force."""
        numbers = {row.id: token_of(row.content["summary"]) for row in self.w.activities()}
        active = [link for link in self.w.rows(t.Link) if link.state != LinkState.PARKED]
        return {number for link in active if (number := numbers.get(link.activity_id)) is not None}

    def _pairs(self, *shapes: str) -> list[tuple[crm.Found, people.Found]]:
        ours = {found.record.number: found for found in crm.living(self.w, self.ledger, *shapes)}
        theirs = people.living(self.w, self.ledger, *shapes)
        return [(ours[found.record.number], found) for found in theirs if found.record.number in ours]

    def teardown(self) -> None:
        try:
            if self.world is not None and self.is_sound:
                self.heal()
        finally:
            self._count()
            if self.world is not None:
                self.world.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    def _count(self) -> None:
        TALLY.counts.update(self.ledger.reached)
        if self.world is None:
            return
        for conflict in self.w.rows(t.Conflict):
            self.did(f"conflict {conflict.kind}")
        for step in self.w.rows(t.Step):
            if step.losing:
                self.did(f"decided {step.reason}")


ACTIONS = (
    *(f"they create {shape}" for shape in ("single", "all_day", "series", "guests")),
    *(f"we create {shape}" for shape in ("single", "all_day", "series", "guests", "task")),
    "they edit",
    "they move to another day",
    "they change sets",
    "they cancel",
    "they delete",
    "they drag to another calendar",
    "they change an occurrence",
    "they remove an occurrence",
    "they write nonsense",
    "they delete many",
    "the server touches",
    "we edit",
    "we move to another day",
    "we cancel",
    "we revive",
    "we change an occurrence",
    "we remove an occurrence",
    "both edit one field",
    "one ends what the other edits",
    "a series moves under a changed occurrence",
    "twins meet",
    "we write down what they have",
    "window changes",
    "privacy changes",
    "calendar deselected",
    "calendar selected",
    "disconnected",
    "reconnected",
    "a person decides",
    "run in peace",
    "crash",
    "we edit during a run",
    "they edit during a run",
    "a run overtakes a stalled one",
    "cursors expire",
    "healed",
)
"""Everything that has to be reached besides faults, settings and conflicts."""
