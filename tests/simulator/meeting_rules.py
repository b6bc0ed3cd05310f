"""What happens on both sides at once, so that they meet."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from hypothesis import strategies as st
from hypothesis.stateful import rule

from calsync.engine.vocabulary import AccountState, Direction, Policy
from tests.simulator import crm, people
from tests.simulator.stage import CHOICES, POLICIES, Stage
from tests.simulator.world import WORK


class MeetingRules(Stage):
    """Both sides at once."""

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
