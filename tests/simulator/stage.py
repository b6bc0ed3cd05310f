"""Stage: one world and its ledger, how a run is made and judged on it, and how everything ends.

What may happen on it is in the files that build on this one; `machine.py` puts them together.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize

from calsync.engine.vocabulary import Direction, LinkState, Policy, RunState
from calsync.providers.memory import Quirks
from calsync.store import tables as t
from tests.simulator import crm, healing, people, run_checks
from tests.simulator.ledger import Ledger, token_of
from tests.simulator.process import Process
from tests.simulator.run_checks import Before
from tests.simulator.world import World

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


@dataclass
class Tally:
    """How often everything was reached, over all examples of a session."""

    counts: Counter[str] = field(default_factory=Counter)

    def report(self) -> str:
        return "Reached: " + ", ".join(f"{name} {count}" for name, count in sorted(self.counts.items()))


TALLY = Tally()


class Stage(RuleBasedStateMachine):
    """A world on which rules can be played."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="simulator-"))
        self.world: World | None = None
        self.ledger = Ledger()
        self.is_first = True
        self.is_sound = True
        self.missed: list[int | str] = []  # places that a step named, and at which nothing happened

    @initialize(profile=st.sampled_from(sorted(PROFILES)), choice=CHOICES)
    def start(self, profile: str, choice: int) -> None:
        self.begin(World(self.folder, PROFILES[profile]), profile, choice)

    def begin(self, world: World, profile: str, choice: int) -> None:
        """Have a world with some records on each side, and a first run."""
        self.world = world
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

    def run(
        self, process: Process | None = None, *, is_troubled: bool = False, is_approved: bool = False
    ) -> t.Run | None:
        """Run the account and judge what the run has done. Returns as `World.run`; raises Violation."""
        self.is_sound = False  # until this run has been judged: after a violation there is nothing left to heal
        world, before, mails = self.w, Before.of(self.w), len(self.w.server.mails)
        goes_both_ways = world.rules.direction is Direction.BOTH and not world.is_writing_paused
        if goes_both_ways:
            self.ledger.before_run(world.rules.policy, self._hidden())
        fired = world.server.faults.fired.copy()
        run = world.run(process)
        self.missed += sorted(process.missed, key=str) if process else []
        is_clean = run is not None and not is_troubled and run.state in (RunState.SUCCEEDED, RunState.NO_CHANGES)
        carries_over = is_clean and goes_both_ways and not world.server.quirks.lag
        self.ledger.after_run(clean=carries_over, settled=self._settled())
        for kind, times in (world.server.faults.fired - fired).items():
            self.did(f"fault {kind.value}", times)
        if not is_approved:
            run_checks.check_mail(world, mails)
        if not is_troubled:
            run_checks.check_run(world, before, is_first=self.is_first, is_approved=is_approved)
            run_checks.check_ended(world, before, self.ledger)
        if carries_over:
            run_checks.check_asked(world, self.ledger)
        if is_clean:
            self.is_first = False
        self.is_sound = True
        return run

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
        """Return the records that a run had to bring into agreement: their links are in force, nobody is asked about
        them, and they are no later than the window, which leaves alone what it does not reach.
        """
        asked = {conflict.activity_id for conflict in self.w.rows(t.Conflict, t.Conflict.state == "open")}
        horizon = self.w.clock() + timedelta(days=self.w.rules.window_future_days - 1)
        near = [row for row in self.w.activities() if row.content["time"]["start"] < horizon.isoformat()]
        numbers = {row.id: token_of(row.content["summary"]) for row in near if row.id not in asked}
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
