"""A provider whose sign-in asks for an organisation: tenants, secrets that run out, approval by administrators."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from flask.testing import FlaskClient
from sqlmodel import select

from calsync.providers.memory import MemoryProvider, MemoryServer
from calsync.runtime import Runtime
from calsync.services import credentials, doctor, letters, notices, secret_ends
from calsync.store import tables as t
from tests import factories
from tests.emulators.microsoft.conftest import microsoft, microsoft_server, switch
from tests.emulators.microsoft.server import CLIENT_ID, CLIENT_SECRET, MicrosoftServer, Switchboard
from tests.sign_in.outlook import NAME, NEW_SECRET, PAIR, emulated
from tests.web.conftest import SignIn, text_of

__all__ = ["microsoft", "microsoft_server", "switch"]

PAGE = f"/integrations/{NAME}/credentials"
HERE = "http://localhost"
TYPED = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "audience": "common"}
TENANT = "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"


@pytest.fixture
def rt(tmp_path: Path, clock: factories.Clock, microsoft: MicrosoftServer) -> Iterator[Runtime]:
    """Providers in memory and at the emulator, at the address that a test's browser uses."""
    made = factories.make_settings(tmp_path, public_url=HERE, allow_private_networks=True)
    providers = {"caldav": MemoryProvider(MemoryServer(clock), "caldav"), NAME: emulated(microsoft, clock)}
    runtime = factories.make_runtime(tmp_path, clock, settings=made, enqueue=factories.Hints(), providers=providers)
    yield runtime
    runtime.db.close()


def standing(rt: Runtime) -> credentials.Standing:
    with rt.reading() as session:
        return credentials.standing(session, NAME)


def current(rt: Runtime) -> t.ProviderCredential:
    row = standing(rt).current
    assert row is not None
    return row


@pytest.fixture
def configured(rt: Runtime, cast: factories.Cast) -> t.ProviderCredential:
    return credentials.save(rt, NAME, PAIR, by=factories.acting(cast.ada))


def link_in(page: str) -> str:
    """Return the link for administrators as a page shows it."""
    found = re.search(r'id="approval[^"]*" value="([^"]+)"', page)
    assert found is not None
    return unescape(found[1])


def open_notices(rt: Runtime, kind: str = "secret") -> list[t.Notice]:
    with rt.reading() as session:
        return [n for n in session.exec(select(t.Notice)) if n.kind == kind and n.ended_at is None]


# --- whose people may connect


def test_the_form_asks_whose_people_may_connect(rt: Runtime, ada: FlaskClient) -> None:
    page = text_of(ada.get(PAGE).text)
    for said in ("Who may connect", "Any organisation, and personal accounts", "One organisation", "runs out on"):
        assert said in page
    assert ada.post(PAGE, data={**TYPED, "audience": "organizations"}).status_code == 303
    assert current(rt).extra["tenant"] == "organizations"
    assert "Any organisation" in text_of(ada.get("/integrations/").text)


def test_one_organisation_is_typed(rt: Runtime, ada: FlaskClient) -> None:
    missing = ada.post(PAGE, data={**TYPED, "audience": ""})
    assert (missing.status_code, "Give the organisation’s tenant ID" in missing.text) == (422, True)
    wrong = ada.post(PAGE, data={**TYPED, "audience": "", "tenant": "not a tenant"})
    assert (wrong.status_code, 'value="not a tenant"' in wrong.text) == (422, True)
    assert ada.post(PAGE, data={**TYPED, "audience": "", "tenant": TENANT}).status_code == 303
    assert current(rt).extra["tenant"] == TENANT
    page = ada.get(PAGE).text
    assert page.count(TENANT) >= 2  # beside the facts, and in the form
    assert re.search(r'<option selected value="">One organisation', page)


def test_another_tenant_is_another_pair_that_waits(rt: Runtime, configured: Any, ada: FlaskClient) -> None:
    assert ada.post(PAGE, data=TYPED).status_code == 422  # the very same
    assert ada.post(PAGE, data={**TYPED, "audience": "consumers"}).status_code == 303
    assert "Personal accounts" in text_of(ada.get(PAGE).text)
    assert current(rt).extra["tenant"] == "common"


