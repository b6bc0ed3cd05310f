"""Busy blocks at real servers: they stand as they were asked for, are known again, written once, and go."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from calsync.engine import busy_blocks as blocks
from calsync.engine.event import Event, Floating
from calsync.providers.memory import MemoryProvider, MemoryServer
from calsync.services import accounts, sync
from calsync.store import tables as t
from tests import factories
from tests.emulators.google.conftest import google, google_server
from tests.emulators.google.server import GoogleServer
from tests.parts.fault_proxy import FaultProxy
from tests.parts.radicale import Radicale
from tests.proof.google_town import found_google_town
from tests.proof.town import Installation, found_town

__all__ = ["google", "google_server"]

HOME = "home"
ZONE = "Europe/Berlin"
START = factories.START + timedelta(hours=24)
HOUR, WEEK = timedelta(hours=1), timedelta(days=7)

Found = tuple[Installation, MemoryServer, int]


@pytest.fixture(params=["caldav", "google"])
def town(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Found]:
    """Eli's calendar at a server takes blocks for what is busy in another account of his."""
    if request.param == "google":
        server: GoogleServer = request.getfixturevalue("google")
        made: Installation = found_google_town(tmp_path, server)
    else:
        radicale: Radicale = request.getfixturevalue("radicale")
        proxy: FaultProxy = request.getfixturevalue("radicale_proxy")
        made = found_town(tmp_path, radicale, proxy, 0)
    memory = MemoryServer(made.clock)
    memory.add_calendar(HOME)
    made.rt.providers["memory"] = MemoryProvider(memory)
    home = factories.make_account(made.rt, made.cast.eli, provider="memory", subject="home")
    factories.make_calendar(made.rt, home, "Home", remote_id=HOME, is_write_target=False, syncs=False, blocks=True)
    made.settle()
    with made.rt.reading() as session:
        target = session.exec(
            select(t.Calendar).where(t.Calendar.account_id == made.account_id, t.Calendar.is_write_target)
        ).one()
    accounts.set_calendar(made.rt, t.pk(target), takes_blocks=True, by=factories.acting(made.cast.eli))
    yield made, memory, t.pk(home)
    made.rt.db.close()


def standing(made: Installation) -> dict[int, tuple[str | None, t.MirrorEvent]]:
    """Return the blocks by their events' ids, each with its version."""
    with made.rt.reading() as session:
        query = select(t.MirrorEvent, t.MirrorResource.version).join(
            t.MirrorResource, t.MirrorResource.id == t.MirrorEvent.resource_id
        )
        found = session.exec(query.where(t.MirrorEvent.is_deleted == False)).all()  # noqa: E712 (a column)
    return {t.pk(event): (version, event) for event, version in found if blocks.is_block(event.our_id)}


def run(made: Installation, home_id: int, **options: bool) -> t.Run:
    sync.run(made.rt, home_id)
    return made.sync(**options)


def put_everything(memory: MemoryServer) -> dict[str, str]:
    """Put one of each kind of time into the calendar at home; return the handles."""
    wall = datetime(2030, 1, 12, 9)
    series = Event("gym", START, START + HOUR, ZONE, summary="Gym", rrule="FREQ=WEEKLY;COUNT=6")
    found = {
        "timed": memory.put(HOME, Event("dentist", START + 3 * HOUR, START + 4 * HOUR, ZONE, summary="Dentist")),
        "day": memory.put(HOME, Event("trip", date(2030, 1, 10), date(2030, 1, 12), summary="Trip")),
        "floating": memory.put(HOME, Event("yoga", Floating(wall), Floating(wall + HOUR), summary="Yoga")),
        "series": memory.put(HOME, series),
    }
    memory.override(HOME, found["series"], START + WEEK, start=START + WEEK + 5 * HOUR, end=START + WEEK + 6 * HOUR)
    return found


def test_blocks_of_every_kind_of_time_are_written_once_and_known_again(town: Found) -> None:
    made, memory, home_id = town
    put_everything(memory)
    run(made, home_id)
    first = standing(made)
    titles = {event.title for _, event in first.values()}
    assert (len(first), titles) == (5, {"Busy"})
    for full in (False, True):
        run(made, home_id, full=full)
        assert {i: version for i, (version, _) in standing(made).items()} == {i: v for i, (v, _) in first.items()}
    assert made.titles_here() == []


def test_blocks_move_and_go_with_their_origins(town: Found) -> None:
    made, memory, home_id = town
    handles = put_everything(memory)
    run(made, home_id)
    memory.edit(HOME, handles["timed"], start=START + 30 * HOUR, end=START + 31 * HOUR)
    memory.delete(HOME, handles["series"])
    run(made, home_id)
    begun = sorted(event.span_start for _, event in standing(made).values())
    assert len(begun) == 3
    assert START + 30 * HOUR in begun


def test_switched_off_nothing_is_left_there(town: Found) -> None:
    made, memory, home_id = town
    put_everything(memory)
    run(made, home_id)
    with made.rt.reading() as session:
        target = session.exec(select(t.Calendar).where(t.Calendar.takes_blocks)).one()
    accounts.set_calendar(made.rt, t.pk(target), takes_blocks=False, by=factories.acting(made.cast.eli))
    run(made, home_id)
    run(made, home_id, full=True)
    assert standing(made) == {}
    with made.rt.reading() as session:
        assert session.exec(select(t.BusyBlock)).all() == []
