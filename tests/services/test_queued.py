"""Runs that somebody asked for: retries and previews wait as rows, are carried out once, and leave no trace else."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import col, select

from calsync.engine.rules import Rules
from calsync.errors import Refused
from calsync.services import claims, held, queued, retry
from calsync.store import tables as t
from tests import factories
from tests.services.office import Office, open_office


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return open_office(tmp_path)


def failing(office: Office) -> t.Run:
    """Return a run in which writing one activity failed for good, while the other went through."""
    office.write("Review")
    office.settle()
    office.write("Demo", hours=40)
    office.server.set_access("work", "reader")
    run = office.sync()
    office.server.set_access("work", "owner")
    return run


def run_of(office: Office, run_id: int) -> t.Run:
    with office.rt.reading() as session:
        return session.get_one(t.Run, run_id)


def test_a_retry_waits_until_a_thread_takes_it_up(office: Office) -> None:
    parent = failing(office)
    assert parent.failed == 1
    child = retry.ask(office.rt, parent.id, by=factories.acting(office.cast.eli))
    assert (run_of(office, child).state, office.titles_there()) == ("queued", ["Review"])
    queued.work(office.rt, child)
    assert run_of(office, child).state == "succeeded"
    assert run_of(office, child).parent_id == parent.id
    assert office.titles_there() == ["Demo", "Review"]


def test_a_double_click_asks_for_one_retry(office: Office) -> None:
    parent = failing(office)
    by = factories.acting(office.cast.eli)
    assert retry.ask(office.rt, parent.id, by=by) == retry.ask(office.rt, parent.id, by=by)


def test_nothing_failed_is_refused(office: Office) -> None:
    office.meeting()
    run = office.sync()
    with pytest.raises(Refused, match="Nothing in this run") as caught:
        retry.ask(office.rt, run.id, by=factories.acting(office.cast.eli))
    assert caught.value.code == "nothing_failed"


def test_a_paused_account_is_not_retried(office: Office) -> None:
    parent = failing(office)
    office.change_account(state="paused")
    with pytest.raises(Refused, match="paused"):
        retry.ask(office.rt, parent.id, by=factories.acting(office.cast.eli))


def test_carrying_out_twice_does_it_once(office: Office) -> None:
    child = retry.ask(office.rt, failing(office).id, by=factories.acting(office.cast.eli))
    queued.work(office.rt, child)
    finished = run_of(office, child).finished_at
    office.clock.advance(minutes=1)
    queued.work(office.rt, child)
    assert run_of(office, child).finished_at == finished


def test_a_busy_account_leaves_the_request_waiting(office: Office) -> None:
    child = retry.ask(office.rt, failing(office).id, by=factories.acting(office.cast.eli))
    assert claims.claim(office.rt, office.account.id, "elsewhere:1:x")
    queued.work(office.rt, child)
    assert queued.list_waiting(office.rt) == [child]
    office.clock.advance(minutes=5)
    queued.work(office.rt, child)
    assert queued.list_waiting(office.rt) == []


def test_a_request_on_an_account_paused_since_is_cancelled_and_says_why(office: Office) -> None:
    child = retry.ask(office.rt, failing(office).id, by=factories.acting(office.cast.eli))
    office.change_account(state="paused")
    queued.work(office.rt, child)
    assert run_of(office, child).state == "cancelled"
    assert "paused" in run_of(office, child).error


def test_a_preview_with_other_rules_writes_nothing_and_saves_no_rules(office: Office) -> None:
    office.meeting("Stand-up")
    office.write("Call Bo", hours=50)
    rules = replace(Rules(), import_events=False, kinds_out=())
    by = factories.acting(office.cast.ada)
    plain = queued.preview(office.rt, office.account.id, by=by)
    strict = queued.preview(office.rt, office.account.id, rules=rules, by=by)
    for run_id in (plain, strict):
        queued.work(office.rt, run_id)
    assert (run_of(office, plain).state, run_of(office, plain).created) == ("preview", 2)
    assert (run_of(office, strict).state, run_of(office, strict).created) == ("preview", 0)
    assert (office.titles_here(), office.titles_there()) == (["Call Bo"], ["Stand-up"])


def test_a_preview_leaves_the_schedule_as_it_was(office: Office) -> None:
    due = office.clock() + timedelta(hours=3)
    for wanted in (due, None):
        office.change_account(next_sync_at=wanted)
        queued.work(office.rt, queued.preview(office.rt, office.account.id, by=factories.acting(office.cast.ada)))
        with office.rt.reading() as session:
            account = session.get_one(t.Account, office.account.id)
        assert (account.next_sync_at, account.lease_owner) == (wanted, None)


def test_runs_whose_held_steps_were_planned_anew_wait_no_more(office: Office) -> None:
    office.settle()
    office.rule(brake_creates=1)
    for number in range(3):
        office.write(f"Review {number}", hours=30 + number)
    first, second = office.sync(), office.sync()
    assert (first.state, second.state) == ("held", "held")
    assert run_of(office, first.id).state == "no_changes"
    held.approve(office.rt, second.id, by=factories.acting(office.cast.ada))
    office.sync()
    assert run_of(office, second.id).state == "succeeded"
    with office.rt.reading() as session:
        assert list(session.exec(select(t.Run).where(col(t.Run.state) == "held"))) == []


def test_a_discarded_run_waits_no_more(office: Office) -> None:
    office.settle()
    office.rule(brake_creates=1)
    for number in range(3):
        office.write(f"Review {number}", hours=30 + number)
    run = office.sync()
    held.discard(office.rt, run.id, by=factories.acting(office.cast.ada))
    assert run_of(office, run.id).state == "cancelled"


def test_a_run_counts_what_it_changed_on_either_side(office: Office) -> None:
    office.meeting("Stand-up")
    office.write("Review")
    run = office.sync()
    assert (run.inbound, run.outbound) == (1, 1)
