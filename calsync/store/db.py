"""The database: one engine, reading sessions, writing sessions.

Writing sessions begin IMMEDIATE on SQLite, because a deferred transaction that reads and then writes loses updates
between threads. Reading sessions begin plainly and are never upgraded.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import sqlalchemy
from sqlalchemy import event
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlmodel import Session

from calsync.store import changes, happenings

BUSY_TIMEOUT_MS = 20_000

_in_transaction = threading.local()


def inside_transaction() -> bool:
    """Return whether this thread is inside a session. Network code refuses to run then."""
    return getattr(_in_transaction, "depth", 0) > 0


class Database:
    """Sessions on one database. Safe to share between threads."""

    def __init__(self, url: str, *, pool_size: int = 12) -> None:
        self.url = sqlalchemy.make_url(url)
        self.engine = _make_engine(self.url, pool_size)
        self.writer = _make_writer(self.engine)

    @property
    def is_sqlite(self) -> bool:
        return self.url.get_backend_name() == "sqlite"

    @contextlib.contextmanager
    def reading(self) -> Iterator[Session]:
        """Yield a session for queries only. Rows stay usable after it closes; nothing is saved."""
        with _marked(), Session(self.engine, expire_on_commit=False, autoflush=False) as session:
            yield session

    @contextlib.contextmanager
    def writing(self) -> Iterator[Session]:
        """Yield a session that commits on a clean exit and rolls back on an exception.

        What happened to activities enters the feed of changes in the same transaction, and what programs are to be
        told of the outbox of webhooks.
        """
        with _marked(), changes.WritingSession(self.writer, expire_on_commit=False) as session:
            yield session
            happenings.publish(session, changes.publish(session))
            session.commit()

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()
        self.writer.dispose()


@contextlib.contextmanager
def _marked() -> Iterator[None]:
    _in_transaction.depth = getattr(_in_transaction, "depth", 0) + 1
    try:
        yield
    finally:
        _in_transaction.depth -= 1


class Reading(SQLiteDialect_pysqlite):
    """SQLite as SQLAlchemy knows it, but every transaction begins when it should: see `_prepare_sqlite`.

    A listener to the engine's `begin` would do the same, and make each statement a tenth more expensive: an engine
    that has one looks for listeners around every statement.
    """

    supports_statement_cache = True
    begins_with = "BEGIN"

    def do_begin(self, dbapi_connection: Any) -> None:
        dbapi_connection.driver_connection.execute(self.begins_with)


class Writing(Reading):
    """The same for transactions that write."""

    supports_statement_cache = True
    begins_with = "BEGIN IMMEDIATE"


registry.register("sqlite.reading", __name__, Reading.__name__)
registry.register("sqlite.writing", __name__, Writing.__name__)


def _make_engine(url: sqlalchemy.URL, pool_size: int) -> sqlalchemy.Engine:
    if url.get_backend_name() != "sqlite":
        return sqlalchemy.create_engine(url, pool_size=pool_size, max_overflow=20, pool_pre_ping=True)
    engine = sqlalchemy.create_engine(
        url.set(drivername="sqlite+reading"),
        pool_size=pool_size,
        max_overflow=20,
        connect_args={"timeout": BUSY_TIMEOUT_MS / 1000},
    )
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _make_writer(engine: sqlalchemy.Engine) -> sqlalchemy.Engine:
    """Return an engine for writing on the connections of `engine`."""
    if engine.dialect.name != "sqlite":
        return engine
    return sqlalchemy.create_engine(engine.url.set(drivername="sqlite+writing"), pool=engine.pool)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # Without this pysqlite runs the first SELECT outside the transaction that follows it.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
        f"busy_timeout={BUSY_TIMEOUT_MS}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
