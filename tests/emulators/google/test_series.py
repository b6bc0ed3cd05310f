"""Series: expansion across clock changes, instances, exceptions, and changes of the whole (contract 8)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.emulators.google import recurrence, times
from tests.emulators.google.cast import ADA, ELI, EVENTS, TUESDAYS, Api, find, guests, ids, reason, weekly
from tests.emulators.google.server import Switchboard


def instances_of(api: Api, event_id: str, **query: object) -> list[dict]:
    return api("GET", f"{EVENTS}/{event_id}/instances", **query).json()["items"]


def test_instances_keep_local_time_across_the_clock_change(ada: Api) -> None:
    series = ada.insert(weekly())
    items = instances_of(ada, series["id"])
    assert [item["id"] for item in items] == [f"{series['id']}_{tuesday}" for tuesday in TUESDAYS]
    starts = [item["start"]["dateTime"] for item in items]
    assert starts[1:3] == ["2030-03-26T09:00:00Z", "2030-04-02T09:00:00+01:00"]
    assert all(item["recurringEventId"] == series["id"] for item in items)
    assert items[0]["originalStartTime"] == items[0]["start"]
    assert all(item["iCalUID"] == series["iCalUID"] for item in items)
    assert "recurrence" not in items[0]


def test_whole_day_instances(ada: Api) -> None:
    body = {
        "start": {"date": "2030-12-24"},
        "end": {"date": "2030-12-26"},
        "recurrence": ["RRULE:FREQ=YEARLY;UNTIL=20321224"],
    }
    series = ada.insert(body)
    items = instances_of(ada, series["id"])
    assert [item["id"].split("_")[1] for item in items] == ["20301224", "20311224", "20321224"]
    assert items[1]["end"] == {"date": "2031-12-26"}


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["RRULE:FREQ=WEEKLY;BYDAY=TU;UNTIL=20300326T090000Z"], TUESDAYS[:2]),
        (["RRULE:FREQ=WEEKLY;BYDAY=TU;UNTIL=20300326T085959Z"], TUESDAYS[:1]),
        (
            ["RRULE:FREQ=WEEKLY;BYDAY=TU;COUNT=4", "EXDATE;TZID=Europe/Lisbon:20300402T090000"],
            (*TUESDAYS[:2], TUESDAYS[3]),
        ),
        (["RRULE:FREQ=WEEKLY;BYDAY=TU;COUNT=4", "EXDATE:20300402T080000Z"], (*TUESDAYS[:2], TUESDAYS[3])),
        (["RDATE;TZID=Europe/Lisbon:20300402T090000"], (TUESDAYS[0], TUESDAYS[2])),
        (["RRULE:FREQ=WEEKLY;COUNT=4", "EXRULE:FREQ=WEEKLY;INTERVAL=2"], (TUESDAYS[1], TUESDAYS[3])),
    ],
)
def test_recurrence_lines(ada: Api, lines: list[str], expected: tuple[str, ...]) -> None:
    series = ada.insert(weekly(recurrence=lines))
    found = [item["id"].split("_")[1] for item in instances_of(ada, series["id"])]
    assert found == list(expected)


@pytest.mark.parametrize(
    "line",
    [
        "DTSTART;TZID=Europe/Lisbon:20300319T090000",
        "RRULE:FREQ=WEEKLY;DTSTART=20300319T090000",
        "RRULE:FREQ=SOMETIMES",
        "RRULE:BYDAY=TU",
        "RRULE:FREQ=WEEKLY;UNTIL=20300601",
        "RRULE:FREQ=WEEKLY;UNTIL=20300601T090000",
        "FREQ=WEEKLY",
        "EXDATE;VALUE=DATE:20300402",
    ],
)
def test_wrong_recurrence_is_refused(ada: Api, line: str) -> None:
    assert reason(ada("POST", EVENTS, weekly(recurrence=[line]))) == (400, "invalid")


def test_timed_series_need_zones_on_both_ends(ada: Api) -> None:
    end = {"end": {"dateTime": "2030-03-19T09:30:00Z"}}
    answer = ada("POST", EVENTS, weekly(**end))
    assert answer.json()["error"]["message"] == "Missing time zone definition for end time."


def test_instances_are_there_without_being_stored(ada: Api) -> None:
    series = ada.insert(weekly())
    assert ada.event(f"{series['id']}_{TUESDAYS[1]}")["summary"] == "Weekly"
    nowhere = ada("GET", f"{EVENTS}/{series['id']}_20300327T090000Z")
    assert reason(nowhere) == (404, "notFound")


def test_one_instance_is_changed_and_keeps_its_slot(ada: Api) -> None:
    series = ada.insert(weekly())
    instance = f"{series['id']}_{TUESDAYS[1]}"
    moved = {"start": {"dateTime": "2030-03-27T15:00:00Z"}, "end": {"dateTime": "2030-03-27T16:00:00Z"}}
    answer = ada.patch(instance, {**moved, "summary": "Moved"}).json()
    assert answer["originalStartTime"]["dateTime"] == "2030-03-26T09:00:00Z"
    assert answer["etag"] != series["etag"]
    items = instances_of(ada, series["id"])
    assert [item["summary"] for item in items] == ["Weekly", "Moved", "Weekly", "Weekly"]
    march_27 = {"timeMin": "2030-03-27T00:00:00Z", "timeMax": "2030-03-28T00:00:00Z"}
    assert ids(ada.events(singleEvents="true", **march_27)) == {instance}
    one = instances_of(ada, series["id"], originalStart="2030-03-26T09:00:00Z")
    assert ids(one) == {instance}


def test_one_instance_is_cancelled_and_revived(ada: Api) -> None:
    series = ada.insert(weekly())
    first, second = (f"{series['id']}_{tuesday}" for tuesday in TUESDAYS[:2])
    assert ada.delete(first).status_code == 204
    assert reason(ada.delete(first)) == (410, "deleted")
    ada.patch(second, {"status": "cancelled"})
    assert len(instances_of(ada, series["id"])) == 2
    assert len(instances_of(ada, series["id"], showDeleted="true")) == 4
    ada.patch(first, {"status": "confirmed"})
    assert len(instances_of(ada, series["id"])) == 3


def test_deleting_the_series_takes_every_instance(ada: Api) -> None:
    series = ada.insert(weekly())
    changed, plain = (f"{series['id']}_{tuesday}" for tuesday in TUESDAYS[:2])
    ada.patch(changed, {"summary": "Changed"})
    ada.delete(series["id"])
    for instance in (changed, plain):
        assert ada.event(instance)["status"] == "cancelled"
        assert reason(ada.delete(instance)) == (410, "deleted")


def test_changed_field_of_the_series_reaches_exceptions_that_kept_it(ada: Api) -> None:
    series = ada.insert(weekly(location="Room 1"))
    instance = f"{series['id']}_{TUESDAYS[1]}"
    ada.patch(instance, {"summary": "Special"})
    ada.patch(series["id"], {"summary": "Renamed", "location": "Room 2"})
    exception = ada.event(instance)
    assert (exception["summary"], exception["location"]) == ("Special", "Room 2")


def test_exceptions_whose_slot_is_gone_are_reported_cancelled(ada: Api) -> None:
    series = ada.insert(weekly())
    kept, lost = f"{series['id']}_{TUESDAYS[0]}", f"{series['id']}_{TUESDAYS[3]}"
    for instance in (kept, lost):
        ada.patch(instance, {"summary": "Special"})
    token = ada.sync_token()
    ada.patch(series["id"], {"recurrence": ["RRULE:FREQ=WEEKLY;BYDAY=TU;COUNT=2"]})
    items = ada.changes(token)
    assert find(items, lost)["status"] == "cancelled"
    assert kept not in ids(items)
    assert lost not in ids(ada.events())
    assert find(instances_of(ada, series["id"]), kept)["summary"] == "Special"


def test_moving_the_series_moves_all_instance_ids(ada: Api) -> None:
    series = ada.insert(weekly())
    later = {
        "start": {"dateTime": "2030-03-19T10:00:00", "timeZone": "Europe/Lisbon"},
        "end": {"dateTime": "2030-03-19T10:30:00", "timeZone": "Europe/Lisbon"},
    }
    ada.patch(series["id"], later)
    assert ids(instances_of(ada, series["id"])) == {
        f"{series['id']}_{tuesday.replace('T09', 'T10').replace('T08', 'T09')}" for tuesday in TUESDAYS
    }


def test_single_event_becomes_a_series_and_back(ada: Api) -> None:
    single = weekly()
    rule = single.pop("recurrence")
    event = ada.insert(single)
    token = ada.sync_token(singleEvents="true")
    ada.patch(event["id"], {"recurrence": rule})
    page = ada.page(syncToken=token, singleEvents="true")
    assert find(page["items"], event["id"])["status"] == "cancelled"
    assert len(page["items"]) == 5
    ada.patch(event["id"], {"recurrence": None})
    items = ada.changes(page["nextSyncToken"], singleEvents="true")
    assert find(items, event["id"])["status"] == "confirmed"
    assert sum(item["status"] == "cancelled" for item in items) == 4


def test_endless_series_stop_at_a_horizon(ada: Api) -> None:
    series = ada.insert(weekly(recurrence=["RRULE:FREQ=WEEKLY;BYDAY=TU"]))
    assert 50 < len(instances_of(ada, series["id"])) < 110
    far = {"timeMin": "2040-01-01T00:00:00Z", "timeMax": "2040-02-01T00:00:00Z"}
    assert len(instances_of(ada, series["id"], **far)) == 5


def test_instance_pages_and_inclusive_bound(ada: Api) -> None:
    series = ada.insert(weekly())
    page = ada("GET", f"{EVENTS}/{series['id']}/instances", maxResults=3).json()
    assert len(page["items"]) == 3
    assert "nextSyncToken" not in page
    token = page["nextPageToken"]
    assert len(instances_of(ada, series["id"], maxResults=3, pageToken=token)) == 1
    ends_at_bound = instances_of(ada, series["id"], timeMin="2030-04-09T08:30:00Z")
    assert len(ends_at_bound) == 1


def test_series_of_guests_with_one_instance_for_somebody_else(ada: Api, eli: Api) -> None:
    series = ada.insert(weekly(**guests(ELI)))
    instance = f"{series['id']}_{TUESDAYS[1]}"
    ada.patch(instance, {"attendees": []})
    mine = find(eli.events(), instance)
    assert mine["status"] == "cancelled"
    assert len(instances_of(eli, series["id"])) == 3


def test_split_series_ids_are_found(ada: Api, switch: Switchboard) -> None:
    """The web page names the rest of a split series with `_R`; instance ids follow from that (8.4)."""
    split = "abcde_R20300319T090000"
    switch.seed_event(ADA, weekly(id=split))
    assert ada.event(f"{split}_{TUESDAYS[1]}")["recurringEventId"] == split


@settings(max_examples=60, deadline=None)
@given(
    first=st.datetimes(datetime(2028, 1, 1), datetime(2032, 1, 1)),
    zone=st.sampled_from(["Europe/Lisbon", "America/New_York", "Australia/Lord_Howe", "UTC"]),
    rule=st.sampled_from(["FREQ=DAILY;COUNT=200", "FREQ=WEEKLY;COUNT=60;BYDAY=MO,TH", "FREQ=DAILY;INTERVAL=3"]),
)
def test_every_slot_has_the_local_time_of_the_first(first: datetime, zone: str, rule: str) -> None:
    """Except where the clock change skips that time; and slots ascend without repeating."""
    local = first.replace(second=0, microsecond=0, tzinfo=ZoneInfo(zone))
    start = {"dateTime": times.seconds(local), "timeZone": zone}
    wall = times.moment_of(start, "UTC").astimezone(ZoneInfo(zone))
    upper = local.astimezone(UTC) + timedelta(days=250)
    slots = list(recurrence.slots([f"RRULE:{rule}"], start, local.astimezone(UTC), upper))
    moments = [recurrence.moment(slot) for slot in slots]
    assert moments == sorted(set(moments))
    for moment in moments:
        here = moment.astimezone(ZoneInfo(zone))
        is_skipped = here.replace(hour=wall.hour, minute=wall.minute, fold=0).astimezone(UTC) == moment
        assert (here.hour, here.minute) == (wall.hour, wall.minute) or is_skipped
    assert all(recurrence.has([f"RRULE:{rule}"], start, slot) for slot in slots[:5])
