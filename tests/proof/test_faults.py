"""The fault table: what can go wrong between us and a real server, 200 records at a time.

Each line ends the same way: zero lost, zero doubled, zero deleted, and the run says what happened.
"""

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.parts import faults
from tests.parts.fault_proxy import FaultProxy
from tests.parts.radicale import Radicale
from tests.proof.town import TEAM, Town, found_town

N = 200
HERE = sorted(f"Here {n}" for n in range(N))
THERE = sorted(f"There {n}" for n in range(N))


@pytest.fixture
def town(tmp_path: Path, radicale: Radicale, radicale_proxy: FaultProxy) -> Iterator[Callable[[int], Town]]:
    """Make a town with so many events on its server."""
    made: list[Town] = []

    def make(events_there: int = 0) -> Town:
        made.append(found_town(tmp_path, radicale, radicale_proxy, events_there))
        return made[-1]

    yield make
    for each in made:
        each.rt.db.close()


def writing(town: Callable[[int], Town]) -> Town:
    """A town in which 200 activities wait to be written to an empty calendar."""
    made = town(0)
    for number in range(N):
        made.write(number)
    return made


def synced(town: Callable[[int], Town]) -> Town:
    """A town in which 200 events are in sync."""
    made = town(N)
    made.settle()
    return made


def assert_all_written(town: Town) -> None:
    assert town.titles_there() == HERE
    assert town.titles_here() == HERE
    assert len(set(town.uids_there())) == N


def assert_nothing_deleted(town: Town) -> None:
    assert town.titles_here() == THERE
    assert town.titles_there() == THERE


# --- writes


def test_500_on_every_10th_put(town: Callable[[int], Town]):
    made = writing(town)
    rule = made.proxy.add(faults.status(500), method="PUT", every=10)
    made.settle()
    assert rule.hits >= 20
    assert_all_written(made)


def test_put_applied_but_the_answer_lost(town: Callable[[int], Town]):
    made = writing(town)
    rule = made.proxy.add(faults.lose_answer, method="PUT", every=10)
    made.settle()
    assert rule.hits >= 20
    assert_all_written(made)


def test_429_with_retry_after(town: Callable[[int], Town]):
    made = writing(town)
    made.proxy.add(faults.status(429, retry_after="600"), method="PUT", skip=50, times=1)
    run = made.sync()
    assert run.error_class == "rate_limit"
    assert run.created == 50
    until = made.account().rate_limited_until
    assert until is not None
    # The client reads the clock of the machine: only there does a server's answer have a time.
    assert (until - datetime.now(UTC)).total_seconds() == pytest.approx(600, abs=60)
    made.settle()
    assert_all_written(made)


def test_connection_reset(town: Callable[[int], Town]):
    made = writing(town)
    made.proxy.add(faults.reset, method="PUT", every=15)
    made.proxy.add(faults.reset_after, method="PUT", every=20)
    made.settle()
    assert_all_written(made)


def test_wrong_password_in_the_middle(town: Callable[[int], Town]):
    made = writing(town)
    made.proxy.add(faults.status(401, WWW_Authenticate='Basic realm="x"'), method="PUT", skip=80, times=2)
    run = made.sync()
    assert run.error_class == "auth"
    account = made.account()
    assert not account.grant_ok
    assert len(made.titles_there()) == 80
    with made.rt.writing() as session:
        row = session.get_one(type(account), account.id)
        row.grant_ok, row.grant_error = True, ""
    made.settle()
    assert_all_written(made)


# --- reads


@pytest.mark.parametrize(
    "fault",
    [
        faults.truncate(0.5),
        faults.truncate(0.5, admit=False),
        faults.keep_responses(share=0.5),
        faults.keep_responses(count=2),
        faults.status(503),
        faults.status(503, retry_after="5"),
        faults.reset,
    ],
    ids=["truncated to half", "broken off at half", "half of it", "almost empty", "503", "503 later", "reset"],
)
@pytest.mark.parametrize("full", [False, True], ids=["changes", "full"])
def test_a_bad_listing(town: Callable[[int], Town], fault: faults.Fault, full: bool):
    made = synced(town)
    made.put(0, "There 0")
    rule = made.proxy.add(fault, when=faults.is_listing, times=1)
    run = made.sync(full=full)
    assert rule.hits == 1
    assert run.deleted == 0
    made.settle()
    assert_nothing_deleted(made)


def test_multiget_short(town: Callable[[int], Town]):
    made = town(N)
    rule = made.proxy.add(faults.keep_responses(share=0.5), when=faults.is_multiget)
    made.sync()
    assert rule.hits >= 1
    assert set(made.titles_here()) <= set(THERE)  # what was not answered is asked for again, not taken for gone
    made.proxy.heal()
    made.settle()
    assert_nothing_deleted(made)


def test_a_hang_ends_by_itself_and_says_so(town: Callable[[int], Town]):
    made = synced(town)
    made.proxy.add(faults.hang(30), when=faults.is_listing, times=1)
    made.sync()
    made.settle()
    assert_nothing_deleted(made)


def test_the_calendar_deleted_on_the_server(town: Callable[[int], Town], radicale: Radicale):
    made = synced(town)
    shutil.rmtree(radicale.calendar_folder(TEAM))
    run = made.sync()
    assert run.deleted == 0
    made.sync()
    assert made.titles_here() == THERE


# --- both sides


def test_title_here_and_location_there_at_once(town: Callable[[int], Town]):
    made = synced(town)
    for number in range(N):
        made.edit(f"There {number}", summary=f"Title {number}")
        made.put(number, f"There {number}", location=f"Room {number}")
    made.settle()
    texts = made.server.resources(TEAM).values()
    assert len(texts) == N
    assert all(f"SUMMARY:Title {_room(text)}\r\n" in text for text in texts)


def _room(text: str) -> str:
    return text.partition("LOCATION:Room ")[2].split("\r\n")[0]
