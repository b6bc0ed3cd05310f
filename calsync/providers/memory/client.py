"""MemoryClient: the memory server as a CalendarClient. Requests, pages and faults; what changes is world.py's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TypeVar

from calsync.errors import (
    CursorExpired,
    ProviderError,
    RateLimited,
    Rejected,
    SignInNeeded,
    Unavailable,
    VersionMismatch,
)
from calsync.providers.base import (
    CalendarClient,
    Grant,
    Known,
    Page,
    ProviderInfo,
    RemoteCalendar,
    Resource,
    Write,
    Written,
)
from calsync.providers.memory import body as bodies
from calsync.providers.memory import faults, writing
from calsync.providers.memory.faults import FaultKind, Request
from calsync.providers.memory.quirks import capabilities
from calsync.providers.memory.server import MemoryServer
from calsync.providers.memory.shelves import Shelf, Stored
from calsync.providers.memory.writing import Applied

T = TypeVar("T")


class MemoryProvider:
    """The registry entry of a memory server."""

    def __init__(self, server: MemoryServer, name: str = "memory") -> None:
        self.server = server
        self.info = ProviderInfo(
            name=name,
            label="Memory Calendar",
            short="Memory",
            logo="memory.svg",
            sign_in="password",
            sync="two-way",
            capabilities=capabilities(server.quirks),
            needs_credentials=False,
        )

    def open(self, grant: Grant, calendars: Mapping[str, str]) -> CalendarClient:
        """Return a client for the login in `grant`."""
        return MemoryClient(self.server, grant)


@dataclass(frozen=True, slots=True)
class _Listing:
    """What the first request of a read found. `names` are all handles, in a full read only."""

    cursor: str
    handles: list[str]
    names: list[str]
    is_full: bool


class MemoryClient:
    """One login at a memory server."""

    def __init__(self, server: MemoryServer, grant: Grant) -> None:
        self._server, self._grant = server, grant
        self._offset: timedelta | None = None
        self.requests = 0

    def calendars(self) -> list[RemoteCalendar]:
        return self._ask(faults.CALENDARS, lambda: self._server.calendars_of(self._grant.username))[0]

    def clock_offset(self) -> timedelta | None:
        return self._offset

    def close(self) -> None:
        """There is nothing to release."""

    # --- reading ---------------------------------------------------------------------------------------------

    def read(self, calendar: str, cursor: str | None, known: Known) -> Iterator[Page]:
        listing, fault = self._ask(faults.LIST, lambda: self._listing(calendar, cursor, known), calendar, cursor=cursor)
        if fault is FaultKind.HOLLOW:
            yield Page(cursor=listing.cursor, is_full=True, is_last=True)
            return
        size = self._server.quirks.page_size
        last = max(0, (len(listing.handles) - 1) // size)
        for number in range(last + 1):
            if number:
                _, fault = self._ask(faults.PAGE, lambda: None, calendar, cursor=cursor)
            part = listing.handles[number * size : (number + 1) * size]
            page = self._page(calendar, listing, part, is_first=number == 0, is_last=number == last)
            yield from _spoilt(page, fault)
            if fault is FaultKind.EMPTY:
                return

    def get_many(self, calendar: str, handles: Sequence[str]) -> dict[str, Resource | None]:
        def answer() -> dict[str, Resource | None]:
            shelf = self._server.shelf(calendar)
            return {handle: self._seen(shelf, handle) for handle in handles}

        return self._ask(faults.GET, answer, calendar, handles=handles)[0]

    def _listing(self, calendar: str, cursor: str | None, known: Known) -> _Listing:
        shelf, quirks = self._server.shelf(calendar), self._server.quirks
        until = self._server.visible(shelf)
        reached = shelf.cursor(until)
        since = None if cursor is None else shelf.since(cursor)
        if cursor is not None and since is None:
            raise CursorExpired
        if since is not None and (quirks.has_feed or since == until):
            return _Listing(reached, shelf.changed_since(since, until), [], is_full=False)
        present = shelf.present(until)
        if since is None:
            return _Listing(reached, list(present), list(present), is_full=True)
        have = known()
        changed = [name for name, stored in present.items() if have.get(name) != stored.version]
        return _Listing(reached, changed, list(present), is_full=True)

    def _page(self, calendar: str, listing: _Listing, handles: Sequence[str], *, is_first: bool, is_last: bool) -> Page:
        """Return a part of a read as things stand now, which may be newer than when the read began."""
        shelf = self._server.shelf(calendar)
        number = self._server.visible(shelf)
        states = {handle: shelf.at(handle, number) for handle in handles}
        gone = [name for name, state in states.items() if state is None and not shelf.is_waiting(name)]
        return Page(
            resources=tuple(_resource(state) for state in states.values() if state is not None),
            removed=() if listing.is_full else tuple(gone),
            present=tuple(listing.names) if is_first else (),
            cursor=listing.cursor if is_last else None,
            is_full=listing.is_full,
            is_last=is_last,
        )

    def _seen(self, shelf: Shelf, handle: str) -> Resource | None:
        """Return a resource, perhaps an old state of it; what exists is never denied."""
        now = shelf.now(handle)
        if now is None:
            return None
        number = self._server.visible(shelf)
        return _resource(shelf.at(handle, number) or now)

    # --- writing ---------------------------------------------------------------------------------------------

    def write(self, calendar: str, writes: Sequence[Write]) -> list[Written]:
        if len(writes) > self._server.quirks.batch_size:
            raise ValueError(f"at most {self._server.quirks.batch_size} writes together")
        handles = [write.handle for write in writes]
        try:
            outcomes, _ = self._ask(faults.WRITE, lambda: self._outcomes(calendar, writes), calendar, handles=handles)
        except ProviderError as error:
            return [error for _ in writes]
        return [self._written(calendar, outcome) for outcome in outcomes]

    def move(self, calendar: str, handle: str, version: str | None, to: str) -> Resource:
        def effect() -> Resource:
            writing.demand_writable(self._server, calendar, to)
            self._server.demand(calendar, handle, version)
            self._server.writes += 1
            return _resource(self._server.demand(to, self._server.move(calendar, handle, to), None))

        if not self._server.quirks.can_move:
            raise Rejected("unsupported", "this server cannot move")
        return self._ask(faults.MOVE, effect, calendar, handles=[handle])[0]

    def _outcomes(self, calendar: str, writes: Sequence[Write]) -> list[Applied | ProviderError]:
        outcomes: list[Applied | ProviderError] = []
        for write in writes:
            try:
                outcomes.append(writing.apply(self._server, calendar, write))
            except ProviderError as error:
                outcomes.append(error)
        return outcomes

    def _written(self, calendar: str, outcome: Applied | ProviderError) -> Written:
        if isinstance(outcome, ProviderError):
            return outcome
        stored = outcome.stored
        if stored is None:
            return None
        if self._server.quirks.answers_version:
            return replace(_resource(stored), is_adopted=outcome.is_adopted)
        try:
            seen = self.get_many(calendar, [stored.handle])[stored.handle]
            return None if seen is None else replace(seen, is_adopted=outcome.is_adopted)
        except ProviderError:
            return Unavailable("written, but not read back", is_in_doubt=True)

    # --- requests --------------------------------------------------------------------------------------------

    def _ask(
        self,
        kind: str,
        effect: Callable[[], T],
        calendar: str = "",
        *,
        cursor: str | None = None,
        handles: Sequence[str | None] = (),
    ) -> tuple[T, FaultKind | None]:
        """Make one request: both boundaries, the fault that was armed for it, and its effect between them."""
        server = self._server
        with server.lock:
            server.tick()
            self.requests += 1
            fault = server.faults.take(Request(server.requests, kind, calendar, cursor, tuple(handles)))
            server.faults.boundary(f"before {kind}")
            self._refuse(fault, next((handle for handle in handles if handle), ""))
            result = effect()
            self._offset = server.clock() - server.now()
            server.faults.boundary(f"after {kind}")
            if fault is FaultKind.LOST_AFTER:
                raise Unavailable("no answer", is_in_doubt=True)
            return result, fault

    def _refuse(self, fault: FaultKind | None, handle: str) -> None:
        """Raise what keeps a request from taking effect."""
        server = self._server
        match fault:
            case FaultKind.UNAVAILABLE:
                raise Unavailable("503 out of order", after_s=server.faults.retry_after_s)
            case FaultKind.LOST_BEFORE:
                raise Unavailable("no answer", is_in_doubt=True)
            case FaultKind.CURSOR_EXPIRED:
                raise CursorExpired
            case FaultKind.VERSION_MISMATCH:
                raise VersionMismatch(handle)
            case FaultKind.RATE_LIMITED:
                raise RateLimited(server.now() + timedelta(seconds=server.faults.retry_after_s))
            case FaultKind.REVOKED:
                server.revoke()
            case FaultKind.CLOCK_SKEW:
                server.skew = server.faults.skew
        if server.refused is not None:
            raise SignInNeeded(server.refused)
        if server.password is not None and self._grant.secret != server.password:
            raise SignInNeeded("wrong_password")


def _resource(stored: Stored) -> Resource:
    return bodies.resource(stored.handle, stored.version, stored.body)


def _spoilt(page: Page, fault: FaultKind | None) -> Iterator[Page]:
    """Yield a page as the fault of its request lets it through. Raises Unavailable."""
    match fault:
        case FaultKind.TRUNCATED:
            yield Page(_half(page.resources), _half(page.removed), _half(page.present), is_full=page.is_full)
            raise Unavailable("connection reset in the middle of an answer")
        case FaultKind.EMPTY:
            yield Page(is_full=page.is_full)
        case FaultKind.DUPLICATE:
            yield replace(page, resources=page.resources * 2, removed=page.removed * 2, present=page.present * 2)
        case FaultKind.REORDERED:
            yield replace(page, resources=page.resources[::-1], removed=page.removed[::-1])
        case _:
            yield page


def _half(items: tuple[T, ...]) -> tuple[T, ...]:
    return items[: len(items) // 2]
