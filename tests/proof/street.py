"""A street to run real processes on: the real command, a real database and a real Radicale; each side holds half."""

import os
import random
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from sqlmodel import col, select

from calsync import runtime
from calsync.engine import event as events
from calsync.engine.event import Event
from calsync.engine.mapping import ActivityValues
from calsync.engine.vocabulary import Kind, RunState, StepState
from calsync.providers import registry
from calsync.runtime import Runtime
from calsync.services import connect
from calsync.store import activities
from calsync.store import tables as t
from tests import factories
from tests.parts.radicale import Radicale

ROOT = Path(__file__).parents[2]
SEED = 20260101
EDITS = 6
"""Titles changed on each side after every kill, so that there is always something left to do."""

LATEST_S = 1.2
"""A kill falls between the moment at which the run has begun and so many seconds later."""

TEAM = "team"
UNSETTLED = (StepState.PLANNED, StepState.APPLYING, StepState.IN_DOUBT, StepState.FAILED, StepState.CONFLICT)


@dataclass
class Street:
    """Both sides, and what they shall hold in the end: titles by number; those below `each_side` began there."""

    rt: Runtime
    server: Radicale
    folder: Path
    each_side: int
    chance: random.Random = field(default_factory=lambda: random.Random(SEED))
    titles: dict[int, str] = field(default_factory=dict)
    phases: set[str] = field(default_factory=set)

    # --- both sides

    def fill(self) -> None:
        self.server.make_calendar_folder(TEAM)
        for number in range(self.each_side):
            self.titles[number] = f"There {number}"
            self.server.put(TEAM, f"there-{number}.ics", self._text(number))
        with self.rt.writing() as session:
            for number in range(self.each_side, 2 * self.each_side):
                self.titles[number] = f"Here {number}"
                session.add(self._activity(number))

    def edit(self) -> None:
        """Somebody changes a few titles on both sides, each of a record that began there."""
        for number in self.chance.sample(range(self.each_side), EDITS):
            self.titles[number] = self._next_title(number)
            self.server.put(TEAM, f"there-{number}.ics", self._text(number))
        with self.rt.writing() as session:
            for number in self.chance.sample(range(self.each_side, 2 * self.each_side), EDITS):
                self.titles[number] = self._next_title(number)
                row = session.exec(select(t.Activity).where(t.Activity.uid == uid(number))).one()
                activities.set_content(row, {**row.content, "summary": self.titles[number]}, now=self.rt.now())

    def _next_title(self, number: int) -> str:
        return f"{self.titles[number]}'"

    def _text(self, number: int) -> str:
        event = self._event(number)
        lines = [
            "BEGIN:VCALENDAR",
            "VERSION:2.0",
            "PRODID:-//Somebody else//EN",
            "BEGIN:VEVENT",
            f"UID:{event.uid}",
            "DTSTAMP:20260101T000000Z",
            f"DTSTART:{event.start:%Y%m%dT%H%M%SZ}",
            f"DTEND:{event.end:%Y%m%dT%H%M%SZ}",
            f"SUMMARY:{event.summary}",
            "END:VEVENT",
            "END:VCALENDAR",
            "",
        ]
        return "\r\n".join(lines)

    def _activity(self, number: int) -> t.Activity:
        event = self._event(number)
        values = ActivityValues(Kind.MEETING, event.uid, "", None, events.content(event))
        return activities.new(values, owner_id=1, now=self.rt.now())

    def _event(self, number: int) -> Event:
        day = self.rt.now().replace(minute=0, second=0, microsecond=0) + timedelta(days=1)
        start = day + timedelta(minutes=15 * number)
        return Event(uid(number), start, start + timedelta(hours=1), summary=self.titles[number])

    # --- the process

    def start(self) -> subprocess.Popen[bytes]:
        environ = {
            "PATH": os.environ["PATH"],
            "CALSYNC_INSTANCE_DIR": str(self.folder),
            "CALSYNC_SECRET_KEY": "s" * 48,
            "CALSYNC_ENCRYPTION_KEYS": factories.KEY,
            "CALSYNC_LOG_LEVEL": "error",
        }
        command = [sys.executable, "-m", "wsgi", "sync", "--account", "1", "--json"]
        return subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def kill_one(self) -> bool:
        """Start a sync and kill it at a random moment; return whether that hit it in the middle of its run."""
        child = self.start()
        assert child.stdout is not None
        try:
            self._await_run(child)
            time.sleep(self.chance.uniform(0.0, LATEST_S))  # the moment to strike, not a wait for anything
            run = self._running()
            child.send_signal(signal.SIGKILL)
        finally:
            child.kill()
            child.wait()
            child.stdout.close()
        was_hit = child.returncode == -signal.SIGKILL and run is not None
        if was_hit and run is not None:
            self.phases.add(run.phase)
        return was_hit

    def _await_run(self, child: subprocess.Popen[bytes]) -> None:
        before = self._newest()
        while child.poll() is None and self._newest() == before:
            time.sleep(0.005)

    def _newest(self) -> int:
        with self.rt.reading() as session:
            return session.exec(select(t.Run.id).order_by(col(t.Run.id).desc()).limit(1)).first() or 0

    def _running(self) -> t.Run | None:
        with self.rt.reading() as session:
            query = select(t.Run).where(t.Run.state == RunState.RUNNING).order_by(col(t.Run.id).desc())
            return session.exec(query).first()

    def settle(self) -> None:
        """Let syncs come to their end until one finds nothing to do."""
        for _ in range(6):
            child = self.start()
            said, _ = child.communicate(timeout=60)
            assert child.returncode == 0, said.decode()
            if b'"no_changes"' in said:
                return
        raise AssertionError(said.decode())

    # --- what came of it

    def check(self) -> None:
        """Assert that both sides hold everything once, and that nothing is left to do."""
        wanted, uids = sorted(self.titles.values()), sorted(uid(n) for n in range(2 * self.each_side))
        assert (self.titles_there(), self.uids_there()) == (wanted, uids)
        assert (self.titles_here(), self.uids_here()) == (wanted, uids)
        assert self.unsettled() == []

    def titles_there(self) -> list[str]:
        return sorted(re.findall(r"^SUMMARY:(.*?)\r?$", self._texts(), re.MULTILINE))

    def uids_there(self) -> list[str]:
        return sorted(re.findall(r"^UID:(.*?)\r?$", self._texts(), re.MULTILINE))

    def _texts(self) -> str:
        return "\n".join(self.server.resources(TEAM).values())

    def titles_here(self) -> list[str]:
        with self.rt.reading() as session:
            return sorted(session.exec(select(t.Activity.title)))

    def uids_here(self) -> list[str]:
        with self.rt.reading() as session:
            return sorted(session.exec(select(t.Activity.uid)))

    def unsettled(self) -> list[t.Step]:
        with self.rt.reading() as session:
            return list(session.exec(select(t.Step).where(col(t.Step.state).in_(UNSETTLED))))


def uid(number: int) -> str:
    return f"record-{number}"


def found_street(folder: Path, server: Radicale, each_side: int) -> Street:
    """Return a street with so many records on each side, connected and not yet synced."""
    rt = factories.make_runtime(folder, runtime.utc_now, providers=registry.all_providers())
    eli = factories.make_user(rt, "Eli", "admin")
    made = Street(rt, server, folder, each_side)
    made.fill()
    login = {"username": server.username, "password": server.password, "allow_private_network": True}
    connect.connect_caldav(rt, t.pk(eli), url=server.url, by=factories.acting(eli), **login)
    return made
