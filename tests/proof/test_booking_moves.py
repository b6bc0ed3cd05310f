"""Bookings that somebody moves in a calendar onto something else: kept, moved back and cancelled, at real servers."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from icalendar import Calendar

from calsync.engine.vocabulary import BookingState
from calsync.runtime import CLI
from calsync.services import bookings, rebooking
from calsync.services.bookings import Booked, Request
from calsync.store import tables as t
from tests import factories
from tests import scheduling_factories as make
from tests.emulators.google.cast import ELI
from tests.emulators.google.conftest import google, google_server
from tests.emulators.google.server import GoogleServer
from tests.parts.fault_proxy import FaultProxy
from tests.parts.radicale import Radicale
from tests.proof.google_town import GoogleTown, found_google_town
from tests.proof.town import TEAM, Town, found_town

__all__ = ["google", "google_server"]

HOUR = timedelta(hours=1)
TEN = factories.START.replace(hour=10) + timedelta(days=1)
ONE = TEN + 3 * HOUR
AT_ONE = 16
"""The number of an event of the towns that begins at ONE."""

AnyTown = Town | GoogleTown


@pytest.fixture(params=["caldav", "google"])
def town(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AnyTown]:
    """Eli's calendar at a server, in which something stands at one o'clock."""
    if request.param == "google":
        server: GoogleServer = request.getfixturevalue("google")
        made: AnyTown = found_google_town(tmp_path, server)
    else:
        radicale: Radicale = request.getfixturevalue("radicale")
        proxy: FaultProxy = request.getfixturevalue("radicale_proxy")
        made = found_town(tmp_path, radicale, proxy, 0)
    make.work(made.rt)
    made.put(AT_ONE, "Dentist")
    made.settle()
    yield made
    made.rt.db.close()


def starts(town: AnyTown) -> dict[str, datetime]:
    """Return when what is not cancelled begins, by title, as the server itself says."""
    if isinstance(town, GoogleTown):
        return {e["summary"]: datetime.fromisoformat(e["start"]["dateTime"]) for e in town.events_there()}
    found = (event_of(text) for text in town.server.resources(TEAM).values())
    return {str(e["summary"]): e["dtstart"].dt.astimezone(UTC) for e in found if e.get("status") != "CANCELLED"}


def event_of(text: str) -> Any:
    [event] = Calendar.from_ical(text).walk("VEVENT")
    return event


def move_there(town: AnyTown, title: str, start: datetime) -> None:
    """Have somebody drag an event to another time in the calendar itself."""
    if isinstance(town, GoogleTown):
        [found] = [each for each in town.events_there() if each["summary"] == title]
        times = {"start": {"dateTime": start.isoformat()}, "end": {"dateTime": (start + HOUR).isoformat()}}
        town.switch.edit_event(ELI, found["id"], times)
        return
    [(name, text)] = [each for each in town.server.resources(TEAM).items() if f"SUMMARY:{title}" in each[1]]
    calendar = Calendar.from_ical(text)
    [event] = calendar.walk("VEVENT")
    for field, moment in (("dtstart", start), ("dtend", start + HOUR)):
        del event[field]
        event.add(field, moment)
    town.server.put(TEAM, name, calendar.to_ical().decode())


@pytest.fixture
def moved(town: AnyTown) -> Booked:
    """Return a booking that stood at ten and that somebody moved onto the dentist."""
    event_type = make.make_event_type(town.rt, make.make_person(town.rt, town.cast.eli))
    made = bookings.book(town.rt, Request(t.pk(event_type), TEN), by=CLI)
    town.settle()
    assert starts(town) == {"Visit": TEN, "Dentist": ONE}
    move_there(town, "Visit", ONE)
    town.settle()
    found = bookings.get(town.rt, t.pk(made.booking))
    assert (found.booking.starts_at, found.booking.moved_from) == (ONE, TEN)
    return found


def resolve(town: AnyTown, booked: Booked, choice: rebooking.Choice) -> t.Booking:
    rebooking.resolve(town.rt, t.pk(booked.booking), choice, by=CLI)
    town.settle()
    found = bookings.get(town.rt, t.pk(booked.booking))
    assert (found.booking.moved_from, found.is_written) == (None, True)
    return found.booking


def test_kept_it_stays_where_it_was_moved(town: AnyTown, moved: Booked) -> None:
    kept = resolve(town, moved, "keep")
    assert (kept.state, kept.starts_at) == (BookingState.BOOKED, ONE)
    assert starts(town) == {"Visit": ONE, "Dentist": ONE}


def test_moved_back_the_calendar_follows(town: AnyTown, moved: Booked) -> None:
    back = resolve(town, moved, "move_back")
    assert (back.state, back.starts_at) == (BookingState.BOOKED, TEN)
    assert starts(town) == {"Visit": TEN, "Dentist": ONE}


def test_cancelled_it_is_gone_from_the_calendar(town: AnyTown, moved: Booked) -> None:
    ended = resolve(town, moved, "cancel")
    assert ended.state == BookingState.CANCELLED
    assert starts(town) == {"Dentist": ONE}
