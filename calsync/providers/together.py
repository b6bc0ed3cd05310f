"""Writes that advance together, so that the calls of many share batches. What a call is, a provider says.

A plan yields the calls it needs next and is sent their outcomes. A call that fails ends its plan, unless the plan
handles it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Generic, TypeVar

from calsync.errors import ProviderError
from calsync.providers.base import Written

Call = TypeVar("Call")
Outcome = TypeVar("Outcome")
Plan = Generator[tuple[Call, ...], tuple[Outcome, ...], Written]


def carry_out(
    send_all: Callable[[Sequence[Call]], Sequence[Outcome]], plans: Sequence[Plan[Call, Outcome]]
) -> list[Written]:
    """Run plans side by side and return their outcomes, in order. Never raises for a single plan."""
    running = _Running(plans)
    while running.advance():
        calls = [call for _, asked in running.waiting for call in asked]
        replies = iter(send_all(calls))
        running.answers = [(number, tuple(next(replies) for _ in asked)) for number, asked in running.waiting]
    return running.outcomes


class _Running(Generic[Call, Outcome]):
    """Plans with the calls that they wait for and the answers that they are to get."""

    def __init__(self, plans: Sequence[Plan[Call, Outcome]]) -> None:
        self._plans = plans
        self.outcomes: list[Written] = [None] * len(plans)
        self.answers: list[tuple[int, tuple[Outcome, ...] | None]] = [(number, None) for number in range(len(plans))]
        self.waiting: list[tuple[int, tuple[Call, ...]]] = []

    def advance(self) -> bool:
        """Give each plan its answer; return whether any of them waits for more."""
        self.waiting = []
        for number, answer in self.answers:
            plan = self._plans[number]
            try:
                self.waiting.append((number, next(plan) if answer is None else plan.send(answer)))
            except StopIteration as done:
                self.outcomes[number] = done.value
            except ProviderError as error:
                self.outcomes[number] = error
        return bool(self.waiting)
