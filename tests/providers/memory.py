"""A memory provider with a calendar, and the ways to read and write it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from calsync.engine.event import FIELDS, Event
from calsync.providers.base import CalendarClient, Edit, Grant, Page, Resource, Write, Written
from calsync.providers.memory import MemoryProvider, MemoryServer, Quirks
from tests.factories import Clock

WORK = "work"
NINE = datetime(2030, 1, 8, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def make_event(uid: str = "u1", **changes: object) -> Event:
    return replace(Event(uid, NINE, NINE + HOUR, summary="Tea"), **changes)  # type: ignore[arg-type]


def make_series(uid: str = "s1") -> Event:
    return make_event(uid, rrule="FREQ=DAILY;COUNT=5", summary="Stand-up")


def make_server(clock: Clock | None = None, **quirks: object) -> MemoryServer:
    server = MemoryServer(clock or Clock(), Quirks(**quirks))  # type: ignore[arg-type]
    server.add_calendar(WORK)
    return server


def connect(server: MemoryServer) -> CalendarClient:
    return MemoryProvider(server).open(Grant(username="ann"), {WORK: "UTC"})


def pages(server: MemoryServer, cursor: str | None = None) -> list[Page]:
    return list(connect(server).read(WORK, cursor, dict))


def read(server: MemoryServer, cursor: str | None = None) -> tuple[dict[str, str], str | None]:
    """Return the title of every resource in a read, by handle, and its cursor."""
    found = pages(server, cursor)
    resources = [r for page in found for r in page.resources]
    return {r.handle: r.events[0].summary for r in resources}, found[-1].cursor


def create(server: MemoryServer, event: Event, key: str = "k1", **more: object) -> Written:
    return connect(server).write(WORK, [Write(key, (Edit(event),), **more)])[0]  # type: ignore[arg-type]


def created(server: MemoryServer, event: Event, key: str = "k1", **more: object) -> Resource:
    outcome = create(server, event, key, **more)
    assert isinstance(outcome, Resource)
    return outcome


def update(server: MemoryServer, old: Resource, event: Event, *fields: str, **more: object) -> Written:
    edit = Edit(event, frozenset(fields) or frozenset(FIELDS))
    given = {"handle": old.handle, "version": old.version, "body": old.body, **more}
    return connect(server).write(WORK, [Write("", (edit,), **given)])[0]  # type: ignore[arg-type]
