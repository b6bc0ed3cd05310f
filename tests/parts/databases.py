"""A database of its own for every test, on SQLite or PostgreSQL, copied from one prepared before."""

import contextlib
import itertools
import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

import psycopg

from tests.parts.postgres import Postgres

Prepare = Callable[[str], object]


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
    """Databases on one server; `prefix` keeps those of parallel processes apart."""

    def __init__(self, server: Postgres, prefix: str) -> None:
        super().__init__()
        self.server = server
        self.prefix = prefix

    def _create(self, template: str | None) -> str:
        name = f"{self.prefix}_{next(self._count)}"
        copy = f' TEMPLATE "{_name(template)}" STRATEGY file_copy' if template else ""
        with self._admin() as connection:
            if template:
                self._disconnect(connection, _name(template))
            connection.execute(f'CREATE DATABASE "{name}"{copy}'.encode())
        return self.server.url(name)

    def drop(self, url: str) -> None:
        """Remove the database and end its connections."""
        with self._admin() as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{_name(url)}" WITH (FORCE)'.encode())

    def _admin(self) -> contextlib.AbstractContextManager[psycopg.Connection]:
        return psycopg.connect(self.server.dsn(), autocommit=True)

    @staticmethod
    def _disconnect(connection: psycopg.Connection, name: str) -> None:
        """A template may have no connections; a forgotten one would fail every test."""
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))


def _name(url: str) -> str:
    return url.rpartition("/")[2]
