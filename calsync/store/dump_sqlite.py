"""Backups of a SQLite database: one file, which is itself a database."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from datetime import datetime
from pathlib import Path

from calsync.store.db import BUSY_TIMEOUT_MS

MAGIC = b"SQLite format 3\x00"


def write(source: Path, target: Path) -> None:
    """Copy the database at `source` as it is at this moment, while others use it. Replaces `target`."""
    with contextlib.closing(connect(source)) as live, contextlib.closing(connect(target)) as copy:
        live.backup(copy)
        # The copy is one file: a database in WAL mode would come with two more.
        copy.execute("PRAGMA journal_mode=DELETE")
        _check(copy)


def _check(copy: sqlite3.Connection) -> None:
    """Raise OSError unless every page of a copy is there and can be read."""
    found = copy.execute("PRAGMA quick_check").fetchone()[0]
    if found != "ok":
        raise OSError(f"it is damaged: {' '.join(found.split())}")


def facts(file: Path) -> tuple[str, str, int]:
    """Return the revision, the key check and the epoch that a backup has.

    Raises OSError for another file, and for one of which something is missing.
    """
    with contextlib.closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as copy:
        try:
            _check(copy)
            revision = copy.execute("SELECT version_num FROM alembic_version").fetchone()
            row = copy.execute("SELECT key_check, epoch FROM instance").fetchone() or ("", 0)
        except sqlite3.DatabaseError as error:
            raise OSError(f"it is no backup of this program: {error}") from error
    return (revision[0] if revision else ""), row[0], row[1]


def put_in_place(new: Path, target: Path, at: datetime) -> Path | None:
    """Make `new` the database at `target` in one move; return where the old one is kept, None without one.

    Nobody may have the old one open.
    """
    kept = None
    if target.exists():
        with contextlib.suppress(sqlite3.DatabaseError), contextlib.closing(connect(target)) as old:
            old.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # fails on a damaged one, which is kept as it is
        kept = target.with_name(f"{target.name}.before-restore-{at:%Y%m%dT%H%M%S%f}")
        os.link(target, kept)
        _give_owner(new, target)
    # A log of the old database must not be taken for one of the new.
    log = target.with_name(f"{target.name}-wal")
    if kept is not None and log.exists():
        log.replace(kept.with_name(f"{kept.name}-wal"))
    target.with_name(f"{target.name}-shm").unlink(missing_ok=True)
    new.replace(target)
    return kept


def _give_owner(new: Path, target: Path) -> None:
    """Let the server's user own the new file too, where root restores for it."""
    wanted, found = target.stat(), new.stat()
    if (wanted.st_uid, wanted.st_gid) != (found.st_uid, found.st_gid):
        os.chown(new, wanted.st_uid, wanted.st_gid)


def connect(path: Path) -> sqlite3.Connection:
    """Return a connection that waits for others and opens no transactions by itself."""
    return sqlite3.connect(path, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None)
