"""The consent pages, by their forms and in a real browser (contract 1.9)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest
from playwright.sync_api import Page, expect

from tests.emulators.google.cast import ADA, CALLBACK, ELI, SCOPE
from tests.emulators.google.server import CLIENT_ID, GoogleServer

EVENTS_SCOPE = SCOPE + "calendar.events"
LIST_SCOPE = SCOPE + "calendar.calendarlist.readonly"


def start_url(google: GoogleServer, **changes: str) -> str:
    query = {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": CALLBACK,
        "scope": f"openid email {EVENTS_SCOPE} {LIST_SCOPE}",
        "state": "S1",
        **changes,
    }
    return f"{google.base_url}/o/oauth2/v2/auth?{urlencode(query)}"


@pytest.fixture
def http(google: GoogleServer) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=google.base_url, verify=False) as client:
        yield client


def ask_of(page: str) -> str:
    found = re.search(r'name="ask" value="([^"]+)"', page)
    assert found, page
    return found[1]


def test_person_chooses_an_account_then_ticks(google: GoogleServer, http: httpx2.Client) -> None:
    chooser = http.get(start_url(google)).text
    assert ADA in chooser
    assert ELI in chooser
    consent = http.post("/o/oauth2/account", data={"ask": ask_of(chooser), "user": ADA}).text
    assert consent.count('type="checkbox"') == 2
    assert "checked" not in consent
    sent = {"ask": ask_of(consent), "user": ADA, "choice": "allow", "scope": EVENTS_SCOPE}
    back = http.post("/o/oauth2/consent", data=sent).headers["location"]
    assert LIST_SCOPE not in parse_qs(urlsplit(back).query)["scope"][0]


def test_consent_is_asked_once(google: GoogleServer, http: httpx2.Client) -> None:
    page = http.get(start_url(google, login_hint=ADA)).text
    sent = {"ask": ask_of(page), "user": ADA, "choice": "allow", "scope": [EVENTS_SCOPE, LIST_SCOPE]}
    assert http.post("/o/oauth2/consent", data=sent).status_code == 302
    assert http.get(start_url(google, login_hint=ADA)).status_code == 302
    assert http.get(start_url(google, login_hint=ADA, prompt="consent")).status_code == 200
    assert "Choose an account" in http.get(start_url(google, prompt="select_account")).text


def test_single_scope_has_no_box(google: GoogleServer, http: httpx2.Client) -> None:
    page = http.get(start_url(google, login_hint=ADA, scope=f"openid {EVENTS_SCOPE}")).text
    assert "checkbox" not in page
    sent = {"ask": ask_of(page), "user": ADA, "choice": "allow"}
    back = http.post("/o/oauth2/consent", data=sent).headers["location"]
    assert EVENTS_SCOPE in parse_qs(urlsplit(back).query)["scope"][0]


def test_page_that_is_used_up_is_refused(google: GoogleServer, http: httpx2.Client) -> None:
    page = http.get(start_url(google, login_hint=ADA)).text
    sent = {"ask": ask_of(page), "user": ADA, "choice": "allow"}
    assert http.post("/o/oauth2/consent", data=sent).status_code == 302
    assert http.post("/o/oauth2/consent", data=sent).status_code == 400


@pytest.mark.browser
def test_person_clicks_through_in_a_browser(google: GoogleServer, page: Page) -> None:
    page.goto(start_url(google))
    page.get_by_role("button", name="Ada Adams").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("wants access to your Google Account")
    page.get_by_role("button", name="Select all").click()
    page.get_by_label(re.compile("See the list of Google calendars")).uncheck()
    scope = brought_back(page, "Allow")["scope"][0].split()
    assert EVENTS_SCOPE in scope
    assert LIST_SCOPE not in scope


@pytest.mark.browser
def test_person_cancels_in_a_browser(google: GoogleServer, page: Page) -> None:
    page.goto(start_url(google, login_hint=ADA))
    assert brought_back(page, "Cancel") == {"error": ["access_denied"], "state": ["S1"]}


def brought_back(page: Page, button: str) -> dict[str, list[str]]:
    """Press a button; return what the browser carries to the application. Nobody listens at that address."""
    with page.expect_request(f"{CALLBACK}**") as sent:
        page.get_by_role("button", name=button).click()
    return parse_qs(urlsplit(sent.value.url).query)
