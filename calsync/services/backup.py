"""Backup and restore of the whole database. The encryption key is never part of a backup."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy

from calsync.config import Settings
from calsync.errors import Refused
from calsync.runtime import Actor, Runtime, utc_now
from calsync.services import instance as processes
from calsync.services import owners
from calsync.store import audit, dump_postgres, dump_sqlite, restored, schema, sealed
from calsync.store import instance as instances
from calsync.store import secrets as secret_store
from calsync.store.db import Database
from calsync.store.restored import Forgotten
from calsync.store.secrets import Secrets, WrongKey

Facts = tuple[str, str, int]
"""What a backup says about itself: revision, key check, epoch."""


@dataclass(frozen=True, slots=True)
class BackedUp:
    """Where the backup is, how many bytes it has, and where the key stands that is not in it."""

    path: Path
    size: int
    key_source: str


@dataclass(frozen=True, slots=True)
class Restored:
    """The database's new epoch, what was forgotten, and where the replaced database is kept, if it is a file."""

    epoch: int
    forgotten: Forgotten
    kept: Path | None


def backup(rt: Runtime, path: Path, *, by: Actor) -> BackedUp:
    """Write the database as it is at this moment to a new file of mode 600, while everything goes on.

    Raises Refused when the file exists, the folder does not, something cannot be written, or PostgreSQL's programs are
    missing.
    """
    if path.exists():
        raise Refused(f"{path} exists already. Give another name, or remove it.", code="exists", field="path")
    with rt.writing() as session:
        sealed.bind_key(session, rt.secrets)  # so that a restore can tell whether it has the right key
    with _beside(path) as temporary:
        _write(rt, temporary, path)
        temporary.replace(path)
    with rt.writing() as session:
        instances.get(session).backed_up_at = rt.now()
        thing = ("instance", "1", path.name)
        audit.record(session, by, "database.backed_up", thing, at=rt.now())
    return BackedUp(path, path.stat().st_size, rt.secrets.source)


def _write(rt: Runtime, temporary: Path, path: Path) -> None:
    if not rt.db.is_sqlite:
        dump_postgres.write(rt.db.url, temporary)
        return
    try:
        dump_sqlite.write(_sqlite_path(rt.db), temporary)
    except (OSError, sqlite3.Error) as error:
        reason = f"The backup could not be written to {path.absolute().parent}: {error}. Is there room on the disk?"
        raise Refused(reason, code="failed", field="path") from error


def restore(settings: Settings, path: Path, *, by: Actor, now: Callable[[], datetime] = utc_now) -> Restored:
    """Put a backup in the place of the database, which may be empty or missing.

    Afterwards nothing is written to any calendar until people approved the first plan of each account. Raises
    Refused when the server runs, the file is no backup for this kind of database, the encryption key does not fit
    (it says where the right one belongs), or this program is too old for it. Then nothing was changed; an
    interrupted restore leaves either the old database or one that refuses to start until restored again.
    """
    db = Database(settings.database_url)
    box = secret_store.from_settings(settings)
    with contextlib.closing(db), _nobody_else(settings, db, box):
        if not db.is_sqlite:  # where the database is a file, the one that was there is kept
            schema.refuse_others(db)
        facts = _facts(path, db)
        _check(facts, box)
        started = now()
        epoch = max(facts[2], _present_epoch(db)) + 1
        if db.is_sqlite:
            done = _restore_sqlite(path, db, epoch, started)
        else:
            dump_postgres.put_in_place(path, db.url)
            done = Restored(epoch, _adopt(db, epoch, started), None)
        with db.writing() as session:
            sealed.bind_key(session, box)
            thing = ("instance", "1", path.name)
            audit.record(session, by, "database.restored", thing, at=started, after={"epoch": epoch})
    return done


def _restore_sqlite(path: Path, db: Database, epoch: int, now: datetime) -> Restored:
    """Do everything on a copy, then make it the database in one move."""
    target = _sqlite_path(db)
    with _beside(target) as temporary:
        try:
            shutil.copyfile(path, temporary)
        except OSError as error:
            reason = f"{path} cannot be copied to {target.parent}: {error.strerror}. Nothing was changed."
            raise Refused(reason, code="failed", field="path") from error
        copy = Database(f"sqlite:///{temporary}")
        with contextlib.closing(copy):
            forgotten = _adopt(copy, epoch, now)
        _leave_wal_mode(temporary)
        db.close()
        kept = dump_sqlite.put_in_place(temporary, target, now)
    return Restored(epoch, forgotten, kept)


