"""Backoff: when to try again. Values, not loops: who waits is a row.

Inside a run a transient error is tried a few times with jitter; a record that failed in a run is tried by later runs;
after ten of those it needs attention and is tried once a day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

DAILY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Backoff:
    """Wait `first` after the first failure, then twice as long each time, at most `longest`."""

    first: timedelta
    longest: timedelta
    tries: int

    def wait(self, failures: int, *, jitter: float = 0.5, asked: timedelta = timedelta()) -> timedelta | None:
        """Return how long to wait after the `failures`-th failure in a row (from 1); None: give up for now.

        `jitter` is a random share from 0 to 1, from which the wait takes half to all of its length, so that many
        clients do not return together. `asked` is the provider's Retry-After and always honoured.
        """
        if failures >= self.tries:
            return None
        doublings = min(max(failures, 1) - 1, 1000)  # more than a float can hold would be none the longer
        seconds = min(self.first.total_seconds() * 2.0**doublings, self.longest.total_seconds())
        full = timedelta(seconds=seconds)
        return max(full * (0.5 + jitter / 2), asked)


IN_RUN = Backoff(first=timedelta(seconds=1), longest=timedelta(seconds=30), tries=5)
"""Five tries of one request inside a run."""

RUNS_BEFORE_ATTENTION = 10
"""Failed runs of one record, or of one account, after which a person is needed."""

RUNS_BEFORE_TROUBLE = 3
"""Failed runs in a row of one account after which people hear of it."""


def next_attempt_at(attempts: int, now: datetime, asked: timedelta = timedelta()) -> datetime:
    """Return from when on a run tries a failed record again: the next run, and once a day after ten failures."""
    return now + max(DAILY if attempts >= RUNS_BEFORE_ATTENTION else timedelta(), asked)


def needs_attention(attempts: int) -> bool:
    """Return whether a record has failed in so many runs that a person should look."""
    return attempts >= RUNS_BEFORE_ATTENTION
