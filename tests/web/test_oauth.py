"""Signing in elsewhere, from the pages: what is said before, where it leads, and a page for every way back."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
from flask.testing import FlaskClient
from sqlmodel import select

from calsync.providers.google.oauth import PREFIX
from calsync.runtime import Runtime
from calsync.services import credentials
from calsync.store import tables as t
from tests import factories
from tests.emulators.google.cast import ELI, VIC
from tests.emulators.google.conftest import google, google_server, switch
from tests.emulators.google.server import CLIENT_ID, GoogleServer, Switchboard
from tests.sign_in.conftest import PAIR
from tests.sign_in.emulated import NAME, emulated
from tests.web.conftest import SignIn, text_of

__all__ = ["google", "google_server", "switch"]

HERE = "http://localhost"
CONNECT, CALLBACK = f"/oauth/{NAME}/connect", f"/oauth/{NAME}/callback"
LIST = PREFIX + "calendar.calendarlist.readonly"


@pytest.fixture
def rt(tmp_path: Path, clock: factories.Clock, google: GoogleServer) -> Iterator[Runtime]:
    """A provider at the emulator, at the address that a test's browser uses."""
    made = factories.make_settings(tmp_path, public_url=HERE, allow_private_networks=True)
    providers = {NAME: emulated(google)}
    runtime = factories.make_runtime(tmp_path, clock, settings=made, enqueue=factories.Hints(), providers=providers)
    yield runtime
    runtime.db.close()


@pytest.fixture(autouse=True)
def _configured(rt: Runtime, cast: factories.Cast, switch: Switchboard) -> None:
    credentials.save(rt, NAME, PAIR, by=factories.acting(cast.ada))
    switch.add_client([HERE + CALLBACK])


def there_and_back(browser: FlaskClient, switch: Switchboard, who: str = ELI, choice: str = "allow", **asked: object):
    """Take a browser to Google and back; return the answer of our callback."""
    script = {name: asked.pop(name) for name in ("scopes",) if name in asked}
    switch.script_consent(choice, who, **script)
    answer = browser.post(CONNECT, data=asked)
    assert answer.status_code == 303, answer.text
    return browser.get(CALLBACK, query_string=came_back(answer.location))


def came_back(address: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(httpx2.get(address, verify=False).headers["location"]).query))


def accounts(rt: Runtime) -> list[t.Account]:
    with rt.reading() as session:
        return list(session.exec(select(t.Account)))


def test_before_leaving_people_read_what_they_will_be_asked(eli: FlaskClient, google: GoogleServer) -> None:
    page = eli.get(CONNECT)
    for said in ("Use the account whose calendar you mean", "Tick every box", "View events on all your calendars"):
        assert said in text_of(page.text)
    assert f"form-action 'self' {google.base_url}" in page.headers["Content-Security-Policy"]


def test_connecting_leads_to_the_calendar_chooser_and_starts_read_only(
    rt: Runtime, eli: FlaskClient, switch: Switchboard
) -> None:
    answer = there_and_back(eli, switch, access="read")
    (account,) = accounts(rt)
    assert answer.location == f"/accounts/{account.id}/choose"
    assert not account.can_write
    page = text_of(eli.get(answer.location).text)
    assert f"{ELI} is connected." in page
    assert "This account is read-only" in page


def test_the_first_connection_ticks_what_it_proves(
    ada: FlaskClient, eli: FlaskClient, cast: factories.Cast, switch: Switchboard
) -> None:
    page = f"/integrations/{NAME}/credentials"
    assert "3 of 10 are seen" in text_of(ada.get(page).text)
    there_and_back(eli, switch, access="read")
    said = text_of(ada.get(page).text)
    assert "8 of 10 are seen" in said  # all but test users, of which nothing shows, and notices
    for each in ("Calendars were read on", "Somebody came back there", "No permission that was given ends by itself"):
        assert each in said


def test_an_interface_that_is_not_enabled_stays_open(ada: FlaskClient, eli: FlaskClient, switch: Switchboard) -> None:
    switch.fault("status", method="calendar.calendarList.list", status=403, reason="accessNotConfigured")
    there_and_back(eli, switch, access="read")
    said = text_of(ada.get(f"/integrations/{NAME}/credentials").text)
    assert "6 of 10 are seen" in said
    assert "Calendars were read" not in said


def test_write_access_asks_for_more(rt: Runtime, eli: FlaskClient, switch: Switchboard) -> None:
    there_and_back(eli, switch, access="write")
    assert accounts(rt)[0].can_write


def test_a_box_that_was_left_out_is_named_and_asked_for_again(
    rt: Runtime, eli: FlaskClient, switch: Switchboard
) -> None:
    answer = there_and_back(eli, switch, access="read", scopes=[LIST])
    assert (answer.status_code, accounts(rt)) == (422, [])
    assert "Events cannot be read" in text_of(answer.text)
    assert "See the list" not in text_of(answer.text)
    assert "prompt=select_account+consent" in eli.post(CONNECT, data={"access": "read", "again": "1"}).location


def test_enabling_write_access_leads_to_what_waited(rt: Runtime, eli: FlaskClient, switch: Switchboard) -> None:
    there_and_back(eli, switch, access="read")
    (account,) = accounts(rt)
    with rt.writing() as session:
        session.get_one(t.Account, account.id).last_success_at = rt.now()
    assert f"{CONNECT}?account={account.id}&amp;access=write" in eli.get(f"/accounts/{account.id}").text
    assert "Enable write access for" in eli.get(f"{CONNECT}?account={account.id}&access=write").text
    unticked = there_and_back(eli, switch, access="write", account=account.id, scopes=[LIST])
    assert unticked.status_code == 200
    assert "Go on read-only" in unticked.text
    answer = there_and_back(eli, switch, access="write", account=account.id)
    assert answer.location.startswith(f"/accounts/{account.id}/two-way?run=")
    assert eli.get(answer.location).status_code == 200


