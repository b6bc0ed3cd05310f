"""Backoff: when something is tried again."""

from datetime import UTC, datetime, timedelta

import pytest

from calsync.engine import backoff
from calsync.engine.backoff import Backoff

NOW = datetime(2030, 1, 7, 9, tzinfo=UTC)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
PLAIN = Backoff(first=SECOND, longest=30 * SECOND, tries=8)


@pytest.mark.parametrize(("failures", "seconds"), [(1, 1), (2, 2), (3, 4), (5, 16), (6, 30), (7, 30)])
def test_each_wait_is_twice_the_one_before_up_to_the_longest(failures: int, seconds: int) -> None:
    assert PLAIN.wait(failures, jitter=1) == seconds * SECOND


def test_the_last_try_is_the_last() -> None:
    assert PLAIN.wait(8) is None
    assert [backoff.IN_RUN.wait(n) is None for n in range(1, 6)] == [False, False, False, False, True]


def test_jitter_takes_half_to_all_of_the_wait() -> None:
    assert PLAIN.wait(3, jitter=0) == 2 * SECOND
    assert PLAIN.wait(3, jitter=0.5) == 3 * SECOND


def test_what_the_provider_asks_for_is_honoured() -> None:
    assert PLAIN.wait(1, asked=120 * SECOND) == 120 * SECOND
    assert PLAIN.wait(3, jitter=1, asked=SECOND) == 4 * SECOND


def test_very_many_failures_do_not_overflow() -> None:
    assert Backoff(SECOND, DAY, tries=10**9).wait(10**6, jitter=1) == DAY


@pytest.mark.parametrize(("attempts", "later"), [(1, timedelta()), (9, timedelta()), (10, DAY), (50, DAY)])
def test_a_failed_record_is_tried_by_each_run_and_after_ten_once_a_day(attempts: int, later: timedelta) -> None:
    assert backoff.next_attempt_at(attempts, NOW) == NOW + later
    assert backoff.needs_attention(attempts) is (attempts >= 10)
    assert backoff.next_attempt_at(attempts, NOW, asked=2 * DAY) == NOW + 2 * DAY
