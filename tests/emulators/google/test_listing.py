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

MINIMAL = {"kind", "etag", "id", "status"}


def every_page(api: Api, **query: object) -> list[dict]:
    """Return all pages of a list."""
    pages = [api.page(**query)]
    while "nextPageToken" in pages[-1]:
        assert "nextSyncToken" not in pages[-1]
        pages.append(api.page(**query, pageToken=pages[-1]["nextPageToken"]))
    return pages


def test_pages_end_with_the_only_sync_token(ada: Api, switch: Switchboard) -> None:
    made = switch.bulk_events(ADA, 7, NOW)
    pages = every_page(ada, maxResults=3)
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
    pages = every_page(ada)
    assert [len(page["items"]) for page in pages] == [2, 1, 3, 1, 2]
    assert {item["id"] for page in pages for item in page["items"]} == set(made)


def test_page_token_needs_the_same_parameters(ada: Api, switch: Switchboard) -> None:
    switch.bulk_events(ADA, 3, NOW)
    token = ada.page(maxResults=2)["nextPageToken"]
    assert reason(ada("GET", EVENTS, pageToken=token, maxResults=2, showDeleted="true")) == (400, "invalid")
    assert reason(ada("GET", EVENTS, pageToken="made-up", maxResults=2)) == (400, "invalid")
    assert len(ada.events(pageToken=token, maxResults=2)) == 1


def test_changes_during_paging_come_with_the_next_sync(ada: Api, switch: Switchboard) -> None:
    switch.bulk_events(ADA, 3, NOW)
    first = ada.page(maxResults=2)
    late = ada.insert(timed())
    token = ada.page(maxResults=2, pageToken=first["nextPageToken"])["nextSyncToken"]
    assert ids(ada.changes(token)) == {late["id"]}


def test_incremental_sync_returns_what_changed(ada: Api) -> None:
    kept, moved = ada.insert(timed(9)), ada.insert(timed(11))
    token = ada.sync_token()
    assert ada.changes(token) == []
    ada.patch(moved["id"], {"summary": "Moved"})
    page = ada.page(syncToken=token)
    assert [item["summary"] for item in page["items"]] == ["Moved"]
    assert ada.changes(page["nextSyncToken"]) == []
    assert kept["id"] in ids(ada.events())


def test_incremental_sync_may_be_paged(ada: Api, switch: Switchboard) -> None:
    token = ada.sync_token(maxResults=2)
    made = switch.bulk_events(ADA, 5, NOW)
    pages = every_page(ada, syncToken=token, maxResults=2)
    assert [len(page["items"]) for page in pages] == [2, 2, 1]
    assert {item["id"] for page in pages for item in page["items"]} == set(made)
    assert ada.changes(pages[-1]["nextSyncToken"], maxResults=2) == []


def test_deleted_events_come_in_their_least_shape(ada: Api) -> None:
    event = ada.insert(timed())
    token = ada.sync_token()
    ada.delete(event["id"])
    (item,) = ada.changes(token)
    assert item.keys() == MINIMAL
    assert (item["id"], item["status"]) == (event["id"], "cancelled")


def test_show_deleted_keeps_details_on_the_organizers_calendar(ada: Api, eli: Api) -> None:
    event = ada.insert(timed(**guests(ELI)))
    ada.delete(event["id"])
    assert find(ada.events(showDeleted="true"), event["id"])["summary"] == "Intro call"
    assert find(eli.events(showDeleted="true"), event["id"]).keys() == MINIMAL


def test_window_does_not_filter_increments(ada: Api) -> None:
    window = {"timeMin": "2030-01-08T00:00:00Z", "timeMax": "2030-01-09T00:00:00Z"}
    inside, outside = ada.insert(timed()), ada.insert(timed(day=20))
    assert ids(ada.events(**window)) == {inside["id"]}
    token = ada.sync_token(**window)
    ada.delete(outside["id"])
    ada.patch(inside["id"], {"start": timed(day=25)["start"], "end": timed(day=25)["end"]})
    assert ids(ada.changes(token)) == {inside["id"], outside["id"]}


@pytest.mark.parametrize(
    "restriction",
    [
        {"orderBy": "updated"},
        {"q": "call"},
        {"iCalUID": "x@google.com"},
        {"privateExtendedProperty": "a=b"},
        {"sharedExtendedProperty": "a=b"},
        {"updatedMin": "2030-01-01T00:00:00Z"},
    ],
)
def test_restricted_lists_give_no_sync_token_and_take_none(ada: Api, restriction: dict) -> None:
    assert "nextSyncToken" not in ada.page(**restriction)
    answer = ada("GET", EVENTS, syncToken=ada.sync_token(), **restriction)
    assert answer.status_code == 400
    assert "Sync token cannot be used with other request restrictions" in answer.text


