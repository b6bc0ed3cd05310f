"""The simulator itself: chance on fixed seeds, and the demand that it reached everything it is meant to reach.

What was reached how often stands at the end of the run.
"""

from collections.abc import Callable

import pytest

from tests.simulator import telling
from tests.simulator.machine import TALLY

Record = Callable[[str, object], None]


@pytest.mark.timeout(600)
def test_both_sides_agree_after_anything(record_property: Record) -> None:
    """Nothing is lost or doubled, and nobody is surprised, whatever people, servers and power cuts do."""
    TALLY.counts.clear()
    telling.simulate(seed=1, examples=4)
    tell_everything(seed=1, record=record_property)


@pytest.mark.deep
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(2, 4))
def test_both_sides_agree_after_much_more(seed: int) -> None:
    telling.simulate(seed=seed, examples=25, steps=50)


@pytest.mark.deep
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(100, 102))
def test_stories_of_all_kinds_end_well(seed: int, record_property: Record) -> None:
    TALLY.counts.clear()
    tell_everything(seed, record_property)


def tell_everything(seed: int, record: Record) -> None:
    """Tell stories until everything has been reached often enough. Fails when too many were not enough."""
    stories = telling.tell_until_reached(seed, most=100)
    record("told", f"Simulator, seed {seed}: {stories} stories. {TALLY.report()}")
    rare = telling.rare()
    assert not rare, f"reached fewer than {telling.ENOUGH} times: {rare}"
