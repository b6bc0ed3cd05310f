"""The pool: a bound, no job twice at once, fairness between quick and hanging accounts, a graceful stop."""

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pytest

from jobs import queue


@dataclass
class FakeWork:
    """Accounts that are due, of which the hanging ones never return until `let_go`."""

    due: list[int] = field(default_factory=list)
    slow: set[int] = field(default_factory=set)
    hanging: set[int] = field(default_factory=set)
    let_go: threading.Event = field(default_factory=threading.Event)
    begun: list[int] = field(default_factory=list)
    finished: list[int] = field(default_factory=list)
    jobs: list[tuple[str, Mapping[str, int]]] = field(default_factory=list)
    given_back: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, job: str, ids: Mapping[str, int], owner: str) -> None:
        if job != "sync_account":
            self.jobs.append((job, ids))
            if job == "breaks":
                raise RuntimeError("a bug")
            if job == "waits":
                self.let_go.wait(30)
            return
        account_id = ids["account_id"]
        self.begun.append(account_id)
        if account_id in self.hanging:
            self.let_go.wait(30)
        self.finished.append(account_id)

    def claim(self, owner: str, limit: int, slow_limit: int) -> list[tuple[int, bool]]:
        with self.lock:
            quick = [a for a in self.due if a not in self.slow][:limit]
            slow = [a for a in self.due if a in self.slow][: min(slow_limit, limit - len(quick))]
            self.due = [a for a in self.due if a not in {*quick, *slow}]
        return [(a, a in self.slow) for a in [*quick, *slow]]

    def give_back(self, owner: str) -> int:
        self.given_back.append(owner)
        return 0


@pytest.fixture
def work() -> FakeWork:
    return FakeWork()


@pytest.fixture
def pool(work: FakeWork) -> Iterator[queue.Pool]:
    made = queue.Pool("this process", size=8)
    yield made
    work.let_go.set()
    made.stop(5)


def eventually(condition: object, within_s: float = 10.0) -> bool:
    """Wait until `condition()` holds; False when it did not in time."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if condition():  # type: ignore[operator]
            return True
        time.sleep(0.01)
    return False


def test_due_accounts_run_when_the_pool_starts(work: FakeWork, pool: queue.Pool) -> None:
    work.due = list(range(30))
    pool.start(work)
    assert eventually(lambda: sorted(work.finished) == list(range(30)))


def test_a_hint_makes_the_pool_look(work: FakeWork, pool: queue.Pool) -> None:
    pool.start(work)
    work.due = [7]
    pool.enqueue("sync_account", account_id=7)
    assert eventually(lambda: work.finished == [7])


def test_other_jobs_run_with_their_ids(work: FakeWork, pool: queue.Pool) -> None:
    pool.start(work)
    pool.enqueue("probe_account", account_id=3)
    assert eventually(lambda: work.jobs == [("probe_account", {"account_id": 3})])


def test_a_waiting_job_waits_once(work: FakeWork, pool: queue.Pool) -> None:
    for _ in range(5):
        pool.enqueue("prune")
    pool.enqueue("prune", account_id=1)
    pool.start(work)
    assert eventually(lambda: len(work.jobs) == 2)


def test_a_bug_in_a_job_ends_only_that_job(work: FakeWork, pool: queue.Pool) -> None:
    pool.start(work)
    pool.enqueue("breaks")
    pool.enqueue("prune")
    assert eventually(lambda: ("prune", {}) in work.jobs)


def test_no_more_threads_than_the_bound_while_they_work(work: FakeWork, pool: queue.Pool) -> None:
    work.due = list(range(20))
    work.hanging = set(range(20))
    pool.start(work)
    assert eventually(lambda: len(work.begun) == 8)
    assert not eventually(lambda: len(work.begun) > 8, within_s=queue.STUCK_AFTER_S * 0.6)


def test_a_healthy_account_passes_fifty_that_hang(work: FakeWork, pool: queue.Pool) -> None:
    """Nothing is known about any of them: as after the first start of an outage."""
    work.due = list(range(50))
    work.hanging = set(range(50))
    pool.start(work)
    assert eventually(lambda: len(work.begun) == 8)
    work.due.append(99)
    pool.enqueue("sync_account", account_id=99)
    assert eventually(lambda: 99 in work.finished, within_s=10)


def test_accounts_that_timed_out_get_half_of_the_pool(work: FakeWork, pool: queue.Pool) -> None:
    work.due = list(range(50))
    work.hanging = work.slow = set(range(50))
    pool.start(work)
    assert eventually(lambda: len(work.begun) == 4)
    assert not eventually(lambda: len(work.begun) > 4, within_s=queue.STUCK_AFTER_S * 2.5)
    work.due.append(99)
    pool.enqueue("sync_account", account_id=99)
    assert eventually(lambda: 99 in work.finished, within_s=2)


def test_a_job_that_moves_is_not_stuck(work: FakeWork, pool: queue.Pool) -> None:
    class Moving(FakeWork):
        def run(self, job: str, ids: Mapping[str, int], owner: str) -> None:
            self.begun.append(ids["account_id"])
            while not self.let_go.wait(0.1):
                pool.beat("boundary")

    moving = Moving(due=list(range(20)))
    pool.start(moving)
    assert eventually(lambda: len(moving.begun) == 8)
    assert not eventually(lambda: len(moving.begun) > 8, within_s=queue.STUCK_AFTER_S * 2)
    moving.let_go.set()
    assert eventually(lambda: len(moving.begun) == 20)


def test_stopping_waits_for_what_runs_and_starts_nothing(work: FakeWork, pool: queue.Pool) -> None:
    work.due, work.hanging = [1], {1}
    pool.start(work)
    assert eventually(lambda: work.begun == [1])
    threading.Timer(0.3, work.let_go.set).start()
    assert pool.stop(5)
    assert work.finished == [1]
    assert work.given_back == ["this process"]
    work.due = [2]
    pool.enqueue("sync_account", account_id=2)
    assert not eventually(lambda: 2 in work.begun, within_s=0.3)


def test_stopping_gives_back_what_does_not_finish(work: FakeWork, pool: queue.Pool) -> None:
    work.due, work.hanging = [1], {1}
    pool.start(work)
    assert eventually(lambda: work.begun == [1])
    began = time.monotonic()
    assert not pool.stop(0.5)
    assert time.monotonic() - began < 3
    assert work.given_back == ["this process"]
