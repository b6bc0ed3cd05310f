"""Explain pages: the verdict, the questions, and what the next run does, in words."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlmodel import select

from calsync.engine.vocabulary import Policy
from calsync.store import tables as t
from tests.services.office import WORK, Office
from tests.web.conftest import text_of
from tests.web.queries import count_queries
from webapp import words
from webapp.words import explain as explain_words

pytestmark = pytest.mark.usefixtures("office")

MOST_QUERIES = 12


def explained(client: FlaskClient, office: Office, title: str) -> str:
    return text_of(client.get(f"/activities/{office.here(title).id}/explain").text)


def event_id(office: Office) -> int:
    with office.rt.reading() as session:
        return session.exec(select(t.MirrorEvent.id)).one() or 0


def test_in_sync_says_so(eli: FlaskClient, office: Office) -> None:
    office.write("Review")
    office.settle()
    page = explained(eli, office, "Review")
    assert "In sync: it stands on Work as it stands here. The next run leaves it as it is." in page


def test_what_was_never_written_says_what_comes(eli: FlaskClient, office: Office) -> None:
    office.write("Review")
    page = explained(eli, office, "Review")
    assert "In sync soon. New in the CRM. The next run writes it to Work for the first time." in page


def test_what_is_filtered_names_the_question(eli: FlaskClient, office: Office) -> None:
    office.write("Review")
    office.rule(kinds_out=("call",))
    page = explained(eli, office, "Review")
    assert "Not synced. This kind of activity does not sync." in page
    assert "Does this kind of activity go out? This kind of activity does not sync." in page
    assert "Is it inside the time window? Not asked any more." in page


def test_the_window_is_told(eli: FlaskClient, office: Office) -> None:
    office.write("Review", hours=24 * 500)
    assert "It reaches from 2029-12-08 to 2031-01-08." in explained(eli, office, "Review")


def test_a_clash_tells_what_changed_and_who_wins(eli: FlaskClient, office: Office) -> None:
    handle = office.meeting("Review")
    office.settle()
    office.edit("Review", location="Here")
    office.clock.advance(minutes=1)
    office.server.edit(WORK, handle, location="There")
    office.sync(dry=True)
    page = explained(eli, office, "Review")
    assert "Changed here Location Changed there Location" in page
    assert "How it is decided Location: changed here" in page
    assert "The next run takes over location from Work." in page


def test_conflicts_lead_to_the_decision(eli: FlaskClient, office: Office) -> None:
    office.rule(policy=Policy.MANUAL)
    handle = office.meeting("Review")
    office.settle()
    office.edit("Review", location="Here")
    office.server.edit(WORK, handle, location="There")
    office.sync()
    html = eli.get(f"/activities/{office.here('Review').id}/explain").text
    assert "It waits for a person: both sides changed." in html
    assert 'href="/conflicts/1"' in html


def test_failures_lead_to_their_step(eli: FlaskClient, office: Office) -> None:
    office.settle()
    office.write("Review")
    office.server.set_access(WORK, "reader")
    run = office.sync()
    html = eli.get(f"/activities/{office.here('Review').id}/explain").text
    assert "The last try failed." in html
    assert f'href="/history/{run.id}#step-' in html


def test_a_paused_account_comes_first(eli: FlaskClient, office: Office) -> None:
    office.write("Review")
    office.change_account(state="paused")
    assert "Nothing happens now. The account is paused" in explained(eli, office, "Review")


def test_without_a_calendar_the_next_step_is_named(eli: FlaskClient, office: Office) -> None:
    office.write("Review")
    office.change_calendar(is_write_target=False)
    assert "No calendar is chosen for new activities of this person." in explained(eli, office, "Review")


def test_events_are_for_their_owner_and_admins(
    sign_in: Any, ada: FlaskClient, eli: FlaskClient, vic: FlaskClient, office: Office
) -> None:
    office.rule(import_private="skip")
    office.meeting("Dentist", classification="private", location="Elm Street", description="Root canal")
    office.settle()
    url = f"/events/{event_id(office)}"
    assert "Elm Street" in eli.get(url).text
    page = ada.get(url)
    assert "Private: its owner alone sees more than the time." in text_of(page.text)
    assert "Elm Street" not in page.text
    assert "Dentist" not in page.text.replace("Dentist@there", "")
    assert sign_in(office.cast.sam).get(url).status_code == 404
    assert vic.get(url).status_code == 404
    assert eli.get("/events/999").status_code == 404


def test_an_event_with_an_activity_leads_to_it(eli: FlaskClient, office: Office) -> None:
    office.meeting("Kick-off")
    office.settle()
    page = eli.get(f"/events/{event_id(office)}").text
    assert f'href="/activities/{office.here("Kick-off").id}"' in page
    assert "In sync" in page


def test_pages_ask_few_queries(eli: FlaskClient, office: Office) -> None:
    office.rule(import_private="skip")
    office.meeting("Dentist", classification="private")
    office.settle()
    url = f"/events/{event_id(office)}"
    eli.get(url)
    with count_queries(office.rt) as queries:
        assert eli.get(url).status_code == 200
    assert len(queries) <= MOST_QUERIES, "\n".join(queries)


def test_every_question_and_deed_has_words() -> None:
    from calsync.services import answers

    codes = {code for table in (answers.OUT, answers.IN, answers.LINKED) for code, _ in table}
    for code in codes:
        assert explain_words.question(code).endswith("?")
        assert code in explain_words._QUESTIONS
    reasons = {reason for table in (answers.OUT, answers.IN, answers.LINKED) for _, each in table for reason in each}
    assert all(words.reason(reason).endswith(".") for reason in reasons)
