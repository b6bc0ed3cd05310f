"""What a poll that finds nothing costs beside the provider: every account of a large installation, run once.

The provider is the one in memory, so that all time is ours: looking for due accounts, claiming, the run's row, reading,
the look for differences, closing, releasing.
"""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, SQLModel, col

from calsync import garbage
from calsync.engine.event import Event
from calsync.engine.vocabulary import RunState
from calsync.providers.memory import MemoryProvider, MemoryServer
from calsync.runtime import Runtime
from calsync.services import owners
from calsync.store import tables as t
from calsync.store.tables.columns import public_id
from jobs import bodies
from tests import factories

EVENTS = 10
"""In sync in every account."""

THREADS = 8
"""So many accounts are claimed at once."""

TURNS = 3
WORK = "work"
BATCH = 2_000


@dataclass(frozen=True)
class Scheduled:
    """One turn over all accounts."""

    accounts: int
    cpu_s: float
    wall_s: float

    @property
    def cpu_ms(self) -> float:
        """Processor time of a run."""
        return self.cpu_s / self.accounts * 1000

    @property
    def wall_ms(self) -> float:
        return self.wall_s / self.accounts * 1000


def measure(accounts: int, say: Callable[[str], None]) -> list[Scheduled]:
    """Return one measurement per turn; in each every account becomes due and is run, as the pool would do it."""
    with tempfile.TemporaryDirectory(prefix="calsync-bench-") as folder:
        say(f"{accounts} accounts: filling the database")
        clock = factories.Clock()
        rt = _filled(Path(folder), clock, accounts)
        garbage.settle()  # as wsgi.py does
        found = []
        for _ in range(TURNS):
            clock.advance(minutes=30)
            found.append(_turn(rt, accounts))
            say(f"{accounts} accounts: {found[-1].cpu_ms:.2f} ms CPU, {found[-1].wall_ms:.2f} ms wall per run")
        rt.db.close()
        return found


def _turn(rt: Runtime, accounts: int) -> Scheduled:
    work, owner = bodies.Work(rt), owners.new_owner()
    wall, cpu, done = time.perf_counter(), time.process_time(), 0
    while claimed := work.claim(owner, THREADS, THREADS // 2):
        for account_id, _ in claimed:
            work.run("sync_account", {"account_id": account_id}, owner)
        done += len(claimed)
    found = Scheduled(accounts, time.process_time() - cpu, time.perf_counter() - wall)
    with rt.reading() as session:
        newest = sa.select(col(t.Run.state)).order_by(col(t.Run.id).desc()).limit(accounts)
        states = set(session.scalars(newest))
    if done != accounts or states != {RunState.NO_CHANGES}:
        raise RuntimeError(f"{done} of {accounts} accounts ran, and their runs ended {states}")
    return found


# --- a large installation


def _filled(folder: Path, clock: factories.Clock, accounts: int) -> Runtime:
    """Return a runtime with so many people, each with an account in sync: the first one synced, the others copied."""
    server = MemoryServer(clock)
    server.add_calendar(WORK)
    for number in range(EVENTS):
        start = factories.START + timedelta(days=1, hours=number)
        server.put(WORK, Event(f"event-{number}", start, start + timedelta(hours=1), summary=f"Meeting {number}"))
    rt = factories.make_runtime(folder, clock, providers={"memory": MemoryProvider(server)})
    user = factories.make_user(rt, "Eli")
    account = factories.make_account(rt, user, provider="memory")
    factories.make_calendar(rt, account, remote_id=WORK)
    for _ in range(2):
        bodies.Work(rt).run("sync_account", {"account_id": t.pk(account)}, owners.new_owner())
        clock.advance(minutes=30)
    for table in (t.User, t.Account, t.Calendar, t.Run, t.MirrorResource, t.MirrorEvent, t.Activity, t.Link):
        _copy(rt, table, accounts)
    return rt


def _copy(rt: Runtime, table: type[SQLModel], accounts: int) -> None:
    """Write the rows of the first account again for every other one, each pointing at its own neighbours."""
    columns: Any = table.__table__.columns  # type: ignore[attr-defined]
    with rt.reading() as session:
        rows = [dict(row._mapping) for row in session.execute(sa.select(*columns))]
    copies = (_moved(table, columns, row, len(rows), turn) for turn in range(1, accounts) for row in rows)
    for batch in _batches(copies):
        with rt.writing() as session:
            _insert(session, table, batch)


def _moved(table: type[SQLModel], columns: Any, row: dict[str, Any], rows: int, turn: int) -> dict[str, Any]:
    """Return a row of the first account as one of another: ids go up by as many rows as each account has."""
    values = dict(row)
    for column in columns:
        name, target = column.name, next((key.column.table.name for key in column.foreign_keys), "")
        if values[name] is not None and (column.primary_key or target):
            owned = target in ("mirror_resource", "mirror_event", "activity")
            values[name] += turn * (rows if column.primary_key else EVENTS if owned else 1)
    if "public_id" in values:
        values["public_id"] = public_id()
    if table is t.User:
        values["email"] = f"person-{turn}@example.com"
    if table is t.Account:
        values["subject"] = values["label"] = f"person-{turn}"
    return values


def _batches(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while batch := list(itertools.islice(rows, BATCH)):
        yield batch


def _insert(session: Session, table: type[SQLModel], rows: Sequence[dict[str, Any]]) -> None:
    session.connection().execute(sa.insert(table), list(rows))