# --- secrets that run out


def test_the_end_of_a_secret_is_counted_down(
    rt: Runtime, clock: factories.Clock, cast: factories.Cast, sign_in: SignIn, ada: FlaskClient
) -> None:
    on = clock().date() + timedelta(days=45)
    assert ada.post(PAGE, data={**TYPED, "secret_ends_on": on.isoformat()}).status_code == 303
    assert "Runs out in 45 days" in text_of(ada.get(PAGE).text)
    assert "runs out on" not in text_of(ada.get("/integrations/").text)
    clock.advance(days=40)
    card = text_of(sign_in(cast.ada).get("/integrations/").text)
    assert "Runs out in 5 days" in card
    assert "Make a new secret" in card
    clock.advance(days=6)
    assert "Has run out" in text_of(sign_in(cast.ada).get("/integrations/").text)


@pytest.mark.parametrize(
    ("on", "said"),
    [("2030-01-07", "This day is over"), ("2033-01-07", "No secret there lasts longer"), ("soon", "date")],
)
def test_an_end_that_cannot_be_is_refused(rt: Runtime, ada: FlaskClient, on: str, said: str) -> None:
    answer = ada.post(PAGE, data={**TYPED, "secret_ends_on": on})
    assert (answer.status_code, said in answer.text, standing(rt).current) == (422, True, None)


def test_the_date_alone_can_be_changed(rt: Runtime, configured: Any, ada: FlaskClient, eli: FlaskClient) -> None:
    url = f"/integrations/{NAME}/secret-end"
    assert eli.post(url, data={"in_use-secret_ends_on": "2030-02-01"}).status_code == 403
    assert ada.post(url, data={"in_use-secret_ends_on": "2030-02-01"}).status_code == 303
    assert current(rt).secret_expires_at is not None
    assert 'value="2030-02-01"' in ada.get(PAGE).text
    assert ada.post(url, data={"in_use-secret_ends_on": "2029-02-01"}).status_code == 422
    assert ada.post(url, data={"in_use-secret_ends_on": ""}).status_code == 303
    assert current(rt).secret_expires_at is None


def test_a_new_secret_brings_its_own_end(rt: Runtime, configured: Any, cast: factories.Cast) -> None:
    by = factories.acting(cast.ada)
    secret_ends.change(rt, NAME, date(2030, 1, 20), by=by)
    pair = credentials.ClientPair(CLIENT_ID, NEW_SECRET, tenant="common")
    row = credentials.save(rt, NAME, pair, ends_at=secret_ends.read(rt, NAME, date(2031, 1, 20)), by=by)
    assert current(rt).secret_expires_at.date() == date(2030, 1, 20)  # type: ignore[union-attr]
    credentials.prove(rt, t.pk(row), by=by)
    assert current(rt).secret_expires_at.date() == date(2031, 1, 20)  # type: ignore[union-attr]
    notices.watch(rt)
    assert open_notices(rt) == []


def test_admins_are_told_in_four_stages_and_once_it_is_over(
    rt: Runtime, clock: factories.Clock, configured: Any, cast: factories.Cast
) -> None:
    secret_ends.change(rt, NAME, clock().date() + timedelta(days=40), by=factories.acting(cast.ada))
    told = []
    for _ in range(42):
        notices.watch(rt)
        for notice in open_notices(rt):
            if notice.next_mail_at == clock():
                told.append(notice.facts["days"])
                with rt.writing() as session:
                    session.get_one(t.Notice, notice.id).seen_at = clock()
        clock.advance(days=1)
    assert told == [30, 14, 7, 1, 0]


