"""The pool with the real services: due accounts run, hanging ones keep nobody waiting, a stop releases everything."""

import time

from calsync.runtime import SYSTEM, utc_now
from calsync.services import accounts
from jobs import bodies
from tests.jobs.conftest import HANGS, Shop, eventually


def test_a_due_account_is_synced(shop: Shop) -> None:
    account_id = shop.add_account("quick")
    shop.open()
    assert eventually(lambda: shop.account(account_id).last_success_at is not None)
    assert [r.state for r in shop.runs(account_id)] == ["no_changes"]
    after = shop.account(account_id)
    assert after.lease_owner is None
    assert after.next_sync_at is not None
    assert after.next_sync_at > utc_now()


def test_sync_now_starts_a_run_that_says_who_asked(shop: Shop) -> None:
    account_id = shop.add_account("quick", next_sync_at=None)
    shop.open()
    accounts.sync_now(shop.rt, account_id, by=SYSTEM)
    assert eventually(lambda: [(r.trigger, r.state) for r in shop.runs(account_id)] == [("manual", "no_changes")])


def test_a_healthy_account_finishes_within_ten_seconds_although_fifty_hang(shop: Shop) -> None:
    hanging = [shop.add_account(f"{HANGS} {n}") for n in range(50)]
    shop.open()
    assert eventually(lambda: sum(bool(shop.runs(each)) for each in hanging[:8]) == 8)
    began = time.monotonic()
    healthy = shop.add_account("healthy")
    assert eventually(lambda: [r.state for r in shop.runs(healthy)] == ["no_changes"], within_s=10)
    assert time.monotonic() - began < 10


def test_accounts_that_timed_out_run_in_half_of_the_pool(shop: Shop) -> None:
    hanging = [shop.add_account(f"{HANGS} {n}", timed_out=True) for n in range(20)]
    shop.open()
    assert eventually(lambda: sum(bool(shop.runs(each)) for each in hanging) == 4)
    time.sleep(2.5)  # longer than a thread waits before it is stood in for
    assert sum(bool(shop.runs(each)) for each in hanging) == 4


def test_a_timeout_is_remembered_and_tried_again_later(shop: Shop) -> None:
    account_id = shop.add_account(f"{HANGS} once")
    shop.let_go.set()
    shop.open()
    assert eventually(lambda: shop.account(account_id).failed_runs == 1)
    after = shop.account(account_id)
    assert after.timed_out
    assert after.next_sync_at is not None
    assert after.next_sync_at > utc_now()


def test_a_stop_gives_back_what_hangs_within_ten_seconds(shop: Shop) -> None:
    account_id = shop.add_account(f"{HANGS} for long")
    shop.open()
    assert eventually(lambda: bool(shop.runs(account_id)))
    began = time.monotonic()
    assert not shop.pool.stop(2)
    assert time.monotonic() - began < 10
    given_back = shop.account(account_id)
    assert given_back.lease_owner is None
    assert given_back.next_sync_at is not None
    assert given_back.next_sync_at <= utc_now()


def test_a_run_that_was_cut_off_writes_nothing_more(shop: Shop) -> None:
    account_id = shop.add_account(f"{HANGS} for long")
    shop.open()
    assert eventually(lambda: bool(shop.runs(account_id)))
    shop.pool.stop(0.2)
    shop.let_go.set()
    time.sleep(0.5)
    assert shop.account(account_id).failed_runs == 0


def test_every_job_that_the_clock_knows_exists_and_runs(shop: Shop) -> None:
    from jobs import scheduler

    work = bodies.Work(shop.rt)
    for job in scheduler.EVERY:
        work.run(job, {}, "this process")
