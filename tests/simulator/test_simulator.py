"""The simulator itself: chance on fixed seeds, and the demand that it reached everything it is meant to reach."""

import pytest

from tests.simulator import telling
from tests.simulator.machine import TALLY


@pytest.mark.timeout(400)
def test_both_sides_agree_after_anything() -> None:
    """Nothing is lost or doubled, and nobody is surprised, whatever people, servers and power cuts do."""
    TALLY.counts.clear()
    telling.simulate(seed=1, examples=8)
    stories = telling.tell_until_reached(seed=1, most=60)
    print(f"{stories} stories;", TALLY.report())
    rare = telling.rare()
    assert not rare, f"reached fewer than {telling.ENOUGH} times: {rare}"


@pytest.mark.deep
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", range(2, 8))
def test_both_sides_agree_after_much_more(seed: int) -> None:
    telling.simulate(seed=seed, examples=60, steps=60)


@pytest.mark.deep
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", range(100, 106))
def test_stories_of_all_kinds_end_well(seed: int) -> None:
    TALLY.counts.clear()
    telling.tell_until_reached(seed=seed, most=60)
