"""Claims: who may run an account, for how long, and what a run leaves on it."""

import threading
from datetime import timedelta

import pytest

from calsync.engine.vocabulary import Trigger
from calsync.errors import RateLimited, SignInNeeded, Unavailable
from calsync.runtime import SYSTEM, Runtime
from calsync.services import accounts, claims, owners, timetable
from calsync.store import tables as t
from tests import factories
from tests.factories import Clock

pytestmark = pytest.mark.postgres


@pytest.fixture
def eli(rt: Runtime) -> t.User:
    return factories.make_user(rt, "Eli")


def many(rt: Runtime, owner: t.User, count: int, **values: object) -> list[int]:
    made = [factories.make_account(rt, owner, subject=f"login {n}", **values) for n in range(count)]
    return [account.id or 0 for account in made]


def row(rt: Runtime, account_id: int) -> t.Account:
    with rt.reading() as session:
        return session.get_one(t.Account, account_id)


def test_a_due_account_is_claimed_once(rt: Runtime, eli: t.User) -> None:
    [account_id] = many(rt, eli, 1)
    assert claims.claim_due(rt, "one", 10) == [account_id]
    assert claims.claim_due(rt, "two", 10) == []


def test_two_processes_share_the_due_accounts(rt: Runtime, eli: t.User) -> None:
    ids = many(rt, eli, 40)
    taken: list[int] = []
    start = threading.Barrier(4)

    def claim(owner: str) -> None:
        start.wait()
        while got := claims.claim_due(rt, owner, 3):
            taken.extend(got)

    threads = [threading.Thread(target=claim, args=(f"process {n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # A claimer may find all of its candidates taken and stop early, but none is ever taken twice.
    assert len(taken) == len(set(taken))
    while got := claims.claim_due(rt, "last", 3):
        taken.extend(got)
    assert sorted(taken) == ids


def test_the_longest_waiting_comes_first(rt: Runtime, eli: t.User, clock: Clock) -> None:
    late, early = many(rt, eli, 2)
    with rt.writing() as session:
        session.get_one(t.Account, early).next_sync_at = clock() - timedelta(hours=1)
    assert claims.claim_due(rt, "one", 1) == [early]
    assert claims.claim_due(rt, "one", 1) == [late]


@pytest.mark.parametrize(
    "values",
    [
        {"state": "paused"},
        {"state": "disconnected"},
        {"grant_ok": False},
        {"next_sync_at": None},
        {"next_sync_at": factories.START + timedelta(seconds=1)},
        {"rate_limited_until": factories.START + timedelta(minutes=1)},
    ],
)
def test_what_is_not_due(rt: Runtime, eli: t.User, values: dict[str, object]) -> None:
    many(rt, eli, 1, **values)
    assert claims.claim_due(rt, "one", 10) == []
    assert not claims.is_anything_due(rt)


def test_a_killed_ones_claim_expires(rt: Runtime, eli: t.User, clock: Clock) -> None:
    [account_id] = many(rt, eli, 1)
    claims.claim_due(rt, "killed", 10)
    clock.advance(seconds=claims.LEASE.total_seconds() - 1)
    assert claims.claim_due(rt, "next", 10) == []
    clock.advance(seconds=1)
    assert claims.claim_due(rt, "next", 10) == [account_id]
    assert not claims.renew_lease(rt, account_id, "killed")


def test_a_renewed_lease_lasts(rt: Runtime, eli: t.User, clock: Clock) -> None:
    [account_id] = many(rt, eli, 1)
    claims.claim_due(rt, "one", 10)
    for _ in range(4):
        clock.advance(seconds=90)
        assert claims.renew_lease(rt, account_id, "one")
    assert claims.claim_due(rt, "two", 10) == []


def test_slow_accounts_come_last_and_are_bounded(rt: Runtime, eli: t.User) -> None:
    slow = many(rt, eli, 6, timed_out=True, next_sync_at=factories.START - timedelta(days=1))
    quick = factories.make_account(rt, eli, subject="quick").id
    assert claims.claim_due(rt, "one", 8, slow_limit=2) == [quick, *slow[:2]]


def test_anyone_may_claim_a_free_account_before_it_is_due(rt: Runtime, eli: t.User) -> None:
    [account_id] = many(rt, eli, 1, next_sync_at=None)
    assert claims.claim(rt, account_id, "cli")
    assert claims.claim(rt, account_id, "cli")
    assert not claims.claim(rt, account_id, "other")


def test_a_dead_process_loses_its_claim_at_once(rt: Runtime, eli: t.User) -> None:
    [account_id] = many(rt, eli, 1)
    alive = owners.new_owner()
    machine, pid, _, key = alive.split(".")
    dead = f"{machine}.{pid}.1.{key}"  # this pid, but started at another time
    claims.claim_due(rt, dead, 10)
    assert claims.claim(rt, account_id, "cli")
    claims.release(rt, account_id, "cli")
    claims.claim_due(rt, alive, 10)
    assert not claims.claim(rt, account_id, "cli")


def test_at_start_claims_of_dead_processes_are_given_back(rt: Runtime, eli: t.User) -> None:
    ids = many(rt, eli, 3)
    machine, pid, _, key = owners.new_owner().split(".")
    claims.claim_due(rt, f"{machine}.{pid}.1.{key}", 2)
    claims.claim_due(rt, owners.new_owner(), 1)
    assert claims.release_dead(rt) == 2
    assert claims.claim_due(rt, "next", 10) == ids[:2]


def test_another_machines_process_is_never_called_dead() -> None:
    _, pid, started, key = owners.new_owner().split(".")
    assert not owners.is_dead(f"elsewhere.{pid}.{started}.{key}")
    assert not owners.is_dead("cli")


def test_a_successful_run_schedules_the_next_one(rt: Runtime, eli: t.User, clock: Clock) -> None:
    [account_id] = many(rt, eli, 1)
    claims.claim_due(rt, "one", 1)
    clock.advance(seconds=20)
    claims.release(rt, account_id, "one", started_at=factories.START)
    account = row(rt, account_id)
    assert account.next_sync_at == clock() + timedelta(minutes=15)
    assert account.last_success_at == account.in_sync_since == clock()
    assert account.lease_owner is None


@pytest.mark.parametrize(("frequency", "minutes"), [("realtime", 5), ("5", 5), ("60", 60), ("manual", None)])
def test_frequency_decides_when(rt: Runtime, eli: t.User, frequency: str, minutes: int | None) -> None:
    [account_id] = many(rt, eli, 1, overrides={"frequency": frequency})
    claims.claim_due(rt, "one", 1)
    claims.release(rt, account_id, "one", started_at=factories.START)
    wanted = None if minutes is None else factories.START + timedelta(minutes=minutes)
    assert row(rt, account_id).next_sync_at == wanted


def test_failed_steps_break_the_row_of_successes(rt: Runtime, eli: t.User, clock: Clock) -> None:
    [account_id] = many(rt, eli, 1, in_sync_since=factories.START, last_success_at=factories.START)
    claims.claim_due(rt, "one", 1)
    clock.advance(minutes=1)
    claims.release(rt, account_id, "one", failed=2, started_at=factories.START)
    account = row(rt, account_id)
    assert account.in_sync_since is None
    assert account.last_success_at == factories.START


def test_outages_are_tried_again_later_and_later(rt: Runtime, eli: t.User, clock: Clock) -> None:
    [account_id] = many(rt, eli, 1)
    waits = []
    for _ in range(12):
        assert claims.claim_due(rt, "one", 1) == [account_id]
        claims.release(rt, account_id, "one", error=Unavailable("no answer"), started_at=clock())
        due = row(rt, account_id).next_sync_at
        assert due is not None
        waits.append((due - clock()).total_seconds() / 60)
        clock.at = due
    assert waits == [1, 2, 4, 8, 15, 15, 15, 15, 15, 24 * 60, 24 * 60, 24 * 60]


def test_retry_after_is_honoured(rt: Runtime, eli: t.User, clock: Clock) -> None:
    [account_id] = many(rt, eli, 1)
    claims.claim_due(rt, "one", 1)
    claims.release(rt, account_id, "one", error=Unavailable("busy", after_s=1800), started_at=clock())
    assert row(rt, account_id).next_sync_at == clock() + timedelta(minutes=30)


def test_rate_limit_is_a_state_with_an_end(rt: Runtime, eli: t.User, clock: Clock) -> None:
    [account_id] = many(rt, eli, 1)
    claims.claim_due(rt, "one", 1)
    until = clock() + timedelta(hours=2)
    claims.release(rt, account_id, "one", error=RateLimited(until), started_at=clock())
    account = row(rt, account_id)
    assert (account.rate_limited_until, account.next_sync_at, account.failed_runs) == (until, until, 0)


def test_a_dead_grant_stops_the_account(rt: Runtime, eli: t.User, clock: Clock) -> None:
    [account_id] = many(rt, eli, 1)
    claims.claim_due(rt, "one", 1)
    claims.release(rt, account_id, "one", error=SignInNeeded("wrong_password"), started_at=clock())
    account = row(rt, account_id)
    assert (account.grant_ok, account.grant_error, account.grant_lost_at) == (False, "wrong_password", clock())
    clock.advance(days=30)
    assert claims.claim_due(rt, "one", 1) == []


def test_a_timeout_makes_an_account_slow_until_it_answers(rt: Runtime, eli: t.User, clock: Clock) -> None:
    [account_id] = many(rt, eli, 1)
    claims.claim_due(rt, "one", 1)
    error = Unavailable("nothing in 30 s", is_timeout=True)
    claims.release(rt, account_id, "one", error=error, started_at=clock())
    assert row(rt, account_id).timed_out
    clock.advance(minutes=1)
    claims.claim_due(rt, "one", 1, slow_limit=1)
    claims.release(rt, account_id, "one", started_at=clock())
    assert not row(rt, account_id).timed_out


def test_a_request_during_a_run_leads_to_another(rt: Runtime, eli: t.User, clock: Clock) -> None:
    [account_id] = many(rt, eli, 1)
    claims.claim_due(rt, "one", 1)
    clock.advance(seconds=5)
    accounts.sync_now(rt, account_id, by=SYSTEM)
    asked_at = clock()
    clock.advance(seconds=100)
    assert claims.renew_lease(rt, account_id, "one")
    claims.release(rt, account_id, "one", started_at=factories.START)
    account = row(rt, account_id)
    assert account.next_sync_at == asked_at
    assert account.requested_trigger == Trigger.MANUAL
    assert claims.claim_due(rt, "one", 1) == [account_id]


def test_a_lost_claim_releases_nothing(rt: Runtime, eli: t.User, clock: Clock) -> None:
    [account_id] = many(rt, eli, 1)
    claims.claim_due(rt, "slow", 1)
    clock.advance(minutes=3)
    claims.claim_due(rt, "next", 1)
    claims.release(rt, account_id, "slow", started_at=factories.START)
    assert row(rt, account_id).lease_owner == "next"
    with rt.writing() as session, pytest.raises(claims.LeaseLost):
        claims.require(session, account_id, "slow", clock())


def test_a_stopping_process_gives_everything_back(rt: Runtime, eli: t.User) -> None:
    ids = many(rt, eli, 3)
    claims.claim_due(rt, "stopping", 2)
    assert claims.release_all(rt, "stopping") == 2
    assert sorted(claims.claim_due(rt, "next", 10)) == ids


def test_what_a_stopping_process_was_running_is_over(rt: Runtime, eli: t.User, clock: Clock) -> None:
    account_id, other = many(rt, eli, 2)
    claims.claim(rt, account_id, "stopping")
    claims.claim(rt, other, "going-on")
    begun = [(account_id, "manual"), (account_id, "disconnect"), (other, "manual")]
    with rt.writing() as session:
        ran = [t.Run(account_id=i, trigger=why, state="running", started_at=clock()) for i, why in begun]
        session.add_all(ran)
    claims.release_all(rt, "stopping")
    with rt.reading() as session:
        found = [session.get_one(t.Run, run.id) for run in ran]
    assert [run.state for run in found] == ["cancelled", "running", "running"]  # disconnecting is taken up again
    assert "The server was stopped" in found[0].error
    assert found[0].finished_at == clock()


def test_a_pause_ends_by_the_clock(rt: Runtime, eli: t.User, clock: Clock) -> None:
    [account_id] = many(rt, eli, 1)
    accounts.pause(rt, account_id, until=clock() + timedelta(hours=1), by=SYSTEM)
    assert timetable.resume_rested(rt) == 0
    clock.advance(hours=1)
    assert timetable.resume_rested(rt) == 1
    assert claims.claim_due(rt, "one", 1) == [account_id]


def test_a_new_frequency_reaches_quiet_accounts(rt: Runtime, eli: t.User, clock: Clock) -> None:
    later = clock() + timedelta(minutes=50)
    quick, manual = many(rt, eli, 2, next_sync_at=later, last_success_at=clock())
    with rt.writing() as session:
        session.get_one(t.Account, quick).overrides = {"frequency": "5"}
        session.get_one(t.Account, manual).overrides = {"frequency": "manual"}
    assert timetable.reschedule(rt) == 2
    assert row(rt, quick).next_sync_at == clock() + timedelta(minutes=5)
    assert row(rt, manual).next_sync_at is None
    assert timetable.reschedule(rt) == 0
