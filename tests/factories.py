"""What tests arrange with: a clock that is moved by hand, a runtime on a fresh database, the cast.

The cast never changes: Ada is admin, Eli is staff, Vic is a client, Sam is a stranger (staff, with nothing to
do with the others). Time starts on a Monday, 2030-01-07 at 09:00 UTC.
"""

import functools
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from argon2 import PasswordHasher
from pydantic import SecretStr
from sqlalchemy.util import LRUCache

from calsync.config import Settings
from calsync.providers.base import CalendarClient, Provider
from calsync.runtime import Actor, Runtime
from calsync.store import schema
from calsync.store import tables as t
from calsync.store.db import Database
from calsync.store.secrets import Secrets

START = datetime(2030, 1, 7, 9, tzinfo=UTC)
KEY = "dGVzdHMgb25seTogdGhpcyBrZXkgaXMgbm8gc2VjcmU="
PASSWORD = "correct horse battery"


@dataclass
class Clock:
    """The time as tests see it. Call it to read it."""

    at: datetime = START

    def __call__(self) -> datetime:
        return self.at

    def advance(self, **span: float) -> datetime:
        """Move on by `timedelta(**span)` and return the new time: `clock.advance(minutes=5)`."""
        self.at += timedelta(**span)
        return self.at


@dataclass
class Hints:
    """A queue that only remembers what it was asked for."""

    asked: list[tuple[str, dict[str, int]]] = field(default_factory=list)

    def __call__(self, job: str, **ids: int) -> None:
        self.asked.append((job, ids))


def make_settings(folder: Path, url: str = "", **values: Any) -> Settings:
    """Return settings of an installation in `folder`; `url` names its database if that is elsewhere."""
    given: dict[str, Any] = {
        "instance_dir": folder,
        "database_url": url,
        "secret_key": SecretStr("s" * 48),
        "encryption_keys": (SecretStr(KEY),),
        "public_url": "https://calendar.example.com",
    }
    return Settings(**{**given, **values})


def make_runtime(
    place: Path | str,
    clock: Callable[[], datetime] | None = None,
    *,
    folder: Path | None = None,
    providers: Mapping[str, Provider] | None = None,
    template: Path | None = None,
    **parts: Any,
) -> Runtime:
    """Return a runtime on a migrated database without anybody in it.

    `place` is a folder (SQLite in it, a copy of `template` if given) or the address of a database, empty or prepared;
    `folder` is then the instance's. `parts` replace fields of Runtime: `settings`, `enqueue`, `checkpoint`, `secrets`.
    """
    if isinstance(place, Path):
        place.mkdir(parents=True, exist_ok=True)
        settings = parts.pop("settings", None) or make_settings(place)
        is_prepared = _copy(template or _template(), Path(settings.database_url.removeprefix("sqlite:///")))
    else:
        nowhere = Path(tempfile.gettempdir()) / "calsync-no-instance"
        settings = parts.pop("settings", None) or make_settings(folder or nowhere, place)
        is_prepared = False
    db = Database(settings.database_url)
    if not is_prepared and schema.revision(db) is None:
        schema.upgrade(db)
    _share_statements(db)
    box = parts.pop("secrets", None) or Secrets(settings.key_texts)
    return Runtime(settings, db, box, providers or {}, clock or Clock(), **parts)


def _share_statements(db: Database) -> None:
    """Compile each statement once per process instead of once per database, which was a quarter of a test's time.

    The cache of compiled statements is an engine's own and is keyed by its dialect, so both are shared.
    """
    for engine in (db.engine, db.writer):
        kind = type(engine.dialect)
        engine.dialect, engine._compiled_cache = _statements.setdefault(kind, (engine.dialect, LRUCache(3000)))


_statements: dict[type[sa.Dialect], tuple[sa.Dialect, LRUCache[Any, Any]]] = {}


def prepare(url: str) -> None:
    """Migrate an empty database: what `tests.parts.databases` copies for each test."""
    db = Database(url)
    schema.upgrade(db)
    db.close()


def _copy(template: Path, path: Path) -> bool:
    """Put a migrated database at `path`. False where there is one already, of whatever revision."""
    if path.exists():
        return False
    shutil.copyfile(template, path)
    return True