def test_the_notice_leads_to_the_card_and_only_admins_get_it(
    rt: Runtime, clock: factories.Clock, configured: Any, cast: factories.Cast, ada: FlaskClient, eli: FlaskClient
) -> None:
    secret_ends.change(rt, NAME, clock().date() + timedelta(days=6), by=factories.acting(cast.ada))
    notices.watch(rt)
    page = ada.get("/notices/").text
    assert "the secret of this installation runs out within 7 days" in text_of(page)
    assert PAGE in page
    assert "secret of this installation" not in eli.get("/notices/").text
    found = [finding for finding in doctor.examine(rt) if finding.check == "secret"]
    assert "2030-01-13" in found[0].what


def test_the_mail_says_what_to_do(rt: Runtime, clock: factories.Clock, configured: Any, cast: factories.Cast) -> None:
    secret_ends.change(rt, NAME, clock().date() + timedelta(days=1), by=factories.acting(cast.ada))
    notices.watch(rt)
    letter = letters.about(open_notices(rt)[0], cast.ada, letters.place(rt))
    assert "runs out within 1 day" in letter.subject
    assert f"{HERE}{PAGE}" in letter.text


# --- approval by administrators


def test_the_link_for_administrators_asks_for_everybody(configured: Any, ada: FlaskClient, eli: FlaskClient) -> None:
    for path in (PAGE, "/integrations/"):
        url = urlsplit(link_in(ada.get(path).text))
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        assert url.path == "/organizations/v2.0/adminconsent"
        assert (query["client_id"], query["redirect_uri"]) == (CLIENT_ID, f"{HERE}/oauth/{NAME}/callback")
    assert "adminconsent" not in eli.get("/integrations/").text


def come_back(browser: FlaskClient, link: str, switch: Switchboard, choice: str, user: str | None = None) -> Any:
    """Follow the link as an administrator elsewhere, and return the page that they come back to."""
    switch.script_consent(choice, user)
    answer = httpx2.get(link)
    assert answer.status_code == 302, answer.text
    return browser.get(answer.headers["location"].removeprefix(HERE))


def test_an_administrator_who_is_nobody_here_agrees(
    rt: Runtime, configured: Any, ada: FlaskClient, anonymous: FlaskClient, switch: Switchboard
) -> None:
    switch.add_client([f"{HERE}/oauth/{NAME}/callback"])
    link = link_in(ada.get(PAGE).text)
    page = come_back(anonymous, link, switch, "allow", "ada@example.com")
    assert "Your organisation allows this app" in text_of(page.text)
    assert current(rt).extra["consent_is_given"] is True
    assert "Somebody came back having agreed" in text_of(ada.get(PAGE).text)
    assert standing(rt).accounts == 0


def test_an_administrator_declines(
    rt: Runtime, configured: Any, ada: FlaskClient, anonymous: FlaskClient, switch: Switchboard
) -> None:
    switch.add_client([f"{HERE}/oauth/{NAME}/callback"])
    page = come_back(anonymous, link_in(ada.get(PAGE).text), switch, "deny")
    assert "or did not" in text_of(page.text)
    assert "without having agreed" in text_of(ada.get(PAGE).text)


def test_what_anybody_can_write_is_not_noted(rt: Runtime, configured: Any, anonymous: FlaskClient) -> None:
    for state in ("", "made-up", "äöü"):
        answer = anonymous.get(
            f"/oauth/{NAME}/callback", query_string={"admin_consent": "True", "tenant": "x", "state": state}
        )
        assert answer.status_code == 200
    assert "consent_at" not in current(rt).extra


def test_people_who_may_not_agree_get_the_link_for_who_may(
    rt: Runtime, configured: Any, eli: FlaskClient, switch: Switchboard
) -> None:
    switch.add_client([f"{HERE}/oauth/{NAME}/callback"])
    switch.change_tenant("example.com", user_consent="recommended")
    switch.script_consent("allow", "eli@example.com")
    away = eli.post(f"/oauth/{NAME}/connect", data={"access": "write"}).location
    back = httpx2.get(away, verify=False).headers["location"]
    assert back.startswith(HERE)
    page = eli.get(back.removeprefix(HERE))
    assert page.status_code == 409
    assert "An administrator of your organisation has to allow this app" in text_of(page.text)
    assert "/v2.0/adminconsent" in link_in(page.text)
