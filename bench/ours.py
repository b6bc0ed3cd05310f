"""Calsync as a library, as `calsync sync` runs it: a real database in a folder, one account."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from pydantic import SecretStr
from sqlmodel import col

from bench.child import Clock
from calsync.config import Settings
from calsync.providers import network, registry
from calsync.runtime import Runtime
from calsync.services import sync as service
from calsync.store import tables as t
from calsync.store.db import Database
from calsync.store.secrets import Secrets

KEY = "bWVhc3VyZW1lbnRzIG9ubHksIGl0IGhpZGVzIG5vdGg="
MIRRORED = "fetch.cursor"
"""The checkpoint at which a calendar is in the mirror, whole."""


def runtime(folder: Path, checkpoint: Callable[[str], Any] = lambda name: None) -> Runtime:
    """Return a runtime on the database in `folder`, which need not be there yet."""
    settings = Settings(
        instance_dir=folder,
        database_url=f"sqlite:///{folder / 'calsync.db'}",
        secret_key=SecretStr("s" * 48),
        encryption_keys=(SecretStr(KEY),),
    )
    db = Database(settings.database_url)
    return Runtime(settings, db, Secrets(settings.key_texts), registry.all_providers(), checkpoint=checkpoint)


def prepare(folder: Path, url: str, username: str, password: str) -> None:
    """Make the database, connect the account, and read nothing yet."""
    from calsync.services import connect
    from calsync.store import schema
    from tests import factories

    folder.mkdir(parents=True)
    rt = runtime(folder)
    schema.upgrade(rt.db)
    cast = factories.make_cast(rt)
    who = factories.acting(cast.ada)
    login = {"username": username, "password": password, "allow_private_network": True}
    connect.connect_caldav(rt, t.pk(cast.eli), url=url, by=who, **login)
    rt.db.close()


def sync(folder: str) -> Clock:
    """Sync once and return what it took; the mark `mirror` is when all was read."""
    clock = Clock()
    rt = runtime(Path(folder), lambda name: clock.mark("mirror") if name == MIRRORED else None)
    network.tls()  # part of a process's start
    with clock.running():
        run_id = service.run(rt, 1)
    with rt.reading() as session:
        run = session.get_one(t.Run, run_id)
    clock.outcome = {name: getattr(run, name) for name in ("state", "error", "created", "updated", "failed", "phases")}
    rt.db.close()
    return clock


def edit(folder: Path, numbers: Sequence[int], change: str) -> None:
    """Change the titles of activities."""
    from bench import events
    from calsync.store import activities

    rt = runtime(folder)
    wanted = [events.uid(number) for number in numbers]
    with rt.writing() as session:
        for row in session.scalars(sa.select(t.Activity).where(col(t.Activity.uid).in_(wanted))):
            summary = events.title(int(row.uid[:6]), change)
            activities.set_content(row, {**row.content, "summary": summary}, now=rt.now())
    rt.db.close()


def titles(folder: Path) -> list[str]:
    """Return all titles, in order."""
    rt = runtime(folder)
    with rt.reading() as session:
        found = sorted(session.scalars(sa.select(col(t.Activity.title))))
    rt.db.close()
    return found
