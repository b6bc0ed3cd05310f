"""Process: one run of the real services whose every boundary is counted, and may be its last.

A boundary is where a transaction has just been committed, where a request is about to take effect or has just done
so, and where the code says so itself (`Runtime.checkpoint`). Nobody lists them: the code that runs enumerates them.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from sqlmodel import Session

from calsync.runtime import Runtime
from calsync.store.db import Database, inside_transaction


class Crash(BaseException):
    """The process is killed here. Not an Exception: nothing may survive by catching it."""


@dataclass
class Process:
    """What happens at the boundaries of one run: `at` maps one to an interference. A boundary is named by its number
    from 0, or by its name: "after write", of several with one name "before list 2". An interference that finds nothing
    to do returns False.
    """

    at: dict[int | str, Callable[[], object]] = field(default_factory=dict)
    passed: list[str] = field(default_factory=list)
    missed: set[int | str] = field(default_factory=set)  # places of `at` where nothing has happened
    is_dead: bool = False

    def interfere(self, place: int | str, happening: Callable[[], object]) -> None:
        """Let something happen at a boundary, should the run come by."""
        self.at[place] = happening
        self.missed.add(place)

    def boundary(self, name: str) -> None:
        """Count a boundary, and let happen what was arranged for it."""
        if self.is_dead:
            raise Crash
        self.passed.append(name)
        turn = self.passed.count(name)
        for place in (len(self.passed) - 1, name if turn == 1 else f"{name} {turn}"):
            if place in self.at:
                self._let_happen(place)

    def _let_happen(self, place: int | str) -> None:
        self.missed.discard(place)
        if self.at[place]() is False:
            self.missed.add(place)

    def die(self) -> None:
        """Kill the process: whatever it still tries fails, clean-up included."""
        self.is_dead = True
        raise Crash

    def runtime(self, rt: Runtime) -> Runtime:
        """Return the runtime that this process uses."""
        return replace(rt, db=GuardedDatabase(rt.db, self), checkpoint=self.boundary)


class GuardedDatabase(Database):
    """A database that a dead process cannot reach, and whose commits are boundaries."""

    def __init__(self, inner: Database, process: Process) -> None:
        self.url, self.engine, self._inner, self._process = inner.url, inner.engine, inner, process

    @contextmanager
    def reading(self) -> Iterator[Session]:
        self._demand_life()
        with self._inner.reading() as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        self._demand_life()
        with self._inner.writing() as session:
            yield session
        self._process.boundary("committed")

    def _demand_life(self) -> None:
        if self._process.is_dead:
            raise Crash


def guarded(happening: Callable[[], Any]) -> Callable[[], object]:
    """Return an interference that leaves a transaction alone: another process could not write then either."""

    def happen() -> object:
        return False if inside_transaction() else happening()

    return happen
