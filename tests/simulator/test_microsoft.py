"""The simulator on the real Microsoft client, against the emulator."""

import pytest

from tests.simulator import telling
from tests.simulator.microsoft_world import MicrosoftSimulator


@pytest.mark.timeout(300)
def test_both_sides_agree_after_anything_at_microsoft() -> None:
    telling.simulate(seed=1, examples=8, steps=30, machine=MicrosoftSimulator)


@pytest.mark.deep
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(2, 4))
def test_both_sides_agree_after_much_more_at_microsoft(seed: int) -> None:
    telling.simulate(seed=seed, examples=20, steps=50, machine=MicrosoftSimulator)
