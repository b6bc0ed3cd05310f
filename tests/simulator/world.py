"""World: a real database, real services, a provider in memory, and a person who owns both sides.

What people do to it stands in `people.py` and `crm.py`; here is what there is, what can be seen of it, and how it runs.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

import sqlalchemy as sa
from sqlalchemy import event as sa_event
from sqlmodel import SQLModel, col

from calsync.engine.event import Event
from calsync.engine.rules import Rules
from calsync.engine.vocabulary import AccountState, Trigger
from calsync.errors import Refused
from calsync.providers.base import Provider
from calsync.providers.memory import MemoryProvider, MemoryServer, Quirks
from calsync.runtime import SYSTEM, Runtime
from calsync.services import accounts, claims, connect, settings, sync
from calsync.store import tables as t
from tests.factories import Clock, make_runtime, make_user
from tests.simulator.process import Crash, Process

PASSWORD = "remote-secret"
LOGIN = "eli@example.com"
WORK, HOME = "work", "home"

BASE_RULES = Rules(
    window_past_days=365,
    import_private="full",
    brake_deletions=6,
    brake_deletion_share=0.25,
    brake_creates=12,
    brake_mails=4,
    internal_domains=("example.com",),
    account_overrides=(),
)
"""Limits low enough to be met, and private events as they are: what is hidden cannot be compared."""


class World:
    """One person, one account, two calendars that sync. New activities go to the first.

    `may_refuse` says that the provider cannot hold everything that may happen here, and tells why.
    """

    may_refuse = False

    def __init__(self, folder: Path, quirks: Quirks | None = None, rules: Rules = BASE_RULES) -> None:
        self.clock = Clock()
        self._names = _same_names_every_time()
        self.quirks = quirks or Quirks()
        self.server = self._open_server()
        self.remote_ids = {name: self._add_calendar(name) for name in (WORK, HOME)}
        self.rt = make_runtime(folder, self.clock, providers=self._providers(), sleep=self.wait)
        _make_fast(self.rt)
        self.owner = make_user(self.rt, "Eli", "admin")
        self.runs = 0
        self.outcomes: list[str] = []
        self.set_rules(rules)
        self.account_id = self._connect()

    def wait(self, seconds: float) -> None:
        """Pass the time that a run waits between its tries."""
        self.clock.advance(seconds=seconds)

    def close(self) -> None:
        self._names.stop()
        self.rt.db.close()

    def outlast_the_lease(self) -> None:
        """Pass the time until the account is nobody's: that a process elsewhere is dead shows by nothing else."""
        until = self.account().lease_until
        if until is not None:
            self.clock.at = max(self.clock.at, until)

    # --- running ---------------------------------------------------------------------------------------------

    def run(self, process: Process | None = None, *, full: bool = False, rt: Runtime | None = None) -> t.Run | None:
        """Run the account once, in a process of its own, and return the run.

        None when it was killed, lost its lease to another process, or found the account paused or disconnected.
        """
        process = process or Process()
        self.runs += 1
        previous = self.server.faults.boundary
        self.server.faults.boundary = process.boundary
        try:
            run_id = sync.run(
                process.runtime(self.rt),
                self.account_id,
                trigger=Trigger.SCHEDULE,
                full=full,
                by=SYSTEM,
                owner=f"simulator-{self.runs}",
            )
        except Crash:
            self.outlast_the_lease()
            return None
        except claims.LeaseLost:
            return None
        except Refused as refusal:
            if refusal.code != "not_active":
                raise
            return None
        finally:
            self.server.faults.boundary = previous
        return self.one(t.Run, run_id)

    # --- settings --------------------------------------------------------------------------------------------

    @property
    def rules(self) -> Rules:
        return settings.rules(self.rt)[0]

    def set_rules(self, rules: Rules) -> None:
        """Save the rules of the organisation."""
        _, version = settings.rules(self.rt)
        settings.save_rules(self.rt, rules, version, by=SYSTEM)

    def change_rules(self, **changes: Any) -> None:
        self.set_rules(replace(self.rules, **changes))

    # --- pauses ----------------------------------------------------------------------------------------------

    @property
    def is_writing_paused(self) -> bool:
        return settings.switches(self.rt)[0].writes_paused

    def pause_writing(self, paused: bool = True) -> bool:
        """Pause all writing, or let it go on, and return whether it was otherwise."""
        known, version = settings.switches(self.rt)
        settings.save_switches(self.rt, replace(known, writes_paused=paused), version, by=SYSTEM)
        return known.writes_paused != paused

    def pause_account(self) -> bool:
        """Pause the account and return whether it was not yet."""
        if self.account().state != AccountState.ACTIVE:
            return False
        accounts.pause(self.rt, self.account_id, by=SYSTEM)
        return True

    def resume_account(self) -> bool:
        """Let a paused account go on and return whether it was one."""
        if self.account().state != AccountState.PAUSED:
            return False
        accounts.resume(self.rt, self.account_id, by=SYSTEM)
        return True

    # --- what is there ---------------------------------------------------------------------------------------

    def rows(self, table: type[SQLModel], *where: Any) -> list[Any]:
        """Return rows of a table in the order of their ids."""
        with self.rt.reading() as session:
            return list(session.scalars(sa.select(table).where(*where).order_by(col(table.id))))  # type: ignore[attr-defined]

    def one(self, table: type[SQLModel], row_id: int) -> Any:
        with self.rt.reading() as session:
            return session.get_one(table, row_id)

    def account(self) -> t.Account:
        return self.one(t.Account, self.account_id)

    def calendar(self, name: str) -> t.Calendar:
        return next(c for c in self.rows(t.Calendar) if c.remote_id == self.remote_ids[name])

    def activities(self) -> list[t.Activity]:
        return self.rows(t.Activity)

    def refused(self) -> list[t.Step]:
        """Return the steps that wait because the provider has no way to hold what they carry."""
        failed = self.rows(t.Step, t.Step.state == "failed") if self.may_refuse else []
        return [step for step in failed if (step.error or "").startswith("unsupported: ")]

    def remote_events(self, calendars: Iterable[str] = (WORK, HOME)) -> list[tuple[str, str, Event]]:
        """Return every event at the provider as it truly is: calendar, handle, event."""
        there = [name for name in calendars if name in self.server.shelves]
        return [(name, handle, event) for name in there for handle, event in self.server.all_events(name)]

    def steps_text(self) -> str:
        """Return everything that steps remember of values that were replaced, as one text to search in."""
        kept = [[step.before, step.losing, step.detail] for step in self.rows(t.Step)]
        return json.dumps(kept, ensure_ascii=False)

    def losers_text(self) -> str:
        """Return the values that steps name as having lost a clash, as one text to search in."""
        return json.dumps([step.losing for step in self.rows(t.Step)], ensure_ascii=False)

    # --- set-up ----------------------------------------------------------------------------------------------

    def _open_server(self) -> Any:
        return MemoryServer(self.clock, self.quirks, password=PASSWORD)

    def _add_calendar(self, name: str) -> str:
        return str(self.server.add_calendar(name, owner=LOGIN))

    def _providers(self) -> dict[str, Provider]:
        return {"memory": MemoryProvider(self.server)}

    def _connect(self) -> int:
        account = self._sign_in()
        for name in (WORK, HOME):
            accounts.set_calendar(
                self.rt, t.pk(self.calendar(name)), syncs=True, blocks=True, is_write_target=name == WORK, by=SYSTEM
            )
        return t.pk(account)

    def _sign_in(self) -> t.Account:
        return connect.connect_caldav(
            self.rt,
            t.pk(self.owner),
            url="https://calendar.example.com/",
            username=LOGIN,
            password=PASSWORD,
            provider="memory",
            by=SYSTEM,
        )

    def sign_in_again(self) -> None:
        """Connect the account again, after its sign-in has ended or it was disconnected."""
        connect.reconnect(self.rt, self.account_id, password=PASSWORD, by=SYSTEM)


def _same_names_every_time() -> Any:
    """Let chance name new rows alike in every telling of a story: the order of much depends on names."""
    random = Random(1)
    names = patch.object(uuid, "uuid4", lambda: uuid.UUID(int=random.getrandbits(128), version=4))
    names.start()
    return names


def _make_fast(rt: Runtime) -> None:
    """Let SQLite keep in memory what a power cut would lose: killing a process loses nothing of it."""

    def prepare(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA synchronous=OFF")

    sa_event.listen(rt.db.engine, "connect", prepare)
