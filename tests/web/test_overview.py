"""The overview: what waits and for whom, how it goes, and the steps of setting up."""

import html
import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlmodel import select

from calsync.engine.vocabulary import Policy
from calsync.services import claims
from calsync.store import overview
from calsync.store import tables as t
from tests import factories
from tests.services.office import WORK, Office
from tests.web.conftest import SignIn
from tests.web.queries import count_queries

pytestmark = pytest.mark.usefixtures("office")


def with_trouble(office: Office) -> None:
    """Leave a failed record, a conflict and a held run behind."""
    office.rule(policy=Policy.MANUAL)
    handle = office.meeting("Kick-off")
    office.settle()
    office.server.edit(WORK, handle, summary="there")
    office.edit("Kick-off", summary="here")
    office.write("Demo")
    office.server.set_access(WORK, "reader")
    office.sync()
    office.server.set_access(WORK, "owner")
    office.rule(brake_creates=1)
    for number in range(3):
        office.write(f"Lead {number}", hours=50 + number)
    office.sync()


def test_people_start_here(ada: FlaskClient) -> None:
    assert ada.get("/").location.endswith("/overview/")


def test_anonymous_people_are_sent_to_the_login(anonymous: FlaskClient) -> None:
    assert "/login" in anonymous.get("/overview/").location


def test_when_all_is_well_it_says_that_nobody_has_to_act(office: Office, ada: FlaskClient) -> None:
    office.meeting()
    office.settle()
    assert "Nobody has to do anything" in ada.get("/overview/").text


def test_everything_that_waits_is_named_with_whose_turn_it_is(office: Office, ada: FlaskClient) -> None:
    with_trouble(office)
    text = ada.get("/overview/").text
    for said in (
        "could not be written",
        "1 conflict waits for a decision",
        "1 run is held for approval",
        "No permission",
    ):
        assert said in text
    assert "Nobody has to do anything" not in text


def test_an_account_to_reconnect_names_its_owner(office: Office, ada: FlaskClient) -> None:
    office.meeting()
    office.settle()
    office.change_account(grant_ok=False)
    text = ada.get("/overview/").text
    assert "1 account needs to be reconnected" in text
    assert '<div class="turn-whose">Eli</div>' in text


def test_an_issue_has_the_button_that_mends_it(office: Office, ada: FlaskClient, sign_in: SignIn) -> None:
    with_trouble(office)
    text = ada.get("/overview/").text
    assert f'<a class="btn btn-sm" href="/accounts/{office.account.id}">Enable write access</a>' in text
    with office.rt.writing() as session:
        for step in session.exec(select(t.Step).where(t.Step.error_class == "permission")):
            step.error_class = "network"
            session.add(step)
    assert "/retry" in ada.get("/overview/").text
    office.change_account(user_id=office.cast.vic.id)
    assert "/retry" not in sign_in(office.cast.vic).get("/overview/").text


def test_owners_are_told_that_it_is_their_turn(office: Office, eli: FlaskClient) -> None:
    with_trouble(office)
    assert '<div class="turn-whose">You</div>' in eli.get("/overview/").text


def test_strangers_see_nothing_of_it(office: Office, sign_in: SignIn) -> None:
    with_trouble(office)
    text = sign_in(office.cast.sam).get("/overview/").text
    assert "Getting started" in text
    assert "could not be written" not in text
    assert "Last 24 hours" not in text


def test_new_people_see_the_steps_with_their_state(office: Office, sign_in: SignIn, cast: factories.Cast) -> None:
    text = sign_in(cast.sam).get("/overview/").text
    assert "0 of 5 done" in text


def test_steps_tick_themselves_and_the_list_goes_when_all_are_done(office: Office, ada: FlaskClient) -> None:
    assert "4 of 6 done" in ada.get("/overview/").text
    office.meeting()
    office.settle()
    assert "Getting started" not in ada.get("/overview/").text


def test_a_provider_without_credentials_is_a_step(office: Office, sign_in: SignIn, ada: FlaskClient) -> None:
    assert "Configure a provider" in ada.get("/overview/").text
    assert "Configure a provider" not in sign_in(office.cast.eli).get("/overview/").text


