"""When the weekly digest is due."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calsync.errors import NotAllowed, Refused
from calsync.runtime import CLI, Runtime
from calsync.services import digest_schedule
from calsync.services.digest_schedule import Schedule, due_week
from tests import factories

MONDAY = factories.START  # at nine, in UTC


@pytest.mark.parametrize(
    ("schedule", "days", "hours", "due"),
    [
        (Schedule(), 0, 0, "week:2030-W02"),  # Monday at nine
        (Schedule(), 0, -2, ""),  # Monday at seven: not yet
        (Schedule(), 6, 0, "week:2030-W02"),  # what could not leave on Monday leaves on Sunday
        (Schedule(weekday=4, hour=16), 0, 0, "week:2030-W01"),  # last Friday's, unless it has left
        (Schedule(weekday=4, hour=16), 4, 6, ""),
        (Schedule(weekday=4, hour=16), 4, 7, "week:2030-W02"),
        (Schedule(is_on=False), 0, 0, ""),
    ],
)
def test_due(schedule: Schedule, days: int, hours: int, due: str) -> None:
    assert due_week(schedule, MONDAY + timedelta(days=days, hours=hours), "UTC") == due


@given(st.integers(0, 6), st.integers(0, 23), st.integers(0, 24 * 60))
def test_a_schedule_names_each_week_once_and_never_goes_back(weekday: int, hour: int, first: int) -> None:
    """Asked every hour for five weeks, it names at most six weeks, in order."""
    asked = [
        due_week(Schedule(True, weekday, hour), MONDAY + timedelta(hours=first + n), "UTC") for n in range(24 * 35)
    ]
    named = [week for week in asked if week]
    assert named == sorted(named)
    assert 5 <= len(set(named)) <= 6


def test_only_admins_set_it(rt: Runtime) -> None:
    eli = factories.make_cast(rt).eli
    with pytest.raises(NotAllowed):
        digest_schedule.save_schedule(rt, Schedule(), 0, by=factories.acting(eli))


def test_impossible_times_are_refused(rt: Runtime) -> None:
    with pytest.raises(Refused, match="hour"):
        digest_schedule.save_schedule(rt, Schedule(hour=24), 0, by=CLI)
    with pytest.raises(Refused, match="day"):
        digest_schedule.save_schedule(rt, Schedule(weekday=7), 0, by=CLI)


def test_saving_over_somebody_elses_is_refused(rt: Runtime) -> None:
    digest_schedule.save_schedule(rt, Schedule(hour=9), 0, by=CLI)
    with pytest.raises(Refused) as refused:
        digest_schedule.save_schedule(rt, Schedule(hour=10), 0, by=CLI)
    assert refused.value.code == "stale"
