"""Help: every error leads to an entry, and the entry has the button that mends it."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from calsync.engine.vocabulary import ErrorClass
from calsync.runtime import Runtime
from tests import factories
from tests.services.office import Office
from tests.web.conftest import SignIn, text_of
from tests.web.offices import furnish
from webapp import help_entries, words

ANCHORS = {entry.anchor for entry in help_entries.ENTRIES}


@pytest.fixture
def office(rt: Runtime, clock: factories.Clock, cast: factories.Cast) -> Office:
    return furnish(rt, clock, cast)


@pytest.mark.parametrize("kind", list(ErrorClass))
def test_every_error_leads_to_an_entry(kind: ErrorClass) -> None:
    assert words.error_class(kind).anchor in ANCHORS


def test_every_entry_leads_to_a_page_that_exists(app: Flask) -> None:
    named = {entry.endpoint for entry in help_entries.ENTRIES if entry.endpoint}
    assert named - set(app.view_functions) <= {"duplicates.index"}


@pytest.mark.parametrize(
    ("changes", "label", "part"),
    [
        ({"grant_ok": False}, "Reconnect eli@example.com", "reconnect"),
        ({}, "Sync eli@example.com now", "sync"),
        ({}, "Switch eli@example.com to hourly", "hourly"),
        ({}, "Choose calendars of eli@example.com", "choose"),
        ({"can_write": False}, "Look for write access of eli@example.com", "refresh-calendars"),
        ({"overrides": {"direction": "inbound"}}, "Let eli@example.com sync both ways", "two-way/ask"),
    ],
)
def test_an_entry_has_the_button_that_mends_it(
    office: Office, eli: FlaskClient, changes: dict[str, object], label: str, part: str
) -> None:
    office.change_account(**changes)
    page = eli.get("/help/").text
    assert label in text_of(page)
    assert f'"/accounts/{office.account.id}/{part}"' in page


def test_buttons_disappear_when_there_is_nothing_to_mend(office: Office, eli: FlaskClient) -> None:
    office.change_account(overrides={"frequency": "60"})
    said = text_of(eli.get("/help/").text)
    assert "Reconnect eli@example.com" not in said
    assert "to hourly" not in said.replace("switch the account to Hourly", "")


def test_nobody_sees_buttons_for_accounts_of_others(office: Office, sign_in: SignIn) -> None:
    for person in (office.cast.sam, office.cast.ada, office.cast.vic):
        assert "eli@example.com" not in sign_in(person).get("/help/").text
