"""Sync tokens: what they give, what ends them, what they exclude (contract 5.2, 5.3)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.emulators.google.cast import (
    ADA,
    ELI,
    EVENTS,
    NOW,
    TUESDAYS,
    Api,
    find,
    guests,
    ids,
    reason,
    timed,
    weekly,
)
from tests.emulators.google.server import Switchboard

MINIMAL = {"kind", "etag", "id", "status"}


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
    pages = ada.pages(syncToken=token, maxResults=2)
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
