"""A database of its own for every test, on SQLite or PostgreSQL, copied from one prepared before."""

import itertools
import os
import shutil
import time
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import psycopg

from tests.parts import reset
from tests.parts.postgres import Postgres

Prepare = Callable[[str], object]

LEAVES_WITHIN_S = 5.0


def default_kind() -> str:
    """Return "sqlite", or what CALSYNC_TEST_DATABASE says: `make test-deep` says "postgres"."""
    return os.environ.get("CALSYNC_TEST_DATABASE", "sqlite")


class Databases(ABC):
    """Makes databases. `prepare` gets an address and fills an empty database; it runs once per process.

    It has to close its connections: the copy is made from what it left behind.
    """

    def __init__(self) -> None:
        self._count = itertools.count(1)
        self._prepared: dict[Prepare, str] = {}

    def fresh(self, prepare: Prepare | None = None) -> str:
        """Return the address of a new database: empty, or as `prepare` left it."""
        if prepare is None:
            return self._create(None)
        if prepare not in self._prepared:
            template = self._create(None)
            prepare(template)
            self._prepared[prepare] = template
        return self._create(self._prepared[prepare])

    @abstractmethod
    def _create(self, template: str | None) -> str:
        """Make a database, a copy of the one at the address `template` if given; return its address."""

    @abstractmethod
    def drop(self, url: str) -> None:
        """Remove a database, whoever is still connected."""

    def close(self) -> None:  # noqa: B027 - not every kind holds something
        """Give up what the maker holds. The databases go with the run."""


class SqliteDatabases(Databases):
    """Databases as files in one folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def _create(self, template: str | None) -> str:
        folder = self.folder / str(next(self._count))
        folder.mkdir(parents=True)
        if template is not None:
            for file in _files(template):
                shutil.copy(file, folder / file.name)
        return f"sqlite:///{folder / 'calsync.sqlite'}"

    def drop(self, url: str) -> None:
        """Remove the file, its WAL and its folder."""
        shutil.rmtree(Path(url.removeprefix("sqlite:///")).parent, ignore_errors=True)


def _files(url: str) -> list[Path]:
    """Return a database's file and, where connections left them, its -wal."""
    path = Path(url.removeprefix("sqlite:///"))
    return [file for file in path.parent.glob(f"{path.name}*") if not file.name.endswith("-shm")]


class PostgresDatabases(Databases):
    """Databases on one server; `prefix` keeps those of parallel processes apart.

    What a test gives back is handed to the next one, emptied and under a new name: what still looks for the old one
    finds nothing.
    """

    def __init__(self, server: Postgres, prefix: str) -> None:
        super().__init__()
        self.server = server
        self.prefix = prefix
        self._snapshots: dict[str, reset.Snapshot] = {}
        self._made_from: dict[str, str] = {}
        self._free: dict[str, list[str]] = defaultdict(list)
        self._connection: psycopg.Connection | None = None

    def _create(self, template: str | None) -> str:
        if template and self._free[template]:
            url = self._free[template].pop()
        else:
            url = self._new_url()
            self._copy(template, url)
        if template:
            self._made_from[url] = template
        return url

    def _new_url(self) -> str:
        return self.server.url(f"{self.prefix}_{next(self._count)}")

    def _copy(self, template: str | None, url: str) -> None:
        copy = f" TEMPLATE {_quoted(template)} STRATEGY file_copy" if template else ""
        if template:
            if template not in self._snapshots:
                self._snapshots[template] = reset.snapshot(_dsn(template))
            self._disconnect(template)
        self._admin().execute(_sql(f"CREATE DATABASE {_quoted(url)}{copy}"))

    def drop(self, url: str) -> None:
        """Take the database away and end its connections."""
        template = self._made_from.pop(url, None)
        self._disconnect(url)
        if template and reset.reset(_dsn(url), self._snapshots[template]):
            renamed = self._new_url()
            self._wait_until_left(url)
            self._admin().execute(_sql(f"ALTER DATABASE {_quoted(url)} RENAME TO {_quoted(renamed)}"))
            self._free[template].append(renamed)
        else:
            self._admin().execute(_sql(f"DROP DATABASE IF EXISTS {_quoted(url)} WITH (FORCE)"))

    def close(self) -> None:
        """End the connection."""
        if self._connection:
            self._connection.close()

    def _admin(self) -> psycopg.Connection:
        """Return the connection that makes and removes databases. It is kept: a new one for each costs 5 ms."""
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self.server.dsn(), autocommit=True)
        return self._connection

    def _disconnect(self, url: str) -> None:
        """End every connection and wait for it: none may stand in the way of a copy or a new name."""
        self._admin().execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s", (_name(url),)
        )

    def _wait_until_left(self, url: str) -> None:
        """Return when who has just gone is gone: a new name would wait a tenth of a second for each."""
        there = "SELECT FROM pg_stat_activity WHERE datname = %s"
        ends_at = time.monotonic() + LEAVES_WITHIN_S
        while self._admin().execute(there, (_name(url),)).fetchone() is not None and time.monotonic() < ends_at:
            time.sleep(0.002)


def _name(url: str) -> str:
    return url.rpartition("/")[2]


def _quoted(url: str) -> str:
    return f'"{_name(url)}"'


def _dsn(url: str) -> str:
    return url.replace("+psycopg", "")


def _sql(text: str) -> bytes:
    return text.encode()
