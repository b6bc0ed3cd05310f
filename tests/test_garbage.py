"""How often the interpreter looks for garbage in a process of Calsync."""

import gc

import pytest

from calsync import garbage


@pytest.fixture(autouse=True)
def usual_pace():
    before = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    yield
    gc.set_threshold(*before)


def test_what_is_loaded_is_left_alone_and_the_rest_looked_at_more_seldom():
    mine = [object]
    garbage.settle()
    assert not any(each is mine for each in gc.get_objects())
    assert gc.get_threshold() == (7_000, 10, 10)


def test_a_slower_pace_that_somebody_set_stays():
    gc.set_threshold(50_000, 20, 50)
    garbage.settle()
    assert gc.get_threshold() == (50_000, 20, 50)
