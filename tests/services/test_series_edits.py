"""Series: editing and cancelling one occurrence, it and the following, or all."""

from datetime import date

import pytest

from calsync.errors import Refused
from calsync.runtime import Runtime
from calsync.services import activities
from calsync.store import tables as t
from tests import factories
from tests.factories import acting
from tests.services.planning import DAY, HOUR, JULY, MONDAY, WEEK, Plan, edit, link, override, shown, stored

# One occurrence


def test_one_occurrence_changes_alone(rt: Runtime, cast: factories.Cast, weekly: t.Activity) -> None:
    other = edit(rt, cast, weekly, MONDAY + WEEK, "this", title="Moved", start=MONDAY + WEEK + DAY)
    assert shown(rt) == [
        (MONDAY, "Review"),
        (MONDAY + WEEK + DAY, "Moved"),
        (MONDAY + 2 * WEEK, "Review"),
        (MONDAY + 3 * WEEK, "Review"),
    ]
    assert (other.uid, other.recurrence_key) == (weekly.uid, "2030-01-14T09:00:00Z")
    assert other.span_end - other.span_start == HOUR
    assert set(other.field_times) == {"summary", "time"}
    assert stored(rt, weekly).row_version == 1


def test_a_second_edit_of_an_occurrence_finds_the_first(rt: Runtime, cast: factories.Cast, weekly: t.Activity) -> None:
    first = override(rt, cast, weekly, MONDAY + WEEK, "once")
    second = override(rt, cast, first, MONDAY + WEEK, "twice")
    assert second.id == first.id
    assert shown(rt)[1] == (MONDAY + WEEK, "twice")


def test_an_occurrence_removed_is_an_exdate_and_its_row_is_kept(
    rt: Runtime, cast: factories.Cast, weekly: t.Activity
) -> None:
    other = override(rt, cast, weekly, MONDAY + WEEK, "special")
    for moment in (MONDAY + WEEK, MONDAY + 2 * WEEK):
        activities.cancel_occurrence(rt, t.pk(weekly), moment, "this", by=acting(cast.eli))
    assert [s for s, _ in shown(rt)] == [MONDAY, MONDAY + 3 * WEEK]
    assert stored(rt, weekly).content["exdates"] == ["2030-01-14T09:00:00Z", "2030-01-21T09:00:00Z"]
    assert stored(rt, other).status == "cancelled"
    with pytest.raises(Refused) as refused:
        override(rt, cast, weekly, MONDAY + WEEK, "again")
    assert refused.value.code == "no_occurrence"


def test_cancelling_a_changed_occurrence_removes_it_and_reviving_brings_it_back(
    rt: Runtime, cast: factories.Cast, weekly: t.Activity
) -> None:
    other = override(rt, cast, weekly, MONDAY + WEEK, "special")
    activities.cancel(rt, t.pk(other), by=acting(cast.eli))
    assert len(shown(rt)) == 3
    assert stored(rt, weekly).content["exdates"] == ["2030-01-14T09:00:00Z"]
    activities.revive(rt, t.pk(other), by=acting(cast.eli))
    assert shown(rt)[1] == (MONDAY + WEEK, "special")
    assert stored(rt, weekly).content["exdates"] == []


# This and the following ones


def test_this_and_following_makes_a_series_of_its_own(rt: Runtime, cast: factories.Cast, weekly: t.Activity) -> None:
    early = override(rt, cast, weekly, MONDAY + WEEK, "early")
    late = override(rt, cast, weekly, MONDAY + 3 * WEEK, "late")
    tail = edit(rt, cast, weekly, MONDAY + 2 * WEEK, "following", title="New", start=MONDAY + 2 * WEEK + HOUR)
    assert shown(rt, weeks=5) == [
        (MONDAY, "Review"),
        (MONDAY + WEEK, "early"),
        (MONDAY + 2 * WEEK + HOUR, "New"),
        (MONDAY + 3 * WEEK + HOUR, "late"),
        (MONDAY + 4 * WEEK + HOUR, "New"),
    ]
    assert tail.uid != weekly.uid
    assert stored(rt, late).uid == tail.uid
    assert stored(rt, early).uid == weekly.uid
    assert stored(rt, weekly).span_end < MONDAY + 3 * WEEK


