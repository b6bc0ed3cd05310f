"""What the card of a provider knows by itself: whether it still knows us, and which permissions end."""

from datetime import timedelta
from typing import Any

from flask.testing import FlaskClient

from calsync.runtime import Runtime
from calsync.services import notices, refusals
from tests import factories
from tests.emulators.google.conftest import google, google_server, switch
from tests.sign_in.conftest import PAIR
from tests.sign_in.emulated import NAME
from tests.web.conftest import text_of
from tests.web.test_credentials import PAGE, configured, rt

__all__ = ["configured", "google", "google_server", "rt", "switch"]


def test_credentials_that_are_refused_say_whose_turn_it_is(
    configured: Any, rt: Runtime, cast: factories.Cast, ada: FlaskClient, eli: FlaskClient
) -> None:
    account = factories.make_account(rt, cast.eli, provider=NAME, credential_id=configured.id, failed_runs=4)
    refusals.note_refused(rt, configured.id, PAIR, "invalid_client")
    for path in (PAGE, "/integrations/"):
        page = text_of(ada.get(path).text)
        assert "Google refuses these credentials" in page
        assert "Refused" in page
    assert "refuses the credentials of this installation" in ada.get("/overview/").text
    assert "refuses the credentials" not in eli.get("/overview/").text
    theirs = text_of(eli.get(f"/accounts/{account.id}").text)
    assert "This installation is refused" in theirs
    assert "An admin has been told and has to mend it" in theirs
    assert PAGE not in eli.get(f"/accounts/{account.id}").text
    assert f'href="{PAGE}"' in ada.get(f"/accounts/{account.id}").text
    assert "signing in will most likely fail" in text_of(eli.get(f"/oauth/{NAME}/connect").text)


def test_permissions_that_end_by_themselves_are_told_ahead(
    configured: Any, rt: Runtime, cast: factories.Cast, clock: factories.Clock, ada: FlaskClient, eli: FlaskClient
) -> None:
    ends = clock() + timedelta(days=6)
    account = factories.make_account(
        rt, cast.eli, provider=NAME, credential_id=configured.id, grant_ends_at=ends, label="eli@example.com"
    )
    for path in (PAGE, "/integrations/"):
        card = text_of(ada.get(path).text)
        assert "1 permission ends by itself" in card
        assert "in Testing" in card
    page = eli.get(f"/accounts/{account.id}")
    assert "This authorisation ends on 2030-01-13, 09:00" in text_of(page.text)
    assert f'href="/accounts/{account.id}/reconnect">Reconnect now' in page.text
    assert "within two days" not in text_of(eli.get("/overview/").text)
    clock.advance(days=4.5)
    assert "1 authorisation ends within two days" in text_of(eli.get("/overview/").text)
    notices.watch(rt)
    assert "It ends on 2030-01-13, 09:00" in text_of(eli.get("/notices/").text)
    assert "Authorisation ends soon" not in ada.get("/notices/").text


def test_the_notice_about_them_leads_to_where_they_are_mended(configured: Any, rt: Runtime, ada: FlaskClient) -> None:
    refusals.note_refused(rt, configured.id, PAIR, "invalid_client")
    notices.watch(rt)
    page = ada.get("/notices/").text
    assert "no longer knows this installation" in text_of(page)
    assert f'href="{PAGE}"' in page
