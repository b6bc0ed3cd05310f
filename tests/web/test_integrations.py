"""Integrations: cards from the registry, and connecting a login with its errors at the right field."""

import dataclasses

import pytest
from flask.testing import FlaskClient
from sqlmodel import select

from calsync.providers import registry
from calsync.runtime import Runtime
from calsync.services import settings
from calsync.store import tables as t
from tests import factories
from tests.web.conftest import SignIn, text_of
from tests.web.world import make_world


@pytest.fixture
def real(app, rt: Runtime) -> Runtime:
    """The application with the providers that are installed."""
    runtime = dataclasses.replace(rt, providers=registry.all_providers())
    app.extensions["calsync"] = runtime
    return runtime


def allow_clients(rt: Runtime) -> None:
    known, version = settings.switches(rt)
    changed = dataclasses.replace(known, clients_may_connect=True)
    settings.save_switches(rt, changed, version, by=factories.acting(factories.make_user(rt, "Root", "admin")))


def test_a_card_says_what_the_provider_is(real: Runtime, ada: FlaskClient) -> None:
    page = text_of(ada.get("/integrations/").text)
    for said in ("Calendar Integration", "CalDAV", "Configured", "Two-way", "Video meetings", "Setup guidance"):
        assert said in page
    assert "app-specific password" in page


def test_a_provider_that_wants_credentials_is_not_configured(rt: Runtime, app, ada: FlaskClient, eli) -> None:
    name, provider = next(iter(rt.providers.items()))
    provider.info = dataclasses.replace(provider.info, needs_credentials=True, sign_in="oauth")
    app.extensions["calsync"] = dataclasses.replace(rt, providers={name: provider})
    assert "Not configured" in text_of(ada.get("/integrations/").text)
    assert "Ask your admin to set up" in text_of(eli.get("/integrations/").text)


def test_people_see_their_own_accounts_under_the_card_and_admins_all(
    rt: Runtime, cast: factories.Cast, ada: FlaskClient, eli: FlaskClient, sign_in: SignIn
) -> None:
    make_world(rt, cast)
    assert "eli@example.com" in eli.get("/integrations/").text
    assert "Connected Accounts" in text_of(ada.get("/integrations/").text)
    assert "Connected Accounts" not in text_of(sign_in(cast.sam).get("/integrations/").text)


def test_a_client_who_may_connect_sees_connect_cards(real: Runtime, vic: FlaskClient) -> None:
    assert vic.get("/integrations/").status_code == 403
    allow_clients(real)
    assert "Apple iCloud" in vic.get("/integrations/").text


def test_a_service_explains_its_password_and_fills_its_address_in(real: Runtime, eli: FlaskClient) -> None:
    page = eli.get("/integrations/caldav/connect?service=icloud").text
    assert "two-factor" in page
    assert 'type="hidden" name="url" value="https://caldav.icloud.com/"' in page
    assert "App-specific password" in page


def test_only_admins_may_allow_a_private_network(real: Runtime, ada: FlaskClient, eli: FlaskClient) -> None:
    url = "/integrations/caldav/connect?service=other"
    assert 'name="allow_private_network"' in ada.get(url).text
    assert 'name="allow_private_network"' not in eli.get(url).text
    typed = {"url": "http://127.0.0.1:9", "username": "eli", "password": "x", "allow_private_network": "y"}
    answer = eli.post(url, data=typed)
    assert answer.status_code == 422
    assert "private network" in answer.text
    assert "by an admin only" in answer.text


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"url": "", "username": "eli", "password": "x"}, "Give the server"),
        ({"url": "not an address", "username": "eli", "password": "x"}, "This is not an address"),
        ({"url": "calendar.google.com", "username": "eli", "password": "x"}, "Connect Google calendars with"),
        ({"url": "https://dav.example.com", "username": "", "password": "x"}, "Give the user name"),
        ({"url": "https://dav.example.com", "username": "eli", "password": ""}, "Give the password"),
    ],
)
def test_each_mistake_has_its_own_sentence_and_keeps_what_was_typed(
    real: Runtime, eli: FlaskClient, typed: dict[str, str], said: str
) -> None:
    answer = eli.post("/integrations/caldav/connect?service=other", data=typed)
    assert answer.status_code == 422
    assert said in text_of(answer.text)
    assert f'value="{typed["username"]}"' in answer.text
    assert 'value="x"' not in answer.text


def test_connecting_leads_to_the_calendar_chooser(rt: Runtime, cast: factories.Cast, eli: FlaskClient) -> None:
    rt.providers["caldav"].server.add_calendar("work")
    typed = {"url": "https://dav.example.com/", "username": "eli", "password": "remote-secret"}
    answer = eli.post("/integrations/caldav/connect", data=typed)
    assert answer.status_code == 303
    account = only_account(rt)
    assert answer.location.endswith(f"/accounts/{account.id}/choose")
    assert (account.user_id, account.username) == (cast.eli.id, "eli")


def test_an_admin_connects_for_somebody_else(rt: Runtime, cast: factories.Cast, ada: FlaskClient) -> None:
    typed = {"url": "https://dav.example.com/", "username": "sam", "password": "secret", "owner": cast.sam.id}
    assert ada.post("/integrations/caldav/connect", data=typed).status_code == 303
    assert only_account(rt).user_id == cast.sam.id


def test_staff_cannot_connect_for_somebody_else(rt: Runtime, cast: factories.Cast, eli: FlaskClient) -> None:
    typed = {"url": "https://dav.example.com/", "username": "sam", "password": "secret", "owner": cast.sam.id}
    eli.post("/integrations/caldav/connect", data=typed)
    assert only_account(rt).user_id == cast.eli.id


def test_a_provider_that_is_not_there_is_not_found(eli: FlaskClient) -> None:
    assert eli.get("/integrations/unknown/connect").status_code == 404


def test_the_note_on_how_changes_travel_is_shown_until_it_was_read(
    rt: Runtime, cast: factories.Cast, sign_in: SignIn
) -> None:
    world = make_world(rt, cast)
    with rt.writing() as session:
        session.get_one(t.Account, world.account.id).last_success_at = rt.now()
    eli, url = sign_in(cast.eli), f"/accounts/{world.account.id}"
    assert "How changes travel" in eli.get(url).text
    assert "How changes travel" not in sign_in(cast.ada).get(url).text
    assert eli.post("/integrations/travel-note").status_code == 303
    assert "How changes travel" not in eli.get(url).text


def only_account(rt: Runtime) -> t.Account:
    with rt.reading() as session:
        return session.exec(select(t.Account)).one()
