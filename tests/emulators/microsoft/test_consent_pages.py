"""The pages themselves, clicked through as a person without scripts would."""

from __future__ import annotations

import re

import httpx2
import pytest

from tests.emulators.microsoft.cast import ADA, ELI
from tests.emulators.microsoft.dance import ASKED, Dance, back
from tests.emulators.microsoft.server import MicrosoftServer


@pytest.fixture
def dance(microsoft: MicrosoftServer) -> Dance:
    return Dance(microsoft)


def press(dance: Dance, page: httpx2.Response, url: str, **fields: str) -> httpx2.Response:
    """Send the page's form with its hidden fields."""
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.text))
    return dance.http.post(url, data={**hidden, **fields})


def test_person_picks_an_account_reads_and_accepts(dance: Dance) -> None:
    page = press(dance, dance.go(), "/oauth2/account", user=ELI)
    assert "Read your calendars" in page.text
    assert "code" in back(press(dance, page, "/oauth2/consent", choice="accept"))
    assert "code" in back(dance.go())


def test_person_cancels(dance: Dance) -> None:
    page = press(dance, dance.go(), "/oauth2/account", user=ELI)
    assert back(press(dance, page, "/oauth2/consent", choice="cancel"))["error"] == "access_denied"


def test_choosing_an_account_is_asked_for_each_time(dance: Dance) -> None:
    page = press(dance, dance.go(), "/oauth2/account", user=ELI)
    press(dance, page, "/oauth2/consent", choice="accept")
    page = dance.go(prompt="select_account")
    assert "Pick an account" in page.text
    assert "code" in back(press(dance, page, "/oauth2/account", user=ELI))


def test_person_returns_without_the_administrators_approval(dance: Dance) -> None:
    dance.microsoft.switch.change_tenant("example.com", user_consent="recommended", name="Example Ltd")
    page = press(dance, dance.go(scope=f"{ASKED} Calendars.ReadWrite"), "/oauth2/account", user=ELI)
    assert "Need admin approval" in page.text
    assert "Example Ltd" in page.text
    assert "AADSTS90094" in back(press(dance, page, "/oauth2/consent", choice="back"))["error_description"]


def test_administrator_accepts_for_everybody(dance: Dance) -> None:
    page = dance.go("/organizations/v2.0/adminconsent", scope="https://graph.microsoft.com/.default")
    page = press(dance, page, "/oauth2/account", user=ADA)
    assert "review for your organization" in page.text
    assert back(press(dance, page, "/oauth2/consent", choice="accept"))["admin_consent"] == "True"


def test_answers_by_form_post_and_fragment(dance: Dance) -> None:
    dance.microsoft.switch.script_consent("allow", ADA)
    assert 'name="code"' in dance.go(response_mode="form_post").text
    assert "#code=" in dance.go(response_mode="fragment").headers["location"]


def test_an_old_page_is_refused(dance: Dance) -> None:
    page = press(dance, dance.go(), "/oauth2/account", user=ELI)
    press(dance, page, "/oauth2/consent", choice="accept")
    assert press(dance, page, "/oauth2/consent", choice="accept").status_code == 400
