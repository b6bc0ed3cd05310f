"""What happens on the CRM's side."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.simulator import crm, people
from tests.simulator.stage import CHOICES, Stage


class OurRules(Stage):
    """People in the CRM."""

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
