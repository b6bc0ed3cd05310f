"""Bookings that invite rooms, from a booking here to the room's answer there and back, over the whole program."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from calsync.engine.vocabulary import RoomAnswer
from calsync.errors import NotAllowed, Refused
from calsync.runtime import CLI
from calsync.services import asked_busy, availability, bookings, doctor, following, notices, rebooking, resources, rooms
from calsync.services.bookings import Booked, Request
from calsync.store import notices as notice_rows
from calsync.store import rooms as room_rows
from calsync.store import tables as t
from tests import factories
from tests import scheduling_factories as make
from tests.emulators.microsoft.conftest import microsoft, microsoft_server
from tests.emulators.microsoft.server import MicrosoftServer
from tests.proof.microsoft_town import MicrosoftTown, found_microsoft_town

__all__ = ["microsoft", "microsoft_server"]

HOUR = timedelta(hours=1)
TEN = factories.START.replace(hour=10) + timedelta(days=1)
BLUE = "blue@example.com"


@pytest.fixture
def town(tmp_path: Path, microsoft: MicrosoftServer) -> Iterator[MicrosoftTown]:
    made = found_microsoft_town(tmp_path, microsoft)
    make.work(made.rt)
    made.switch.add_user(BLUE, name="Blue", kind="room")
    made.settle()
    yield made
    made.rt.db.close()


@pytest.fixture
def room(town: MicrosoftTown) -> t.Resource:
    return invited(town, "Blue room", BLUE)


@pytest.fixture
def book(town: MicrosoftTown, room: t.Resource) -> Callable[..., Booked]:
    """Book an hour of the blue room and let it be written."""
    event_type = make.make_event_type(town.rt, room)

    def book(**values: Any) -> Booked:
        request = Request(t.pk(event_type), **{"starts_at": TEN, "guest_name": "Jo", **values})
        made = bookings.book(town.rt, request, by=CLI)
        town.settle()
        return made

    return book


def invited(town: MicrosoftTown, name: str, address: str) -> t.Resource:
    made = make.make_resource(town.rt, name)
    asked_busy.set_address(town.rt, t.pk(made), town.account_id, address, is_invited=True, by=CLI)
    asked_busy.ask(town.rt, town.account_id)
    return resources.get(town.rt, t.pk(made))


def answer(town: MicrosoftTown, booked: Booked) -> str:
    """Let what the room said come in, and return what is known of it then."""
    town.settle()
    rooms.follow(town.rt)
    with town.rt.reading() as session:
        [(_, said)] = room_rows.answers(session, t.pk(booked.booking))
    return said


def mailed(town: MicrosoftTown) -> set[str]:
    return {address for line in town.switch.mail() for address in line["to"]}


def take_there(town: MicrosoftTown, hour: int = 10) -> None:
    """Somebody of the organisation uses the room."""
    start = TEN.replace(hour=hour)
    pair = {"start": start, "end": start + HOUR}
    times = {name: {"dateTime": f"{at:%Y-%m-%dT%H:%M:%S}", "timeZone": "UTC"} for name, at in pair.items()}
    town.switch.add_event(town.switch.default_calendar(BLUE), {"subject": "Board", **times})


def test_a_booking_invites_the_room_and_nobody_else(town: MicrosoftTown, book: Callable[..., Booked]) -> None:
    made = book(guest_email="jo@example.org")
    [there] = town.events_there()
    stored = town.ask("GET", f"/events/{there['id']}")
    assert [(one["type"], one["emailAddress"]["address"]) for one in stored["attendees"]] == [("resource", BLUE)]
    assert stored["location"]["locationEmailAddress"] == BLUE
    assert mailed(town) == {BLUE}
    assert answer(town, made) == RoomAnswer.ACCEPTED
    assert made.activity.content["attendees"].keys() == {"jo@example.org"}


def test_a_room_that_is_taken_declines_and_people_are_told_once(
    town: MicrosoftTown, book: Callable[..., Booked]
) -> None:
    take_there(town)
    made = book()
    assert answer(town, made) == RoomAnswer.DECLINED
    assert rooms.follow(town.rt) == 0
    for _ in range(2):
        notices.watch(town.rt)
    with town.rt.reading() as session:
        found = [notice for notice in notice_rows.list_open(session) if notice.kind == "room"]
        told = [finding.what for finding in doctor.examine(town.rt) if "declined" in finding.what]
    assert [(notice.user_id, notice.facts["account"]) for notice in found] == [(made.activity.owner_id, "Blue room")]
    assert len(told) == 1


def test_a_booking_that_moves_asks_the_room_anew(town: MicrosoftTown, book: Callable[..., Booked]) -> None:
    take_there(town)
    made = book()
    assert answer(town, made) == RoomAnswer.DECLINED
    asked_busy.ask(town.rt, town.account_id)
    rebooking.reschedule(town.rt, t.pk(made.booking), TEN + 3 * HOUR, by=CLI)
    with town.rt.reading() as session:
        assert [said for _, said in room_rows.answers(session, t.pk(made.booking))] == [""]
    assert answer(town, made) == RoomAnswer.ACCEPTED
    notices.watch(town.rt)
    with town.rt.reading() as session:
        assert [notice.kind for notice in notice_rows.list_open(session) if notice.kind == "room"] == []


def test_what_a_room_does_for_us_is_not_in_the_way_of_moving_it(
    town: MicrosoftTown, book: Callable[..., Booked], room: t.Resource
) -> None:
    made = book()
    assert answer(town, made) == RoomAnswer.ACCEPTED
    asked_busy.ask(town.rt, town.account_id)
    with town.rt.reading() as session:
        assert session.get_one(t.AskedBusy, t.pk(room)).spans == []
    following.follow(town.rt)
    found = availability.slots(town.rt, made.booking.event_type_id or 0, TEN - HOUR, TEN + 2 * HOUR)
    assert [slot.starts_at for slot in found.slots] == [TEN - HOUR, TEN + HOUR]


def test_a_cancelled_booking_gives_the_room_back(town: MicrosoftTown, book: Callable[..., Booked]) -> None:
    made = book()
    assert answer(town, made) == RoomAnswer.ACCEPTED
    rebooking.cancel(town.rt, t.pk(made.booking), by=CLI)
    town.settle()
    assert town.events_there() == []
    asked_busy.ask(town.rt, town.account_id)
    with town.rt.reading() as session:
        assert [row.spans for row in session.exec(select(t.AskedBusy)).all()] == [[]]


def test_a_room_that_somebody_takes_off_is_told(town: MicrosoftTown, book: Callable[..., Booked]) -> None:
    made = book()
    [there] = town.events_there()
    town.switch.edit_event(town.calendar, there["id"], {"attendees": []})
    assert answer(town, made) == RoomAnswer.OFF


def test_changing_a_booked_event_here_is_not_held_for_its_room(
    town: MicrosoftTown, book: Callable[..., Booked]
) -> None:
    made = book()
    town.switch.clear_mail()
    town.edit(made.activity.title, summary="Visit: Jo and Max")
    assert town.settle()[0].held == 0
    assert town.titles_there() == ["Visit: Jo and Max"]
    assert mailed(town) == {BLUE}


@pytest.mark.parametrize(
    ("change", "code"),
    [({"can_write": False}, "read_only"), ({"state": "disconnected"}, "disconnected")],
)
def test_an_account_that_cannot_invite_says_why(town: MicrosoftTown, change: dict[str, Any], code: str) -> None:
    made = make.make_resource(town.rt, "Red room")
    with town.rt.writing() as session:
        account = session.get_one(t.Account, town.account_id)
        for name, value in change.items():
            setattr(account, name, value)
    with pytest.raises(Refused) as refused:
        asked_busy.set_address(town.rt, t.pk(made), town.account_id, BLUE, is_invited=True, by=CLI)
    assert refused.value.code == code


def test_a_main_calendar_that_does_not_sync_cannot_invite(town: MicrosoftTown) -> None:
    made = make.make_resource(town.rt, "Red room")
    with town.rt.writing() as session:
        for calendar in session.exec(select(t.Calendar)).all():
            calendar.syncs = False
    with pytest.raises(Refused) as refused:
        asked_busy.set_address(town.rt, t.pk(made), town.account_id, BLUE, is_invited=True, by=CLI)
    assert refused.value.code == "not_syncing"


def test_a_person_is_never_invited_as_a_room(town: MicrosoftTown) -> None:
    made = make.make_person(town.rt, town.cast.ada)
    with pytest.raises(Refused) as refused:
        asked_busy.set_address(town.rt, t.pk(made), town.account_id, "eve@example.com", is_invited=True, by=CLI)
    assert refused.value.code == "no_room"


def test_rooms_are_listed_once_that_was_allowed(town: MicrosoftTown) -> None:
    with pytest.raises(Refused) as refused:
        rooms.list_there(town.rt, town.account_id, by=CLI)
    assert refused.value.code == "not_asked"
    with pytest.raises(NotAllowed):
        rooms.list_there(town.rt, town.account_id, by=factories.acting(town.cast.eli))
