"""Meet links: asked for with the event, now, later or never there, and kept."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlmodel import select

from calsync.providers.base import Edit, Write
from calsync.providers.google import codec
from calsync.store import tables as t
from tests.emulators.google.cast import ELI
from tests.emulators.google.server import GoogleServer
from tests.proof.google_town import GoogleTown, found_google_town
from tests.providers.contract import HOUR, TEA, create, current, read, resources, update

NEW = Write("k", (Edit(TEA, link="meet"),))


def link_of(resource) -> str | None:
    return resource.events[0].conference


def moved(resource):
    later = replace(resource.events[0], start=TEA.start + HOUR, end=TEA.end + HOUR)
    return update(resource, Edit(later, frozenset({"time"})))


def test_a_link_comes_with_the_event_and_survives_a_new_time(client, calendar) -> None:
    made = client.write(calendar, [NEW])[0]
    assert link_of(made).startswith("https://meet.google.com/")
    assert link_of(client.write(calendar, [moved(made)])[0]) == link_of(made)


def test_the_same_try_makes_one_link(client, calendar, switch) -> None:
    switch.fault("drop", method="calendar.events.insert", times=1)
    assert client.write(calendar, [NEW])[0].is_in_doubt
    there = link_of(next(iter(resources(read(client, calendar)).values())))
    assert link_of(client.write(calendar, [NEW])[0]) == there


def test_a_link_may_come_later(client, calendar, switch) -> None:
    switch.script_meet("pending")
    made = client.write(calendar, [NEW])[0]
    assert (link_of(made), codec.link_state(codec.item_of(made.body))) == (None, "pending")
    first = read(client, calendar)
    again = replace(moved(made), edits=(replace(moved(made).edits[0], link="meet"),))
    after = client.write(calendar, [again])[0]  # Google still works on it: nothing more is asked
    assert codec.link_state(codec.item_of(after.body)) == "pending"
    switch.resolve_meet()
    assert link_of(resources(read(client, calendar, first))[made.handle]).startswith("https://meet.google.com/")


def test_a_link_that_failed_is_asked_for_anew(client, calendar, switch) -> None:
    switch.script_meet("failure", "success")
    made = client.write(calendar, [NEW])[0]
    assert (link_of(made), codec.link_state(codec.item_of(made.body))) == (None, "failure")
    again = update(made, Edit(made.events[0], frozenset(), link="meet"))
    assert link_of(client.write(calendar, [again])[0]).startswith("https://meet.google.com/")


def test_an_event_with_a_link_gets_no_second_one(client, calendar) -> None:
    made = client.write(calendar, [NEW])[0]
    again = update(made, Edit(made.events[0], frozenset(), link="meet"))
    assert link_of(client.write(calendar, [again])[0]) == link_of(made)


def test_a_link_is_taken_away(client, calendar) -> None:
    made = client.write(calendar, [NEW])[0]
    without = Edit(replace(made.events[0], conference=None), frozenset({"conference"}))
    assert link_of(client.write(calendar, [update(made, without)])[0]) is None
    assert "conferenceData" not in codec.item_of(current(client, calendar, made).body)


def test_what_google_does_not_make_is_not_asked_for(client, calendar) -> None:
    made = client.write(calendar, [Write("k", (Edit(TEA, link="zoom"),))])[0]
    assert "conferenceData" not in codec.item_of(made.body)
    assert link_of(create(client, calendar, TEA, "other")) is None


# --- from the CRM


@pytest.fixture
def town(tmp_path: Path, google: GoogleServer) -> Iterator[GoogleTown]:
    made = found_google_town(tmp_path, google)
    yield made
    made.rt.db.close()


def activity(town: GoogleTown) -> t.Activity:
    with town.rt.reading() as session:
        return session.exec(select(t.Activity)).one()


@pytest.mark.parametrize("outcome", ["success", "pending"])
def test_the_link_lands_on_the_activity(town: GoogleTown, outcome: str) -> None:
    town.switch.script_meet(outcome)
    town.write(0)
    with town.rt.writing() as session:
        session.exec(select(t.Activity)).one().location_kind = "meet"
    town.sync()
    if outcome == "pending":
        assert activity(town).content["conference"] is None
        town.switch.resolve_meet()
    town.settle()
    (there,) = town.events_there()
    assert activity(town).content["conference"] == there["hangoutLink"]
    town.edit("Here 0", summary="Here 0, again")
    town.settle()
    assert town.events_there()[0]["hangoutLink"] == there["hangoutLink"]
    assert [e["id"] for e in town.switch.stored(ELI)] == [there["id"]]
