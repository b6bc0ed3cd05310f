"""A town to prove things in: a real Radicale behind a proxy that can go wrong, a real database, one account."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlmodel import col, select

from calsync.engine import event as events
from calsync.engine.event import Event
from calsync.engine.mapping import ActivityValues
from calsync.engine.vocabulary import Kind, StepState
from calsync.providers import registry
from calsync.runtime import Runtime
from calsync.services import connect, settings, sync
from calsync.store import activities
from calsync.store import tables as t
from tests import factories
from tests.parts.fault_proxy import FaultProxy
from tests.parts.radicale import Radicale

TEAM = "team"
UNFINISHED = (StepState.PLANNED, StepState.APPLYING, StepState.IN_DOUBT, StepState.FAILED)


@dataclass
class Installation:
    """One installation with one account, and what happens in its CRM."""

    rt: Runtime
    clock: factories.Clock
    cast: factories.Cast
    account_id: int

    # --- the CRM

    def write(self, number: int) -> None:
        """Plan an activity here."""
        start = factories.START + timedelta(hours=24, minutes=15 * number)
        event = Event(f"here-{number}", start, start + timedelta(hours=1), "Europe/Berlin", summary=f"Here {number}")
        values = ActivityValues(Kind.MEETING, event.uid, "", None, events.content(event))
        with self.rt.writing() as session:
            session.add(activities.new(values, owner_id=self.cast.eli.id, now=self.clock()))

    def edit(self, title: str, **changes: Any) -> None:
        with self.rt.writing() as session:
            row = session.exec(select(t.Activity).where(t.Activity.title == title)).one()
            activities.set_content(row, {**row.content, **changes}, now=self.clock())
            session.add(row)

    def titles_here(self) -> list[str]:
        with self.rt.reading() as session:
            rows = session.exec(select(t.Activity).where(t.Activity.status != "cancelled")).all()
        return sorted(row.title for row in rows)

    # --- runs

    def sync(self, **options: Any) -> t.Run:
        self.clock.advance(minutes=20)
        run_id = sync.run(self.rt, self.account_id, **options)
        with self.rt.reading() as session:
            return session.get_one(t.Run, run_id)

    def settle(self, runs: int = 12) -> list[t.Run]:
        """Run until nothing is left to do."""
        done = []
        for _ in range(runs):
            done.append(self.sync())
            if done[-1].state == "no_changes" and not self.unfinished():
                return done
        raise AssertionError([(r.state, r.error, r.failed, r.held) for r in done])

    def unfinished(self) -> list[t.Step]:
        with self.rt.reading() as session:
            return list(session.exec(select(t.Step).where(col(t.Step.state).in_(UNFINISHED))))

    def account(self) -> t.Account:
        with self.rt.reading() as session:
            return session.get_one(t.Account, self.account_id)

    def rule(self, **values: Any) -> None:
        current, version = settings.rules(self.rt)
        settings.save_rules(self.rt, replace(current, **values), version, by=factories.acting(self.cast.ada))


@dataclass
class Town(Installation):
    """`server` is talked to directly, through its storage, for the truth; the account talks to it through `proxy`."""

    server: Radicale
    proxy: FaultProxy

    def put(self, number: int, title: str = "", **lines: str) -> None:
        self.server.put(TEAM, f"there-{number}.ics", event_text(number, title or f"There {number}", **lines))

    def remove(self, number: int) -> None:
        self.server.delete(TEAM, f"there-{number}.ics")

    def titles_there(self) -> list[str]:
        """Return the titles of all events that are not cancelled, straight from the storage."""
        texts = self.server.resources(TEAM).values()
        return sorted(_title(text) for text in texts if "STATUS:CANCELLED" not in text)

    def uids_there(self) -> list[str]:
        return sorted(re.findall(r"^UID:(.*?)\r?$", "\n".join(self.server.resources(TEAM).values()), re.MULTILINE))


def found_town(folder: Path, server: Radicale, proxy: FaultProxy, events_there: int) -> Town:
    """Return a town whose calendar holds so many events, connected and not yet synced."""
    server.make_calendar_folder(TEAM)
    for number in range(events_there):
        server.put(TEAM, f"there-{number}.ics", event_text(number, f"There {number}"))
    clock = factories.Clock()

    def sleep(seconds: float) -> None:
        clock.advance(seconds=seconds)

    rt = factories.make_runtime(folder, clock, providers=registry.all_providers(), sleep=sleep)
    cast = factories.make_cast(rt)
    account = connect.connect_caldav(
        rt,
        t.pk(cast.eli),
        url=proxy.url,
        username=server.username,
        password=server.password,
        allow_private_network=True,
        by=factories.acting(cast.ada),
    )
    return Town(rt, clock, cast, t.pk(account), server, proxy)


def event_text(number: int, title: str, **extra: str) -> str:
    """Return an event of an hour, a quarter of an hour after the one before; `extra` are further properties."""
    start: datetime = factories.START + timedelta(hours=24, minutes=15 * number)
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Somebody else//EN",
        "BEGIN:VEVENT",
        f"UID:there-{number}",
        "DTSTAMP:20300101T000000Z",
        f"DTSTART:{start:%Y%m%dT%H%M%SZ}",
        f"DTEND:{start + timedelta(hours=1):%Y%m%dT%H%M%SZ}",
        f"SUMMARY:{title}",
        *(f"{name.upper().replace('_', '-')}:{value}" for name, value in extra.items()),
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ]
    return "\r\n".join(lines)


def _title(text: str) -> str:
    found = re.search(r"^SUMMARY:(.*?)\r?$", text, re.MULTILINE)
    return found.group(1) if found else ""
