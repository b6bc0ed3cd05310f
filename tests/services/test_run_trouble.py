"""Runs that are cut short: by a fault of ours, by a provider that falls silent, by an account that goes."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import col, select

from calsync.errors import Unavailable
from calsync.providers.base import Written
from calsync.providers.memory import FaultKind, Quirks
from calsync.providers.memory.client import MemoryClient
from calsync.providers.memory.faults import WRITE
from calsync.runtime import CLI
from calsync.services import claims, disconnect, fetch, owners, sync
from calsync.store import instance
from calsync.store import tables as t
from calsync.store.secrets import Secrets, WrongKey, make_key
from tests.services.office import Office, open_office
from tests.simulator.process import Crash, Process


class Flaw(Exception):
    """A mistake in the program."""


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return open_office(tmp_path, Quirks(series_is_one_resource=True))


def account_of(office: Office) -> t.Account:
    with office.rt.reading() as session:
        return session.get_one(t.Account, office.account.id)


def last_run(office: Office) -> t.Run:
    with office.rt.reading() as session:
        return session.exec(select(t.Run).order_by(col(t.Run.id).desc())).first() or t.Run()


def flawed(*_: object) -> None:
    raise Flaw


def test_a_fault_of_ours_waits_longer_each_time_instead_of_being_met_again_at_once(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "fetch", flawed)
    waits = []
    for _ in range(4):
        with pytest.raises(Flaw):
            sync.run(office.rt, office.account.id)
        found = account_of(office)
        assert found.next_sync_at is not None
        waits.append(found.next_sync_at - office.clock())
        office.clock.at = found.next_sync_at
    assert waits == [timedelta(minutes=m) for m in (1, 2, 4, 8)]
    assert (found.failed_runs, found.last_error_class, found.lease_owner) == (4, "bug", None)
    assert (last_run(office).state, last_run(office).error_class) == ("failed", "bug")


def test_an_account_recovers_from_a_fault_of_ours(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(fetch, "fetch", flawed)
        with pytest.raises(Flaw):
            sync.run(office.rt, office.account.id)
    office.meeting("Kick-off")
    assert office.sync().created == 1
    assert account_of(office).failed_runs == 0


def test_a_write_that_nobody_can_tell_about_stays_in_doubt_and_is_settled_without_another(office: Office) -> None:
    handle = office.meeting("Kick-off")
    office.settle()
    office.edit("Kick-off", location="Room 2")
    office.server.faults.arm(FaultKind.LOST_AFTER)
    office.server.faults.arm(FaultKind.RATE_LIMITED, skip=1)  # the question what became of it
    office.server.faults.requests.clear()
    limited = office.sync()
    assert [step.state for step in office.steps(limited)] == ["in_doubt"]
    office.settle()
    assert [step.state for step in office.steps(limited)] == ["done"]
    assert office.there(handle).location == "Room 2"
    assert sum(request.kind == WRITE for request in office.server.faults.requests) == 1


class Killed(BaseException):
    """The process ends here."""


def test_an_edit_made_there_while_our_write_was_in_doubt_comes_in(office: Office) -> None:
    handle = office.meeting("Kick-off")
    office.settle()
    office.edit("Kick-off", location="Room 2")

    def kill(name: str) -> None:
        if name == "apply.written":
            raise Killed

    office.clock.advance(minutes=10)
    with pytest.raises(Killed):
        sync.run(replace(office.rt, checkpoint=kill), office.account.id)
    office.clock.advance(minutes=10)
    office.server.edit(office.calendar.remote_id, handle, summary="Kick-off, moved")
    office.settle()
    assert office.titles_here() == ["Kick-off, moved"]
    assert (office.there(handle).summary, office.there(handle).location) == ("Kick-off, moved", "Room 2")


def test_such_an_edit_comes_in_also_when_it_was_read_before_the_doubt_was_settled(office: Office) -> None:
    handle = office.meeting("Kick-off")
    office.settle()
    office.edit("Kick-off", location="Room 2")
    office.server.faults.arm(FaultKind.LOST_AFTER)
    office.server.faults.arm(FaultKind.RATE_LIMITED, skip=1)
    office.sync()
    office.server.edit(office.calendar.remote_id, handle, summary="Kick-off, moved")
    office.server.faults.arm(FaultKind.UNAVAILABLE)  # nobody tells what became of our write, but the calendar is read
    still = office.sync()
    assert (still.state, office.titles_here()) == ("no_changes", ["Kick-off"])
    office.settle()
    assert office.titles_here() == ["Kick-off, moved"]
    assert (office.there(handle).summary, office.there(handle).location) == ("Kick-off, moved", "Room 2")


def test_a_silent_provider_ends_the_run_with_every_answer_of_the_batch_written_down(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(client: MemoryClient, calendar_id: str, writes: Sequence[object]) -> list[Written]:
        return [Unavailable("busy") for _ in writes]

    info = office.rt.providers["memory"].info
    many = replace(info, capabilities=replace(info.capabilities, batch_size=20))
    monkeypatch.setattr(office.rt.providers["memory"], "info", many)
    for number in range(8):
        office.write(f"Review {number}", hours=30 + number)
    monkeypatch.setattr(MemoryClient, "write", write)
    run = office.sync()
    assert run.error_class == "network"
    assert {step.state for step in office.steps(run)} == {"failed"}
    monkeypatch.undo()
    office.settle()
    assert office.titles_there() == [f"Review {number}" for number in range(8)]


def test_a_run_that_was_killed_is_called_interrupted_and_keeps_what_it_did(office: Office) -> None:
    office.meeting("Kick-off")
    process = Process()
    dying = replace(
        process.runtime(office.rt), checkpoint=lambda name: process.die() if name == "apply.local" else None
    )
    with pytest.raises(Crash):
        sync.run(dying, office.account.id)
    killed = last_run(office)
    assert killed.state == "running"
    office.clock.advance(minutes=10)
    office.settle()
    with office.rt.reading() as session:
        run = session.get_one(t.Run, killed.id)
    assert (run.state, run.error_class, run.created) == ("failed", "interrupted", 1)
    assert office.titles_here() == ["Kick-off"]


def test_a_run_whose_account_is_disconnected_under_it_is_over(office: Office) -> None:
    office.meeting("Kick-off")

    def leave(name: str) -> None:
        if name == "plan.saved":
            disconnect.disconnect(office.rt, office.account.id, "keep", by=CLI)

    owner = owners.new_owner()
    with pytest.raises(claims.LeaseLost):
        sync.run(replace(office.rt, checkpoint=leave), office.account.id, owner=owner)
    run = last_run(office)
    assert (run.state, run.finished_at, run.phase) == ("cancelled", office.clock(), "")
    assert "disconnected" in run.error
    assert office.titles_here() == []


def test_a_password_that_no_key_opens_asks_its_owner_to_reconnect(office: Office) -> None:
    keep(office, office.rt.secrets.seal("calsync"), secret=Secrets([make_key()]).seal("lost"))
    run = office.sync()
    found = account_of(office)
    assert (run.error_class, found.grant_ok, found.grant_error) == ("auth", False, "secret_lost")


def test_where_the_key_itself_is_wrong_nobody_is_asked_to_reconnect(office: Office) -> None:
    other = Secrets([make_key()])
    keep(office, other.seal("calsync"), secret=other.seal('{"password": "x"}'))
    with pytest.raises(WrongKey):
        sync.run(office.rt, office.account.id)
    found = account_of(office)
    assert (found.grant_ok, found.last_error_class) == (True, "bug")


def keep(office: Office, key_check: bytes, *, secret: bytes) -> None:
    with office.rt.writing() as session:
        instance.get(session).key_check = key_check.decode()
        session.get_one(t.Account, office.account.id).secret = secret
