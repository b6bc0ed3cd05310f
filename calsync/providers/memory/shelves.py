"""Shelves: the versions and the change log of every calendar, and what of them a reader may see already.

Nothing is overwritten: each change adds a state under the next number, so that a lagging read is the same question
asked with an older number.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field, replace
from datetime import datetime

from calsync.providers.base import RemoteCalendar

Name = tuple[str, str]
"""What identifies an event in a calendar: uid and recurrence key."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One state of one resource. `body` is JSON text, `names` are the events in it."""

    handle: str
    version: str
    body: str
    names: tuple[Name, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """A line in the change log: at this number, during this request, something happened to a handle."""

    number: int
    request: int
    at: datetime
    handle: str


@dataclass(slots=True)
class Shelf:
    """One calendar. `states` maps a handle to its history; a state of None is a deletion."""

    facts: RemoteCalendar
    owner: str
    states: dict[str, list[tuple[int, Stored | None]]] = field(default_factory=dict)
    names: dict[Name, str] = field(default_factory=dict)  # of what exists now, with its handle
    log: list[Change] = field(default_factory=list)
    waiting: list[Change] = field(default_factory=list)  # deletions that the log does not name yet
    keys: dict[str, str] = field(default_factory=dict)  # idempotency key -> handle it created
    age: int = 0  # cursors of an earlier age are forgotten

    def now(self, handle: str) -> Stored | None:
        """Return the present state of a resource."""
        history = self.states.get(handle)
        return history[-1][1] if history else None

    def at(self, handle: str, number: int) -> Stored | None:
        """Return the state that a resource had at a number."""
        history = self.states.get(handle, [])
        place = bisect_right(history, number, key=lambda entry: entry[0])
        return history[place - 1][1] if place else None

    def present(self, number: int | None = None) -> dict[str, Stored]:
        """Return every resource that exists, now or at a number, in the order of creation."""
        found = ((name, self.now(name) if number is None else self.at(name, number)) for name in self.states)
        return {name: state for name, state in found if state is not None}

    def changed_since(self, number: int, until: int) -> list[str]:
        """Return the handles named in the log after `number`, each once, in the order of their last change."""
        start = bisect_right(self.log, number, key=lambda change: change.number)
        last = {c.handle: c.number for c in self.log[start:] if c.number <= until}
        return sorted(last, key=last.__getitem__)

    def visible(self, request: int, at: datetime) -> int:
        """Return the number of the last change made by this request, and of all that were made before `at`."""
        place = max(
            bisect_right(self.log, request, key=lambda change: change.request),
            bisect_right(self.log, at, key=lambda change: change.at),
        )
        return self.log[place - 1].number if place else 0

    def cursor(self, number: int) -> str:
        """Return what stands for everything up to a number."""
        return f"{self.age}.{number}"

    def since(self, cursor: str) -> int | None:
        """Return the number that a cursor stands for; None when it is forgotten."""
        age, _, number = cursor.partition(".")
        return int(number) if int(age) == self.age else None

    def record(self, change: Change, state: Stored | None, *, late: int = 0) -> None:
        """Add a state; the log names it now, or `late` requests from now."""
        self._rename(change.handle, state)
        self.states.setdefault(change.handle, []).append((change.number, state))
        if late:
            self.waiting.append(replace(change, request=change.request + late))
        else:
            self.waiting = [other for other in self.waiting if other.handle != change.handle]
            self.log.append(change)

    def is_waiting(self, handle: str) -> bool:
        """Return whether the log keeps the deletion of this handle back."""
        return any(change.handle == handle for change in self.waiting)

    def _rename(self, handle: str, state: Stored | None) -> None:
        old = self.now(handle)
        for name in old.names if old else ():
            self.names.pop(name, None)
        for name in state.names if state else ():
            self.names[name] = handle
