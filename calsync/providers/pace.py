"""Keeping below a provider's quotas: a bucket of calls for each person and one for all, refilled by the second.

Google, and others like it, count the calls of the last minute. Half of a quota is there at once and half comes back
in each minute, so that no minute can hold more calls than the quota. Who stays below it is never refused.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol, runtime_checkable

from calsync.errors import RateLimited
from calsync.providers.base import Provider

PATIENCE_S = 15.0
"""The longest wait for a turn; where it would be longer, the run ends and comes back."""


@dataclass
class Bucket:
    """The calls that may be made now: `left` of them at `at`, in seconds. `quota` is calls per minute."""

    quota: int
    left: float
    at: float

    def wait_s(self, count: int, now: float) -> float:
        """Return how long until `count` calls may be made, 0 for now; more than it ever holds wait for a full one."""
        most, per_second = self.quota / 2, self.quota / 120
        self.left = min(most, self.left + (now - self.at) * per_second)
        self.at = now
        return max(0.0, (min(count, most) - self.left) / per_second)


@dataclass
class Pace:
    """The buckets of one provider in this process, for its quotas per minute. Safe for many threads at once.

    `per_day` is what all may call in a day, None where the provider has no such quota: it is shown, not waited for.
    """

    per_person: int
    per_project: int
    per_day: int | None = None
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] = time.sleep
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    _buckets: dict[str, Bucket] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def take(self, person: str, count: int) -> None:
        """Wait for the turn of so many calls of a person. Raises RateLimited when that would take long."""
        waited = 0.0
        while wait := self._try(person, count):
            if waited + wait > PATIENCE_S:
                raise RateLimited(self.now() + timedelta(seconds=wait), "we keep below the provider's quota")
            self.sleep(wait)
            waited += wait

    def _try(self, person: str, count: int) -> float:
        """Take the calls if both buckets hold them; return how long to wait if not, 0 when they were taken."""
        with self._lock:
            now = self.clock()
            buckets = [self._bucket(f"person {person}", self.per_person, now), self._bucket("", self.per_project, now)]
            wait = max(bucket.wait_s(count, now) for bucket in buckets)
            if wait > 0.0:
                return max(wait, 0.001)
            for bucket in buckets:
                bucket.left -= count
            return 0.0

    def _bucket(self, name: str, quota: int, now: float) -> Bucket:
        return self._buckets.setdefault(name, Bucket(quota, quota / 2, now))


@runtime_checkable
class Paced(Provider, Protocol):
    """A registry entry that keeps below its provider's quotas."""

    pace: Pace
