"""The search box: what it finds, for whom, and what it never gives away."""

import pytest
from flask.testing import FlaskClient

from calsync.runtime import Runtime
from calsync.store import search
from calsync.store import tables as t
from calsync.store.search import Asker
from tests import factories
from tests.web.conftest import text_of
from tests.web.world import World, make_activity, make_world


@pytest.fixture
def world(rt: Runtime, cast: factories.Cast) -> World:
    return make_world(rt, cast)


def found(rt: Runtime, text: str, user: t.User) -> list[tuple[str, int]]:
    with rt.reading() as session:
        return [(hit.kind, hit.id) for hit in search.find(session, text, Asker(user.id or 0, user.role))]


def test_title_is_found_whatever_its_case(rt: Runtime, world: World) -> None:
    assert found(rt, "kick-OFF", world.cast.eli) == [("activity", world.activity.id)]
    assert found(rt, "off%acme", world.cast.eli) == []


def test_ids_of_all_kinds_are_found(rt: Runtime, world: World) -> None:
    with rt.writing() as session:
        session.get(t.Activity, world.activity.id).external_id = "CRM-7"
    ada = world.cast.ada
    for text in ("CRM-7", world.activity.public_id, world.activity.uid):
        assert found(rt, text, ada) == [("activity", world.activity.id)]
    for text in (f"#{world.run.id}", str(world.run.id), world.run.public_id):
        assert ("run", world.run.id) in found(rt, text, ada)
    assert found(rt, world.account.public_id, ada) == [("account", world.account.id)]


def test_providers_ids_lead_to_the_activity(rt: Runtime, world: World) -> None:
    with rt.writing() as session:
        resource = t.MirrorResource(calendar_id=world.calendar.id, handle="/cal/work/x.ics", read_at=rt.now())
        session.add(resource)
        session.flush()
        facts = {"calendar_id": world.calendar.id, "uid": "remote-uid", "facts": {}, "fingerprint": ""}
        span = {"span_start": rt.now(), "span_end": rt.now(), "seen_at": rt.now()}
        event = t.MirrorEvent(resource_id=resource.id, **facts, **span)
        session.add(event)
        session.flush()
        agreed = {"agreed_local": {}, "agreed_remote": {}, "local_fp": "", "remote_fp": "", "agreed_at": rt.now()}
        places = {"account_id": world.account.id, "calendar_id": world.calendar.id, "event_id": event.id}
        session.add(t.Link(activity_id=world.activity.id, uid="remote-uid", created_at=rt.now(), **places, **agreed))
    for text in ("remote-uid", "/cal/work/x.ics"):
        assert found(rt, text, world.cast.eli) == [("activity", world.activity.id)]


def test_strangers_find_neither_runs_nor_accounts_nor_people(rt: Runtime, world: World) -> None:
    sam = world.cast.sam
    assert found(rt, f"#{world.run.id}", sam) == []
    assert found(rt, "eli@example.com", sam) == []
    assert {kind for kind, _ in found(rt, "eli@example.com", world.cast.ada)} == {"account", "person"}


def test_clients_find_only_their_own(rt: Runtime, world: World) -> None:
    assert found(rt, "Kick-off", world.cast.vic) == []
    assert found(rt, world.activity.public_id, world.cast.vic) == []


def test_private_titles_are_not_searched_by_others(rt: Runtime, world: World) -> None:
    with rt.writing() as session:
        session.add(make_activity(rt, world.cast.eli, "Dentist", is_private=True))
    assert found(rt, "Dentist", world.cast.ada) == []
    assert len(found(rt, "Dentist", world.cast.eli)) == 1


def test_page_leads_to_the_one_thing_or_says_what_to_type(ada: FlaskClient, world: World) -> None:
    assert "Nothing found" in text_of(ada.get("/search?q=zebra").text)
    page = ada.get("/search?q=eli").text
    assert f'href="/people/{world.cast.eli.id}"' in page
    assert "What are you looking for?" in ada.get("/search").text


def test_events_without_an_activity_are_found_by_their_ids(rt: Runtime, world: World) -> None:
    for text in ("Lunch@there", "/cal/work/lunch.ics"):
        assert found(rt, text, world.cast.eli) == [("event", world.event.id)]
        assert found(rt, text, world.cast.ada) == [("event", world.event.id)]
        assert found(rt, text, world.cast.sam) == []


def test_guests_are_found_by_their_address(rt: Runtime, world: World) -> None:
    with rt.writing() as session:
        session.get(t.Activity, world.activity.id).search_text = "kick-off acme\nmax@example.com"
    assert found(rt, "MAX@example", world.cast.eli) == [("activity", world.activity.id)]
