"""The clock: it puts jobs into the pool, and only one process of an installation keeps it."""

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from calsync.runtime import Runtime, utc_now
from calsync.services import instance
from calsync.store import tables as t
from jobs import queue, scheduler
from tests import factories
from tests.jobs.conftest import eventually


@dataclass
class Listening:
    """Work that only writes down which jobs came."""

    jobs: list[str] = field(default_factory=list)
    looks: int = 0

    def run(self, job: str, ids: Mapping[str, int], owner: str) -> None:
        self.jobs.append(job)

    def claim(self, owner: str, limit: int, slow_limit: int) -> list[tuple[int, bool]]:
        self.looks += 1
        return []

    def give_back(self, owner: str) -> int:
        return 0


@pytest.fixture
def rt(fresh_database: Callable[..., str], tmp_path: Path) -> Iterator[Runtime]:
    runtime = factories.make_runtime(fresh_database(factories.prepare), utc_now, folder=tmp_path)
    yield runtime
    runtime.db.close()


@pytest.mark.postgres
def test_one_process_keeps_the_clock_and_another_takes_over(rt: Runtime) -> None:
    first, second = instance.ClockLock(rt), instance.ClockLock(rt)
    assert first.take()
    assert first.take()
    assert not second.take()
    first.free()
    assert second.take()
    assert not first.take()
    second.free()


@pytest.mark.postgres
def test_ticks_are_noted_for_health_checks(rt: Runtime) -> None:
    instance.note_tick(rt)
    instance.note_tick(rt)
    with rt.reading() as session:
        ticked = session.exec(select(t.Instance)).one().scheduler_tick_at
    assert ticked is not None
    assert utc_now() - ticked < timedelta(seconds=30)


def test_the_clock_runs_every_job_soon_after_the_start(rt: Runtime) -> None:
    work, pool = Listening(), queue.Pool("this process", 4)
    clock = scheduler.Scheduler(rt, pool)
    pool.start(work)
    clock.start()
    try:
        assert eventually(lambda: set(scheduler.EVERY) <= set(work.jobs), within_s=20)
        assert work.looks > 1
    finally:
        clock.stop()
        pool.stop(2)


def test_a_second_clock_of_the_same_installation_ticks_nothing(rt: Runtime) -> None:
    keeper = instance.ClockLock(rt)
    assert keeper.take()
    work, pool = Listening(), queue.Pool("this process", 4)
    clock = scheduler.Scheduler(rt, pool)
    pool.start(work)
    clock.start()
    try:
        assert not eventually(lambda: bool(work.jobs), within_s=2.5)
    finally:
        clock.stop()
        pool.stop(2)
        keeper.free()


def test_stopping_leaves_no_threads_behind(rt: Runtime) -> None:
    before = threading.active_count()
    pool = queue.Pool("this process", 4)
    clock = scheduler.Scheduler(rt, pool)
    pool.start(Listening())
    clock.start()
    clock.stop()
    pool.stop(2)
    assert eventually(lambda: threading.active_count() <= before, within_s=5)
