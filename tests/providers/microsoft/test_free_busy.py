"""When others are busy, asked of Microsoft: who is told of, what is unknown, long windows and many addresses."""

from datetime import datetime, timedelta

import pytest

from calsync.errors import Unavailable
from calsync.providers.free_busy import NO_ANSWER, NOT_ALLOWED, NOT_FOUND, TOO_MUCH, FreeBusy, Told
from calsync.providers.microsoft.provider import INFO
from tests.emulators.microsoft.cast import ADA, ELI, NOW, VIC, timed

WEEK = (NOW, NOW + timedelta(days=7))
ASK = "schedule.get"


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return NOW.replace(day=day, hour=hour, minute=minute)


@pytest.fixture
def elis(switch) -> str:
    return switch.default_calendar(ELI)


def test_busy_time_comes_merged_and_without_titles(client, switch, elis) -> None:
    for body in (timed(10), timed(12), timed(14, showAs="free"), timed(15, showAs="workingElsewhere")):
        switch.add_event(elis, body)
    switch.add_event(elis, timed(10, showAs="tentative"))
    assert isinstance(client, FreeBusy)
    assert INFO.capabilities.tells_free_busy
    told = client.free_busy([ELI], WEEK)
    assert told == {ELI: Told(((at(8, 10), at(8, 10, 30)), (at(8, 12), at(8, 12, 30))))}


def test_what_reaches_out_of_the_window_is_cut(client, switch, elis) -> None:
    switch.add_event(elis, timed(10))
    window = (at(8, 10, 10), at(8, 10, 20))
    assert client.free_busy([ELI], window) == {ELI: Told((window,))}


def test_nobody_and_people_of_elsewhere_are_unknown_not_free(client) -> None:
    told = client.free_busy([ADA, VIC, "gone@example.com"], WEEK)
    assert told == {ADA: Told(), VIC: Told(why=NOT_FOUND), "gone@example.com": Told(why=NOT_FOUND)}


def test_an_address_is_answered_as_it_was_written(client) -> None:
    assert client.free_busy(["Eli@Example.com"], WEEK) == {"Eli@Example.com": Told()}


def test_a_personal_account_is_told_nothing_and_that_breaks_nothing(open_client) -> None:
    assert open_client(VIC).free_busy([ELI], WEEK) == {ELI: Told(why=NOT_ALLOWED)}


def test_long_windows_and_many_addresses_are_asked_in_parts(client, switch, elis) -> None:
    switch.add_event(elis, timed(10))
    times = (
        {"dateTime": "2030-03-20T10:00:00", "timeZone": "UTC"},
        {"dateTime": "2030-03-20T11:00:00", "timeZone": "UTC"},
    )
    switch.add_event(elis, {"subject": "Late", "start": times[0], "end": times[1]})
    addresses = [ELI, *(f"n{n}@example.com" for n in range(30))]
    told = client.free_busy(addresses, (NOW, NOW + timedelta(days=80)))
    assert [start.month for start, _ in told[ELI].busy] == [1, 3]
    assert len(told) == 31
    assert client.requests == 4


@pytest.mark.parametrize(
    ("schedule", "why"),
    [
        ({"scheduleId": ELI, "scheduleItems": [], "error": {"responseCode": "5006"}}, TOO_MUCH),
        ({"scheduleId": ELI, "scheduleItems": [], "error": {"responseCode": "ErrorSomethingNew"}}, NO_ANSWER),
        ({"scheduleId": ADA, "scheduleItems": []}, NO_ANSWER),
    ],
)
def test_an_error_inside_an_answer_is_no_free_time(client, switch, schedule, why) -> None:
    switch.fault("status", status=200, method=ASK, body={"value": [schedule]})
    assert client.free_busy([ELI], WEEK) == {ELI: Told(why=why)}


def test_an_answer_without_schedules_is_none(client, switch) -> None:
    switch.fault("status", status=200, method=ASK, body={})
    with pytest.raises(Unavailable):
        client.free_busy([ELI], WEEK)
