"""The fault table on Microsoft: what can go wrong between us and Graph, in batches, deltas and token by token.

Each line ends the same way: zero lost, zero doubled, zero deleted, nobody mailed, and the run says what happened.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from calsync.runtime import CLI
from calsync.services import retry
from calsync.store import tables as t
from tests.emulators.microsoft.cast import ELI
from tests.emulators.microsoft.conftest import microsoft, microsoft_server
from tests.emulators.microsoft.server import MicrosoftServer
from tests.proof.microsoft_town import MicrosoftTown, event_body, found_microsoft_town

__all__ = ["microsoft", "microsoft_server"]

N = 20
HERE = sorted(f"Here {n}" for n in range(N))
THERE = sorted(f"There {n}" for n in range(N))
CREATE, DELTA, LIST = "calendars.events.create", "calendars.calendarView.delta", "calendars.events.list"


@pytest.fixture
def town(tmp_path: Path, microsoft: MicrosoftServer) -> Iterator[Callable[[int], MicrosoftTown]]:
    """Make a town with so many events at Microsoft."""
    made: list[MicrosoftTown] = []

    def make(events_there: int = 0) -> MicrosoftTown:
        made.append(found_microsoft_town(tmp_path, microsoft, events_there))
        return made[-1]

    yield make
    for each in made:
        each.rt.db.close()


@pytest.fixture
def writing(town: Callable[[int], MicrosoftTown]) -> MicrosoftTown:
    """A town in which activities wait to be written to an empty calendar."""
    made = town(0)
    for number in range(N):
        made.write(number)
    return made


@pytest.fixture
def synced(town: Callable[[int], MicrosoftTown]) -> MicrosoftTown:
    """A town in which as many events are in sync."""
    made = town(N)
    made.settle()
    return made


def assert_all_written(made: MicrosoftTown) -> None:
    assert made.titles_there() == HERE
    assert made.titles_here() == HERE
    assert made.switch.mail() == []


def assert_nothing_deleted(made: MicrosoftTown) -> None:
    assert made.titles_here() == THERE
    assert made.titles_there() == THERE
    assert made.switch.mail() == []


def asked(made: MicrosoftTown) -> list[str]:
    return [line["method_id"] for line in made.switch.requests() if line["method_id"] != "oauth.token"]


# --- without faults


def test_sixty_activities_go_out_in_three_requests(town: Callable[[int], MicrosoftTown]) -> None:
    made = town(0)
    for number in range(60):
        made.write(number)
    made.sync()
    assert made.titles_there() == sorted(f"Here {n}" for n in range(60))
    assert len(made.switch.requests("batch")) == 3
    made.settle()
    assert len(made.titles_there()) == 60


def test_a_poll_that_finds_nothing_is_one_request(synced: MicrosoftTown) -> None:
    assert_nothing_deleted(synced)
    synced.switch.clear_requests()
    assert synced.sync().state == "no_changes"
    assert asked(synced) == [DELTA]


def test_sixty_edits_cost_one_delta_and_three_batches(town: Callable[[int], MicrosoftTown]) -> None:
    made = town(60)
    made.settle()
    made.switch.clear_requests()
    for number in range(60):
        made.edit(f"There {number}", summary=f"Title {number}")
    made.sync()
    calls = asked(made)
    assert (calls.count("batch"), calls.count(DELTA), len(calls)) == (3, 1, 4)
    assert made.titles_there() == sorted(f"Title {n}" for n in range(60))


def test_what_exchange_does_to_items_by_itself_is_no_edit(writing: MicrosoftTown) -> None:
    """It goes over each item a moment after we wrote it: another version, the same content."""
    writing.settle()
    writing.switch.clear_requests()
    assert writing.sync().state == "no_changes"
    assert asked(writing) == [DELTA]
    assert_all_written(writing)


def test_edits_on_both_sides_meet(synced: MicrosoftTown) -> None:
    for number in range(N):
        synced.edit(f"There {number}", summary=f"Title {number}")
        synced.put(number, location={"displayName": f"Room {number}"})
    synced.settle()
    there = {(event["subject"], event["location"]["displayName"]) for event in synced.events_there()}
    assert there == {(f"Title {n}", f"Room {n}") for n in range(N)}
    assert synced.titles_here() == sorted(f"Title {n}" for n in range(N))


def test_what_goes_on_one_side_goes_on_the_other(synced: MicrosoftTown) -> None:
    for number in range(3):
        synced.remove(number)
        synced.cancel(f"There {number + 3}")
    synced.settle()
    left = sorted(f"There {n}" for n in range(6, N))
    assert synced.titles_there() == left
    assert synced.titles_here() == left
    assert synced.switch.mail() == []


def test_guests_stand_in_the_description_and_nobody_is_mailed(town: Callable[[int], MicrosoftTown]) -> None:
    made = town(0)
    made.write(0)
    guest = {"name": "Bo", "role": "req-participant", "kind": "individual"}
    made.edit("Here 0", attendees={"bo@example.com": guest}, responses={"bo@example.com": "needs-action"})
    made.edit("Here 0", description="Bring the plans.")
    made.settle()
    (event,) = made.events_there()
    assert event["attendees"] == []
    assert "Bo (bo@example.com)" in event["body"]["content"]
    assert made.switch.mail() == []
    made.put_description(event["id"], "Bring all plans.")
    made.settle()
    with made.rt.reading() as session:
        row = session.exec(select(t.Activity)).one()
    assert row.content["description"] == "Bring all plans."
    assert list(row.content["attendees"]) == ["bo@example.com"]


# --- writes


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 500, "code": "ErrorInternalServerError", "method": CREATE, "every": 10},
        {"kind": "status", "status": 503, "method": CREATE, "every": 7},
        {"kind": "status", "status": 503, "html": True, "method": CREATE, "every": 7},
        {"kind": "status", "status": 504, "method": "batch", "times": 1},
        {"kind": "after", "status": 504, "method": CREATE, "every": 6, "times": 3},
        {"kind": "after", "status": 409, "code": "ErrorIrresolvableConflict", "method": CREATE, "times": 2},
        {"kind": "drop_before", "method": "batch", "times": 2},
        {"kind": "drop", "method": "batch", "times": 1},
        {"kind": "truncate", "method": "batch", "times": 1},
        {"kind": "truncate", "method": "batch", "times": 1, "quiet": True},
    ],
    ids=lambda fault: "-".join(str(value) for value in fault.values()),
)
def test_writes_come_through_once(writing: MicrosoftTown, fault: dict[str, Any]) -> None:
    writing.switch.fault(**fault)
    writing.settle()
    assert_all_written(writing)


@pytest.mark.parametrize("wait", ["600", "599.5"])
def test_a_quota_in_the_middle_is_waited_for(writing: MicrosoftTown, wait: str) -> None:
    limit = {"status": 429, "code": "ApplicationThrottled", "retry_after": wait}
    writing.switch.fault("status", method=CREATE, skip=15, **limit)
    run = writing.sync()
    assert run.error_class == "rate_limit"
    until = writing.account().rate_limited_until
    assert until is not None
    assert until - writing.clock() > timedelta(seconds=500)
    assert len(writing.titles_there()) == 15
    writing.switch.clear_faults()
    writing.settle()
    assert_all_written(writing)


def test_a_grant_revoked_in_the_middle(writing: MicrosoftTown) -> None:
    writing.switch.fault("status", method=CREATE, status=401, code="InvalidAuthenticationToken", skip=12)
    writing.switch.fault("error", method="oauth.token", number=50173)
    run = writing.sync()
    assert run.error_class == "auth"
    assert (writing.account().grant_ok, writing.account().grant_error) == (False, "invalid_grant")
    assert len(writing.titles_there()) == 12
    writing.switch.clear_faults()
    writing.sign_in()
    writing.settle()
    assert_all_written(writing)


def test_a_secret_that_ran_out_ends_no_grant(writing: MicrosoftTown) -> None:
    writing.sync()
    writing.switch.expire_tokens(ELI)
    writing.switch.fault("error", method="oauth.token", number=7000222, error="invalid_client")
    run = writing.sync()
    assert run.state == "failed"
    assert writing.account().grant_ok
    writing.switch.clear_faults()
    writing.clock.advance(hours=2)
    writing.settle()
    assert_all_written(writing)


def test_tokens_end_all_the_time(writing: MicrosoftTown) -> None:
    writing.sync()
    for number in range(N):
        writing.edit(f"Here {number}", location=f"Room {number}")
        if number % 10 == 0:
            writing.switch.expire_tokens(ELI)
            writing.sync()
    writing.switch.expire_tokens(ELI)
    writing.settle()
    assert_all_written(writing)
    assert {event["location"]["displayName"] for event in writing.events_there()} == {f"Room {n}" for n in range(N)}


def test_a_storm_of_412(synced: MicrosoftTown) -> None:
    for number in range(N):
        synced.edit(f"There {number}", summary=f"Title {number}")
    synced.switch.fault("touch", method="events.update", times=3 * N)
    synced.settle(40)
    titles = sorted(f"Title {n}" for n in range(N))
    assert (synced.titles_there(), synced.titles_here()) == (titles, titles)
    assert synced.switch.mail() == []


# --- reads


BAD_ANSWERS: list[dict[str, Any]] = [
    {"kind": "status", "status": 500, "code": "ErrorInternalServerTransientError"},
    {"kind": "status", "status": 503},
    {"kind": "status", "status": 503, "html": True},
    {"kind": "status", "status": 429, "code": "TooManyRequests", "retry_after": "1.5"},
    {"kind": "status", "status": 410, "code": "SyncStateNotFound"},
    {"kind": "status", "status": 410, "code": "syncStateInvalid"},
    {"kind": "status", "status": 400, "code": "ResyncRequired"},
    {"kind": "status", "status": 404, "code": "ErrorItemNotFound"},
    {"kind": "status", "status": 403, "code": "ErrorAccessDenied"},
    {"kind": "drop"},
    {"kind": "truncate"},
    {"kind": "truncate", "quiet": True},
    {"kind": "status", "status": 200, "body": {"value": []}},
    {"kind": "status", "status": 200, "body": {}},
]


@pytest.mark.parametrize("method", [DELTA, LIST, "events.get"])
@pytest.mark.parametrize("full", [False, True], ids=["changes", "full"])
def test_a_bad_answer_deletes_nothing(synced: MicrosoftTown, method: str, full: bool) -> None:
    for fault in BAD_ANSWERS:
        synced.put(0, "There 0", location={"displayName": str(fault)})
        synced.switch.fault(**fault, method=method, times=1)
        assert synced.sync(full=full).deleted == 0, fault
        assert synced.titles_here() == THERE, fault
        synced.switch.clear_faults()
    synced.clock.advance(hours=2)
    synced.settle()
    assert_nothing_deleted(synced)


@pytest.mark.parametrize("code", ["SyncStateNotFound", "SyncStateInvalid", "ResyncRequired"])
def test_an_expired_delta_is_no_deletion(synced: MicrosoftTown, code: str) -> None:
    synced.remove(0)
    synced.switch.expire_delta(synced.calendar, code=code)
    synced.settle()
    left = sorted(f"There {n}" for n in range(1, N))
    assert (synced.titles_here(), synced.titles_there()) == (left, left)


def test_what_leaves_the_window_is_no_deletion(synced: MicrosoftTown) -> None:
    far = synced.clock() + timedelta(days=700)
    times = {"dateTime": f"{far:%Y-%m-%dT%H:%M:%S}", "timeZone": "UTC"}
    synced.put(0, start=times, end=times)
    synced.settle()
    assert synced.titles_there() == THERE
    with synced.rt.reading() as session:
        row = session.exec(select(t.Activity).where(t.Activity.title == "There 0")).one()
    assert row.status != "cancelled"


def test_the_window_moves_on_every_day(synced: MicrosoftTown) -> None:
    for day in range(3):
        synced.clock.advance(days=1)
        synced.put(day, f"There {day}", location={"displayName": "moved"})
        assert synced.sync().deleted == 0
    synced.settle()
    assert_nothing_deleted(synced)


@pytest.mark.parametrize(
    "settings",
    [
        {"page_cap": 3, "empty_pages": True, "repeats_in_delta": True},
        {"hides_cancelled_days": True, "delta_includes_masters": True},
        {"bumps_after_s": None, "view_expands": False, "batch_order": "reversed"},
    ],
    ids=lambda settings: "-".join(settings),
)
def test_odd_servers_are_read_alike(town: Callable[[int], MicrosoftTown], settings: dict[str, Any]) -> None:
    made = town(N)
    made.switch.settings(**settings)
    made.settle()
    assert_nothing_deleted(made)
    made.remove(0)
    made.put(1, "Another title")
    made.edit("There 2", summary="Title 2")
    made.settle()
    left = sorted(["Another title", "Title 2", *(f"There {n}" for n in range(3, N))])
    assert (made.titles_here(), made.titles_there()) == (left, left)


def test_a_short_wait_that_is_asked_for_is_kept(writing: MicrosoftTown) -> None:
    fault = {"status": 503, "code": "ServiceNotAvailable", "retry_after": "25", "times": 1}
    writing.switch.fault("status", method="batch", **fault)
    before = writing.clock()
    writing.sync()
    assert writing.clock() - before >= timedelta(minutes=20, seconds=25)
    assert_all_written(writing)


@pytest.mark.parametrize("full_says_token", [False, True])
def test_a_full_mailbox_is_read_whole_and_compared(synced: MicrosoftTown, full_says_token: bool) -> None:
    synced.switch.settings(full_says_token=full_says_token)
    synced.put(0, "Another title")
    synced.remove(1)
    synced.switch.change_user(ELI, is_over_quota=True)
    first = synced.sync()
    assert (first.state, first.failed) == ("succeeded", 0)
    left = sorted(["Another title", *(f"There {n}" for n in range(2, N))])
    assert synced.titles_here() == left
    assert synced.sync().state == "no_changes"
    synced.switch.change_user(ELI, is_over_quota=False)
    synced.settle()
    synced.switch.clear_requests()
    assert synced.sync().state == "no_changes"
    assert [line for line in asked(synced) if line != DELTA] == []
    assert synced.titles_here() == left


def test_a_full_mailbox_is_not_written_to_until_it_is_time_to_look_again(writing: MicrosoftTown) -> None:
    writing.switch.change_user(ELI, is_over_quota=True)
    for number in range(N, 60):
        writing.write(number)
    run = writing.sync()
    assert (run.state, run.failed) == ("partial", 60)
    assert [(step.error_class, "full" in step.error or "no room" in step.error) for step in writing.unfinished()] == [
        ("storage", True)
    ] * 60
    assert len(writing.switch.requests("batch")) == 1  # what would be refused as well is not sent
    writing.switch.clear_requests()
    writing.write(60)
    assert writing.sync().failed == 1
    assert writing.switch.requests("batch") == writing.switch.requests(CREATE) == []
    writing.switch.change_user(ELI, is_over_quota=False)
    writing.clock.advance(hours=2)
    writing.settle()
    assert writing.titles_there() == sorted(f"Here {n}" for n in range(61))
    assert writing.switch.mail() == []


def test_a_person_who_made_room_need_not_wait(writing: MicrosoftTown) -> None:
    writing.switch.change_user(ELI, is_over_quota=True)
    run = writing.sync()
    writing.switch.change_user(ELI, is_over_quota=False)
    retry.retry(writing.rt, t.pk(run), by=CLI)
    assert writing.titles_there() == HERE


# --- series


def test_a_series_goes_through_everything(town: Callable[[int], MicrosoftTown]) -> None:
    made = town(0)
    body = event_body(0, "Daily")
    pattern = {"type": "daily", "interval": 1}
    day = body["start"]["dateTime"][:10]
    ends = {"type": "numbered", "startDate": day, "numberOfOccurrences": 6}
    master = made.switch.add_event(made.calendar, {**body, "recurrence": {"pattern": pattern, "range": ends}})["id"]
    made.settle()
    window = {"startDateTime": "2030-01-01T00:00:00Z", "endDateTime": "2030-02-01T00:00:00Z"}
    found = made.ask("GET", f"/events/{master}/instances", query=window)["value"]
    slots = [item["id"] for item in found]
    made.switch.edit_event(made.calendar, slots[1], {"subject": "Changed"})
    made.switch.delete_event(made.calendar, slots[2])
    made.settle()
    assert made.titles_here() == ["Changed", "Daily"]
    assert len(master_of(made).content["exdates"]) == 1
    made.edit("Changed", summary="Changed here")
    made.edit("Daily", location="Room 1")
    made.settle()
    there = {item["id"]: item for item in made.ask("GET", f"/events/{master}/instances", query=window)["value"]}
    assert there[slots[1]]["subject"] == "Changed here"
    assert there[slots[0]]["location"]["displayName"] == "Room 1"
    assert len(there) == 5
    made.switch.delete_event(made.calendar, master)
    made.settle()
    assert made.titles_here() == []
    assert made.switch.mail() == []


def test_a_series_that_outlook_has_not_stays_here_and_says_why(town: Callable[[int], MicrosoftTown]) -> None:
    made = town(0)
    made.write(0)
    with made.rt.reading() as session:
        time = session.exec(select(t.Activity)).one().content["time"]
    made.edit("Here 0", time={**time, "rrule": "FREQ=MONTHLY;BYMONTHDAY=8,9"})
    run = made.sync()
    assert (run.failed, made.titles_there(), made.titles_here()) == (1, [], ["Here 0"])
    with made.rt.reading() as session:
        step = session.exec(select(t.Step).where(t.Step.run_id == run.id)).one()
    assert "Outlook has no series" in (step.error or "")


def master_of(made: MicrosoftTown) -> t.Activity:
    with made.rt.reading() as session:
        return session.exec(select(t.Activity).where(t.Activity.recurrence_key == "")).one()
