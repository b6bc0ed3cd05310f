"""Telling: how stories and examples are run, for the simulator's own tests and for the mutants."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

import hypothesis
import structlog
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from calsync.engine.vocabulary import ConflictKind, Direction, MailRule, Policy
from calsync.providers.memory import FaultKind
from tests.simulator import chance
from tests.simulator.google_world import PAGE_CAPS, GoogleSimulator
from tests.simulator.machine import ACTIONS, PROFILES, TALLY, Simulator
from tests.simulator.microsoft_world import SERVERS, MicrosoftSimulator

NAMES = {kind.__name__: kind for kind in (Direction, FaultKind, MailRule, Policy)}
ENOUGH = 20
"""How often each action, fault and kind of conflict has to be reached."""


def wanted() -> dict[str, int]:
    """Return everything that has to be reached, and how often."""
    names = {
        *ACTIONS,
        *(f"profile {name}" for name in PROFILES),
        *(f"fault {kind.value}" for kind in FaultKind),
        *(f"conflict {kind.value}" for kind in ConflictKind if kind is not ConflictKind.SERIES),
        *(f"policy {policy.value}" for policy in Policy),
        *(f"direction {direction.value}" for direction in Direction),
        *(f"mail {rule.value}" for rule in MailRule),
    }
    return {name: 3 if name.startswith("profile") else ENOUGH for name in sorted(names)}


def simulate(seed: int, examples: int, steps: int = 40, machine: type[Simulator] = Simulator) -> None:
    """Run examples of the state machine from a seed. Raises Violation, or whatever broke.

    CALSYNC_SIMULATOR_SHRINK=1 lets Hypothesis shorten a failing example; `shorten.py` is faster.
    """

    @hypothesis.seed(seed)
    class Seeded(machine):  # type: ignore[misc, valid-type]
        pass

    run_state_machine_as_test(Seeded, settings=_limits(examples, steps))


def tell(steps: list[str]) -> list[int | str]:
    """Tell one story to its end and return the places it names at which nothing happened. Raises Violation, or
    whatever broke, with the story as a note.
    """
    state = machine_of(steps)()
    try:
        try:
            for step in steps:
                eval(f"state.{step}", {"state": state, **NAMES})  # noqa: S307 -- steps of our own making
        finally:
            state.teardown()
    except Exception as error:
        error.add_note("\n".join(f"state.{step}" for step in steps))
        raise
    return state.missed


def machine_of(steps: list[str]) -> type[Simulator]:
    """Return the machine whose profile a story begins with."""
    others = {**dict.fromkeys(PAGE_CAPS, GoogleSimulator), **dict.fromkeys(SERVERS, MicrosoftSimulator)}
    return next((machine for name, machine in others.items() if f"profile={name!r}" in steps[0]), Simulator)


def tell_until_reached(seed: int, most: int) -> int:
    """Tell stories until everything was reached often enough, at most so many, and return how many it took."""
    random = Random(seed)
    for told in range(most):
        if not rare():
            return told
        tell(chance.story(random, TALLY.counts, wanted()))
    return most


def rare() -> dict[str, int]:
    """Return what was not reached often enough, and how often it was."""
    return {name: TALLY.counts[name] for name, times in wanted().items() if TALLY.counts[name] < times}


def _limits(examples: int, steps: int) -> settings:
    phases = [Phase.explicit, Phase.generate]
    if os.environ.get("CALSYNC_SIMULATOR_SHRINK"):
        phases.append(Phase.shrink)
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        phases=phases,
        derandomize=False,
        database=None,
        deadline=None,
        print_blob=False,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )


@contextmanager
def in_silence() -> Iterator[None]:
    """Keep the log of the services out of the way."""
    before: Any = structlog.get_config()["wrapper_class"]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    structlog.configure(wrapper_class=before)
