"""The mailbox's own time zone: read where that was allowed, and then the zone of times without one."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from calsync.engine.event import FIELDS, Event, Floating
from calsync.providers.base import Edit, Grant, Resource, Write
from calsync.providers.microsoft import codec, endpoints
from calsync.providers.microsoft.provider import MicrosoftProvider
from tests.emulators.microsoft.cast import ADA, NOW, timed
from tests.emulators.microsoft.server import MicrosoftServer, Switchboard

WALL = datetime(2030, 7, 8, 9)
ASKED = "me.settings"


def opened(microsoft: MicrosoftServer, scopes: tuple[str, ...], zones: dict[str, str] | None = None):
    """Return a client as the provider opens it for a grant with these scopes."""
    tokens = microsoft.switch.tokens(ADA, list(scopes))
    provider = MicrosoftProvider(endpoints=endpoints.at(microsoft.base_url), now=lambda: NOW)
    grant = Grant(
        username=ADA,
        bearer=lambda _: str(tokens["access_token"]),
        allow_private_network=True,
        scopes=frozenset(scopes),
    )
    return provider.open(grant, zones or {})


PLAIN = ("Calendars.ReadWrite", "User.Read")
MORE = (*PLAIN, "MailboxSettings.Read")


def test_without_the_permission_nothing_is_asked_and_no_zone_is_known(microsoft: MicrosoftServer) -> None:
    assert {calendar.tz for calendar in opened(microsoft, PLAIN).calendars()} == {None}
    assert microsoft.switch.requests(ASKED) == []


@pytest.mark.parametrize(
    ("told", "known"),
    [("Tokyo Standard Time", "Asia/Tokyo"), ("Europe/Berlin", "Europe/Berlin"), ("Customized Time Zone", None)],
)
def test_with_it_every_calendar_has_the_mailboxes_zone(
    microsoft: MicrosoftServer, switch: Switchboard, told: str, known: str | None
) -> None:
    switch.change_user(ADA, time_zone=told)
    switch.add_calendar(ADA, "Other")
    assert [calendar.tz for calendar in opened(microsoft, MORE).calendars()] == [known, known]
    assert len(microsoft.switch.requests(ASKED)) == 1


def test_a_permission_that_was_taken_back_costs_the_zone_alone(microsoft: MicrosoftServer, switch: Switchboard) -> None:
    client = opened(microsoft, MORE)
    switch.take_scopes(ADA, ["MailboxSettings.Read"])
    assert [calendar.tz for calendar in client.calendars()] == [None]


@pytest.mark.parametrize(("zone", "utc"), [("Asia/Tokyo", "2030-07-08T00:00:00"), (None, "2030-07-08T09:00:00")])
def test_times_without_a_zone_are_those_of_the_mailbox(
    microsoft: MicrosoftServer, calendar: str, switch: Switchboard, zone: str | None, utc: str
) -> None:
    client = opened(microsoft, MORE, {calendar: zone} if zone else {})
    event = Event("e1", Floating(WALL), Floating(WALL + timedelta(hours=1)), summary="Breakfast", our_id="a1")
    [made] = client.write(calendar, [Write("key1", (Edit(event),))])
    assert isinstance(made, Resource)
    assert made.events[0].start == Floating(WALL)
    stored = switch.act_as(ADA, "GET", f"me/events/{made.handle}")
    assert stored["start"]["dateTime"][:19] == utc
    later = replace(made.events[0], start=Floating(WALL + timedelta(hours=1)), end=Floating(WALL + timedelta(hours=2)))
    [moved] = client.write(
        calendar, [Write("key2", (Edit(later, frozenset(FIELDS)),), made.handle, made.version, made.body)]
    )
    assert isinstance(moved, Resource)
    assert moved.events[0].start == Floating(WALL + timedelta(hours=1))


def test_a_zone_that_somebody_made_up_is_the_mailboxes(microsoft: MicrosoftServer, calendar: str) -> None:
    made = microsoft.switch.add_event(calendar, timed())
    body = {"originalStartTimeZone": "tzone://Microsoft/Custom"}
    item = {**microsoft.switch.act_as(ADA, "GET", f"me/events/{made['id']}"), **body}
    assert codec.event_of(item, "Asia/Tokyo").tz == "Asia/Tokyo"
