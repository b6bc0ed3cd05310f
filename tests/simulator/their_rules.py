"""What happens on the calendar's side."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.simulator import people
from tests.simulator.stage import CHOICES, Stage
from tests.simulator.world import HOME, WORK


class TheirRules(Stage):
    """People and the server at the provider."""

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
