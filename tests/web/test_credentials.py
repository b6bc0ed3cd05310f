"""A provider's credentials as admins see them: the card, a file for review, saving, proving, testing, removing."""

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import url_for
from flask.testing import FlaskClient

from calsync.providers.memory import MemoryProvider, MemoryServer
from calsync.runtime import Runtime
from calsync.services import credentials, settings
from calsync.store import tables as t
from tests import factories
from tests.emulators.google.conftest import google, google_server, switch
from tests.emulators.google.server import CLIENT_ID, CLIENT_SECRET, GoogleServer, Switchboard
from tests.sign_in.conftest import NEW_PAIR, PAIR
from tests.sign_in.emulated import NAME, emulated
from tests.web.conftest import text_of
from tests.web.queries import count_queries

__all__ = ["google", "google_server", "switch"]

PAGE = f"/integrations/{NAME}/credentials"
HERE = "http://localhost"
REDIRECT = f"{HERE}/oauth/{NAME}/callback"
PAIR_TYPED = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}


@pytest.fixture
def rt(tmp_path: Path, clock: factories.Clock, google: GoogleServer) -> Iterator[Runtime]:
    """Providers in memory and at the emulator, at the address that a test's browser uses."""
    made = factories.make_settings(tmp_path, public_url=HERE, allow_private_networks=True)
    providers = {"caldav": MemoryProvider(MemoryServer(clock), "caldav"), NAME: emulated(google)}
    runtime = factories.make_runtime(tmp_path, clock, settings=made, enqueue=factories.Hints(), providers=providers)
    yield runtime
    runtime.db.close()


def standing(rt: Runtime) -> credentials.Standing:
    with rt.reading() as session:
        return credentials.standing(session, NAME)


@pytest.fixture
def configured(rt: Runtime, cast: factories.Cast) -> t.ProviderCredential:
    return credentials.save(rt, NAME, PAIR, by=factories.acting(cast.ada))


def send(browser: FlaskClient, content: Any) -> Any:
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    return browser.post(f"{PAGE}/import", data={"file": (io.BytesIO(data), "client_secret_1.json")})


def token_in(page: str) -> str:
    return page.partition('name="imported"')[2].partition('value="')[2].partition('"')[0]


# --- the card


def test_the_card_shows_admins_what_to_register_and_how(ada: FlaskClient, eli: FlaskClient) -> None:
    page = ada.get("/integrations/").text
    assert f'value="{REDIRECT}"' in page
    assert "Not configured" in page
    for said in ("Enable the Google Calendar API", "7 days", "Web application", "Import the credentials JSON"):
        assert said in text_of(page)
    assert "https://console.cloud.google.com/" in page
    other = eli.get("/integrations/").text
    assert REDIRECT not in other
    assert "Ask your admin to set up" in other


def test_the_card_of_a_configured_provider(configured: Any, ada: FlaskClient, eli: FlaskClient) -> None:
    page = ada.get("/integrations/").text
    assert "ends ..EXAM, 33 characters" in page
    assert CLIENT_SECRET not in page
    assert f"/oauth/{NAME}/connect" in eli.get("/integrations/").text
    assert "EXAM" not in eli.get("/integrations/").text


def test_another_address_in_the_browser_is_warned_of(rt: Runtime, app: Any, ada: FlaskClient) -> None:
    assert "at another address" not in ada.get(PAGE).text
    elsewhere = rt.settings.model_copy(update={"public_url": "https://cal.example.com"})
    app.extensions["calsync"] = replace(rt, settings=elsewhere)
    page = ada.get(PAGE).text
    assert "You opened this page at another address" in page
    assert f'value="https://cal.example.com/oauth/{NAME}/callback"' in page  # the public address and nothing else
    assert "You opened this at another address" in ada.get(f"/oauth/{NAME}/connect").text


def test_without_a_public_address_the_card_says_so(rt: Runtime, app: Any, ada: FlaskClient) -> None:
    app.extensions["calsync"] = replace(rt, settings=rt.settings.model_copy(update={"public_url": ""}))
    assert "The public address is not set" in ada.get("/integrations/").text


