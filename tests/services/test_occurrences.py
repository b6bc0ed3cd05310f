"""What a window of the calendar shows of activities and series."""

from datetime import UTC, date, datetime

from calsync.engine import event as events
from calsync.runtime import CLI, Runtime
from calsync.services import activities
from calsync.store import tables as t
from tests import factories
from tests.services.planning import DAY, HOUR, JULY, MONDAY, WEEK, Plan, edit, override, planner, shown


def test_a_window_is_of_the_people_asked_for(rt: Runtime, cast: factories.Cast, weekly: t.Activity, plan: Plan) -> None:
    planner(rt, cast.sam)(title="Sam's")
    assert shown(rt, weeks=1) == [(MONDAY, "Review"), (MONDAY, "Sam's")]
    assert shown(rt, weeks=1, owner_ids=[t.pk(cast.sam)]) == [(MONDAY, "Sam's")]
    assert shown(rt, MONDAY - WEEK, 1) == []


def test_an_occurrence_moved_out_of_the_window_leaves_no_copy_behind(
    rt: Runtime, cast: factories.Cast, weekly: t.Activity
) -> None:
    edit(rt, cast, weekly, MONDAY + WEEK, "this", start=JULY + DAY, title="far")
    assert shown(rt, MONDAY + WEEK, 1) == []
    assert (JULY + DAY, "far") in shown(rt, JULY, 1)


def test_an_occurrence_of_a_series_that_is_over_or_unknown_stands_for_itself(
    rt: Runtime, cast: factories.Cast, plan: Plan
) -> None:
    short = plan(rrule="FREQ=WEEKLY;COUNT=2")
    edit(rt, cast, short, MONDAY + WEEK, "this", start=JULY, title="far")
    invited = plan(title="invited", start=JULY + HOUR, end=JULY + 2 * HOUR)
    with rt.writing() as session:
        session.get_one(t.Activity, invited.id).recurrence_key = "2030-07-01T09:00:00Z"
    assert shown(rt, JULY, 1) == [(JULY, "far"), (JULY + HOUR, "invited")]


def test_a_series_that_is_cancelled_elsewhere_takes_its_occurrences_along(
    rt: Runtime, cast: factories.Cast, weekly: t.Activity
) -> None:
    override(rt, cast, weekly, MONDAY + WEEK, "special")
    with rt.writing() as session:
        session.get_one(t.Activity, weekly.id).status = "cancelled"
    assert shown(rt) == []


def test_a_series_that_cannot_be_computed_shows_its_first_occurrence(
    rt: Runtime, cast: factories.Cast, weekly: t.Activity
) -> None:
    with rt.writing() as session:
        row = session.get_one(t.Activity, weekly.id)
        row.content = {**row.content, "time": {**row.content["time"], "rrule": "FREQ=SOMETIMES"}}
    assert shown(rt) == [(MONDAY, "Review")]


def test_days_are_shown_in_the_zone_asked_for(rt: Runtime, plan: Plan) -> None:
    plan(start=date(2030, 1, 8), end=date(2030, 1, 9), title="whole day")
    [(starts_at, _)] = shown(rt, weeks=1, zone="Asia/Tokyo")
    assert starts_at == datetime(2030, 1, 7, 15, tzinfo=UTC)


def test_a_series_is_found_through_any_of_its_occurrences(
    rt: Runtime, cast: factories.Cast, weekly: t.Activity
) -> None:
    other = override(rt, cast, weekly, MONDAY + WEEK, "special")
    row = activities.edit_occurrence(rt, t.pk(other), MONDAY, "all", {"title": "All"}, by=CLI)
    assert row.id == weekly.id
    assert [title for _, title in shown(rt)] == ["All", "special", "All", "All"]
    assert events.parse_moment(other.recurrence_key) == MONDAY + WEEK
