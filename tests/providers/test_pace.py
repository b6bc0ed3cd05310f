"""Staying below a quota: who waits how long, and who is sent away."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calsync.errors import RateLimited
from calsync.providers.pace import Pace

NOW = datetime(2030, 1, 7, 9, tzinfo=UTC)


@dataclass
class Watch:
    """A clock that goes on when somebody sleeps."""

    at: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds


def pace_of(watch: Watch) -> Pace:
    """600 calls a minute for each person, 720 for all."""
    return Pace(600, 720, clock=lambda: watch.at, sleep=watch.sleep, now=lambda: NOW)


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def pace(watch: Watch) -> Pace:
    return pace_of(watch)


def test_half_of_the_quota_waits_for_nothing(pace: Pace, watch: Watch) -> None:
    for _ in range(6):
        pace.take("ada", 50)
    assert watch.slept == []


def test_what_is_more_waits_for_its_turn(pace: Pace, watch: Watch) -> None:
    pace.take("ada", 300)
    pace.take("ada", 50)
    assert sum(watch.slept) == pytest.approx(10.0)


def test_others_have_a_bucket_of_their_own_and_share_one(pace: Pace, watch: Watch) -> None:
    pace.take("ada", 300)
    pace.take("eli", 60)
    assert watch.slept == []
    pace.take("eli", 6)
    assert sum(watch.slept) == pytest.approx(1.0)


def test_a_long_wait_ends_the_run_instead(pace: Pace, watch: Watch) -> None:
    pace.take("ada", 300)
    with pytest.raises(RateLimited) as raised:
        pace.take("ada", 150)
    assert raised.value.until == NOW + timedelta(seconds=30)
    assert watch.slept == []


@given(st.lists(st.tuples(st.floats(0, 30), st.integers(1, 50)), max_size=200))
def test_no_minute_holds_more_than_the_quota(steps: list[tuple[float, int]]) -> None:
    watch = Watch()
    pace = pace_of(watch)
    made: list[tuple[float, int]] = []
    for pause, count in steps:
        watch.at += pause
        pace.take("ada", count)
        made.append((watch.at, count))
    for at, _ in made:
        assert sum(count for when, count in made if at - 60 < when <= at) <= 600 + 1e-6


def test_more_than_a_bucket_holds_waits_for_a_full_one(pace: Pace, watch: Watch) -> None:
    pace.take("ada", 1000)
    assert watch.slept == []
    with pytest.raises(RateLimited):
        pace.take("ada", 1)
