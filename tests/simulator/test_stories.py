"""What was found once stays mended."""

import pytest

from tests.simulator.shorten import verdict
from tests.simulator.stories import STORIES


@pytest.mark.parametrize("name", STORIES)
def test_a_story_ends_well(name: str) -> None:
    assert verdict(list(STORIES[name])) == ""
