"""How much one mailbox is asked at once: Exchange refuses more than four calls at a time (contract section A12).

A batch takes every seat, because its calls run side by side over there.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from calsync.errors import RateLimited

MOST = 3
"""Seats of one mailbox: one less than there are, for whoever else uses the same registration."""

PATIENCE_S = 60.0
AGAIN = timedelta(seconds=30)

Seat = Callable[[int], AbstractContextManager[None]]
"""Holds places for so many calls while a block runs."""


@dataclass
class Seats:
    """The seats of every mailbox, for this process. Safe for many threads at once."""

    most: int = MOST
    patience_s: float = PATIENCE_S
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    _taken: Counter[str] = field(default_factory=Counter, repr=False)
    _changed: threading.Condition = field(default_factory=threading.Condition, repr=False)

    @contextmanager
    def hold(self, mailbox: str, calls: int) -> Iterator[None]:
        """Hold seats while a block runs. Raises RateLimited when none become free for long."""
        count = min(calls, self.most)
        with self._changed:
            if not self._changed.wait_for(lambda: self._taken[mailbox] + count <= self.most, self.patience_s):
                raise RateLimited(self.now() + AGAIN, "the mailbox is busy with other requests of ours")
            self._taken[mailbox] += count
        try:
            yield
        finally:
            with self._changed:
                self._taken[mailbox] -= count
                if not self._taken[mailbox]:
                    del self._taken[mailbox]
                self._changed.notify_all()
