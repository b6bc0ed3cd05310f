"""Stopping a run that goes on: by pausing its account, or by pausing all writing."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlmodel import col, select

from calsync.providers.memory import FaultKind, Quirks
from calsync.runtime import CLI
from calsync.services import accounts, settings, sync
from calsync.store import tables as t
from tests import factories
from tests.services.office import Office, open_office

TITLES = [f"Review {number}" for number in range(6)]


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return open_office(tmp_path, Quirks(series_is_one_resource=True))


def pause_writing(office: Office, paused: bool = True) -> None:
    known, version = settings.switches(office.rt)
    settings.save_switches(
        office.rt, replace(known, writes_paused=paused), version, by=factories.acting(office.cast.ada)
    )


def pause_account(office: Office) -> None:
    accounts.pause(office.rt, office.account.id, by=CLI)


def run_and(office: Office, name: str, times: int, happen: Callable[[Office], None]) -> t.Run:
    """Sync; something happens when a checkpoint is reached for the n-th time."""
    passed: list[str] = []

    def watch(reached: str) -> None:
        passed.append(reached)
        if reached == name and passed.count(name) == times:
            happen(office)

    run_id = sync.run(replace(office.rt, checkpoint=watch), office.account.id)
    with office.rt.reading() as session:
        return session.get_one(t.Run, run_id)


def account_of(office: Office) -> t.Account:
    with office.rt.reading() as session:
        return session.get_one(t.Account, office.account.id)


@pytest.mark.parametrize("stop", [pause_writing, pause_account])
def test_no_write_follows_once_somebody_says_stop(office: Office, stop: Callable[[Office], None]) -> None:
    for title in TITLES:
        office.write(title)
    run = run_and(office, "apply.written", 2, stop)
    assert len(office.titles_there()) == 2
    assert (run.state, run.created, run.error_class, run.phase) == ("cancelled", 2, "", "")
    assert "was paused in the middle" in run.error
    assert (account_of(office).lease_owner, account_of(office).failed_runs) == (None, 0)


def test_a_calendar_that_is_switched_off_gets_nothing_more(office: Office) -> None:
    for title in TITLES:
        office.write(title)
    run = run_and(office, "apply.written", 2, lambda _: office.change_calendar(syncs=False))
    assert (len(office.titles_there()), run.state, run.failed) == (2, "cancelled", 0)
    assert "Work was switched off in the middle" in run.error
    office.settle()
    assert len(office.titles_there()) == 2
    office.change_calendar(syncs=True)
    office.settle()
    assert sorted(office.titles_there()) == TITLES


def test_a_write_that_was_to_be_tried_again_waits_like_the_others(office: Office) -> None:
    office.write("Review")
    office.server.faults.arm(FaultKind.UNAVAILABLE, skip=1)  # the write: the listing comes first

    def stop(seconds: float) -> None:
        pause_writing(office)

    run_id = sync.run(replace(office.rt, sleep=stop), office.account.id)
    with office.rt.reading() as session:
        assert [step.state for step in session.exec(select(t.Step).where(t.Step.run_id == run_id))] == ["planned"]
    pause_writing(office, paused=False)
    office.settle()
    assert office.titles_there() == ["Review"]


def test_what_was_left_is_written_once_writing_goes_on(office: Office) -> None:
    for title in TITLES:
        office.write(title)
    run_and(office, "apply.written", 2, pause_writing)
    office.settle()
    assert len(office.titles_there()) == 2
    pause_writing(office, paused=False)
    office.settle()
    assert sorted(office.titles_there()) == TITLES


def test_what_was_left_is_written_once_the_account_goes_on(office: Office) -> None:
    for title in TITLES:
        office.write(title)
    run_and(office, "apply.written", 2, pause_account)
    accounts.resume(office.rt, office.account.id, by=CLI)
    office.settle()
    assert sorted(office.titles_there()) == TITLES


def test_reading_goes_on_while_all_writing_is_paused(office: Office) -> None:
    office.meeting("Kick-off")
    office.write("Review")
    run_and(office, "plan.saved", 1, pause_writing)
    assert (office.titles_here(), office.titles_there()) == (["Kick-off", "Review"], ["Kick-off"])


def test_an_account_that_is_paused_while_it_reads_reads_on_from_there_later(tmp_path: Path) -> None:
    office = open_office(tmp_path, Quirks(series_is_one_resource=True, page_size=1))
    for title in TITLES:
        office.meeting(title)
    run = run_and(office, "fetch.saved", 2, pause_account)
    assert (run.state, run.processed, office.titles_here()) == ("cancelled", 0, [])
    with office.rt.reading() as session:
        assert len(session.exec(select(t.MirrorEvent)).all()) == 2
        assert session.exec(select(col(t.Calendar.cursor))).one() is None
    accounts.resume(office.rt, office.account.id, by=CLI)
    office.settle()
    assert sorted(office.titles_here()) == TITLES


def test_what_waited_for_the_end_of_a_pause_is_written_then(office: Office) -> None:
    office.meeting("Kick-off")
    office.settle()
    pause_writing(office)
    office.write("Review")
    office.edit("Kick-off", location="Room 2")
    office.settle()
    assert office.titles_there() == ["Kick-off"]
    pause_writing(office, paused=False)
    office.settle()
    assert office.titles_there() == ["Kick-off", "Review"]
