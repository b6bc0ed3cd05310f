"""How servers answered this process, counted by status: what the metrics show. Nothing is decided by it."""

from __future__ import annotations

import threading
from collections import Counter

NO_ANSWER = "none"

_counts: Counter[str] = Counter()
_lock = threading.Lock()


def note(status: str) -> None:
    """Count one request: its HTTP status, or NO_ANSWER."""
    with _lock:
        _counts[status] += 1


def counted() -> dict[str, int]:
    """Return the requests since the process began, by status."""
    with _lock:
        return dict(_counts)
