"""The thread pool: a bound on how many jobs run at once, fairness between quick and hanging accounts, a
graceful stop.

The rows are the truth and the queue is a hint: whatever is lost here is found again by the next tick. Due
accounts are claimed only when a thread is free for them, so a claim never waits in a queue while its lease
runs out.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import structlog

log = structlog.get_logger()

STUCK_AFTER_S = 1.0
"""A job that passed no transaction or request boundary for so long waits for somebody else."""
MOST_STUCK = 56
"""So many waiting jobs are stood in for by another thread; beyond that they count as part of the pool."""
STOP_WITHIN_S = 9.0


class Work(Protocol):
    """What the pool does, given from outside: it knows no service."""

    def run(self, job: str, ids: Mapping[str, int], owner: str) -> None:
        """Do one job. Exceptions are logged and end nothing but this job."""

    def claim(self, owner: str, limit: int, slow_limit: int) -> list[tuple[int, bool]]:
        """Claim up to `limit` due accounts, at most `slow_limit` slow ones; return ids and whether slow."""

    def give_back(self, owner: str) -> int:
        """Release every claim that `owner` still holds."""


@dataclass(eq=False, slots=True)
class Running:
    """One job in a thread, and when it last passed a boundary."""

    job: str
    ids: Mapping[str, int]
    is_slow: bool = False
    beat: float = field(default_factory=time.monotonic)


class Pool:
    """Runs jobs in at most `size` working threads; threads that only wait are stood in for, up to a bound."""

    def __init__(self, owner: str, size: int = 8) -> None:
        self.owner = owner
        self.size = size
        self._work: Work | None = None
        self._waiting: deque[Running] = deque()
        self._running: dict[threading.Thread, Running] = {}
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._idle = threading.Condition(self._lock)
        self._stopping = False
        self._dispatcher: threading.Thread | None = None

    def start(self, work: Work) -> None:
        """Begin to look for work. Jobs enqueued before wait until now."""
        self._work = work
        self._dispatcher = threading.Thread(target=self._dispatch, name="calsync-dispatch", daemon=True)
        self._dispatcher.start()
        self._wake.set()

    def enqueue(self, job: str, **ids: int) -> None:
        """Hint that a job should run soon. The same job with the same ids waits at most once.

        `sync_account` only wakes the pool: the account is claimed from its row, like every due account.
        """
        if self._stopping:
            return
        with self._lock:
            if job != "sync_account" and not any(w.job == job and w.ids == ids for w in self._waiting):
                self._waiting.append(Running(job, ids))
        self._wake.set()

    def wake(self) -> None:
        """Look for due accounts now."""
        self._wake.set()

    def beat(self, _boundary: str = "") -> None:
        """Note that the calling thread's job moves. Called at every boundary of a run; nothing elsewhere."""
        running = self._running.get(threading.current_thread())
        if running is not None:
            running.beat = time.monotonic()

    def stop(self, within_s: float = STOP_WITHIN_S) -> bool:
        """Start nothing more, wait for what runs, give back every claim; True when all had finished in time.

        A run that is cut off goes on from its rows in the next process.
        """
        deadline = time.monotonic() + within_s
        self.stop_soon()
        if self._dispatcher is not None:
            self._dispatcher.join(within_s)
        with self._idle:
            finished = self._idle.wait_for(lambda: not self._running, max(0.0, deadline - time.monotonic()))
        work = self._work
        if work is not None:
            work.give_back(self.owner)
        return finished

    def stop_soon(self) -> None:
        """Start nothing more. Safe in a signal handler: takes no lock and waits for nothing."""
        self._stopping = True
        self._wake.set()

    def _dispatch(self) -> None:
        while not self._stopping:
            # While jobs run, one may get stuck and free a place without a word.
            self._wake.wait(STUCK_AFTER_S if self._running else None)
            self._wake.clear()
            try:
                self._fill()
            except Exception:
                # The database may be away for a moment; the next tick tries again.
                log.exception("pool.dispatch_failed")
                time.sleep(STUCK_AFTER_S)

    def _fill(self) -> None:
        """Start waiting jobs, then due accounts, while threads are free."""
        while not self._stopping and (free := self._free()) > 0:
            started = self._start_waiting(free)
            claimed = self._claim(free - started)
            if not started and not claimed:
                return

    def _claim(self, free: int) -> int:
        """Start up to `free` due accounts. What is claimed while the pool stops is given back by `stop`."""
        if self._work is None or free <= 0:
            return 0
        claimed = self._work.claim(self.owner, free, min(free, self._slow_free()))
        for account_id, is_slow in [] if self._stopping else claimed:
            self._start(Running("sync_account", {"account_id": account_id}, is_slow))
        return len(claimed)

    def _start_waiting(self, free: int) -> int:
        with self._lock:
            jobs = [self._waiting.popleft() for _ in range(min(free, len(self._waiting)))]
        for job in jobs:
            self._start(job)
        return len(jobs)

    def _start(self, running: Running) -> None:
        thread = threading.Thread(target=self._do, args=(running,), name=f"calsync-{running.job}", daemon=True)
        with self._lock:
            self._running[thread] = running
        running.beat = time.monotonic()
        thread.start()

    def _do(self, running: Running) -> None:
        try:
            if self._work is not None:
                self._work.run(running.job, running.ids, self.owner)
        except Exception:
            log.exception("job.failed", job=running.job, **running.ids)
        finally:
            with self._idle:
                self._running.pop(threading.current_thread(), None)
                self._idle.notify_all()
            self._wake.set()

    def _free(self) -> int:
        """How many threads may start: those of the pool that do not work, stood-in ones not counted.

        When as many are stuck as the pool is large, a whole server is down and more will get stuck: twice as many may
        then start at once, so that whoever is behind them is reached in time.
        """
        quiet_since = time.monotonic() - STUCK_AFTER_S
        with self._lock:
            stuck = min(sum(r.beat < quiet_since for r in self._running.values()), MOST_STUCK)
            allowed = self.size if stuck < self.size else 2 * self.size
            return allowed - (len(self._running) - stuck)

    def _slow_free(self) -> int:
        """How many more slow accounts may run: half of the pool serves them, stuck or not."""
        with self._lock:
            return max(0, self.size // 2 - sum(r.is_slow for r in self._running.values()))