@functools.cache
def _template() -> Path:
    """Return a migrated, empty SQLite database, made once per process."""
    path = kept_folder("template") / "template.db"
    db = Database(f"sqlite:///{path}")
    schema.upgrade(db)
    finish_file(db)
    return path


def finish_file(db: Database) -> None:
    """Close an SQLite database with everything in its one file, so that it can be copied."""
    with db.engine.connect() as connection:
        connection.connection.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()


def kept_folder(name: str) -> Path:
    """Return a new folder that lives as long as this process."""
    keep = tempfile.TemporaryDirectory(prefix=f"calsync-{name}-", dir=os.environ.get("CALSYNC_TEST_RUN"))
    _kept.append(keep)
    return Path(keep.name)


_kept: list[tempfile.TemporaryDirectory[str]] = []


QUICK_HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""Hashes that cost nothing, for `calsync.services.passwords._hasher`."""


@functools.cache
def _password_hash() -> str:
    return QUICK_HASHER.hash(PASSWORD)


def make_user(rt: Runtime, name: str, role: str = "staff", **values: Any) -> t.User:
    """Return a new person, `name`@example.com, who signs in with PASSWORD."""
    with rt.writing() as session:
        user = _user(rt, name, role, **values)
        session.add(user)
    return user


def _user(rt: Runtime, name: str, role: str, **values: Any) -> t.User:
    given: dict[str, Any] = {
        "email": f"{name.lower()}@example.com",
        "name": name,
        "role": role,
        "password_hash": _password_hash(),
        "created_at": rt.now(),
    }
    return t.User(**{**given, **values})


@dataclass(frozen=True)
class Cast:
    """The people of every test."""

    ada: t.User  # admin
    eli: t.User  # staff
    vic: t.User  # client
    sam: t.User  # staff, a stranger to the others


def make_cast(rt: Runtime) -> Cast:
    """Return Ada, Eli, Vic and Sam, new in the database."""
    people = [_user(rt, *each) for each in (("Ada", "admin"), ("Eli", "staff"), ("Vic", "client"), ("Sam", "staff"))]
    with rt.writing() as session:
        session.add_all(people)  # in one statement: every other test asks for them
    return Cast(*people)


def acting(user: t.User) -> Actor:
    """Return `user` as the one who asks."""
    return Actor(user.id, user.email, user.role, "192.0.2.1")


def make_account(rt: Runtime, owner: t.User, **values: Any) -> t.Account:
    """Return a connected CalDAV account with the sealed password "remote-secret" and no calendars."""
    given: dict[str, Any] = {
        "user_id": owner.id,
        "provider": "caldav",
        "subject": f"https://dav.example.com/{owner.email}/",
        "label": owner.email,
        "server_url": "https://dav.example.com/",
        "username": owner.email,
        "secret": rt.secrets.seal('{"password": "remote-secret"}'),
        "can_write": True,
        "created_at": rt.now(),
        "next_sync_at": rt.now(),
    }
    with rt.writing() as session:
        account = t.Account(**{**given, **values})
        session.add(account)
    return account


def client_of_a_run(rt: Runtime, account_id: int) -> CalendarClient | None:
    """Return what a run of this account is handed to write with, None for nothing. The run does nothing."""
    from calsync.services import claims, frame

    ask, owner = frame.Ask(), "a test"
    opened = frame.claim_and_open(rt, account_id, ask, owner)
    ctx = frame.open_context(rt, opened, ask, owner)
    ctx.reader.close()
    frame.close_run(rt, account_id, opened.run_id, ask, frame.Ended())
    claims.release(rt, account_id, owner)
    return ctx.client


def make_calendar(rt: Runtime, account: t.Account, name: str = "Work", **values: Any) -> t.Calendar:
    """Return a calendar of `account` that syncs and takes new activities."""
    given: dict[str, Any] = {
        "account_id": account.id,
        "remote_id": f"/cal/{name.lower()}/",
        "name": name,
        "syncs": True,
        "blocks": True,
        "is_write_target": True,
        "created_at": rt.now(),
    }
    with rt.writing() as session:
        calendar = t.Calendar(**{**given, **values})
        session.add(calendar)
    return calendar
