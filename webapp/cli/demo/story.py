"""What happened in the demo: three weeks of work, played through the ordinary services with the clock
turned back.
"""

from __future__ import annotations

import dataclasses
import zoneinfo
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlmodel import col

from calsync.engine.vocabulary import Policy, Trigger
from calsync.errors import CalsyncError
from calsync.runtime import SYSTEM, Actor, Runtime
from calsync.store import accounts as account_rows
from calsync.store import tables as t
from webapp.cli.demo import calendars as shelves
from webapp.cli.demo import rooms
from webapp.cli.demo.server import CalendarServer

PASSWORD = "calsync-demo"  # noqa: S105 - meant to be known
ZONE = zoneinfo.ZoneInfo(shelves.TZ)


@dataclass(frozen=True, slots=True)
class Person:
    user: str
    name: str
    role: str
    about: str

    @property
    def email(self) -> str:
        return f"{self.user}@harbour.example"


ADA = Person("ada", "Ada Lindqvist", "admin", "runs the installation, sees everything")
BEN = Person("ben", "Ben Okafor", "staff", "sales; two conflicts wait for him")
CHLOE = Person("chloe", "Chloe Martin", "staff", "consulting; a run of hers is held, one event cannot be read")
DANA = Person("dana", "Dana Reyes", "client", "a customer; her account has to be reconnected")
PEOPLE = (ADA, BEN, CHLOE, DANA)


@dataclass
class Stage:
    """Everything the chapters share. `days` is where the clock stands, counted from now."""

    real: Runtime
    server: CalendarServer
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    days: float = 0.0
    users: dict[str, t.User] = field(default_factory=dict)
    accounts: dict[str, int] = field(default_factory=dict)

    @property
    def rt(self) -> Runtime:
        """The runtime as of that day."""
        return dataclasses.replace(self.real, now=self.now)

    def now(self) -> datetime:
        passed = datetime.now(UTC) - self.began
        return self.began + passed + timedelta(days=self.days)

    def wall(self, day: int, at: str) -> datetime:
        """Return the instant of a wall time, the day counted from this week's Monday."""
        hour, minute = map(int, at.split(":"))
        start = shelves.monday(self.began.astimezone(ZONE).date()) + timedelta(days=day)
        return datetime(start.year, start.month, start.day, hour, minute, tzinfo=ZONE).astimezone(UTC)

    def by(self, person: Person) -> Actor:
        return Actor(self.users[person.user].id, person.email, person.role)

    def add(self, person: Person, kind: str, title: str, day: int, at: str, minutes: int = 60, **more: Any) -> int:
        """Plan an activity in the CRM and return its id."""
        from calsync.services import activities

        start = self.wall(day, at)
        times = {"start": start, "end": start + timedelta(minutes=minutes), "tz": shelves.TZ}
        owner = self.users[person.user].id or 0
        return (
            activities.create(self.rt, owner, {"kind": kind, "title": title} | times | more, by=self.by(person)).id or 0
        )

    def sync(self, *people: Person, trigger: Trigger = Trigger.SCHEDULE) -> None:
        """Run these people's accounts; what goes wrong is part of the story."""
        from calsync.services import sync

        for person in people:
            sync.run(self.rt, self.accounts[person.user], trigger=trigger, by=SYSTEM)

    def connect(self, person: Person) -> None:
        from calsync.services import connect

        made = connect.connect_caldav(
            self.rt,
            self.users[person.user].id or 0,
            url=f"{self.server.url}{person.user}/",
            username=person.user,
            password=PASSWORD,
            by=self.by(person),
        )
        self.accounts[person.user] = made.id or 0


def play(rt: Runtime, server: CalendarServer) -> Iterator[str]:
    """Play every chapter and yield its name when it is done."""
    stage = Stage(rt, server)
    for name, chapter in CHAPTERS:
        chapter(stage)
        yield name


def _house(stage: Stage) -> None:
    from calsync.services import people, settings, start
    from calsync.store import schema

    schema.upgrade(stage.real.db)
    start.ready(stage.real)
    stage.days = -21
    rt = stage.rt
    people.create_first_admin(rt, ADA.email, ADA.name, PASSWORD, by=SYSTEM)
    for person in PEOPLE[1:]:
        people.create_user(rt, person.email, person.role, name=person.name, password=PASSWORD, by=SYSTEM)
    with rt.writing() as session:
        for user in session.scalars(select(t.User)):
            user.tz = shelves.TZ
            stage.users[user.email.partition("@")[0]] = user
    org, version = settings.organisation(rt)
    named = dataclasses.replace(org, name="Harbour & Hill", tz=shelves.TZ, date_format="dmy", is_set_up=True)
    settings.save_organisation(rt, named, version, by=SYSTEM)
    rules, version = settings.rules(rt)
    settings.save_rules(rt, dataclasses.replace(rules, policy=Policy.MANUAL), version, by=SYSTEM)
    switches, version = settings.switches(rt)
    allowed = dataclasses.replace(switches, clients_may_connect=True)
    settings.save_switches(rt, allowed, version, by=SYSTEM)


def _calendars(stage: Stage) -> None:
    stage.server.set_users({person.user: PASSWORD for person in PEOPLE})
    today, stamp = stage.began.astimezone(ZONE).date(), stage.now()
    for shelf in shelves.SHELVES:
        stage.server.add_calendar(shelf.user, shelf.name, shelf.title, shelf.color)
        for number, entry in enumerate(shelf.entries):
            name = f"{shelf.user}-{shelf.name}-{number}"
            stage.server.put(shelf.user, shelf.name, name, shelves.ics(entry, name, today, stamp))


