"""An office to sync: one person, one account at the memory provider, one calendar, and both sides at hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlmodel import col, select

from calsync.engine import event as events
from calsync.engine.event import Event
from calsync.engine.mapping import ActivityValues
from calsync.engine.rules import Rules
from calsync.engine.vocabulary import Kind
from calsync.providers.memory import MemoryProvider, MemoryServer, Quirks
from calsync.runtime import Runtime
from calsync.services import settings, sync
from calsync.store import activities
from calsync.store import tables as t
from tests import factories, scenes

HOUR = timedelta(hours=1)
WORK = "work"
ONE = Quirks(series_is_one_resource=True)
APART = Quirks(series_is_one_resource=False)


@dataclass
class Office:
    """`eli` is the person; times passed to `meeting` are hours from the clock's start."""

    rt: Runtime
    clock: factories.Clock
    server: MemoryServer
    cast: factories.Cast
    account: t.Account
    calendar: t.Calendar

    # --- the provider's side

    def meeting(self, title: str = "Kick-off", hours: float = 24, **values: Any) -> str:
        """Somebody puts a meeting on the calendar; returns its handle."""
        start = factories.START + timedelta(hours=hours)
        given = {"uid": f"{title}@there", "start": start, "end": start + HOUR, "tz": "Europe/Berlin", "summary": title}
        return self.server.put(WORK, Event(**{**given, **values}))

    def there(self, handle: str) -> Event:
        return self.server.event(WORK, handle)

    def titles_there(self) -> list[str]:
        return sorted(e.summary for _, e in self.server.all_events(WORK) if not e.is_cancelled)

    # --- the CRM's side

    def write(self, title: str = "Review", hours: float = 30, **values: Any) -> t.Activity:
        """Eli plans an activity in the CRM."""
        start = factories.START + timedelta(hours=hours)
        uid = f"{title}@here"
        event = Event(uid, start, start + HOUR, "Europe/Berlin", summary=title, **values)
        made = ActivityValues(Kind.MEETING, uid, events.recurrence_key(event), None, events.content(event))
        with self.rt.writing() as session:
            activity = activities.new(made, owner_id=self.cast.eli.id, now=self.clock())
            session.add(activity)
        return activity

    def edit(self, title: str, **changes: Any) -> None:
        """Eli edits an activity, found by its title."""
        with self.rt.writing() as session:
            activity = session.exec(select(t.Activity).where(t.Activity.title == title)).one()
            activities.set_content(activity, {**activity.content, **changes}, now=self.clock())
            session.add(activity)

    def cancel(self, title: str) -> None:
        self.edit(title, status="cancelled")

    def here(self, title: str) -> t.Activity:
        with self.rt.reading() as session:
            return session.exec(select(t.Activity).where(t.Activity.title == title)).one()

    def titles_here(self) -> list[str]:
        with self.rt.reading() as session:
            rows = session.exec(select(t.Activity).where(t.Activity.status != "cancelled")).all()
        return sorted(row.title for row in rows)

    # --- syncing

    def sync(self, **options: Any) -> t.Run:
        """Ten minutes later, a run; returned as its row."""
        self.clock.advance(minutes=10)
        run_id = sync.run(self.rt, self.account.id, **options)
        with self.rt.reading() as session:
            return session.get_one(t.Run, run_id)

    def settle(self) -> list[t.Run]:
        """Run until a run finds nothing to do."""
        runs = []
        for _ in range(8):
            runs.append(self.sync())
            if runs[-1].state == "no_changes":
                return runs
        raise AssertionError(f"does not come to rest: {[r.state for r in runs]}")

    def steps(self, run: t.Run) -> list[t.Step]:
        with self.rt.reading() as session:
            query = select(t.Step).where(t.Step.run_id == run.id, col(t.Step.state) != "superseded")
            return list(session.exec(query.order_by(col(t.Step.id))))

    def conflicts(self) -> list[t.Conflict]:
        with self.rt.reading() as session:
            return list(session.exec(select(t.Conflict).where(t.Conflict.state == "open")))

    def links(self) -> list[t.Link]:
        with self.rt.reading() as session:
            return list(session.exec(select(t.Link).order_by(col(t.Link.id))))

    def rule(self, **values: Any) -> None:
        """An admin changes rules."""
        current, version = settings.rules(self.rt)
        changed: Rules = replace(current, **values)
        settings.save_rules(self.rt, changed, version, by=factories.acting(self.cast.ada))

    def change_account(self, **values: Any) -> None:
        with self.rt.writing() as session:
            row = session.get_one(t.Account, self.account.id)
            for name, value in values.items():
                setattr(row, name, value)

    def change_calendar(self, **values: Any) -> None:
        with self.rt.writing() as session:
            row = session.get_one(t.Calendar, self.calendar.id)
            for name, value in values.items():
                setattr(row, name, value)


def open_office(folder: Path, quirks: Quirks | None = None, checkpoint: Callable[[str], Any] | None = None) -> Office:
    """Return an office on a fresh SQLite database, with nothing on either side."""
    clock = factories.Clock()
    server = MemoryServer(clock, quirks)
    server.add_calendar(WORK)
    parts: dict[str, Any] = {"sleep": lambda seconds: clock.advance(seconds=seconds)}
    if checkpoint is not None:
        parts["checkpoint"] = checkpoint
    scene = scenes.scene(_staff)
    providers = {"memory": MemoryProvider(server)}
    rt = factories.make_runtime(folder, clock, providers=providers, template=scene.database, **parts)
    return Office(rt, clock, server, *scene.made())


def _staff(rt: Runtime) -> tuple[factories.Cast, t.Account, t.Calendar]:
    cast = factories.make_cast(rt)
    account = factories.make_account(rt, cast.eli, provider="memory")
    return cast, account, factories.make_calendar(rt, account, remote_id=WORK)