@pytest.mark.parametrize(
    "restriction",
    [{"timeMin": "2030-01-01T00:00:00Z"}, {"timeMax": "2030-02-01T00:00:00Z"}, {"showDeleted": "false"}],
)
def test_windows_and_hiding_deleted_exclude_sync_tokens(ada: Api, restriction: dict) -> None:
    assert "nextSyncToken" in ada.page(**restriction)
    assert ada("GET", EVENTS, syncToken=ada.sync_token(), **restriction).status_code == 400


def test_changed_parameters_are_noted(ada: Api, switch: Switchboard) -> None:
    token = ada.sync_token()
    ada.changes(token, maxResults=10)
    assert "warnings" not in switch.requests("calendar.events.list")[-1]
    ada.changes(token, singleEvents="true")
    assert "warnings" in switch.requests("calendar.events.list")[-1]


@pytest.mark.parametrize("gone", ["fullSyncRequired", "updatedMinTooLongAgo", "deleted"])
def test_sync_tokens_expire_with_each_reason(ada: Api, switch: Switchboard, gone: str) -> None:
    token = ada.sync_token()
    assert switch.expire_sync(ADA, gone) == 1
    assert reason(ada("GET", EVENTS, syncToken=token)) == (410, gone)
    assert ada.changes(ada.sync_token()) == []


def test_sync_tokens_end_with_unknown_age_and_sharing(ada: Api, switch: Switchboard) -> None:
    assert reason(ada("GET", EVENTS, syncToken="garbage")) == (410, "fullSyncRequired")
    token = ada.sync_token()
    switch.share(ADA, ELI, "reader")
    assert reason(ada("GET", EVENTS, syncToken=token)) == (410, "fullSyncRequired")


def test_sync_tokens_live_as_long_as_the_trash(api_of: Callable[..., Api], switch: Switchboard) -> None:
    token = api_of(ADA).sync_token()
    switch.advance(31 * 86_400)
    assert reason(api_of(ADA)("GET", EVENTS, syncToken=token)) == (410, "fullSyncRequired")


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


def test_cancelled_exception_shape(ada: Api) -> None:
    series = ada.insert(weekly())
    instance = f"{series['id']}_{TUESDAYS[2]}"
    token = ada.sync_token()
    ada.delete(instance)
    for items in (ada.events(), ada.changes(token)):
        item = find(items, instance)
        assert item.keys() == MINIMAL | {"recurringEventId", "originalStartTime"}
        original = {"dateTime": "2030-04-02T09:00:00+01:00", "timeZone": "Europe/Lisbon"}
        assert item["originalStartTime"] == original


def test_deleted_series_is_one_stub(ada: Api) -> None:
    series = ada.insert(weekly())
    ada.patch(f"{series['id']}_{TUESDAYS[1]}", {"summary": "Changed"})
    token = ada.sync_token()
    ada.delete(series["id"])
    assert ids(ada.changes(token)) == {series["id"]}


def test_instances_are_synchronised_one_by_one_if_asked(ada: Api) -> None:
    token = ada.sync_token(singleEvents="true")
    series = ada.insert(weekly())
    page = ada.page(syncToken=token, singleEvents="true")
    assert ids(page["items"]) == {f"{series['id']}_{tuesday}" for tuesday in TUESDAYS}
    rule = ["RRULE:FREQ=WEEKLY;BYDAY=TU;COUNT=2"]
    ada.patch(series["id"], {"recurrence": rule})
    page = ada.page(syncToken=page["nextSyncToken"], singleEvents="true")
    states = {item["id"].split("_")[1]: item["status"] for item in page["items"]}
    kept, dropped = dict.fromkeys(TUESDAYS[:2], "confirmed"), dict.fromkeys(TUESDAYS[2:], "cancelled")
    assert states == kept | dropped
    ada.delete(series["id"])
    page = ada.page(syncToken=page["nextSyncToken"], singleEvents="true")
    assert {TUESDAYS[0], TUESDAYS[1]} <= {item["id"].split("_")[1] for item in page["items"]}
    assert all(item["status"] == "cancelled" for item in page["items"])


def test_old_instances_of_a_deleted_series_stay_with_the_client(
    api_of: Callable[..., Api], switch: Switchboard
) -> None:
    series = api_of(ADA).insert(weekly())
    switch.set_clock(NOW.replace(month=9, day=25))
    ada = api_of(ADA)
    token = ada.sync_token(singleEvents="true")
    ada.delete(series["id"])
    gone = {item["id"].split("_")[1] for item in ada.changes(token, singleEvents="true")}
    assert gone == set(TUESDAYS[1:])  # the first lies more than half a year back


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
