"""Where calendars forbid an edit, and which accounts hear of one."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from calsync.engine.vocabulary import LinkState
from calsync.errors import Refused
from calsync.runtime import CLI, Runtime
from calsync.services import activities
from calsync.store import tables as t
from tests import factories
from tests.factories import acting
from tests.services.planning import HOUR, MONDAY, Plan, link, set_rules, stored

pytestmark = pytest.mark.postgres


@pytest.fixture
def imported(rt: Runtime, cast: factories.Cast, plan: Plan) -> Callable[..., t.Activity]:
    """Return a function that gives Eli an activity from a calendar of an account made with these values."""

    def made(account: dict | None = None, calendar: dict | None = None, **linked: Any) -> t.Activity:
        owner = factories.make_account(rt, cast.eli, **(account or {}))
        place = factories.make_calendar(rt, owner, **(calendar or {}))
        row = plan(attendees=["eli@example.com"])
        with rt.writing() as session:
            session.get_one(t.Activity, row.id).source = "calendar"
        link(rt, row, place, **linked)
        return row

    return made


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"account": {"can_write": False}}, "read_only"),
        ({"calendar": {"access": "reader"}}, "read_only"),
        ({"account": {"overrides": {"direction": "inbound"}}}, "one_way"),
        ({"is_guest_copy": True}, "not_owner"),
    ],
)
def test_an_edit_that_cannot_go_back_is_refused(
    imported: Callable[..., t.Activity], rt: Runtime, cast: factories.Cast, given: dict, code: str
) -> None:
    row = imported(**given)
    for call in (
        lambda: activities.edit(rt, t.pk(row), {"title": "x"}, by=acting(cast.eli)),
        lambda: activities.cancel(rt, t.pk(row), by=acting(cast.eli)),
    ):
        with pytest.raises(Refused) as refused:
            call()
        assert refused.value.code == code
    assert activities.edit(rt, t.pk(row), {"is_done": True}, by=acting(cast.eli)).is_done
    assert stored(rt, row).title == "Review"


def test_a_guest_answers_and_changes_nothing_else(
    imported: Callable[..., t.Activity], rt: Runtime, cast: factories.Cast
) -> None:
    row = imported(is_guest_copy=True)
    answer = {"responses": {"eli@example.com": "accepted"}}
    edited = activities.edit(rt, t.pk(row), answer, by=acting(cast.eli))
    assert edited.content["responses"] == {"eli@example.com": "accepted"}
    with pytest.raises(Refused):
        activities.edit(
            rt, t.pk(row), {**answer, "title": "x"} | {"responses": {"eli@example.com": "declined"}}, by=CLI
        )


def test_a_guests_answer_needs_a_way_back(
    imported: Callable[..., t.Activity], rt: Runtime, cast: factories.Cast
) -> None:
    row = imported(account={"can_write": False}, is_guest_copy=True)
    with pytest.raises(Refused) as refused:
        activities.edit(rt, t.pk(row), {"responses": {"eli@example.com": "accepted"}}, by=acting(cast.eli))
    assert refused.value.code == "read_only"


def test_a_writable_copy_is_enough(imported: Callable[..., t.Activity], rt: Runtime, cast: factories.Cast) -> None:
    row = imported(account={"can_write": False})
    other = factories.make_account(rt, cast.eli, subject="second", provider="google")
    link(rt, row, factories.make_calendar(rt, other))
    assert activities.edit(rt, t.pk(row), {"title": "x"}, by=acting(cast.eli)).title == "x"


def test_the_crms_own_activities_change_here_in_any_case(plan: Plan, rt: Runtime, cast: factories.Cast) -> None:
    account = factories.make_account(rt, cast.eli, can_write=False)
    row = plan()
    link(rt, row, factories.make_calendar(rt, account))
    assert activities.edit(rt, t.pk(row), {"title": "x"}, by=acting(cast.eli)).title == "x"


def test_what_left_its_calendar_is_free(imported: Callable[..., t.Activity], rt: Runtime, cast: factories.Cast) -> None:
    row = imported(account={"can_write": False}, state=LinkState.PARKED)
    assert activities.edit(rt, t.pk(row), {"title": "x"}, by=acting(cast.eli)).title == "x"


# Who hears of it


def test_an_edit_wakes_a_real_time_account_and_leaves_others(
    plan: Plan, rt: Runtime, cast: factories.Cast, clock: factories.Clock
) -> None:
    hints = factories.Hints()
    rt = replace(rt, enqueue=hints)
    later = clock.at + HOUR
    account = factories.make_account(rt, cast.eli, next_sync_at=later)
    factories.make_calendar(rt, account)
    row = plan()
    activities.edit(rt, t.pk(row), {"title": "x"}, by=acting(cast.eli))
    assert hints.asked == []
    set_rules(rt, cast, frequency="realtime")
    activities.edit(rt, t.pk(row), {"title": "y"}, by=acting(cast.eli))
    assert hints.asked == [("sync_account", {"account_id": account.id})]
    with rt.reading() as session:
        woken = session.get_one(t.Account, account.id)
    assert (woken.next_sync_at, woken.requested_trigger, woken.requested_by_id) == (clock.at, "edit", cast.eli.id)


@pytest.mark.parametrize("values", [{"state": "paused"}, {"grant_ok": False}, {"rate_limited_until": MONDAY + HOUR}])
def test_an_account_that_cannot_run_is_left_alone(plan: Plan, rt: Runtime, cast: factories.Cast, values: dict) -> None:
    hints = factories.Hints()
    rt = replace(rt, enqueue=hints)
    set_rules(rt, cast, frequency="realtime")
    factories.make_calendar(rt, factories.make_account(rt, cast.eli, **values))
    activities.edit(rt, t.pk(plan()), {"title": "x"}, by=acting(cast.eli))
    assert hints.asked == []


def test_a_changed_record_is_considered_anew(plan: Plan, rt: Runtime, cast: factories.Cast) -> None:
    row = plan()
    with rt.writing() as session:
        kept = session.get_one(t.Activity, row.id)
        kept.excluded, kept.considered = "filtered_type", "d" * 32
    edited = activities.edit(rt, t.pk(row), {"kind": "call"}, by=acting(cast.eli))
    assert (edited.excluded, edited.considered) == ("", "")
