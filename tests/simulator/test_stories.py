"""What was found once stays mended, and every kept story still tells what it says."""

import pytest

from tests.simulator import telling
from tests.simulator.stories import STORIES


@pytest.mark.parametrize("name", STORIES)
def test_a_story_ends_well_and_reaches_every_place_it_names(name: str) -> None:
    assert telling.tell(list(STORIES[name])) == []


def test_a_place_that_no_run_comes_by_is_told() -> None:
    """Or kept stories would go on ending well when they tell nothing any more."""
    begins = "start(profile='plain', choice=3)"
    assert telling.tell([begins, "sync_and_die(place='before write 99')", "sync_and_stall(place=1)"]) == [
        "before write 99"
    ]
