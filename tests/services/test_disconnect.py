"""Disconnecting: four choices, and what each leaves on either side."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlmodel import select

from calsync.engine.vocabulary import LinkState, StepState
from calsync.errors import Refused
from calsync.providers.memory import FaultKind
from calsync.runtime import CLI
from calsync.services import accounts, claims, connect, disconnect, leaving, queued
from calsync.services.disconnect import Choice
from calsync.store import tables as t
from tests import factories
from tests.services import office as offices
from tests.services.office import Office


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """One meeting that began in the CRM, one that began in the calendar, both in sync."""
    made = offices.open_office(tmp_path)
    made.change_account(subject=f"{made.account.username}@{made.account.server_url}")
    made.write("Ours")
    made.meeting("Theirs")
    made.settle()
    yield made
    made.rt.db.close()


def account(office: Office) -> t.Account:
    with office.rt.reading() as session:
        return session.get_one(t.Account, office.account.id)


def leave(office: Office, choice: Choice) -> disconnect.Outcome:
    return disconnect.disconnect(office.rt, office.account.id or 0, choice, by=CLI)


def test_the_preview_counts_what_each_choice_concerns(office: Office) -> None:
    counts = disconnect.preview(office.rt, office.account.id or 0)
    assert (counts.remote_events, counts.activities, counts.why_not) == (1, 1, "")


@pytest.mark.parametrize(
    ("choice", "here", "there"),
    [
        (Choice.KEEP, ["Ours", "Theirs"], ["Ours", "Theirs"]),
        (Choice.DELETE_REMOTE, ["Ours", "Theirs"], ["Theirs"]),
        (Choice.DELETE_LOCAL, ["Ours"], ["Ours", "Theirs"]),
        (Choice.DELETE_BOTH, ["Ours"], ["Theirs"]),
    ],
)
def test_what_each_choice_leaves(office: Office, choice: Choice, here: list[str], there: list[str]) -> None:
    outcome = leave(office, choice)
    assert outcome.is_disconnected
    assert office.titles_here() == here
    assert office.titles_there() == there


def test_a_disconnected_account_forgets_its_password_and_never_runs(office: Office) -> None:
    leave(office, Choice.KEEP)
    gone = account(office)
    assert (gone.state, gone.secret, gone.next_sync_at) == ("disconnected", None, None)
    office.clock.advance(days=2)
    assert claims.claim_due(office.rt, "one", 5) == []
    with pytest.raises(Refused):
        accounts.sync_now(office.rt, office.account.id or 0, by=CLI)
    with pytest.raises(Refused) as refused:
        leave(office, Choice.KEEP)
    assert refused.value.code == "disconnected"


def test_links_outlive_a_disconnect(office: Office) -> None:
    leave(office, Choice.KEEP)
    assert {link.state for link in office.links()} == {LinkState.PARKED}
    assert len(office.links()) == 2


def test_connecting_again_doubles_nothing(office: Office) -> None:
    leave(office, Choice.KEEP)
    connect_again(office)
    office.settle()
    assert office.titles_here() == office.titles_there() == ["Ours", "Theirs"]
    assert {link.state for link in office.links()} == {LinkState.ACTIVE}


def test_edits_made_while_disconnected_travel_afterwards(office: Office) -> None:
    leave(office, Choice.KEEP)
    office.edit("Ours", summary="Ours, later")
    connect_again(office)
    office.settle()
    assert office.titles_there() == ["Ours, later", "Theirs"]


@pytest.mark.parametrize("choice", [Choice.DELETE_REMOTE, Choice.DELETE_LOCAL, Choice.DELETE_BOTH])
def test_connecting_again_brings_back_once_what_was_deleted_on_leaving(office: Office, choice: Choice) -> None:
    """To connect is to want both sides equal; the links see to it that nothing is doubled."""
    leave(office, choice)
    connect_again(office)
    office.settle()
    assert office.titles_here() == office.titles_there() == ["Ours", "Theirs"]
    assert len(office.links()) == 2


def test_deletions_are_steps_with_what_was_there(office: Office) -> None:
    outcome = leave(office, Choice.DELETE_BOTH)
    with office.rt.reading() as session:
        steps = list(session.exec(select(t.Step).where(t.Step.run_id == outcome.run_id)))
    assert {(s.direction, s.action, s.state, s.reason) for s in steps} == {
        ("outbound", "delete", "done", "disconnected"),
        ("inbound", "cancel", "done", "disconnected"),
    }
    assert (outcome.deleted_remote, outcome.cancelled_local, outcome.failed) == (1, 1, 0)


def test_a_failed_deletion_leaves_the_account_connected(office: Office) -> None:
    office.server.faults.arm(FaultKind.REVOKED)
    outcome = leave(office, Choice.DELETE_REMOTE)
    assert (outcome.is_disconnected, outcome.deleted_remote) == (False, 0)
    assert outcome.failed
    assert account(office).state == "active"
    office.server.allow()
    assert office.titles_there() == ["Ours", "Theirs"]


def test_an_account_that_runs_is_left_alone(office: Office) -> None:
    assert claims.claim(office.rt, office.account.id or 0, "somebody")
    with pytest.raises(Refused) as refused:
        leave(office, Choice.DELETE_BOTH)
    assert refused.value.code == "busy"
    assert office.titles_there() == ["Ours", "Theirs"]


class Killed(BaseException):
    """The process ends here: nothing after it happens."""


def kill_at(office: Office, boundary: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the process of a waiting run end at a boundary, holding its claim."""

    def kill(name: str) -> None:
        if name == boundary:
            raise Killed

    alive = office.rt
    with monkeypatch.context() as patched:
        patched.setattr(claims, "release", lambda *_args, **_kwargs: None)
        [run_id] = queued.list_waiting(alive)
        with pytest.raises(Killed):
            queued.work(replace(alive, checkpoint=kill), run_id)


