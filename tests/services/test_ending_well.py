"""How most runs end: one statement leaves on an account what the longer way leaves on it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from calsync.engine.rules import Rules
from calsync.providers.memory import FaultKind, MemoryProvider, MemoryServer
from calsync.runtime import Runtime
from calsync.services import claims, settings, sync
from calsync.store import tables as t
from calsync.store.polls import Read
from tests import factories
from tests.factories import Clock

pytestmark = pytest.mark.postgres

OWN = ("id", "public_id", "subject", "label", "secret")
"""What two accounts never share."""

BEFORE = factories.START - timedelta(hours=1)


@pytest.fixture
def eli(rt: Runtime) -> t.User:
    return factories.make_user(rt, "Eli")


def held(rt: Runtime, owner: t.User, name: str, **values: Any) -> int:
    """Return an account that `one` runs; `values` stand on it since the run began."""
    account_id = t.pk(factories.make_account(rt, owner, subject=name))
    assert claims.claim(rt, account_id, "one")
    with rt.writing() as session:
        account = session.get_one(t.Account, account_id)
        for column, value in values.items():
            setattr(account, column, value)
    return account_id


def facts(rt: Runtime, account_id: int) -> dict[str, Any]:
    with rt.reading() as session:
        row = session.get_one(t.Account, account_id).model_dump()
    return {name: value for name, value in row.items() if name not in OWN}


def end_well(rt: Runtime, account_id: int, owner: str = "one", reads: tuple[Read, ...] = ()) -> bool:
    with rt.writing() as session:
        rules, _ = settings.organisation_rules(session)
        return claims.end_well(session, account_id, owner, rt.now(), rules=rules, reads=reads)


def end(rt: Runtime, account_id: int, reads: tuple[Read, ...] = ()) -> None:
    with rt.writing() as session:
        claims.end(session, account_id, "one", rt.now(), started_at=BEFORE, reads=reads)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"in_sync_since": BEFORE, "last_success_at": BEFORE, "last_complete_read_at": BEFORE, "clock_offset_s": 2.5},
        {"requested_trigger": "manual"},
        {"next_sync_at": BEFORE, "requested_trigger": "manual"},  # asked for meanwhile
        {"next_sync_at": None, "requested_trigger": "push"},
        {"timed_out": True},
        {"state": "paused"},  # meanwhile
    ],
)
def test_both_ways_leave_the_same(rt: Runtime, eli: t.User, clock: Clock, values: dict[str, Any]) -> None:
    short, long = (held(rt, eli, name, requested_by_id=eli.id, **values) for name in ("short", "long"))
    clock.advance(seconds=10)
    assert end_well(rt, short)
    end(rt, long)
    assert facts(rt, short) == facts(rt, long)


def test_nobody_asked_and_nothing_is_scheduled_under_manual(rt: Runtime, eli: t.User) -> None:
    ada = factories.make_user(rt, "Ada", role="admin")
    settings.save_rules(rt, Rules(frequency="manual"), 0, by=factories.acting(ada))
    account_id = held(rt, eli, "short")
    assert end_well(rt, account_id)
    assert facts(rt, account_id)["next_sync_at"] is None


@pytest.mark.parametrize(
    "values",
    [
        {"failed_runs": 1, "last_error": "no answer", "last_error_class": "transient"},
        {"grant_ok": False, "grant_lost_at": BEFORE},
        {"rate_limited_until": BEFORE},
    ],
)
def test_an_account_that_was_not_well_is_left_to_the_longer_way(
    rt: Runtime, eli: t.User, values: dict[str, Any]
) -> None:
    account_id = held(rt, eli, "short", **values)
    before = facts(rt, account_id)
    assert not end_well(rt, account_id)
    assert facts(rt, account_id) == before


def test_who_lost_the_claim_ends_nothing_and_saves_no_read(rt: Runtime, eli: t.User) -> None:
    account_id = held(rt, eli, "short")
    calendar = factories.make_calendar(rt, row(rt, account_id))
    before = facts(rt, account_id)
    assert not end_well(rt, account_id, "another", (_read(calendar),))
    assert (facts(rt, account_id), _place(rt, calendar)) == (before, (None, None))


@pytest.mark.parametrize("is_short", [True, False])
def test_reads_are_saved_as_the_run_ends(rt: Runtime, eli: t.User, is_short: bool) -> None:
    account_id = held(rt, eli, "short")
    calendar = factories.make_calendar(rt, row(rt, account_id))
    (end_well if is_short else end)(rt, account_id, reads=(_read(calendar),))
    found = facts(rt, account_id)
    assert (found["last_complete_read_at"], found["clock_offset_s"]) == (factories.START, 1.5)
    assert _place(rt, calendar) == ("there", BEFORE)


def row(rt: Runtime, account_id: int) -> t.Account:
    with rt.reading() as session:
        return session.get_one(t.Account, account_id)


def _read(calendar: t.Calendar) -> Read:
    return Read(t.pk(calendar), "there", BEFORE, factories.START, 1.5)


def _place(rt: Runtime, calendar: t.Calendar) -> tuple[Any, Any]:
    with rt.reading() as session:
        found = session.get_one(t.Calendar, calendar.id)
    return found.cursor, found.last_read_at


# --- whole runs


def test_a_run_without_news_notes_when_it_read_and_is_due_again(rt: Runtime, eli: t.User, clock: Clock) -> None:
    server = MemoryServer(clock)
    server.add_calendar("work")
    rt = replace(rt, providers={"memory": MemoryProvider(server)})
    account = factories.make_account(rt, eli, provider="memory")
    calendar = factories.make_calendar(rt, account, remote_id="work")
    sync.run(rt, t.pk(account))
    before, began = _place(rt, calendar), clock.advance(minutes=15)
    run_id = sync.run(rt, t.pk(account))
    with rt.reading() as session:
        run = session.get_one(t.Run, run_id)
    left = facts(rt, t.pk(account))
    assert (run.state, run.finished_at, _place(rt, calendar)) == ("no_changes", began, (before[0], began))
    assert (left["last_complete_read_at"], left["next_sync_at"]) == (began, began + timedelta(minutes=15))
    assert (left["lease_owner"], left["lease_until"], left["failed_runs"]) == (None, None, 0)


def test_what_was_read_before_another_calendar_failed_is_kept(rt: Runtime, eli: t.User, clock: Clock) -> None:
    server = MemoryServer(clock)
    for name in ("first", "second"):
        server.add_calendar(name)
    rt = replace(rt, providers={"memory": MemoryProvider(server)})
    account = factories.make_account(rt, eli, provider="memory")
    first, second = (
        factories.make_calendar(rt, account, name, remote_id=name, is_write_target=False)
        for name in ("first", "second")
    )
    sync.run(rt, t.pk(account))
    was, began = _place(rt, second), clock.advance(minutes=15)
    server.faults.arm(FaultKind.UNAVAILABLE, skip=1)
    sync.run(rt, t.pk(account))
    assert (_place(rt, first)[1], _place(rt, second)) == (began, was)
    assert facts(rt, t.pk(account))["failed_runs"] == 1
