"""Somebody says stop while a run goes on, and some time later: go on."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import rule

from calsync.engine.vocabulary import RunState
from calsync.providers.memory import FaultKind
from tests.simulator import healing, run_checks
from tests.simulator.process import Process, guarded
from tests.simulator.stage import CHOICES, Stage

UNHEARD = (FaultKind.UNAVAILABLE, FaultKind.LOST_BEFORE, FaultKind.LOST_AFTER)
"""Faults after which a run waits and tries again: who says stop may say it then."""


class HaltingRules(Stage):
    """Pauses that begin between two boundaries of a run: of the account, or of all writing."""

    @rule(
        place=st.integers(0, 40),
        choice=CHOICES,
        whole=st.booleans(),
        is_brief=st.booleans(),
        fault=st.sampled_from([None, *UNHEARD]),
    )
    def sync_and_halt(
        self, place: int | str, choice: int, whole: bool, is_brief: bool, fault: FaultKind | None = None
    ) -> None:
        """Pause the account (`whole`) or all writing during a run; unless it is brief, for as long as nobody minds.
        With a fault, a request of the run has to be tried again.
        """
        process, written = Process(), list[int]()
        if fault is not None:
            self.w.server.faults.arm(fault, skip=choice % 3)

        def happen() -> bool:
            is_new = self.w.pause_account() if whole else self.w.pause_writing()
            if is_new:
                written.append(self.w.server.writes)
            return is_new

        process.interfere(place, guarded(happen))
        run = self.run(process, is_troubled=True)
        self.w.server.faults.disarm()
        if not written:
            return
        self.did("the account is paused during a run" if whole else "all writing is paused during a run")
        if run is not None:
            self.is_sound = False
            run_checks.check_halted(self.w, run, written[0])
            self.is_sound = True
            self.did("a run is halted", run.state == RunState.CANCELLED)
        if is_brief:
            self._work_on(choice)
            self.go_on()

    def _work_on(self, choice: int) -> None:
        """Edit both sides during the pause, and run the account as its clock would."""
        self.we_edit("location", choice)
        self.they_edit("description", choice // 2)
        self.run()

    @rule()
    def go_on(self) -> None:
        """End every pause."""
        if healing.go_on(self.w):
            self.did("what was halted goes on")