@pytest.mark.parametrize("boundary", ["errand.saved", "apply.marked", "apply.written"])
def test_a_disconnect_that_was_killed_is_taken_up_again(
    office: Office, boundary: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        office.write(f"Also ours {number}", hours=50 + number)
    office.settle()
    run_id = disconnect.ask(office.rt, office.account.id or 0, Choice.DELETE_BOTH, by=CLI)
    kill_at(office, boundary, monkeypatch)
    assert queued.take_up(office.rt) == 0  # its claim still stands
    office.clock.advance(minutes=10)
    assert queued.take_up(office.rt) == 1
    queued.work(office.rt, run_id or 0)
    outcome = disconnect.outcome(office.rt, run_id or 0)
    assert (outcome.deleted_remote, outcome.cancelled_local, outcome.is_disconnected) == (4, 1, True)
    assert office.titles_there() == ["Theirs"]
    assert account(office).secret is None


def test_a_sync_in_between_does_not_end_a_disconnect_that_was_killed(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = disconnect.ask(office.rt, office.account.id or 0, Choice.DELETE_REMOTE, by=CLI)
    kill_at(office, "errand.saved", monkeypatch)
    office.clock.advance(minutes=10)
    office.sync()
    queued.take_up(office.rt)
    queued.work(office.rt, run_id or 0)
    assert disconnect.outcome(office.rt, run_id or 0).is_disconnected
    assert office.titles_there() == ["Theirs"]


def test_a_paused_account_that_cannot_be_left_stays_paused(office: Office) -> None:
    accounts.pause(office.rt, office.account.id or 0, by=CLI)
    office.server.faults.arm(FaultKind.REVOKED)
    assert not leave(office, Choice.DELETE_REMOTE).is_disconnected
    assert account(office).state == "paused"


def test_a_fault_of_ours_ends_the_run_and_frees_the_account(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = disconnect.ask(office.rt, office.account.id or 0, Choice.DELETE_REMOTE, by=CLI)
    monkeypatch.setattr(leaving, "steps", lambda *_args, **_kwargs: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        queued.work(office.rt, run_id or 0)
    with office.rt.reading() as session:
        assert session.get_one(t.Run, run_id).state == "failed"
    assert account(office).lease_owner is None
    assert queued.take_up(office.rt) == 0


def test_a_dead_grant_deletes_nothing_there_and_says_why(office: Office) -> None:
    office.change_account(grant_ok=False)
    with pytest.raises(Refused) as refused:
        leave(office, Choice.DELETE_REMOTE)
    assert refused.value.code == "cannot_delete"
    assert leave(office, Choice.KEEP).is_disconnected


def test_an_activity_that_another_account_shows_too_stays(office: Office) -> None:
    theirs = office.here("Theirs")
    other = factories.make_account(office.rt, office.cast.sam, subject="other")
    calendar = factories.make_calendar(office.rt, other)
    with office.rt.writing() as session:
        copied = {"agreed_local": {}, "agreed_remote": {}, "local_fp": "", "remote_fp": ""}
        now = office.clock()
        ids = {"activity_id": theirs.id, "account_id": other.id, "calendar_id": calendar.id}
        session.add(t.Link(**ids, uid=theirs.uid, agreed_at=now, created_at=now, **copied))
    assert leave(office, Choice.DELETE_LOCAL).cancelled_local == 0
    assert office.titles_here() == ["Ours", "Theirs"]


def test_owner_and_admins_are_told(office: Office) -> None:
    leave(office, Choice.KEEP)
    with office.rt.reading() as session:
        told = {n.user_id for n in session.exec(select(t.Notice).where(t.Notice.kind == "disconnected"))}
    assert told == {office.cast.eli.id, office.cast.ada.id}


def test_nothing_waits_on_a_disconnected_account(office: Office) -> None:
    office.rule(brake_creates=0)
    office.write("Held", hours=40)
    run = office.sync()
    assert run.held == 1
    leave(office, Choice.KEEP)
    with office.rt.reading() as session:
        states = {s.state for s in session.exec(select(t.Step).where(t.Step.run_id == run.id))}
    assert StepState.HELD not in states


def connect_again(office: Office) -> None:
    grant = account(office)
    connect.reconnect(office.rt, grant.id or 0, password="remote-secret", by=CLI)
