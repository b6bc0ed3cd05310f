"""The fault table on Google: what can go wrong between us and its API, in batches and token by token.

Each line ends the same way: zero lost, zero doubled, zero deleted, nobody mailed, and the run says what happened.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from calsync.store import tables as t
from tests.emulators.google.cast import ELI, weekly
from tests.emulators.google.conftest import google, google_server
from tests.emulators.google.server import GoogleServer
from tests.proof.google_town import GoogleTown, event_body, found_google_town

__all__ = ["google", "google_server"]

N = 20
HERE = sorted(f"Here {n}" for n in range(N))
THERE = sorted(f"There {n}" for n in range(N))


@pytest.fixture
def town(tmp_path: Path, google: GoogleServer) -> Iterator[Callable[[int], GoogleTown]]:
    """Make a town with so many events at Google."""
    made: list[GoogleTown] = []

    def make(events_there: int = 0) -> GoogleTown:
        made.append(found_google_town(tmp_path, google, events_there))
        return made[-1]

    yield make
    for each in made:
        each.rt.db.close()


@pytest.fixture
def writing(town: Callable[[int], GoogleTown]) -> GoogleTown:
    """A town in which activities wait to be written to an empty calendar."""
    made = town(0)
    for number in range(N):
        made.write(number)
    return made


@pytest.fixture
def synced(town: Callable[[int], GoogleTown]) -> GoogleTown:
    """A town in which as many events are in sync."""
    made = town(N)
    made.settle()
    return made


def assert_all_written(made: GoogleTown) -> None:
    assert made.titles_there() == HERE
    assert made.titles_here() == HERE
    assert made.switch.mail() == []


def assert_nothing_deleted(made: GoogleTown) -> None:
    assert made.titles_here() == THERE
    assert made.titles_there() == THERE
    assert made.switch.mail() == []


# --- without faults


def test_sixty_activities_go_out_in_two_requests(town: Callable[[int], GoogleTown]) -> None:
    made = town(0)
    for number in range(60):
        made.write(number)
    made.settle()
    assert made.titles_there() == sorted(f"Here {n}" for n in range(60))
    assert len(made.switch.requests("batch")) == 2


def test_a_poll_that_finds_nothing_is_one_request(synced: GoogleTown) -> None:
    assert_nothing_deleted(synced)
    synced.switch.clear_requests()
    assert synced.sync().state == "no_changes"
    asked = [line["method_id"] for line in synced.switch.requests()]
    assert [name for name in asked if name != "oauth.token"] == ["calendar.events.list"]


def test_sixty_edits_cost_one_list_and_two_batches(town: Callable[[int], GoogleTown]) -> None:
    made = town(60)
    made.settle()
    made.switch.clear_requests()
    for number in range(60):
        made.edit(f"There {number}", summary=f"Title {number}")
    made.sync()
    calls = [line["method_id"] for line in made.switch.requests()]
    assert len(made.switch.requests("batch")) == 2
    assert calls.count("calendar.events.list") == 1
    assert made.titles_there() == sorted(f"Title {n}" for n in range(60))


def test_edits_on_both_sides_meet(synced: GoogleTown) -> None:
    for number in range(N):
        synced.edit(f"There {number}", summary=f"Title {number}")
        synced.put(number, location=f"Room {number}")
    synced.settle()
    there = {(event["summary"], event["location"]) for event in synced.events_there()}
    assert there == {(f"Title {n}", f"Room {n}") for n in range(N)}
    assert synced.titles_here() == sorted(f"Title {n}" for n in range(N))


def test_what_goes_on_one_side_goes_on_the_other(synced: GoogleTown) -> None:
    for number in range(3):
        synced.remove(number)
        synced.cancel(f"There {number + 3}")
    synced.settle()
    left = sorted(f"There {n}" for n in range(6, N))
    assert synced.titles_there() == left
    assert synced.titles_here() == left


def test_time_out_of_office_blocks_and_is_no_activity(town: Callable[[int], GoogleTown]) -> None:
    made = town(2)
    made.switch.change_user(ELI, allows_status_events=True)
    out = {"outOfOfficeProperties": {"autoDeclineMode": "declineNone"}, "transparency": "opaque"}
    made.switch.add_event(ELI, {**event_body(9, "Away"), **out, "eventType": "outOfOffice"})
    place = {"workingLocationProperties": {"type": "homeOffice"}, "visibility": "public", "transparency": "transparent"}
    made.switch.add_event(ELI, {**event_body(8, "Home"), **place, "eventType": "workingLocation"})
    made.settle()
    assert made.titles_here() == ["There 0", "There 1"]
    with made.rt.reading() as session:
        rows = session.exec(select(t.MirrorEvent).order_by(t.MirrorEvent.title)).all()
    assert [(row.title, row.is_busy, row.excluded) for row in rows] == [
        ("Away", True, "only_blocks"),
        ("Home", False, "left_out"),
        ("There 0", True, ""),
        ("There 1", True, ""),
    ]


def test_meetings_that_were_declined_block_nothing(town: Callable[[int], GoogleTown]) -> None:
    made = town(0)
    made.rule(import_declined=True)
    guests = [{"email": "bob@example.com", "responseStatus": "declined"}]
    made.put(1, "Bob does not come", attendees=guests)
    made.put(2, "Eli neither", attendees=[*guests, {"email": ELI, "responseStatus": "declined"}])
    made.settle()
    assert busy_events(made) == {"Bob does not come": True, "Eli neither": False}
    made.put(2, "Eli neither", attendees=[*guests, {"email": ELI, "responseStatus": "accepted"}])
    made.settle()
    assert busy_events(made) == {"Bob does not come": True, "Eli neither": True}


def busy_events(town: GoogleTown) -> dict[str, bool]:
    with town.rt.reading() as session:
        return {row.title: row.is_busy for row in session.exec(select(t.MirrorEvent))}


def test_kinds_that_cannot_be_changed_from_here_come_in_and_nothing_goes_out(town: Callable[[int], GoogleTown]) -> None:
    made = town(0)
    made.rule(import_from_mail="sync", import_out_of_office="sync")
    made.switch.change_user(ELI, allows_status_events=True)
    out = {"outOfOfficeProperties": {"autoDeclineMode": "declineNone"}, "transparency": "opaque"}
    made.switch.add_event(ELI, {**event_body(9, "Away"), **out, "eventType": "outOfOffice"})
    made.switch.seed_event(ELI, {**event_body(8, "Flight"), "id": "flight1", "eventType": "fromGmail"})
    made.settle()
    assert made.titles_here() == ["Away", "Flight"]
    made.edit("Away", summary="Far away")
    made.edit("Flight", summary="My flight")
    made.settle()
    assert made.titles_there() == ["Far away", "Flight"]
    with made.rt.reading() as session:
        assert sorted(session.exec(select(t.Link.waits_for))) == ["", "read_only_kind"]


# --- writes


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 500, "method": "calendar.events.insert", "every": 10},
        {"kind": "status", "status": 503, "method": "calendar.events.insert", "every": 7, "html": True},
        {"kind": "status", "status": 409, "reason": "conflict", "method": "calendar.events.insert", "every": 9},
        {"kind": "drop", "method": "calendar.events.insert", "times": 2},
        {"kind": "drop_before", "method": "batch", "times": 2},
        {"kind": "truncate", "method": "calendar.events.insert", "times": 1},
        {"kind": "truncate", "method": "calendar.events.insert", "times": 1, "quiet": True},
    ],
    ids=lambda fault: "-".join(str(value) for value in fault.values()),
)
def test_writes_come_through_once(writing: GoogleTown, fault: dict[str, Any]) -> None:
    writing.switch.fault(**fault)
    writing.settle()
    assert_all_written(writing)


@pytest.mark.parametrize("status", [403, 429])
def test_a_quota_in_the_middle_is_waited_for(writing: GoogleTown, status: int) -> None:
    limit = {"status": status, "reason": "rateLimitExceeded", "retry_after": 600}
    writing.switch.fault("status", method="calendar.events.insert", skip=15, **limit)
    run = writing.sync()
    assert run.error_class == "rate_limit"
    assert writing.account().rate_limited_until is not None
    assert len(writing.titles_there()) == 15
    writing.switch.clear_faults()
    writing.settle()
    assert_all_written(writing)


def test_a_grant_revoked_in_the_middle(writing: GoogleTown) -> None:
    writing.switch.fault("status", method="calendar.events.insert", status=401, skip=12)
    writing.switch.fault("status", method="oauth.token", status=400, body={"error": "invalid_grant"})
    run = writing.sync()
    assert run.error_class == "auth"
    assert (writing.account().grant_ok, writing.account().grant_error) == (False, "invalid_grant")
    assert len(writing.titles_there()) == 12
    writing.switch.clear_faults()
    writing.sign_in()
    writing.settle()
    assert_all_written(writing)


def test_tokens_end_all_the_time(writing: GoogleTown) -> None:
    writing.sync()
    for number in range(N):
        writing.edit(f"Here {number}", location=f"Room {number}")
        if number % 10 == 0:
            writing.switch.expire_tokens(ELI)
            writing.sync()
    writing.switch.expire_tokens(ELI)
    writing.settle()
    assert_all_written(writing)
    assert {event.get("location") for event in writing.events_there()} == {f"Room {n}" for n in range(N)}


def test_a_storm_of_412(synced: GoogleTown) -> None:
    for number in range(N):
        synced.edit(f"There {number}", summary=f"Title {number}")
    synced.switch.fault("touch", method="calendar.events.patch", times=3 * N)
    synced.settle(40)
    titles = sorted(f"Title {n}" for n in range(N))
    assert (synced.titles_there(), synced.titles_here()) == (titles, titles)
    assert synced.switch.mail() == []


# --- reads


BAD_LISTS: list[dict[str, Any]] = [
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 503, "html": True},
    {"kind": "status", "status": 403, "reason": "rateLimitExceeded"},
    {"kind": "status", "status": 410, "reason": "fullSyncRequired"},
    {"kind": "status", "status": 404, "reason": "notFound"},
    {"kind": "drop"},
    {"kind": "truncate"},
    {"kind": "truncate", "quiet": True},
    {"kind": "status", "status": 200, "body": {"kind": "calendar#events", "items": []}},
    {"kind": "status", "status": 200, "body": {"kind": "calendar#events", "nextSyncToken": "x"}},
]


@pytest.mark.parametrize("full", [False, True], ids=["changes", "full"])
def test_a_bad_list_deletes_nothing(synced: GoogleTown, full: bool) -> None:
    for fault in BAD_LISTS:
        synced.put(0, "There 0", location=str(fault))
        synced.switch.fault(**fault, method="calendar.events.list", times=1)
        assert synced.sync(full=full).deleted == 0, fault
        assert synced.titles_here() == THERE, fault
        synced.switch.clear_faults()
    synced.clock.advance(hours=2)
    synced.settle()
    assert_nothing_deleted(synced)


def test_an_empty_list_is_not_believed(synced: GoogleTown) -> None:
    body = {"kind": "calendar#events", "items": [], "nextSyncToken": "x", "accessRole": "owner"}
    synced.switch.fault("status", method="calendar.events.list", status=200, body=body, times=1)
    assert synced.sync(full=True).deleted == 0
    synced.settle()
    assert_nothing_deleted(synced)


@pytest.mark.parametrize("reason", ["fullSyncRequired", "updatedMinTooLongAgo"])
def test_an_expired_cursor_is_no_deletion(synced: GoogleTown, reason: str) -> None:
    synced.remove(0)
    synced.switch.expire_sync(ELI, reason)
    synced.settle()
    left = sorted(f"There {n}" for n in range(1, N))
    assert (synced.titles_here(), synced.titles_there()) == (left, left)


# --- series


def test_a_series_goes_through_everything(town: Callable[[int], GoogleTown]) -> None:
    made = town(0)
    start = made.clock() + timedelta(days=1)
    times = {"dateTime": start.isoformat(), "timeZone": "Europe/Berlin"}
    end = {"dateTime": (start + timedelta(minutes=30)).isoformat(), "timeZone": "Europe/Berlin"}
    body = weekly(start=times, end=end, recurrence=["RRULE:FREQ=DAILY;COUNT=6"], id="series")
    made.switch.add_event(ELI, body)
    made.settle()
    slots = [f"series_{start + timedelta(days=n):%Y%m%dT%H%M%SZ}" for n in range(6)]
    made.switch.edit_event(ELI, slots[1], {"summary": "Changed"})
    made.switch.delete_event(ELI, slots[2])
    made.settle()
    assert made.titles_here() == ["Changed", "Weekly"]
    assert len(master_of(made).content["exdates"]) == 1
    made.edit("Changed", summary="Changed here")
    made.edit("Weekly", location="Room 1")
    made.settle()
    there = {e["id"]: (e["summary"], e.get("location")) for e in made.events_there()}
    assert there[slots[1]][0] == "Changed here"
    assert there["series"] == ("Weekly", "Room 1")
    made.switch.delete_event(ELI, "series")
    made.settle()
    assert made.titles_here() == []


def master_of(made: GoogleTown) -> t.Activity:
    with made.rt.reading() as session:
        return session.exec(select(t.Activity).where(t.Activity.recurrence_key == "")).one()