@pytest.mark.parametrize("path", ["/integrations/", PAGE])
def test_the_pages_ask_a_dozen_questions_at_most(configured: Any, rt: Runtime, ada: FlaskClient, path: str) -> None:
    ada.get(path)
    with count_queries(rt) as asked:
        ada.get(path)
    assert len(asked) <= 12, asked


# --- typing


def test_what_was_typed_is_saved(rt: Runtime, ada: FlaskClient) -> None:
    answer = ada.post(PAGE, data={"client_id": f"  {CLIENT_ID} ", "client_secret": f" {CLIENT_SECRET}\n"})
    assert (answer.status_code, answer.location) == (303, "/integrations/")
    assert standing(rt).current is not None


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({**PAIR_TYPED, "client_id": ""}, "Give the Client ID"),
        ({**PAIR_TYPED, "client_secret": ""}, "Give the Client Secret"),
        ({**PAIR_TYPED, "client_id": "123"}, "looks like"),
        ({**PAIR_TYPED, "client_secret": "short"}, "GOCSPX-"),
        ({**PAIR_TYPED, "client_secret": "", "imported": "made-up"}, "Import the file again"),
    ],
)
def test_a_pair_that_cannot_be_is_refused_at_its_field(
    rt: Runtime, ada: FlaskClient, typed: dict[str, str], said: str
) -> None:
    answer = ada.post(PAGE, data=typed)
    assert (answer.status_code, standing(rt).current) == (422, None)
    assert said in text_of(answer.text)
    assert CLIENT_SECRET not in answer.text
    assert f'value="{typed["client_id"]}"' in answer.text


def test_a_provider_without_credentials_has_no_such_page(ada: FlaskClient) -> None:
    assert ada.get("/integrations/caldav/credentials").status_code == 404
    assert ada.get("/integrations/unknown/settings").status_code == 404


# --- a file


def test_a_file_is_reviewed_and_only_then_saved(rt: Runtime, ada: FlaskClient, switch: Switchboard) -> None:
    switch.add_client([REDIRECT])
    answer = send(ada, switch.client_file())
    assert answer.status_code == 200
    assert "The Redirect URI is registered" in answer.text
    assert f'value="{CLIENT_ID}"' in answer.text
    assert CLIENT_SECRET not in answer.text
    assert standing(rt).current is None
    saved = ada.post(PAGE, data={"client_id": CLIENT_ID, "imported": token_in(answer.text)})
    assert saved.status_code == 303
    current = standing(rt).current
    assert current is not None
    assert rt.secrets.unseal(current.secret or b"") == CLIENT_SECRET


@pytest.mark.parametrize(
    ("registered", "said"),
    [
        (REDIRECT + "/", "ends with a slash"),
        (REDIRECT.replace("http", "https"), "The scheme differs"),
        (REDIRECT.replace("localhost", "localhost:8000"), "The port differs"),
        (None, "No redirect address was registered"),
    ],
)
def test_a_redirect_address_that_differs_is_warned_of_before_saving(
    ada: FlaskClient, registered: str | None, said: str
) -> None:
    web = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    page = send(ada, {"web": web | ({"redirect_uris": [registered]} if registered else {})})
    assert page.status_code == 200
    assert "The Redirect URI is not in the file" in page.text
    assert said in text_of(page.text)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"installed": {"client_id": "1"}}, "Desktop app"),
        ({"type": "service_account"}, "service account"),
        ([], "no credentials"),
        (b"%PDF", "not JSON"),
        (b" " * 70_000, "larger than 64 KB"),
        (b"", "Choose a file first"),
    ],
)
def test_other_files_are_refused_with_the_reason(ada: FlaskClient, content: Any, said: str) -> None:
    answer = send(ada, content)
    assert answer.status_code == 422
    assert said in text_of(answer.text)


# --- proving, testing, removing


def test_a_second_pair_waits_and_says_whom_it_would_end(
    configured: Any, rt: Runtime, cast: factories.Cast, ada: FlaskClient
) -> None:
    factories.make_account(rt, cast.eli, provider=NAME, credential_id=configured.id)
    answer = ada.post(PAGE, data={"client_id": NEW_PAIR.client_id, "client_secret": NEW_PAIR.secret})
    assert answer.location == PAGE
    page = text_of(ada.get(PAGE).text)
    assert "wait for their proof" in page
    assert "the permissions of 1 account of 1 person end" in page
    assert standing(rt).current == configured
    assert ada.post(f"{PAGE}/drop").status_code == 303
    assert standing(rt).candidate is None


