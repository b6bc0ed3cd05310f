"""This installation as one thing: which of its processes keeps the clock, and when it last ticked."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO

import sqlalchemy

from calsync.runtime import Runtime
from calsync.store import instance as rows

LOCK_FILE = "scheduler.lock"
_ADVISORY_LOCK = 7_201_970  # any number that nothing else in the database locks


class ClockLock:
    """Held by the one process whose scheduler ticks; freed by the system when that process dies.

    On SQLite it is a lock on a file beside the keys, on PostgreSQL an advisory lock of the database.
    """

    def __init__(self, rt: Runtime) -> None:
        self._rt = rt
        self._guard = threading.Lock()  # several ticks may ask at once
        self._file: IO[bytes] | None = None
        self._connection: sqlalchemy.Connection | None = None

    def take(self) -> bool:
        """Return whether this process keeps the clock now; try to become the one if nobody is."""
        with self._guard:
            return self._take_file() if self._rt.db.is_sqlite else self._take_advisory()

    def free(self) -> None:
        """Let another process keep the clock. Freeing twice is fine."""
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._connection is not None:
            with contextlib.suppress(sqlalchemy.exc.SQLAlchemyError):
                # Said before closing: the server notices a closed connection only some moments later.
                self._connection.execute(sqlalchemy.text("SELECT pg_advisory_unlock(:key)"), {"key": _ADVISORY_LOCK})
            with contextlib.suppress(sqlalchemy.exc.SQLAlchemyError):
                self._connection.invalidate()
                self._connection.close()
            self._connection = None

    def _take_file(self) -> bool:
        if self._file is None:
            self._file = locked(self._rt.settings.instance_dir / LOCK_FILE)
        return self._file is not None

    def _take_advisory(self) -> bool:
        try:
            if self._connection is None:
                self._connection = self._ask_database()
            elif not self._connection.scalar(sqlalchemy.text("SELECT true")):
                return False
        except sqlalchemy.exc.SQLAlchemyError:
            # The lock went with the connection; the next tick tries anew.
            self.free()
        return self._connection is not None

    def _ask_database(self) -> sqlalchemy.Connection | None:
        connection = self._rt.db.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        query = sqlalchemy.text("SELECT pg_try_advisory_lock(:key)")
        if connection.scalar(query, {"key": _ADVISORY_LOCK}):
            return connection
        connection.close()
        return None


def note_tick(rt: Runtime) -> None:
    """Note that the scheduler is alive: health checks look at how old this is."""
    with rt.writing() as session:
        rows.get(session).scheduler_tick_at = rt.now()


def locked(path: Path) -> IO[bytes] | None:
    """Return the file, made where it is missing, locked until it is closed; None when another process holds it.

    Raises OSError when it cannot be made.
    """
    file = path.open("ab")
    try:
        _system_lock()(file)
    except OSError:
        file.close()
        return None
    return file


def _system_lock() -> Callable[[IO[bytes]], None]:
    if sys.platform == "win32":
        import msvcrt

        return lambda file: msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    import fcntl

    return lambda file: fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
