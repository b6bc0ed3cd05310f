"""The simulator on the real Google client, against the emulator."""

import pytest

from tests.simulator import telling
from tests.simulator.google_world import GoogleSimulator


@pytest.mark.timeout(300)
def test_both_sides_agree_after_anything_at_google() -> None:
    telling.simulate(seed=1, examples=4, steps=30, machine=GoogleSimulator)


@pytest.mark.deep
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(2, 4))
def test_both_sides_agree_after_much_more_at_google(seed: int) -> None:
    telling.simulate(seed=seed, examples=20, steps=50, machine=GoogleSimulator)
