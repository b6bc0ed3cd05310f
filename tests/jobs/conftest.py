"""A runtime on the real clock with a pool behind it, and a provider of which some logins never answer."""

import contextlib
import dataclasses
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from sqlmodel import col, select

from calsync.errors import Unavailable
from calsync.providers.base import CalendarClient, Grant, Known, Page
from calsync.providers.memory import MemoryClient, MemoryProvider, MemoryServer
from calsync.runtime import Runtime, utc_now
from calsync.services import owners
from calsync.store import tables as t
from jobs import bodies, queue
from tests import factories

HANGS = "hangs"
"""User names that begin like this get no answer until `Office.let_go`, and then a timeout."""


class HangingClient(MemoryClient):
    def __init__(self, server: MemoryServer, grant: Grant, let_go: threading.Event) -> None:
        super().__init__(server, grant)
        self._let_go = let_go

    def read(self, calendar: str, cursor: str | None, known: Known) -> Iterator[Page]:
        self._let_go.wait(60)
        raise Unavailable("no answer", is_timeout=True)


class SometimesHanging(MemoryProvider):
    def __init__(self, server: MemoryServer, let_go: threading.Event) -> None:
        super().__init__(server)
        self.let_go = let_go

    def open(self, grant: Grant, calendars: Mapping[str, str]) -> CalendarClient:
        if grant.username.startswith(HANGS):
            return HangingClient(self.server, grant, self.let_go)
        return super().open(grant, calendars)


@dataclasses.dataclass
class Shop:
    """Some accounts, and what runs them."""

    rt: Runtime
    pool: queue.Pool
    server: MemoryServer
    let_go: threading.Event
    owner: t.User

    def open(self) -> None:
        self.pool.start(bodies.Work(self.rt))

    def add_account(self, username: str, **values: object) -> int:
        """Return an account with one calendar that syncs, due now."""
        given = {"provider": "memory", "subject": username, "username": username}
        account = factories.make_account(self.rt, self.owner, **{**given, **values})
        name = self.server.add_calendar(f"calendar of {username}", owner=username)
        factories.make_calendar(self.rt, account, username, remote_id=name, is_write_target=False)
        return account.id or 0

    def runs(self, account_id: int) -> list[t.Run]:
        with self.rt.reading() as session:
            return list(session.exec(select(t.Run).where(col(t.Run.account_id) == account_id)))

    def account(self, account_id: int) -> t.Account:
        with self.rt.reading() as session:
            return session.get_one(t.Account, account_id)


def make_shop(folder: Path, *, threads: int = 8) -> Shop:
    let_go = threading.Event()
    server = MemoryServer(utc_now)
    pool = queue.Pool(owners.new_owner(), threads)
    providers = {"memory": SometimesHanging(server, let_go)}
    rt = factories.make_runtime(folder, utc_now, providers=providers, enqueue=pool.enqueue, checkpoint=pool.beat)
    return Shop(rt, pool, server, let_go, factories.make_user(rt, "Eli"))


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = make_shop(tmp_path)
    with contextlib.closing(made.rt.db):
        yield made
        made.let_go.set()
        made.pool.stop(10)


def eventually(condition: Callable[[], object], within_s: float = 10.0) -> bool:
    """Wait until `condition()` holds; False when it did not in time."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False
