"""Faults: what goes wrong at a request, by order of a test.

A fault is armed for the n-th request it fits and happens once. Every request passes two boundaries, one before and
one after it took effect at the server; `boundary` is called at each, so that tests can crash or interfere there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

LIST, PAGE, GET, WRITE, MOVE, CALENDARS = "list", "page", "get", "write", "move", "calendars"

_ALL = frozenset((LIST, PAGE, GET, WRITE, MOVE, CALENDARS))
_READS = frozenset((LIST, PAGE))
_CHANGES = frozenset((WRITE, MOVE))


@dataclass(frozen=True, slots=True)
class Request:
    """One request as a fault sees it. `number` counts from 1; `cursor` is set for an incremental read."""

    number: int
    kind: str  # list (first page of a read), page (a further one), get, write, move, calendars
    calendar: str = ""
    cursor: str | None = None
    handles: tuple[str | None, ...] = ()


class FaultKind(StrEnum):
    UNAVAILABLE = "unavailable"  # 503: refused, nothing happened
    LOST_BEFORE = "lost_before"  # no answer, and nothing happened
    LOST_AFTER = "lost_after"  # no answer, but it took effect
    TRUNCATED = "truncated"  # half of a page, then the connection breaks
    EMPTY = "empty"  # a short answer: no resources, no cursor, no end
    HOLLOW = "hollow"  # a full listing that claims to be complete and names nothing
    DUPLICATE = "duplicate"  # everything on the page twice
    REORDERED = "reordered"  # the page in reverse order
    CURSOR_EXPIRED = "cursor_expired"
    VERSION_MISMATCH = "version_mismatch"  # the server claims that somebody was faster
    RATE_LIMITED = "rate_limited"
    REVOKED = "revoked"  # the grant dies and stays dead until `MemoryServer.allow`
    CLOCK_SKEW = "clock_skew"  # the server's clock is set wrong and stays so


FITS: dict[FaultKind, frozenset[str]] = {
    FaultKind.UNAVAILABLE: _ALL,
    FaultKind.LOST_BEFORE: _CHANGES,
    FaultKind.LOST_AFTER: _CHANGES,
    FaultKind.TRUNCATED: _READS,
    FaultKind.EMPTY: _READS,
    FaultKind.HOLLOW: frozenset((LIST,)),
    FaultKind.DUPLICATE: _READS,
    FaultKind.REORDERED: _READS,
    FaultKind.CURSOR_EXPIRED: frozenset((LIST,)),
    FaultKind.VERSION_MISMATCH: _CHANGES,
    FaultKind.RATE_LIMITED: _ALL,
    FaultKind.REVOKED: _ALL,
    FaultKind.CLOCK_SKEW: _ALL,
}
"""The kinds of request at which a fault can happen."""


def fits(kind: FaultKind, request: Request) -> bool:
    """Return whether a fault can happen at a request."""
    if kind is FaultKind.CURSOR_EXPIRED:
        return request.kind == LIST and request.cursor is not None
    if kind is FaultKind.HOLLOW:
        return request.kind == LIST and request.cursor is None
    if kind is FaultKind.VERSION_MISMATCH:
        return request.kind in _CHANGES and any(request.handles)
    return request.kind in FITS[kind]


def no_boundary(name: str) -> None:
    """Do nothing at a boundary."""


class Faults:
    """The faults that wait, and how often each kind happened."""

    def __init__(self) -> None:
        self.fired: Counter[FaultKind] = Counter()
        self.requests: list[Request] = []
        self.boundary: Callable[[str], None] = no_boundary
        self.retry_after_s = 30.0
        self.skew = timedelta(minutes=7)
        self._armed: list[tuple[FaultKind, int]] = []

    def arm(self, kind: FaultKind, *, skip: int = 0) -> None:
        """Let a fault happen once, at the next request it fits after `skip` such requests."""
        self._armed.append((kind, skip))

    def disarm(self) -> None:
        """Forget every fault that has not happened yet."""
        self._armed.clear()

    def take(self, request: Request) -> FaultKind | None:
        """Return the fault that happens at this request, and count it."""
        self.requests.append(request)
        for place, (kind, skip) in enumerate(self._armed):
            if not fits(kind, request):
                continue
            if skip == 0:
                del self._armed[place]
                self.fired[kind] += 1
                return kind
            self._armed[place] = (kind, skip - 1)
        return None
