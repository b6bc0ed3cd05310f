"""The simulator itself: chance on fixed seeds, and the demand that it reached everything it is meant to reach."""

from __future__ import annotations

import os

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from calsync.engine.vocabulary import ConflictKind, Direction, MailRule, Policy
from calsync.providers.memory import FaultKind
from tests.simulator.machine import ACTIONS, PROFILES, TALLY, Simulator

ENOUGH = 20
"""How often each action, fault and kind of conflict has to be reached."""


def limits(examples: int, steps: int) -> settings:
    """Return settings for a run on a fixed seed. CALSYNC_SIMULATOR_SHRINK=1 makes a failing story short."""
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


def simulate(seed: int, examples: int, steps: int = 40) -> None:
    """Run examples from a seed. Raises Violation, or whatever broke."""

    @hypothesis.seed(seed)
    class Seeded(Simulator):
        pass

    run_state_machine_as_test(Seeded, settings=limits(examples, steps))


def expected() -> set[str]:
    """Return the names of everything that has to be reached."""
    return {
        *ACTIONS,
        *(f"profile {name}" for name in PROFILES),
        *(f"fault {kind.value}" for kind in FaultKind),
        *(f"conflict {kind.value}" for kind in ConflictKind),
        *(f"policy {policy.value}" for policy in Policy),
        *(f"direction {direction.value}" for direction in Direction),
        *(f"mail {rule.value}" for rule in MailRule),
    }


@pytest.mark.timeout(400)
def test_both_sides_agree_after_anything() -> None:
    """Nothing is lost or doubled, and nobody is surprised, whatever people, servers and power cuts do."""
    TALLY.counts.clear()
    simulate(seed=1, examples=QUICK_EXAMPLES)
    print(TALLY.report())
    rare = {name: TALLY.counts[name] for name in sorted(expected()) if TALLY.counts[name] < ENOUGH}
    assert not rare, f"reached fewer than {ENOUGH} times: {rare}"


QUICK_EXAMPLES = 50


@pytest.mark.deep
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", range(2, 8))
def test_both_sides_agree_after_much_more(seed: int) -> None:
    simulate(seed=seed, examples=150, steps=60)