def test_proving_leads_to_the_provider_and_its_form_may(
    configured: Any, google: GoogleServer, ada: FlaskClient
) -> None:
    ada.post(PAGE, data={"client_id": NEW_PAIR.client_id, "client_secret": NEW_PAIR.secret})
    answer = ada.post(f"{PAGE}/prove")
    assert answer.location.startswith(f"{google.base_url}/o/oauth2/v2/auth?")
    assert NEW_PAIR.client_id in answer.location
    assert f"form-action 'self' {google.base_url}" in ada.get(PAGE).headers["Content-Security-Policy"]


def test_the_test_shows_each_line(configured: Any, ada: FlaskClient, switch: Switchboard) -> None:
    assert "Google knows both" in text_of(ada.post(f"{PAGE}/test").text)
    switch.change_client(client_secret="GOCSPX-ROTATEDROTATEDROTATEDROTAT")
    page = ada.post(f"{PAGE}/test")
    assert "this is not its secret" in text_of(page.text)
    assert CLIENT_SECRET not in page.text


def test_removing_says_whom_it_concerns_first(
    configured: Any, rt: Runtime, cast: factories.Cast, ada: FlaskClient
) -> None:
    factories.make_account(rt, cast.eli, provider=NAME, credential_id=configured.id)
    assert "1 person is connected" in text_of(ada.get(f"{PAGE}/remove").text)
    assert standing(rt).current is not None
    assert ada.post(f"{PAGE}/remove").location == "/integrations/"
    page = text_of(ada.get("/integrations/").text)
    assert "1 account must be connected anew" in page
    assert "Not configured" in page


# --- for everybody


def test_settings_for_everybody_keep_a_role_out(
    configured: Any, rt: Runtime, ada: FlaskClient, eli: FlaskClient
) -> None:
    url = f"/integrations/{NAME}/settings"
    chosen = {"roles": ["admin"], "direction": "inbound", "frequency": "60", "app_name": "Acme", "version": "0"}
    assert ada.post(url, data=chosen).status_code == 303
    assert "Google to CRM" in text_of(ada.get(url).text)
    assert "Not open to your role" in eli.get("/integrations/").text
    assert eli.get(f"/oauth/{NAME}/connect").status_code == 403
    assert eli.post(f"/oauth/{NAME}/connect", data={"access": "read"}).status_code == 403
    assert "Acme" in ada.get(f"/oauth/{NAME}/connect").text
    assert ada.post(url, data=chosen).status_code == 422  # somebody saved since version 0


def test_a_first_choice_that_accounts_may_not_make_is_refused(rt: Runtime, ada: FlaskClient, cast: Any) -> None:
    known, version = settings.rules(rt)
    settings.save_rules(rt, replace(known, account_overrides=()), version, by=factories.acting(cast.ada))
    answer = ada.post(
        f"/integrations/{NAME}/settings", data={"roles": ["admin"], "direction": "inbound", "version": "0"}
    )
    assert answer.status_code == 422
    assert "Let accounts choose it" in answer.text


def test_its_video_meetings_are_offered_once_it_is_configured(
    rt: Runtime, cast: factories.Cast, eli: FlaskClient
) -> None:
    assert 'value="meet"' not in eli.get("/activities/new").text
    credentials.save(rt, NAME, PAIR, by=factories.acting(cast.ada))
    assert 'value="meet"' in eli.get("/activities/new").text


def test_nobody_is_sent_away_without_credentials(eli: FlaskClient) -> None:
    answer = eli.post(f"/oauth/{NAME}/connect", data={"access": "read"})
    assert answer.status_code == 409
    assert "This provider is not ready yet" in answer.text


def test_the_route_is_the_redirect_address(app: Any) -> None:
    with app.test_request_context():
        assert url_for("oauth.callback", provider=NAME) == credentials.REDIRECT_PATH.format(provider=NAME)
