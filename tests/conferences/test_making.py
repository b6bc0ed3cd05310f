"""Meetings follow their activities: made once, moved in place, deleted with them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from calsync.services import activities, conferences, settings
from calsync.store import tables as t
from tests import factories
from tests.conferences.office import ELI, START, Office


def test_an_activity_gets_its_link(office: Office) -> None:
    activity = office.plan()
    assert office.link(activity) is None
    office.settle()
    [there] = office.there()
    assert office.link(activity) == there["join_url"]
    assert (there["topic"], there["start_time"], there["duration"]) == ("Intro call", "2030-01-08T09:00:00Z", 30)
    row = office.conference(activity)
    assert (row.state, row.remote_id, row.host) == ("made", str(there["id"]), ELI)


def test_an_edit_waits_for_no_request_and_hurries_the_queue(office: Office) -> None:
    office.hints.asked.clear()
    office.plan()
    assert office.switch.requests() == []
    assert ("keep_conferences", {}) in office.hints.asked


def test_what_takes_place_elsewhere_makes_no_meeting(office: Office) -> None:
    office.plan(location_kind="phone")
    office.settle()
    assert office.there() == []


def test_a_link_of_ones_own_is_left_alone(office: Office) -> None:
    activity = office.plan(conference="https://example.com/my-room")
    office.settle()
    assert (office.there(), office.link(activity)) == ([], "https://example.com/my-room")


def test_moving_keeps_the_link_and_writes_once(office: Office) -> None:
    activity = office.plan()
    office.settle()
    link = office.link(activity)
    office.switch.clear_requests()
    for hours in (1, 2, 3):  # three moves at once are one change there
        office.edit(activity, start=START + timedelta(hours=hours))
        office.tick()
    office.settle()
    [there] = office.there()
    assert (there["start_time"], office.link(activity)) == ("2030-01-08T12:00:00Z", link)
    assert len(office.switch.requests("meetings.update")) == 1


def test_an_edit_that_concerns_no_meeting_writes_nothing(office: Office) -> None:
    activity = office.plan()
    office.settle()
    office.switch.clear_requests()
    office.edit(activity, description="Bring the contract")
    office.settle()
    assert office.switch.requests() == []


def test_the_link_survives_an_edit_that_took_it_away(office: Office) -> None:
    activity = office.plan()
    office.settle()
    link = office.link(activity)
    office.edit(activity, conference=None, title="Other")
    office.settle()
    assert office.link(activity) == link


def test_cancelling_deletes_the_meeting(office: Office) -> None:
    activity = office.plan()
    office.settle()
    office.cancel(activity)
    office.settle()
    assert (office.there(), office.conference(activity).state) == ([], "deleted")


def test_cancelling_before_it_was_made_asks_for_nothing(office: Office) -> None:
    activity = office.plan()
    office.cancel(activity)
    office.settle()
    assert office.switch.requests("meetings.create") == []


def test_cancelling_after_the_plan_asks_for_nothing_either(office: Office) -> None:
    activity = office.plan()
    conferences.keep(office.rt)
    office.cancel(activity)
    office.settle()
    assert office.switch.requests("meetings.create") == []
    assert office.conference(activity).state == "deleted"


def test_reviving_gets_a_new_link_in_place_of_the_dead_one(office: Office) -> None:
    activity = office.plan()
    office.settle()
    dead = office.link(activity)
    office.cancel(activity)
    office.settle()
    activities.revive(office.rt, t.pk(activity), by=factories.acting(office.cast.eli))
    office.settle()
    [there] = office.there()
    assert office.link(activity) == there["join_url"] != dead


def test_reviving_in_time_keeps_the_meeting(office: Office) -> None:
    activity = office.plan()
    office.settle()
    link = office.link(activity)
    office.cancel(activity)
    conferences.keep(office.rt)
    activities.revive(office.rt, t.pk(activity), by=factories.acting(office.cast.eli))
    office.settle()
    assert (len(office.there()), office.link(activity)) == (1, link)
    assert office.switch.requests("meetings.delete") == []


def test_another_place_takes_meeting_and_link_away(office: Office) -> None:
    activity = office.plan()
    office.settle()
    office.edit(activity, location_kind="in_person")
    office.settle()
    assert (office.there(), office.link(activity)) == ([], None)
    office.edit(activity, location_kind=office.provider.kind)
    office.settle()
    [there] = office.there()
    assert office.link(activity) == there["join_url"]


def test_a_link_of_ones_own_replaces_the_meeting(office: Office) -> None:
    activity = office.plan()
    office.settle()
    office.edit(activity, conference="https://example.com/my-room")
    office.settle()
    assert (office.there(), office.link(activity)) == ([], "https://example.com/my-room")
    assert office.conference(activity).state == "given"


@pytest.mark.parametrize(
    "values",
    [
        {"rrule": "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=-1"},
        {"start": date(2030, 1, 8), "end": date(2030, 1, 9), "tz": None},
    ],
)
def test_what_repeats_or_lasts_days_gets_a_room_that_stays(office: Office, values: dict[str, Any]) -> None:
    activity = office.plan(**values)
    office.settle()
    [there] = office.there()
    assert there["type"] == 3
    assert office.link(activity) == there["join_url"]


def test_occurrences_share_the_link_of_their_series(office: Office) -> None:
    series = office.plan(rrule="FREQ=DAILY;COUNT=5")
    by = factories.acting(office.cast.eli)
    changed = activities.edit_occurrence(
        office.rt, t.pk(series), START + timedelta(days=1), "this", {"title": "Other"}, by=by
    )
    office.settle()
    assert len(office.there()) == 1
    assert office.link(changed) == office.link(series)


def test_a_series_may_become_a_single_meeting(office: Office) -> None:
    activity = office.plan(rrule="FREQ=DAILY;COUNT=5")
    office.settle()
    office.edit(activity, rrule=None)
    office.settle()
    [there] = office.there()
    assert (there["type"], there["start_time"]) == (2, "2030-01-08T09:00:00Z")
    assert office.conference(activity).drift == {}


def test_the_title_of_a_private_meeting_stays_here(office: Office) -> None:
    office.plan("Divorce", visibility="private")
    office.settle()
    assert "Divorce" not in str(office.there())


def test_who_has_no_account_waits_for_one(office: Office) -> None:
    activity = office.plan(owner=office.cast.sam)
    office.settle()
    row = office.conference(activity)
    assert (row.state, row.error, row.account_id) == ("wanted", "no_host", None)
    office.sign_in(office.cast.sam)
    office.settle()
    assert (office.conference(activity).state, office.conference(activity).host) == ("made", "sam@example.com")


def test_what_is_over_is_left_alone(office: Office) -> None:
    activity = office.plan()
    office.settle()
    office.advance(days=3)
    office.edit(activity, title="What was said")
    office.settle()
    assert len(office.there()) == 1
    late = office.plan(start=START - timedelta(days=5))
    office.settle()
    assert office.link(late) is None


def test_a_part_split_off_a_series_gets_a_meeting_of_its_own(office: Office) -> None:
    series = office.plan(rrule="FREQ=DAILY;COUNT=6")
    office.settle()
    old, by = office.link(series), factories.acting(office.cast.eli)
    moment = START + timedelta(days=3)
    later = activities.edit_occurrence(office.rt, t.pk(series), moment, "following", {"title": "Second half"}, by=by)
    assert later.id != series.id
    office.settle()
    assert len(office.there()) == 2
    assert office.link(series) == old
    assert office.link(later) not in (None, old)
    office.cancel(office.fresh(series))
    office.settle()
    assert [m["join_url"] for m in office.there()] == [office.link(later)]


def test_while_all_writing_is_paused_nothing_is_made_or_deleted(office: Office) -> None:
    first = office.plan("First")
    office.settle()
    pause(office, True)
    second = office.plan("Second")
    office.cancel(first)
    office.settle()
    assert [m["topic"] for m in office.there()] == ["First"]
    assert office.conference(second).state == "wanted"
    pause(office, False)
    office.settle()
    assert [m["topic"] for m in office.there()] == ["Second"]


def pause(office: Office, is_paused: bool) -> None:
    known, version = settings.switches(office.rt)
    by = factories.acting(office.cast.ada)
    settings.save_switches(office.rt, replace(known, writes_paused=is_paused), version, by=by)
