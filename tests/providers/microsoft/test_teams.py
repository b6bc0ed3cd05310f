"""Teams links: asked for with the event, now, later or never there, and kept."""

from dataclasses import replace

import pytest

from calsync.providers.base import Edit, Write
from tests.emulators.microsoft.cast import ADA, VIC
from tests.providers.contract import HOUR, TEA, create, current, read, resources, update

NEW = Write("k", (Edit(replace(TEA, description="Agenda"), link="teams"),))


@pytest.fixture(autouse=True)
def _quiet(switch) -> None:
    switch.settings(bumps_after_s=None)


def link_of(resource) -> str | None:
    return resource.events[0].conference


def moved(resource):
    later = replace(resource.events[0], start=TEA.start + HOUR, end=TEA.end + HOUR)
    return update(resource, Edit(later, frozenset({"time"})))


def test_a_link_comes_with_the_event_and_survives_a_new_time(client, calendar) -> None:
    made = client.write(calendar, [NEW])[0]
    assert link_of(made).startswith("https://teams.microsoft.com/")
    assert link_of(client.write(calendar, [moved(made)])[0]) == link_of(made)


def test_what_teams_writes_into_the_event_is_no_description_and_stays_there(client, calendar, switch) -> None:
    made = client.write(calendar, [NEW])[0]
    assert made.events[0].description == "Agenda"
    edit = Edit(replace(made.events[0], description="New agenda"), frozenset({"description"}))
    after = client.write(calendar, [update(made, edit)])[0]
    assert after.events[0].description == "New agenda"
    body = switch.act_as(ADA, "GET", f"me/events/{made.handle}")["body"]["content"]
    assert link_of(made) in body.replace("&amp;", "&")


def test_the_same_try_makes_one_link(client, calendar, switch) -> None:
    switch.fault("drop", method="calendars.events.create", times=1)
    assert client.write(calendar, [NEW])[0].is_in_doubt
    there = link_of(next(iter(resources(read(client, calendar)).values())))
    assert link_of(client.write(calendar, [NEW])[0]) == there


def test_a_link_may_come_later(client, calendar, switch) -> None:
    switch.settings(teams_delay_s=30)
    made = client.write(calendar, [NEW])[0]
    assert link_of(made) is None
    first = read(client, calendar)
    switch.advance(31)
    assert link_of(resources(read(client, calendar, first))[made.handle]).startswith("https://teams.microsoft.com/")


def test_an_event_may_get_its_link_later(client, calendar) -> None:
    made = create(client, calendar, TEA)
    after = client.write(calendar, [update(made, Edit(made.events[0], link="teams"))])[0]
    assert link_of(after).startswith("https://teams.microsoft.com/")


def test_a_link_that_stands_is_not_asked_for_again(client, calendar, switch) -> None:
    made = client.write(calendar, [NEW])[0]
    switch.clear_requests()
    client.write(calendar, [update(made, Edit(made.events[0], link="teams"))])
    assert [line["method"] for line in switch.requests()] == ["GET"]


def test_a_link_of_others_stays_theirs(client, calendar) -> None:
    zoom = replace(TEA, conference="https://zoom.example/1")
    made = create(client, calendar, zoom)
    assert link_of(current(client, calendar, made)) == "https://zoom.example/1"


def test_a_calendar_without_teams_gives_none_and_says_nothing(open_client, switch) -> None:
    theirs = switch.default_calendar(VIC)
    made = open_client(VIC).write(theirs, [NEW])[0]
    assert (made.fault, link_of(made)) == (None, None)
