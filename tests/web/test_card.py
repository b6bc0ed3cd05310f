"""What the card of a provider knows by itself: whether it still knows us, and which permissions end."""

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from calsync.providers.registration import ClientFile, Proof, SetupStep
from calsync.runtime import Runtime
from calsync.services import credentials, notices, refusals, usage
from calsync.store import tables as t
from calsync.store.credentials import Holders
from tests import factories
from tests.emulators.google.conftest import google, google_server, switch
from tests.sign_in.conftest import PAIR
from tests.sign_in.emulated import NAME
from tests.web.conftest import text_of
from tests.web.test_credentials import PAGE, REDIRECT, configured, rt
from webapp import costs, setup_lines

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
    assert "refuses our credentials" in ada.get("/overview/").text
    assert "refuses our credentials" not in eli.get("/overview/").text
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


# --- what today cost


def test_admins_see_what_today_cost_and_who_asked_most(
    configured: Any, rt: Runtime, cast: factories.Cast, ada: FlaskClient, eli: FlaskClient
) -> None:
    assert "Counted since midnight" not in text_of(ada.get("/integrations/").text)
    spend(rt, cast.eli, 1_200, limited=2)
    busy = spend(rt, cast.sam, 118_800)
    card = text_of(ada.get("/integrations/").text).replace("\u202f", " ")
    assert "Today 120 000 calls, 12 % of the 1 000 000 that Google allows a day" in card
    assert "2 answers asked us to wait" in card
    assert "Most by Sam , 118 800." in card
    assert f'href="/accounts/{busy}"' in ada.get("/integrations/").text
    assert "Google today 12 % of the calls allowed" in text_of(ada.get("/overview/").text)
    for path in ("/integrations/", "/overview/"):
        assert "calls" not in text_of(eli.get(path).text)


def spend(rt: Runtime, user: t.User, calls: int, limited: int = 0) -> int:
    """Let an account of somebody have made so many calls today; return its id."""
    account = factories.make_account(rt, user, provider=NAME, label=user.name, last_success_at=rt.now())
    with rt.writing() as session:
        usage.add(rt, session, t.pk(account), usage.Spent(calls, calls, limited))
    return t.pk(account)


@pytest.mark.parametrize(
    ("calls", "percent", "is_high"),
    [(0, "0 %", False), (1, "under 1 %", False), (55_000, "6 %", False), (800_000, "80 %", True)],
)
def test_a_share_is_never_shown_as_nothing(calls: int, percent: str, is_high: bool) -> None:
    cost = costs.Cost(None, usage.Used(calls, calls, 0, 1, 1, "", calls), usage.Budget(1_000_000, 10_000, 600))
    assert (cost.percent, cost.is_high) == (percent, is_high)


# --- the steps of setting up


def state_of(app: Any, proof: Proof | None, row: dict[str, Any] | None, **holders: Any) -> str:
    """Return the state of one step while the credentials are like that."""
    base = {"provider": NAME, "client_id": "1", "created_at": AT}
    current = None if row is None else t.ProviderCredential(**{**base, **row})
    standing = credentials.Standing(current, holders=Holders(**holders))
    with app.test_request_context():
        return setup_lines.of([SetupStep("", "", proof=proof)], standing, REDIRECT)[0].state


AT = factories.Clock()()
ELSEWHERE = "https://old.example.com/oauth/google/callback"


@pytest.mark.parametrize(
    ("proof", "row", "holders", "state"),
    [
        (None, {}, {}, "unseen"),  # nothing shows here, whatever there is
        (None, None, {}, "unseen"),
        (Proof.SAVED, None, {}, "open"),
        (Proof.SAVED, {}, {}, "done"),
        (Proof.SAVED, {"refused_at": AT}, {}, "done"),
        (Proof.ACCEPTED, {}, {}, "done"),
        (Proof.ACCEPTED, {"refused_at": AT}, {}, "wrong"),
        (Proof.REDIRECT, {}, {}, "open"),  # typed by hand: nobody has come back yet
        (Proof.REDIRECT, {"extra": {"redirect_uris": [REDIRECT]}}, {}, "done"),
        (Proof.REDIRECT, {"extra": {"redirect_uris": [ELSEWHERE]}}, {}, "wrong"),
        (Proof.REDIRECT, {"signed_in_uri": REDIRECT, "extra": {"redirect_uris": [ELSEWHERE]}}, {}, "done"),
        (Proof.REDIRECT, {"signed_in_uri": ELSEWHERE}, {}, "wrong"),  # the public address has changed
        (Proof.SIGN_IN, {}, {}, "open"),
        (Proof.SIGN_IN, {"signed_in_at": AT}, {}, "done"),
        (Proof.SIGN_IN, {}, {"accounts": 1, "people": 1}, "done"),  # connected by an older version
        (Proof.ANSWER, {}, {"accounts": 1, "people": 1}, "open"),  # the calendars could not be listed
        (Proof.ANSWER, {"answered_at": AT}, {}, "done"),
        (Proof.ANSWER, {}, {"accounts": 1, "people": 1, "read_at": AT}, "done"),
        (Proof.LASTING, {}, {}, "open"),
        (Proof.LASTING, {}, {"accounts": 2, "people": 1}, "done"),
        (Proof.LASTING, {}, {"accounts": 2, "people": 1, "ending": 1, "ends_at": AT}, "wrong"),
        (Proof.NOTICE, {}, {"accounts": 1}, "open"),
        (Proof.NOTICE, {"extra": {"heard_at": AT.isoformat()}}, {"accounts": 1}, "done"),
    ],
)
def test_each_step_is_ticked_by_what_shows_and_by_nothing_else(
    app: Any, proof: Proof | None, row: dict[str, Any] | None, holders: dict[str, Any], state: str
) -> None:
    assert state_of(app, proof, row, **holders) == state


def test_the_card_counts_what_is_seen_to_be_done(rt: Runtime, cast: factories.Cast, ada: FlaskClient) -> None:
    assert "0 of 10 are seen to be done" in text_of(ada.get(PAGE).text)
    credentials.save(rt, NAME, PAIR, file=ClientFile(PAIR, (REDIRECT,), "acme-4711"), by=factories.acting(cast.ada))
    page = text_of(ada.get(PAGE).text)
    assert "4 of 10 are seen to be done" in page
    assert "Saved, of the project acme-4711." in page
    assert "The imported file names it." in page
    assert "Cannot be seen from here." in page