def test_following_from_the_first_on_is_all(rt: Runtime, cast: factories.Cast, weekly: t.Activity) -> None:
    assert edit(rt, cast, weekly, MONDAY, "following", title="New").id == weekly.id


def test_the_count_of_a_split_series_stays(rt: Runtime, cast: factories.Cast, plan: Plan) -> None:
    row = plan(rrule="FREQ=WEEKLY;COUNT=5")
    edit(rt, cast, row, MONDAY + 2 * WEEK, "following", title="New")
    assert [title for _, title in shown(rt, weeks=10)] == ["Review", "Review", "New", "New", "New"]


def test_cancelling_this_and_following_ends_the_series(rt: Runtime, cast: factories.Cast, weekly: t.Activity) -> None:
    late = override(rt, cast, weekly, MONDAY + 3 * WEEK, "late")
    activities.cancel_occurrence(rt, t.pk(weekly), MONDAY + 2 * WEEK, "following", by=acting(cast.eli))
    assert [s for s, _ in shown(rt, weeks=9)] == [MONDAY, MONDAY + WEEK]
    assert stored(rt, late).status == "cancelled"


# All


def test_all_move_as_the_occurrence_did_by_the_clock_of_the_series(
    rt: Runtime, cast: factories.Cast, weekly: t.Activity
) -> None:
    row = edit(rt, cast, weekly, JULY, "all", start=JULY + 3 * HOUR, end=JULY + 5 * HOUR)
    assert (row.span_start, row.content["time"]["start"]) == (MONDAY + 3 * HOUR, "2030-01-07T12:00:00Z")
    assert shown(rt, JULY, 1) == [(JULY + 3 * HOUR, "Review")]
    assert row.content["time"]["end"] == "2030-01-07T14:00:00Z"


def test_a_series_that_moves_to_another_day_takes_its_weekdays_along(
    rt: Runtime, cast: factories.Cast, plan: Plan
) -> None:
    row = edit(rt, cast, plan(rrule="FREQ=WEEKLY;BYDAY=MO,SU"), MONDAY, "all", start=MONDAY + DAY)
    assert row.content["time"]["rrule"] == "FREQ=WEEKLY;BYDAY=MO,TU"
    assert [s for s, _ in shown(rt, weeks=2)] == [MONDAY + DAY, MONDAY + WEEK, MONDAY + WEEK + DAY]


def test_a_series_that_names_its_days_asks_for_a_new_rule(rt: Runtime, cast: factories.Cast, plan: Plan) -> None:
    row = plan(rrule="FREQ=MONTHLY;BYDAY=1MO")
    with pytest.raises(Refused) as refused:
        edit(rt, cast, row, MONDAY, "all", start=MONDAY + DAY)
    assert (refused.value.code, refused.value.field) == ("rule_names_days", "rrule")
    edit(rt, cast, row, MONDAY, "all", start=MONDAY + DAY, rrule="FREQ=MONTHLY;BYDAY=2TU")
    assert edit(rt, cast, row, MONDAY + DAY, "all", start=MONDAY + DAY + HOUR).title == "Review"


def test_changed_and_removed_occurrences_move_with_their_series(
    rt: Runtime, cast: factories.Cast, weekly: t.Activity
) -> None:
    other = override(rt, cast, weekly, MONDAY + WEEK, "special")
    activities.cancel_occurrence(rt, t.pk(weekly), MONDAY + 2 * WEEK, "this", by=acting(cast.eli))
    edit(rt, cast, weekly, MONDAY, "all", start=MONDAY + HOUR)
    assert shown(rt) == [
        (MONDAY + HOUR, "Review"),
        (MONDAY + WEEK + HOUR, "special"),
        (MONDAY + 3 * WEEK + HOUR, "Review"),
    ]
    moved = stored(rt, other)
    assert (moved.recurrence_key, moved.row_version) == ("2030-01-14T10:00:00Z", 3)


