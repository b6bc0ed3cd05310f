"""When others are busy, asked of Google: who is told of, what is unknown, long windows and many addresses."""

from datetime import datetime, timedelta

import pytest

from calsync.errors import Unavailable
from calsync.providers.free_busy import NO_ANSWER, NOT_ALLOWED, NOT_FOUND, TOO_MUCH, FreeBusy, Told
from tests.emulators.google.cast import ADA, ELI, NOW, SCOPE, VIC, timed

WEEK = (NOW, NOW + timedelta(days=7))


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return NOW.replace(day=day, hour=hour, minute=minute)


@pytest.fixture
def room(switch) -> str:
    """A calendar of Eli's of which Ada may only see when it is busy."""
    calendar = switch.add_calendar(ELI, "Room 1")
    switch.share(calendar, ADA, "freeBusyReader")
    return calendar


def test_busy_time_comes_merged_and_without_titles(client, switch, room) -> None:
    for hour in (10, 12):
        switch.add_event(room, timed(hour), by=ELI)
    switch.add_event(room, {**timed(10), "end": {"dateTime": "2030-01-08T11:00:00Z"}}, by=ELI)
    assert isinstance(client, FreeBusy)
    told = client.free_busy([room], WEEK)
    assert told == {room: Told(((at(8, 10), at(8, 11)), (at(8, 12), at(8, 12, 30))))}


def test_nobody_and_somebody_who_does_not_share_are_unknown_not_free(client) -> None:
    told = client.free_busy([ADA, VIC, "gone@example.com"], WEEK)
    assert told == {ADA: Told(), VIC: Told(why=NOT_FOUND), "gone@example.com": Told(why=NOT_FOUND)}


def test_a_group_is_no_person(client, google) -> None:
    google.switch.post("groups", email="all@example.com", members=[ADA])
    assert client.free_busy(["all@example.com"], WEEK) == {"all@example.com": Told(why=TOO_MUCH)}


def test_a_grant_that_does_not_reach_as_far_is_told_and_breaks_nothing(open_client, room) -> None:
    client = open_client(ADA, [SCOPE + "calendar.events"])
    assert client.free_busy([room], WEEK) == {room: Told(why=NOT_ALLOWED)}


def test_long_windows_and_many_addresses_are_asked_in_parts(client, switch, google, room) -> None:
    switch.add_event(room, timed(10), by=ELI)
    late = {"start": {"dateTime": "2030-03-20T10:00:00Z"}, "end": {"dateTime": "2030-03-20T11:00:00Z"}}
    switch.add_event(room, {"summary": "Late", **late}, by=ELI)
    addresses = [room, *(f"n{n}@example.com" for n in range(60))]
    told = client.free_busy(addresses, (NOW, NOW + timedelta(days=100)))
    assert [start.month for start, _ in told[room].busy] == [1, 3]
    assert len(told) == 61
    assert client.requests == 4


def test_what_spans_two_parts_is_one(client, switch, room) -> None:
    ends = NOW + timedelta(days=60)
    body = {"start": {"dateTime": ends - timedelta(hours=1)}, "end": {"dateTime": ends + timedelta(hours=1)}}
    body = {side: {"dateTime": value["dateTime"].isoformat()} for side, value in body.items()}
    switch.add_event(room, {"summary": "Night", **body}, by=ELI)
    told = client.free_busy([room], (NOW, NOW + timedelta(days=70)))
    assert told[room].busy == ((ends - timedelta(hours=1), ends + timedelta(hours=1)),)


def test_an_answer_without_calendars_is_none(client, switch, room) -> None:
    switch.fault("status", method="calendar.freebusy.query", status=200, body={"kind": "calendar#freeBusy"})
    with pytest.raises(Unavailable):
        client.free_busy([room], WEEK)


def test_an_address_that_was_left_out_is_unknown(client, switch, room) -> None:
    switch.fault("status", method="calendar.freebusy.query", status=200, body={"calendars": {}})
    assert client.free_busy([room], WEEK) == {room: Told(why=NO_ANSWER)}
