"""When things happen: a few interval ticks that put jobs into the pool. The only file that names APScheduler.

Only the process that holds the clock's lock ticks; the jobs are safe to repeat anyway.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from apscheduler.schedulers.background import BackgroundScheduler

from calsync.runtime import Runtime
from calsync.services import instance
from jobs.queue import Pool

LOOK_EVERY = timedelta(seconds=2)
"""How soon an account that became due is noticed without any hint."""
EVERY: dict[str, timedelta] = {
    "queued_runs": timedelta(seconds=10),
    "follow_clock": timedelta(minutes=1),
    "keep_channels": timedelta(minutes=1),
    "keep_conferences": timedelta(seconds=15),
    "keep_bookings": timedelta(minutes=1),
    "keep_blocks": timedelta(minutes=1),
    "ask_others": timedelta(minutes=1),
    "watch_notices": timedelta(minutes=1),
    "send_mail": timedelta(seconds=30),
    "deliver_webhooks": timedelta(seconds=5),
    "probe_grants": timedelta(minutes=30),
    "send_digest": timedelta(minutes=30),
    "prune": timedelta(hours=6),
    "find_duplicates": timedelta(hours=12),
}
"""Job name -> how often it runs."""
HEARTBEAT = timedelta(seconds=15)


class Scheduler:
    """The clock of one process."""

    def __init__(self, rt: Runtime, pool: Pool) -> None:
        self._rt, self._pool = rt, pool
        self._lock = instance.ClockLock(rt)
        self._clock = BackgroundScheduler(
            timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": 60}
        )

    def start(self) -> None:
        """Begin to tick: the first time soon, so that what waited while nothing ran is done now."""
        self._add(self._beat, HEARTBEAT, first=timedelta())
        # Any process may claim what is due, whoever keeps the clock: the claim is what keeps runs apart.
        self._add(self._pool.wake, LOOK_EVERY, first=timedelta())
        for number, (job, every) in enumerate(EVERY.items()):
            self._add(self._enqueuing(job), every, first=timedelta(seconds=1 + number / 4))
        self._clock.start()

    def stop(self) -> None:
        """Tick no more. What was already put into the pool is the pool's."""
        if self._clock.running:
            self._clock.shutdown(wait=False)
        self._lock.free()

    def _enqueuing(self, job: str) -> Callable[[], None]:
        def tick() -> None:
            if self._lock.take():
                self._pool.enqueue(job)

        return tick

    def _beat(self) -> None:
        if self._lock.take():
            instance.note_tick(self._rt)

    def _add(self, tick: Callable[[], None], every: timedelta, *, first: timedelta) -> None:
        at = datetime.now(UTC) + first
        self._clock.add_job(tick, "interval", seconds=every.total_seconds(), next_run_time=at)