def test_a_changed_occurrence_on_a_calendar_is_replaced_when_its_series_moves(
    rt: Runtime, cast: factories.Cast, weekly: t.Activity
) -> None:
    calendar = factories.make_calendar(rt, factories.make_account(rt, cast.eli))
    other = override(rt, cast, weekly, MONDAY + WEEK, "special")
    for row in (weekly, other):
        link(rt, row, calendar)
    edit(rt, cast, weekly, MONDAY, "all", start=MONDAY + HOUR)
    assert stored(rt, other).is_dissolved
    assert shown(rt)[1] == (MONDAY + WEEK + HOUR, "special")


def test_occurrences_without_a_place_ask_what_shall_become_of_them(
    rt: Runtime, cast: factories.Cast, weekly: t.Activity
) -> None:
    override(rt, cast, weekly, MONDAY + WEEK, "special")
    with pytest.raises(Refused) as refused:
        edit(rt, cast, weekly, MONDAY, "all", rrule="FREQ=WEEKLY;INTERVAL=2")
    assert (refused.value.code, refused.value.field) == ("series", "orphans")
    assert "2030-01-14" in refused.value.reason
    assert stored(rt, weekly).content["time"]["rrule"] == "FREQ=WEEKLY"


@pytest.mark.parametrize(
    ("orphans", "titles"), [("keep", ["Review", "special", "Review"]), ("cancel", ["Review", "Review"])]
)
def test_occurrences_without_a_place_are_kept_or_cancelled(
    rt: Runtime, cast: factories.Cast, weekly: t.Activity, orphans: str, titles: list[str]
) -> None:
    other = override(rt, cast, weekly, MONDAY + WEEK, "special")
    edit(rt, cast, weekly, MONDAY, "all", orphans=orphans, rrule="FREQ=WEEKLY;INTERVAL=2")
    assert [title for _, title in shown(rt)] == titles
    kept = stored(rt, other)
    assert kept.is_dissolved is (orphans == "keep")
    assert kept.status == ("confirmed" if orphans == "keep" else "cancelled")


def test_a_series_that_ends_repeating_is_one_activity(rt: Runtime, cast: factories.Cast, weekly: t.Activity) -> None:
    row = activities.edit(rt, t.pk(weekly), {"rrule": None}, by=acting(cast.eli))
    assert (row.is_series, row.span_end) == (False, MONDAY + HOUR)
    with pytest.raises(Refused) as refused:
        edit(rt, cast, weekly, MONDAY, "this", title="x")
    assert refused.value.code == "no_series"


def test_a_series_becomes_all_day(rt: Runtime, cast: factories.Cast, weekly: t.Activity) -> None:
    activities.cancel_occurrence(rt, t.pk(weekly), MONDAY + WEEK, "this", by=acting(cast.eli))
    row = edit(rt, cast, weekly, JULY, "all", start=date(2030, 7, 1))
    assert (row.start_on, row.content["exdates"]) == (date(2030, 1, 7), ["2030-01-14"])


def test_a_cancelled_series_is_gone_with_all_of_it_and_comes_back_so(
    rt: Runtime, cast: factories.Cast, weekly: t.Activity
) -> None:
    override(rt, cast, weekly, MONDAY + WEEK, "special")
    gone = override(rt, cast, weekly, MONDAY + 2 * WEEK, "gone")
    activities.cancel(rt, t.pk(gone), by=acting(cast.eli))
    before = shown(rt)
    activities.cancel(rt, t.pk(weekly), by=acting(cast.eli))
    assert shown(rt) == []
    activities.revive(rt, t.pk(weekly), by=acting(cast.eli))
    assert shown(rt) == before
