"""Runtime: everything a service needs from the process, as one value that tests can replace part by part."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from sqlmodel import Session

from calsync.config import Settings
from calsync.providers import http
from calsync.providers.base import Provider
from calsync.store import happenings
from calsync.store.db import Database, inside_transaction
from calsync.store.secrets import Secrets


class Enqueue(Protocol):
    """Hint the queue to run a job soon. Losing the hint loses nothing: the row is the truth."""

    def __call__(self, job: str, **ids: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks. `user_id` is None for the system, the command line and providers."""

    user_id: int | None
    label: str  # address, "system", "cli"
    role: str = "admin"
    address: str = ""  # network address, for the audit log
    via: str = ""  # "api" when a program asks

    @property
    def is_admin(self) -> bool:
        return self.role == "admin"


SYSTEM = Actor(None, "system")
CLI = Actor(None, "cli")


def utc_now() -> datetime:
    return datetime.now(UTC)


def _refuse_inside_a_transaction() -> None:
    if inside_transaction():
        raise RuntimeError("a network request inside a database session: it would hold locks while it waits")


# Providers may not know the store, so the one room that knows both tells them.
http.set_guard(_refuse_inside_a_transaction)


def no_queue(job: str, **ids: int) -> None:
    """Drop the hint: the next tick finds the row."""


@dataclass(frozen=True, slots=True)
class Runtime:
    settings: Settings
    db: Database
    secrets: Secrets
    providers: Mapping[str, Provider]
    now: Callable[[], datetime] = utc_now
    enqueue: Enqueue = no_queue
    sleep: Callable[[float], Any] = time.sleep
    """Waits seconds between tries inside a run; tests move their clock instead."""
    checkpoint: Callable[[str], Any] = lambda name: None
    """Called with a name at every transaction and request boundary of a run; tests crash there."""

    def reading(self) -> contextlib.AbstractContextManager[Session]:
        return self.db.reading()

    @contextlib.contextmanager
    def writing(self) -> Iterator[Session]:
        """Yield a session that commits on a clean exit; what it put into the outbox of webhooks then leaves soon."""
        with self.db.writing() as session:
            session.info[happenings.CLOCK] = self.now
            yield session
        if session.info.get(happenings.QUEUED):
            self.enqueue("deliver_webhooks")