def _plans(stage: Stage) -> None:
    """What stood in the CRM before anybody connected a calendar."""
    stage.add(BEN, "meeting", "Kick-off with Castellan", -18, "10:00", 90)
    stage.add(BEN, "meeting", "Proposal review: Brightwater", -9, "13:30")
    stage.add(BEN, "call", "Ask Marlowe about their budget", -7, "09:45", 15)
    stage.add(CHLOE, "appointment", "Audit at Marlowe Group", -12, "09:00", 180, location="Marlowe Group, Bremen")
    stage.add(CHLOE, "task", "Write the Marlowe report", -3, "15:00", 120)


def _connect(stage: Stage) -> None:
    from calsync.services import accounts

    for person in (BEN, CHLOE, DANA):
        stage.connect(person)
    with stage.rt.reading() as session:
        found = account_rows.list_calendars(session, stage.accounts[CHLOE.user])
    for calendar in found:
        is_work = calendar.name == "Client work"
        flags = {"syncs": is_work, "blocks": True, "is_write_target": is_work}
        accounts.set_calendar(stage.rt, calendar.id or 0, **flags, by=stage.by(CHLOE))


def _first_runs(stage: Stage) -> None:
    stage.sync(BEN, CHLOE, DANA, trigger=Trigger.FIRST)


def _weeks(stage: Stage) -> None:
    """Ordinary work: new and moved meetings here and there, and runs that find them."""
    from calsync.services import activities

    stage.days = -14
    review = stage.add(BEN, "meeting", "Sales review", -13, "16:00")
    stage.add(CHLOE, "meeting", "Interview: support role", -11, "14:00", 45, attendees=["n.adler@example.com"])
    stage.sync(BEN, CHLOE)
    stage.days = -9
    activities.edit(stage.rt, review, {"title": "Sales review (with Ada)"}, by=stage.by(BEN))
    stage.server.replace(
        "ben",
        "work",
        "ben-work-3",
        "SUMMARY:Call: Brightwater renewal",
        "SUMMARY:Call: Brightwater, renewal and prices",
    )
    stage.sync(BEN, CHLOE, DANA)
    stage.days = -4
    stage.add(BEN, "meeting", "Castellan: scope and prices", 2, "14:00", 60, attendees=["m.osei@castellan.example"])
    stage.add(BEN, "appointment", "Site tour at Brightwater", 4, "10:00", 120, location="Brightwater, Lübeck")
    stage.add(CHLOE, "booking", "Intro call: Fenwick", 2, "15:00", 30, attendees=["hello@fenwick.example"])
    stage.add(CHLOE, "meeting", "Weekly review", 3, "12:00", 30, rrule="FREQ=WEEKLY;COUNT=8")
    cancelled = stage.add(CHLOE, "meeting", "Lunch with the auditors", 1, "12:30")
    stage.sync(BEN, CHLOE, DANA)
    stage.days = -2
    activities.cancel(stage.rt, cancelled, by=stage.by(CHLOE))
    stage.sync(BEN, CHLOE, DANA)


def _conflicts(stage: Stage) -> None:
    """Both sides are edited at once, and the settings leave the choice to people."""
    from calsync.services import activities

    stage.days = -0.2
    rt, server = stage.rt, stage.server
    title, place = "Castellan: scope and prices", "Site tour at Brightwater"
    activities.edit(rt, _id(stage, title), {"title": "Castellan: scope, prices, contract"}, by=stage.by(BEN))
    server.replace(
        "ben", "work", server.find("ben", "work", title), f"SUMMARY:{title}", "SUMMARY:Castellan: final offer"
    )
    start = stage.wall(4, "11:30")
    times = {"start": start, "end": start + timedelta(hours=2)}
    activities.edit(rt, _id(stage, place), times, by=stage.by(BEN))
    server.delete("ben", "work", server.find("ben", "work", place))
    stage.sync(BEN)


def _failures(stage: Stage) -> None:
    """An event nobody can read, a calendar that somebody emptied, a password that was changed."""
    server = stage.server
    today = stage.began.astimezone(ZONE).date()
    reminder = shelves.ics(shelves.UNREADABLE, "imported-reminder", today, stage.now())
    server.put("chloe", "work", "imported-reminder", reminder)
    for number, entry in enumerate(shelves.CHLOE.entries):
        if entry.title.startswith("Site visit"):
            server.delete("chloe", "work", f"chloe-work-{number}")
    server.set_users({person.user: PASSWORD for person in PEOPLE if person is not DANA} | {"dana": "changed"})
    stage.sync(CHLOE, DANA)


def _bookings(stage: Stage) -> None:
    rooms.open_for_bookings(stage, admin=ADA, consultant=CHLOE, seller=BEN)


def _today(stage: Stage) -> None:
    from calsync.services import notices

    stage.days = 0.0
    stage.add(BEN, "task", "Send the Castellan draft", 2, "17:00", 30)
    stage.add(BEN, "meeting", "Coffee with Chloe", 3, "15:30", 30)
    stage.sync(BEN)
    notices.watch(stage.rt)


def _id(stage: Stage, title: str) -> int:
    with stage.rt.reading() as session:
        found = session.scalars(select(t.Activity).where(col(t.Activity.title) == title)).first()
    if found is None:
        raise CalsyncError(f"the story needs an activity called {title}")
    return found.id or 0


CHAPTERS: tuple[tuple[str, Callable[[Stage], None]], ...] = (
    ("people", _house),
    ("calendars", _calendars),
    ("plans", _plans),
    ("accounts", _connect),
    ("first runs", _first_runs),
    ("three weeks", _weeks),
    ("conflicts", _conflicts),
    ("failures", _failures),
    ("bookings", _bookings),
    ("today", _today),
)
