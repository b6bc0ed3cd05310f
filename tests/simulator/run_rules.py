"""When the account runs, and what goes wrong meanwhile."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import rule

from calsync.providers.memory import FaultKind
from tests.simulator import crm, healing, people
from tests.simulator.process import Process, guarded
from tests.simulator.stage import CHOICES, Stage
from tests.simulator.world import WORK

FAULTS = [kind for kind in FaultKind if kind is not FaultKind.CLOCK_SKEW]


class RunRules(Stage):
    """Runs in peace, and runs in trouble."""

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
    def sync_and_die(self, place: int | str) -> None:
        process = Process()
        process.interfere(place, process.die)
        self.run(process, is_troubled=True)
        if process.is_dead:
            self.did("crash")
            self.did(f"crash at {process.passed[-1]}")

    @rule(place=st.integers(0, 40), choice=CHOICES, ours=st.booleans())
    def sync_while_somebody_edits(self, place: int | str, choice: int, ours: bool) -> None:
        process = Process()
        side = crm if ours else people

        def happen() -> bool:
            found = people.pick(side.living(self.w, self.ledger, "single"), choice)
            if not found or side.edit(self.w, self.ledger, found, people.TEXTS[choice % 3], doubtful=True) is False:
                return False
            self.did("we edit during a run" if ours else "they edit during a run")
            return True

        process.interfere(place, guarded(happen))
        self.run(process, is_troubled=True)

    @rule(place=st.integers(0, 40))
    def sync_and_stall(self, place: int | str) -> None:
        """The process sleeps until its lease is over, and another one does its work meanwhile."""
        process = Process()

        def happen() -> None:
            self.w.outlast_the_lease()
            self.w.run(Process())
            self.did("a run overtakes a stalled one")

        process.interfere(place, guarded(happen))
        self.run(process, is_troubled=True)

    @rule()
    def cursors_expire(self) -> None:
        self.w.server.expire_cursors(WORK)
        self.did("cursors expire")

    @rule()
    def calm_down(self) -> None:
        """Heal in the middle, so that long stories do not all begin in a mess."""
        self.heal()