def _adopt(db: Database, epoch: int, now: datetime) -> Forgotten:
    """Bring a database that was put back up to date and make it forget, in one transaction."""
    with schema.changing(db) as connection:
        connection.exec_driver_sql(schema.MARK_FINISHED)
        schema.upgrade_on(connection)
        return restored.start_over(connection, epoch, now)


def _leave_wal_mode(path: Path) -> None:
    with contextlib.closing(dump_sqlite.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")


def _facts(path: Path, db: Database) -> Facts:
    try:
        with path.open("rb") as file:
            beginning = file.read(16)
        if beginning == dump_sqlite.MAGIC and db.is_sqlite:
            return dump_sqlite.facts(path)
        if beginning.startswith(dump_postgres.MAGIC) and not db.is_sqlite:
            return dump_postgres.facts(path)
    except OSError as error:
        raise Refused(
            f"{path} cannot be restored: {error.strerror or error}.", code="unreadable", field="path"
        ) from error
    kinds = ("a SQLite", "PostgreSQL") if db.is_sqlite else ("a PostgreSQL", "SQLite")
    reason = f"{path} is no backup of {kinds[0]} database, which DATABASE_URL names; {kinds[1]} backups do not fit it."
    raise Refused(reason, code="wrong_kind", field="path")


def _check(facts: Facts, box: Secrets) -> None:
    revision, key_check, _ = facts
    if not schema.is_known(revision):
        raise schema.UnknownSchema(revision or None, schema.head(), is_newer=bool(revision))
    try:
        fits = not key_check or box.unseal(key_check.encode()) == sealed.KEY_CHECK
    except WrongKey:
        fits = False
    if not fits:
        reason = (
            f"This backup was encrypted with another key than the one in {box.source}. Put the key of the "
            f"installation that made the backup there (its encryption.key), then restore again. Nothing was changed."
        )
        raise Refused(reason, code="wrong_key")


def _present_epoch(db: Database) -> int:
    """Return the epoch of the database that will be replaced; 0 when there is none that can be read."""
    return max((int(epoch) for epoch in _present(db, "SELECT epoch FROM instance")), default=0)


def _present(db: Database, query: str) -> list[Any]:
    """Return a column of the database that will be replaced; nothing where it is missing or cannot be read."""
    if db.is_sqlite and not _sqlite_path(db).exists():
        return []
    try:
        with db.engine.connect() as connection:
            return list(connection.exec_driver_sql(query).scalars())
    except sqlalchemy.exc.DBAPIError:
        return []


@contextlib.contextmanager
def _nobody_else(settings: Settings, db: Database, box: Secrets) -> Iterator[None]:
    if not db.is_sqlite:
        db.engine.connect().close()  # one that cannot be reached would look like one that is in use
    clock = processes.ClockLock(Runtime(settings, db, box, {}))
    if not clock.take():
        raise Refused("The server is running on this database. Stop it, then restore.", code="running")
    try:
        _refuse_runs(db)
        yield
    finally:
        clock.free()


def _refuse_runs(db: Database) -> None:
    """Raise Refused while a living process of this machine runs an account."""
    holders = _present(db, "SELECT lease_owner FROM account WHERE lease_owner IS NOT NULL")
    if any(owners.is_alive(str(holder)) for holder in holders):
        reason = "Another process is syncing accounts of this database (calsync sync). Let it end, then restore."
        raise Refused(reason, code="running")


@contextlib.contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """Yield a new, empty file of mode 600 in the folder of `path`; it is removed unless moved away."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.absolute().parent)
    except OSError as error:
        reason = f"{path} cannot be written: {error.strerror}."
        raise Refused(reason, code="unwritable", field="path") from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
    finally:
        for leftover in ("", "-wal", "-shm", "-journal"):
            temporary.with_name(temporary.name + leftover).unlink(missing_ok=True)


def _sqlite_path(db: Database) -> Path:
    return Path(db.url.database or "")