def test_reconnecting_uses_the_same_way(rt: Runtime, eli: FlaskClient, switch: Switchboard) -> None:
    there_and_back(eli, switch, access="read")
    (account,) = accounts(rt)
    assert eli.get(f"/accounts/{account.id}/reconnect").location == f"{CONNECT}?account={account.id}"
    answer = there_and_back(eli, switch, who=VIC, access="read", account=account.id)
    assert answer.status_code == 409
    assert f"You signed in as {VIC}" in text_of(answer.text)
    assert len(accounts(rt)) == 1


def test_who_must_sign_in_again_reads_why(
    rt: Runtime, eli: FlaskClient, cast: factories.Cast, switch: Switchboard
) -> None:
    there_and_back(eli, switch, access="read")
    (account,) = accounts(rt)
    credentials.remove(rt, NAME, by=factories.acting(cast.ada))
    why = "An admin removed this provider"
    assert why in text_of(eli.get(f"/accounts/{account.id}").text)
    assert why in text_of(eli.get(f"{CONNECT}?account={account.id}").text)


# --- ways back that do not work


def test_who_presses_cancel_is_told_so(eli: FlaskClient, switch: Switchboard) -> None:
    answer = there_and_back(eli, switch, choice="deny", access="read")
    assert answer.status_code == 409
    assert "You did not give permission" in answer.text
    assert CONNECT in answer.text


def test_beginning_again_asks_for_the_same(rt: Runtime, eli: FlaskClient, switch: Switchboard) -> None:
    there_and_back(eli, switch, access="read")
    (account,) = accounts(rt)
    refused = there_and_back(eli, switch, choice="deny", access="write", account=account.id)
    assert f"{CONNECT}?account={account.id}&amp;access=write" in refused.text
    there_and_back(eli, switch, access="write", account=account.id)
    (account,) = accounts(rt)
    assert account.can_write


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ({"error": "admin_policy_enforced"}, "Your organisation does not allow this app"),
        ({"error": "org_internal"}, "This app is for members of one organisation"),
        ({"error": "server_error"}, "The provider could not be reached"),
        ({"error": "<b>odd</b>"}, "The sign-in did not work"),
        ({}, "The sign-in did not work"),
        ({"code": "4/made-up"}, "The answer came too late"),
    ],
)
def test_each_answer_has_its_page(eli: FlaskClient, query: dict[str, str], title: str) -> None:
    state = dict(parse_qsl(urlsplit(eli.post(CONNECT, data={"access": "read"}).location).query))["state"]
    answer = eli.get(CALLBACK, query_string={**query, "state": state})
    assert answer.status_code == 409
    assert title in answer.text
    assert "<b>odd" not in answer.text


def test_an_answer_counts_once_and_for_who_began(
    app: object, eli: FlaskClient, cast: factories.Cast, sign_in: SignIn, switch: Switchboard
) -> None:
    switch.script_consent("allow", ELI)
    back = came_back(eli.post(CONNECT, data={"access": "read"}).location)
    for browser in (eli.application.test_client(), sign_in(cast.sam)):
        assert "This sign-in cannot be continued" in browser.get(CALLBACK, query_string=back).text
    assert eli.get(CALLBACK, query_string=back).status_code == 303
    assert "This sign-in cannot be continued" in eli.get(CALLBACK, query_string=back).text


@pytest.mark.parametrize(
    ("fault", "title"),
    [
        ({"kind": "drop_before", "method": "oauth.token"}, "The provider could not be reached"),
        (
            {"kind": "status", "method": "oauth.token", "status": 400, "body": {"error": "admin_policy_enforced"}},
            "Your organisation does not allow this app",
        ),
        (
            {"kind": "status", "method": "calendar.calendarList.list", "status": 403, "reason": "accessNotConfigured"},
            "The provider refused to show the calendars",
        ),
    ],
)
def test_faults_on_the_way_back_have_their_page(
    rt: Runtime, eli: FlaskClient, switch: Switchboard, fault: dict[str, object], title: str
) -> None:
    switch.fault(**fault)  # type: ignore[arg-type]
    answer = there_and_back(eli, switch, access="read")
    assert answer.status_code == 409
    assert title in answer.text
    assert accounts(rt) == []


def test_refused_credentials_are_no_fault_of_the_persons(eli: FlaskClient, switch: Switchboard) -> None:
    switch.change_client(CLIENT_ID, client_secret="GOCSPX-ROTATEDROTATEDROTATEDROTAT")
    answer = there_and_back(eli, switch, access="read")
    assert "The provider does not accept our credentials" in answer.text
    assert PAIR.secret not in answer.text


def test_a_wrong_clock_is_named(eli: FlaskClient, switch: Switchboard) -> None:
    switch.script_consent("allow", ELI)
    back = came_back(eli.post(CONNECT, data={"access": "read"}).location)
    switch.advance(3600)
    assert "The clock of this server is wrong" in eli.get(CALLBACK, query_string=back).text


def test_a_provider_without_such_a_page_is_not_found(eli: FlaskClient) -> None:
    assert eli.get("/oauth/unknown/connect").status_code == 404
    assert eli.get("/oauth/unknown/callback").status_code == 404
