"""events.list: pages, windows, sync tokens and what comes back (checklist "Lists & sync")."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.emulators.google.cast import (
    ADA,
    ELI,
    EVENTS,
    NOW,
    SCOPE,
    TUESDAYS,
    Api,
    all_day,
    find,
    guests,
    ids,
    reason,
    timed,
    weekly,
)
from tests.emulators.google.server import Switchboard


def test_pages_end_with_the_only_sync_token(ada: Api, switch: Switchboard) -> None:
    made = switch.bulk_events(ADA, 7, NOW)
    pages = ada.pages(maxResults=3)
    assert [len(page["items"]) for page in pages] == [3, 3, 1]
    assert "nextSyncToken" in pages[-1]
    assert {item["id"] for page in pages for item in page["items"]} == set(made)


def test_page_sizes_default_and_clamp(ada: Api, switch: Switchboard) -> None:
    switch.bulk_events(ADA, 260, NOW, every_minutes=30)
    assert len(ada.page()["items"]) == 250
    assert len(ada.page(maxResults=9999)["items"]) == 260


def test_pages_may_be_short_or_empty_or_repeat_an_item(ada: Api, switch: Switchboard) -> None:
    made = switch.bulk_events(ADA, 5, NOW)
    switch.settings(page_cap=2, empty_pages=True, repeats_across_pages=True)
    pages = ada.pages()
    assert [len(page["items"]) for page in pages] == [2, 1, 3, 1, 2]
    assert {item["id"] for page in pages for item in page["items"]} == set(made)


def test_page_token_needs_the_same_parameters(ada: Api, switch: Switchboard) -> None:
    switch.bulk_events(ADA, 3, NOW)
    token = ada.page(maxResults=2)["nextPageToken"]
    assert reason(ada("GET", EVENTS, pageToken=token, maxResults=2, showDeleted="true")) == (400, "invalid")
    assert reason(ada("GET", EVENTS, pageToken="made-up", maxResults=2)) == (400, "invalid")
    assert len(ada.events(pageToken=token, maxResults=2)) == 1


@pytest.mark.parametrize(
    ("window", "is_in"),
    [
        # Event 10:00-10:30. Both bounds exclude: timeMin against the end, timeMax against the start.
        ({"timeMin": "2030-01-08T10:29:59Z"}, True),
        ({"timeMin": "2030-01-08T10:30:00Z"}, False),
        ({"timeMax": "2030-01-08T10:00:01Z"}, True),
        ({"timeMax": "2030-01-08T10:00:00Z"}, False),
        ({"timeMax": "2030-01-08T12:00:01+02:00"}, True),
    ],
)
def test_window_bounds_exclude(ada: Api, window: dict, is_in: bool) -> None:
    event = ada.insert(timed())
    assert (event["id"] in ids(ada.events(**window))) is is_in


def test_whole_days_count_in_the_calendars_zone(eli: Api) -> None:
    event = eli.insert(all_day(8))  # midnight in New York is 05:00 UTC
    assert event["id"] in ids(eli.events(timeMin="2030-01-09T04:59:00Z"))
    assert event["id"] not in ids(eli.events(timeMin="2030-01-09T05:00:00Z"))


def test_empty_window_is_refused(ada: Api) -> None:
    answer = ada("GET", EVENTS, timeMin="2030-01-08T10:00:00Z", timeMax="2030-01-08T10:00:00Z")
    assert reason(answer) == (400, "timeRangeEmpty")


def test_order_by_start_needs_single_events(ada: Api) -> None:
    late, early = ada.insert(timed(15)), ada.insert(timed(8))
    answer = ada("GET", EVENTS, orderBy="startTime")
    assert answer.json()["error"]["errors"][0]["location"] == "orderBy"
    ordered = ada.events(orderBy="startTime", singleEvents="true")
    assert [item["id"] for item in ordered] == [early["id"], late["id"]]
    ada.patch(late["id"], {"summary": "x"})
    assert [item["id"] for item in ada.events(orderBy="updated")] == [early["id"], late["id"]]


def test_updated_min_includes_deleted_and_reaches_thirty_days(ada: Api, switch: Switchboard) -> None:
    old, gone = ada.insert(timed()), ada.insert(timed())
    switch.advance(600)
    ada.delete(gone["id"])
    items = ada.events(updatedMin=(NOW + timedelta(minutes=5)).isoformat())
    assert ids(items) == {gone["id"]}
    assert old["id"] not in ids(items)
    too_old = (NOW - timedelta(days=31)).isoformat()
    assert reason(ada("GET", EVENTS, updatedMin=too_old)) == (410, "updatedMinTooLongAgo")


def test_filters(ada: Api) -> None:
    one = ada.insert(timed(extendedProperties={"private": {"crm": "7"}, "shared": {"team": "a"}}))
    ada.insert(timed(summary="Other", location="Lisbon", **guests("ben@other.example")))
    assert ids(ada.events(privateExtendedProperty="crm=7")) == {one["id"]}
    assert ids(ada.events(sharedExtendedProperty="team=a")) == {one["id"]}
    assert ada.events(privateExtendedProperty="team=a") == []
    assert ids(ada.events(iCalUID=one["iCalUID"])) == {one["id"]}
    assert ids(ada.events(q="intro")) == {one["id"]}
    assert len(ada.events(q="ben@other")) == 1
    assert len(ada.events(q="lisbon")) == 1


def test_show_deleted_by_single_events_matrix(ada: Api) -> None:
    """The table of contract 5.3, row by row."""
    live, gone = ada.insert(timed(8)), ada.insert(timed(9))
    series, dead = ada.insert(weekly()), ada.insert(weekly())
    slots = [f"{series['id']}_{tuesday}" for tuesday in TUESDAYS]
    dead_slots = {f"{dead['id']}_{tuesday}" for tuesday in TUESDAYS}
    for event_id in (gone["id"], dead["id"], slots[1]):
        assert ada.delete(event_id).status_code == 204
    ada.patch(slots[2], {"summary": "Changed"})
    cancelled, changed = slots[1], slots[2]
    assert ids(ada.events()) == {live["id"], series["id"], cancelled, changed}
    assert ids(ada.events(showDeleted="true")) == {
        *(live["id"], gone["id"], series["id"], dead["id"]),
        *(cancelled, changed),
    }
    single = ada.events(singleEvents="true")
    assert ids(single) == {live["id"], slots[0], slots[2], slots[3]}
    assert find(single, changed)["summary"] == "Changed"
    both = ada.events(singleEvents="true", showDeleted="true")
    assert ids(both) == {live["id"], gone["id"], *slots, *dead_slots}
    assert find(both, cancelled)["status"] == "cancelled"


def test_masters_are_in_a_window_by_any_instance(ada: Api) -> None:
    series = ada.insert(weekly())
    april = {"timeMin": "2030-04-09T00:00:00Z", "timeMax": "2030-04-10T00:00:00Z"}
    may = {"timeMin": "2030-05-01T00:00:00Z", "timeMax": "2030-05-02T00:00:00Z"}
    assert ids(ada.events(**april)) == {series["id"]}
    assert ada.events(**may) == []


def test_free_busy_readers_see_times_only(ada: Api, eli: Api, switch: Switchboard) -> None:
    ada.insert(timed(**guests(ELI), location="Secret"))
    series = ada.insert(weekly())
    switch.share(ADA, ELI, "freeBusyReader")
    page = eli("GET", f"calendars/{ADA}/events").json()
    assert page["accessRole"] == "freeBusyReader"
    assert not any({"summary", "attendees", "location"} & item.keys() for item in page["items"])
    assert f"{series['id']}_{TUESDAYS[0]}" in ids(page["items"])


def test_availability_scope_reduces_lists(api_of: Callable[..., Api], ada: Api) -> None:
    ada.insert(timed())
    (item,) = api_of(ADA, [SCOPE + "calendar.events.freebusy"]).events()
    assert "summary" not in item
    assert "start" in item


def test_head_of_a_list(ada: Api) -> None:
    page = ada.page()
    assert page["kind"] == "calendar#events"
    assert (page["summary"], page["timeZone"], page["accessRole"]) == (ADA, "Europe/Lisbon", "owner")
    assert page["defaultReminders"] == [{"method": "popup", "minutes": 10}]


def test_emptied_trash_is_gone(api_of: Callable[..., Api], switch: Switchboard) -> None:
    ada = api_of(ADA)
    event = ada.insert(timed())
    ada.delete(event["id"])
    switch.advance(31 * 86_400)
    ada = api_of(ADA)
    assert reason(ada("GET", f"{EVENTS}/{event['id']}")) == (404, "notFound")
    assert ada.events(showDeleted="true") == []
