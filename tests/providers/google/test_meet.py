"""Meet links: asked for with the event, now, later or never there, and kept."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from calsync.providers.base import Edit, Write
from calsync.providers.google import codec
from calsync.services import activities, explain
from calsync.store import tables as t
from tests import factories
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


def place(town: GoogleTown, kind: str) -> None:
    activities.edit(town.rt, activity(town).id or 0, {"location_kind": kind}, by=factories.acting(town.cast.ada))


def link_there(town: GoogleTown) -> str | None:
    (there,) = town.events_there()
    return there.get("hangoutLink")


@pytest.fixture
def written(town: GoogleTown) -> GoogleTown:
    """A town with one activity, written to the calendar without a link."""
    town.write(0)
    town.settle()
    assert link_there(town) is None
    return town


def test_changing_only_the_place_brings_a_link_that_stays(written: GoogleTown) -> None:
    place(written, "meet")
    written.settle()
    link = link_there(written)
    assert link is not None
    assert activity(written).content["conference"] == link
    activities.edit(
        written.rt,
        activity(written).id or 0,
        {"start": factories.START + timedelta(days=3)},
        by=factories.acting(written.cast.ada),
    )
    written.settle()
    assert written.events_there()[0]["start"]["dateTime"].startswith("2030-01-10")
    assert (link_there(written), activity(written).content["conference"]) == (link, link)


def test_changing_the_place_back_takes_the_link_away_as_often_as_wished(written: GoogleTown) -> None:
    for _ in range(4):  # a value that is pushed again and again is not the server's doing here
        place(written, "meet")
        written.settle()
        assert link_there(written) is not None
        place(written, "in_person")
        written.settle()
        assert (link_there(written), activity(written).content["conference"]) == (None, None)
    with written.rt.reading() as session:
        assert not session.exec(select(t.Step).where(t.Step.state == "failed")).all()


def test_a_link_that_is_still_being_made_is_wanted_no_more(written: GoogleTown) -> None:
    written.switch.script_meet("pending")
    place(written, "meet")
    written.settle()
    place(written, "phone")
    written.settle()
    written.switch.resolve_meet()
    written.settle()
    assert (link_there(written), activity(written).content["conference"]) == (None, None)


def test_a_change_there_and_a_new_place_here_both_come_through(written: GoogleTown) -> None:
    place(written, "meet")
    (there,) = written.events_there()
    written.switch.edit_event(ELI, there["id"], {"summary": "Theirs"})
    written.settle()
    assert link_there(written) == activity(written).content["conference"] is not None
    assert activity(written).content["summary"] == "Theirs"


def test_explain_says_that_the_place_changed(written: GoogleTown) -> None:
    place(written, "meet")
    (answer,) = explain.activity(written.rt, activity(written).id or 0)
    assert [(step["action"], step["fields"]) for step in answer.steps] == [("update", ["conference"])]
    written.settle()
    (answer,) = explain.activity(written.rt, activity(written).id or 0)
    assert answer.steps == ()


def test_a_place_that_waits_for_access_is_asked_for_later(written: GoogleTown) -> None:
    written.rule(direction="inbound")
    written.settle()
    place(written, "meet")
    written.settle()
    assert link_there(written) is None
    written.rule(direction="both")
    written.settle()
    assert link_there(written) is not None


def test_a_link_that_somebody_gave_stays(written: GoogleTown) -> None:
    own = {"location_kind": "meet", "conference": "https://meet.example.com/ours"}
    activities.edit(written.rt, activity(written).id or 0, own, by=factories.acting(written.cast.ada))
    written.settle()
    assert link_there(written) is None
    assert activity(written).content["conference"] == "https://meet.example.com/ours"


def test_all_of_a_series_meets_online(town: GoogleTown) -> None:
    values = {"title": "Stand-up", "start": factories.START + timedelta(days=1), "rrule": "FREQ=DAILY;COUNT=3"}
    made = activities.create(town.rt, t.pk(town.cast.eli), values, by=factories.acting(town.cast.ada))
    town.settle()
    slot = factories.START + timedelta(days=2)
    changes = {"location_kind": "meet", "external_id": "crm-1"}
    activities.edit_occurrence(town.rt, t.pk(made), slot, "all", changes, by=factories.acting(town.cast.ada))
    town.settle()
    assert (activity(town).location_kind, activity(town).external_id) == ("meet", "crm-1")
    assert activity(town).content["conference"] == link_there(town) is not None


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
