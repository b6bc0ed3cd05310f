"""One run in full: its records and values, approval, busy blocks."""

import json
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from calsync.services import queued, sync
from calsync.store import tables as t
from tests import factories
from tests.services.office import WORK, Office
from tests.services.two_calendars import at_home, choose, home_of, with_home
from tests.web.conftest import SignIn, text_of
from tests.web.history import run_row, with_failures, with_held

pytestmark = pytest.mark.usefixtures("office")


def test_occurrences_that_went_along_are_named_to_whom_they_concern(
    office: Office, ada: FlaskClient, eli: FlaskClient
) -> None:
    office.rule(cancel_visibly=False, import_private="skip")
    handle = office.meeting("Weekly", rrule="FREQ=WEEKLY")
    office.settle()
    second = factories.START + timedelta(hours=24, weeks=1)
    office.server.override(WORK, handle, second, summary="Salary talk", classification="private")
    office.settle()
    office.cancel("Weekly")
    run = office.sync()
    mine, theirs = (who.get(f"/history/{run.id}").text for who in (eli, ada))
    assert "Went along in the calendar" in mine
    assert "Salary talk" in mine
    assert "Went along in the calendar" in theirs
    assert "Salary talk" not in theirs


# --- one run


def test_a_run_shows_values_before_and_after(office: Office, ada: FlaskClient) -> None:
    handle = office.meeting("Kick-off")
    office.settle()
    office.server.edit("work", handle, summary="Kick-off, moved")
    run = office.sync()
    text = ada.get(f"/history/{run.id}").text
    assert '<div class="diff-old">Kick-off</div>' in text
    assert '<div class="diff-new">Kick-off, moved</div>' in text
    assert "Changed in the calendar." in text


def test_private_values_are_shown_to_their_owner_alone(office: Office, ada: FlaskClient, sign_in: SignIn) -> None:
    office.rule(import_private="full")
    office.meeting("Interview with Zoe", classification="private", location="Secret place")
    run = office.sync()
    for secret in ("Zoe", "Secret place"):
        assert secret not in ada.get(f"/history/{run.id}").text
        assert secret not in ada.get(f"/history/{run.id}/records.json").text
        assert secret in sign_in(office.cast.eli).get(f"/history/{run.id}").text


def test_errors_are_grouped_by_cause_with_the_fix(office: Office, ada: FlaskClient) -> None:
    run = with_failures(office)
    text = ada.get(f"/history/{run.id}").text
    assert "No permission: 2 records" in text
    assert "Retry these 2" in text
    assert "/help/#cannot-edit" in text


def test_records_can_be_chosen_by_outcome(office: Office, ada: FlaskClient) -> None:
    office.meeting("Kick-off")
    office.write("Review")
    run = office.sync()
    assert ada.get(f"/history/{run.id}?outcome=created").text.count('class="record"') == 2
    assert "No record with this outcome" in ada.get(f"/history/{run.id}?outcome=failed").text


def test_records_export(office: Office, ada: FlaskClient) -> None:
    office.meeting("Kick-off")
    run = office.sync()
    rows = json.loads(ada.get(f"/history/{run.id}/records.json").text)
    assert [(row["outcome"], row["title"]) for row in rows] == [("created", "Kick-off")]
    assert "Kick-off" in ada.get(f"/history/{run.id}/records.csv").text


def test_a_run_tells_from_where_to_where_it_read(office: Office, ada: FlaskClient) -> None:
    office.meeting("Kick-off")
    first = office.sync()
    office.meeting("Review", hours=30)
    second = office.sync()
    assert "none: everything was read" in ada.get(f"/history/{first.id}").text
    [(before, after)] = second.cursors.values()
    [(_, reached)] = first.cursors.values()
    assert before == reached != after
    text = ada.get(f"/history/{second.id}").text
    assert f"<code>{before}</code>" in text
    assert f"<code>{after}</code>" in text


def test_unknown_run_is_not_found(ada: FlaskClient) -> None:
    assert ada.get("/history/99").status_code == 404


def test_fragment_follows_a_run_and_reloads_at_its_end(office: Office, ada: FlaskClient) -> None:
    run = with_failures(office)
    child = ada.post(f"/history/{run.id}/retry").location
    asked = {"HX-Request": "true"}
    waiting = ada.get(child, headers=asked)
    assert "Queued" in waiting.text
    assert "every 2s" in waiting.text
    queued.work(office.rt, int(child.rpartition("/")[2]))
    ended = ada.get(child, headers=asked)
    assert ended.headers["HX-Refresh"] == "true"
    assert "every 2s" not in ended.text


# --- held runs


def test_an_admin_approves_what_was_shown(office: Office, ada: FlaskClient) -> None:
    run = with_held(office)
    text = ada.get(f"/history/{run.id}").text
    assert "3 changes wait for approval" in text
    digest = text.split('name="digest" value="')[1].split('"')[0]
    assert ada.post(f"/history/{run.id}/approve", data={"digest": digest}).status_code == 303
    assert "3 changes approved" in ada.get(f"/history/{run.id}").text
    office.sync()
    assert office.titles_there() == ["Lead 0", "Lead 1", "Lead 2"]


def test_an_approval_of_something_else_is_refused(office: Office, ada: FlaskClient) -> None:
    run = with_held(office)
    assert ada.post(f"/history/{run.id}/approve", data={"digest": "old"}).status_code == 409
    assert ada.post(f"/history/{run.id}/approve").status_code == 409


def test_an_admin_discards(office: Office, ada: FlaskClient) -> None:
    run = with_held(office)
    assert ada.post(f"/history/{run.id}/discard").status_code == 303
    office.sync()
    assert office.titles_there() == []
    assert run_row(office, run.id).state == "cancelled"


def test_staff_see_that_an_admin_has_to_approve(office: Office, eli: FlaskClient) -> None:
    run = with_held(office)
    assert "An admin approves or discards it." in eli.get(f"/history/{run.id}").text
    assert eli.post(f"/history/{run.id}/approve").status_code == 403


# --- busy blocks


def with_block(office: Office) -> t.Run:
    """Return a run that wrote a busy block, because Eli is at the dentist by his other calendar."""
    with_home(office)
    choose(office)
    at_home(office, "Dentist")
    sync.run(office.rt, home_of(office).account_id)
    return office.sync()


def test_what_a_block_is_there_for_is_told_to_its_person_alone(
    office: Office, ada: FlaskClient, eli: FlaskClient
) -> None:
    path = f"/history/{with_block(office).id}"
    mine, admins = text_of(eli.get(path).text), text_of(ada.get(path).text)
    assert "Busy blocks 1 written, 0 removed, 0 failed" in mine
    assert "Busy blocks 1 written, 0 removed, 0 failed" in admins
    assert "Busy block for “Dentist” in Home" in mine
    assert "Busy block" in admins
    assert "Undo" not in mine  # it would be made anew
    for page in (admins, ada.get(f"{path}/records.csv").text, ada.get("/history/").text):
        assert "Dentist" not in page


def test_handed_over_with_its_account_a_block_keeps_to_itself_what_it_is_there_for(
    office: Office, ada: FlaskClient
) -> None:
    run = with_block(office)
    office.change_account(user_id=office.cast.ada.id)
    assert "Dentist" not in ada.get(f"/history/{run.id}").text
