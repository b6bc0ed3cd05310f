"""Rooms of the organisation: listing them, inviting them with an event, their answers, and who hears of it."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from calsync.engine.event import FIELDS, Attendee, Event, Person
from calsync.errors import Rejected
from calsync.providers.base import Edit, Resource, Write
from calsync.providers.microsoft.client import MicrosoftClient
from calsync.providers.microsoft.provider import INFO
from calsync.providers.rooms import Room, RoomDirectory
from tests.emulators.microsoft.cast import ADA, ELI, NOW, VIC, timed
from tests.emulators.microsoft.server import Switchboard

BLUE, RED = Person("blue@example.com", "Blue room"), Person("red@example.com", "Red room")
TEN = NOW.replace(day=8, hour=10)
TALK = Event("talk", TEN, TEN + timedelta(minutes=30), summary="Talk", location="Blue room", our_id="a1b2c3")


@pytest.fixture(autouse=True)
def house(switch: Switchboard) -> None:
    switch.add_user(BLUE.address, name=BLUE.name, kind="room", capacity=8, building="House 1")
    switch.add_user(RED.address, name=RED.name, kind="room")


def invite(client: MicrosoftClient, calendar: str, *rooms: Person, event: Event = TALK) -> Resource:
    """Write a new event that invites rooms."""
    [made] = client.write(calendar, [Write("key1", (Edit(event, rooms=rooms),))])
    assert isinstance(made, Resource)
    return made


def change(
    client: MicrosoftClient, calendar: str, made: Resource, rooms: tuple[Person, ...] | None, **changes: Any
) -> Resource:
    """Write changes over the event as it is now."""
    now = seen(client, calendar, made)
    edit = Edit(replace(now.events[0], **changes), frozenset(FIELDS), rooms=rooms)
    [written] = client.write(calendar, [Write("key2", (edit,), now.handle, now.version, now.body)])
    assert isinstance(written, Resource)
    return written


def seen(client: MicrosoftClient, calendar: str, made: Resource) -> Resource:
    found = client.get_many(calendar, [made.handle])[made.handle]
    assert found is not None
    return found


def answers(client: MicrosoftClient, calendar: str, made: Resource) -> dict[str, str]:
    return {room.address: room.partstat for room in seen(client, calendar, made).events[0].rooms}


def stored(switch: Switchboard, calendar: str, made: Resource) -> dict[str, Any]:
    found: dict[str, Any] = switch.act_as(ADA, "GET", f"me/calendars/{calendar}/events/{made.handle}")
    return found


def mailed(switch: Switchboard) -> set[str]:
    return {address for line in switch.mail() for address in line["to"]}


# --- the list


def test_rooms_are_listed_by_name_page_by_page(client: MicrosoftClient, switch: Switchboard) -> None:
    switch.settings(page_cap=1)
    assert isinstance(client, RoomDirectory)
    assert INFO.capabilities.invites_rooms
    before = client.requests
    assert client.rooms() == [Room(BLUE.address, BLUE.name, "House 1", 8), Room(RED.address, RED.name)]
    assert client.requests - before == 2


def test_rooms_need_a_permission_of_their_own(open_client: Any) -> None:
    with pytest.raises(Rejected) as refused:
        open_client(ADA, ["Calendars.ReadWrite"]).rooms()
    assert refused.value.code == "permission"


# --- the invitation


def test_a_room_is_invited_as_a_room_and_accepts(client: MicrosoftClient, calendar: str, switch: Switchboard) -> None:
    switch.settings(room_delay_s=30)
    made = invite(client, calendar, BLUE)
    assert made.events[0].rooms == (Attendee(BLUE.address, BLUE.name, kind="resource"),)
    there = stored(switch, calendar, made)
    assert [(guest["type"], guest["emailAddress"]["address"]) for guest in there["attendees"]] == [
        ("resource", BLUE.address)
    ]
    place = there["location"]
    assert (place["displayName"], place["locationType"], place["locationEmailAddress"]) == (
        "Blue room",
        "conferenceRoom",
        BLUE.address,
    )
    assert answers(client, calendar, made) == {BLUE.address: "needs-action"}
    switch.advance(60)
    assert answers(client, calendar, made) == {BLUE.address: "accepted"}
    assert client.free_busy([BLUE.address], (NOW, NOW + timedelta(days=7)))[BLUE.address].busy == (
        (TALK.start, TALK.end),
    )


def test_its_answer_comes_with_the_changes(client: MicrosoftClient, calendar: str, switch: Switchboard) -> None:
    switch.settings(room_delay_s=30)
    made = invite(client, calendar, BLUE)
    switch.advance(10)
    cursor = list(client.read(calendar, None, dict))[-1].cursor
    version = seen(client, calendar, made).version
    switch.advance(60)
    pages = list(client.read(calendar, cursor, lambda: {made.handle: version}))
    [told] = [event for page in pages for resource in page.resources for event in resource.events]
    assert [room.partstat for room in told.rooms] == ["accepted"]


def test_a_room_that_is_taken_declines(client: MicrosoftClient, calendar: str, switch: Switchboard) -> None:
    switch.add_event(switch.default_calendar(BLUE.address), timed(10))
    made = invite(client, calendar, BLUE)
    switch.advance(60)
    assert answers(client, calendar, made) == {BLUE.address: "declined"}
    moved = change(client, calendar, made, (BLUE,), start=TEN + timedelta(hours=2), end=TEN + timedelta(hours=3))
    switch.advance(60)
    assert answers(client, calendar, moved) == {BLUE.address: "accepted"}


def test_a_room_is_no_guest_and_makes_no_meeting(client: MicrosoftClient, calendar: str, switch: Switchboard) -> None:
    made = invite(client, calendar, BLUE)
    event = seen(client, calendar, made).events[0]
    assert (event.attendees, event.organizer) == ((), None)
    assert mailed(switch) == {BLUE.address}


def test_rooms_come_and_go_and_guests_hear_nothing(client: MicrosoftClient, calendar: str, switch: Switchboard) -> None:
    made = invite(client, calendar, BLUE)
    body = {
        "attendees": [{"type": "required", "emailAddress": {"address": ELI}}, *room_entries(switch, calendar, made)]
    }
    switch.edit_event(calendar, made.handle, body)
    assert [guest.address for guest in seen(client, calendar, made).events[0].attendees] == [ELI]
    switch.clear_mail()
    change(client, calendar, made, (RED,))
    event = seen(client, calendar, made).events[0]
    assert ([room.address for room in event.rooms], [guest.address for guest in event.attendees]) == (
        [RED.address],
        [ELI],
    )
    assert mailed(switch) == {BLUE.address, RED.address}


def room_entries(switch: Switchboard, calendar: str, made: Resource) -> list[dict[str, Any]]:
    return [
        {"type": guest["type"], "emailAddress": guest["emailAddress"]}
        for guest in stored(switch, calendar, made)["attendees"]
    ]


def test_a_write_that_names_no_rooms_leaves_them(client: MicrosoftClient, calendar: str, switch: Switchboard) -> None:
    made = invite(client, calendar, BLUE)
    change(client, calendar, made, None, summary="Other talk", attendees=(Attendee(VIC),))
    event = seen(client, calendar, made).events[0]
    assert ([room.address for room in event.rooms], [guest.address for guest in event.attendees]) == (
        [BLUE.address],
        [VIC],
    )


def test_a_room_that_somebody_took_off_is_there_no_more(
    client: MicrosoftClient, calendar: str, switch: Switchboard
) -> None:
    made = invite(client, calendar, BLUE)
    switch.edit_event(calendar, made.handle, {"attendees": []})
    assert answers(client, calendar, made) == {}


def test_writing_the_same_again_writes_nothing(client: MicrosoftClient, calendar: str, switch: Switchboard) -> None:
    made = invite(client, calendar, BLUE)
    switch.advance(60)
    before = seen(client, calendar, made).version
    assert change(client, calendar, made, (BLUE,)).version == before


def test_a_deleted_event_frees_its_room(client: MicrosoftClient, calendar: str, switch: Switchboard) -> None:
    made = invite(client, calendar, BLUE)
    switch.advance(60)
    now = seen(client, calendar, made)
    assert client.write(calendar, [Write("key3", (), now.handle, now.version, now.body, is_delete=True)]) == [None]
    week: tuple[datetime, datetime] = (NOW, NOW + timedelta(days=7))
    assert client.free_busy([BLUE.address], week)[BLUE.address].busy == ()