def test_last_day_is_counted_by_hour(office: Office, ada: FlaskClient) -> None:
    office.meeting()
    office.settle()
    office.clock.advance(hours=3)
    office.sync()
    text = ada.get("/overview/").text
    assert "<title>3 h ago: 1 change</title>" in text
    assert "<title>This hour: 0 changes</title>" in text


def test_a_bar_of_an_hour_leads_to_its_runs(office: Office, ada: FlaskClient) -> None:
    office.meeting()
    run = office.sync()
    office.clock.advance(hours=3)
    office.meeting("Later", hours=30)
    later = office.sync()
    bar = re.search(r'<a href="([^"]*)" aria-label="3 h ago', ada.get("/overview/").text).group(1)
    shown = ada.get(html.unescape(bar)).text
    assert (f'href="/history/{run.id}"' in shown, f'href="/history/{later.id}"' in shown) == (True, False)
    assert f'href="/history/{later.id}"' in ada.get("/history/?hour=nonsense").text


def test_what_is_older_than_a_day_is_not_counted(office: Office) -> None:
    office.meeting()
    office.settle()
    since = office.clock() + timedelta(hours=1)
    with office.rt.reading() as session:
        assert overview.day(session, since, None) == overview.Day([], 0, has_activities=True)
        whole = overview.day(session, factories.START, None)
    assert (whole.total("created"), whole.quiet) == (1, 1)


def test_page_polls_only_while_a_run_is_active(office: Office, ada: FlaskClient) -> None:
    office.meeting()
    office.settle()
    assert "every 5s" not in ada.get("/overview/").text
    claims.claim(office.rt, office.account.id, "elsewhere:1:x")
    assert "every 5s" in ada.get("/overview/").text
    fragment = ada.get("/overview/", headers={"HX-Request": "true"}).text
    assert 'id="found"' in fragment
    assert "<html" not in fragment


def test_admins_see_when_the_scheduler_stands_still(office: Office, ada: FlaskClient, eli: FlaskClient) -> None:
    office.meeting()
    office.settle()
    assert "The scheduler last worked" in ada.get("/overview/").text
    assert "The scheduler last worked" not in eli.get("/overview/").text
    with office.rt.writing() as session:
        session.merge(t.Instance(id=1, scheduler_tick_at=office.clock()))
    assert "The scheduler last worked" not in ada.get("/overview/").text


def test_freshness_is_said_as_a_person_would(office: Office, ada: FlaskClient) -> None:
    office.settle()
    office.clock.advance(minutes=7)
    assert "Synced within the last 7 minutes" in ada.get("/overview/").text
    other = factories.make_account(office.rt, office.cast.sam, provider="memory", subject="other")
    assert "1 of 2 accounts synced within the last 7 minutes" in ada.get("/overview/").text
    with office.rt.writing() as session:
        session.get_one(t.Account, other.id).last_success_at = office.clock() - timedelta(hours=3)
    assert "All 2 accounts synced within the last 3 hours" in ada.get("/overview/").text


def test_a_pause_that_the_provider_asked_for_is_told(office: Office, ada: FlaskClient) -> None:
    assert "asks to wait" not in ada.get("/overview/").text
    office.change_account(rate_limited_until=office.clock() + timedelta(minutes=9))
    assert "Memory asks to wait until" in ada.get("/overview/").text


def test_admins_see_a_client_secret_that_ends_soon(office: Office, ada: FlaskClient, eli: FlaskClient) -> None:
    with office.rt.writing() as session:
        for days, state in ((20, "current"), (5, "retired"), (300, "current")):
            ends = office.clock() + timedelta(days=days)
            session.add(
                t.ProviderCredential(
                    provider="memory", client_id="x", state=state, secret_expires_at=ends, created_at=office.clock()
                )
            )
    assert ada.get("/overview/").text.count("client secret expires") == 1
    assert "client secret expires" not in eli.get("/overview/").text


def test_at_most_twelve_queries(office: Office, ada: FlaskClient) -> None:
    with_trouble(office)
    ada.get("/overview/")
    with count_queries(office.rt) as queries:
        assert ada.get("/overview/").status_code == 200
    assert len(queries) <= 12, "\n\n".join(query[:160].replace("\n", " ") for query in queries)
