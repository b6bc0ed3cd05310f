"""Sync History: what failed is retried or archived, one record, a cause, runs at once."""

import pytest
from flask.testing import FlaskClient

from calsync.providers.memory import FaultKind
from calsync.services import queued
from tests.services.office import Office
from tests.web.conftest import SignIn
from tests.web.history import run_row, with_failures, with_failures_of
from tests.web.offices import work_waiting

pytestmark = pytest.mark.usefixtures("office")


# --- retry


def test_retry_of_a_run_tries_what_failed_and_says_so_on_both(office: Office, eli: FlaskClient) -> None:
    run = with_failures(office)
    child = int(eli.post(f"/history/{run.id}/retry").location.rpartition("/")[2])
    queued.work(office.rt, child)
    assert office.titles_there() == ["Demo", "Offer"]
    text = eli.get(f"/history/{run.id}").text
    assert f"run {child}" in text
    assert "Retried OK" in text


def test_retry_of_one_record_leaves_the_others(office: Office, eli: FlaskClient) -> None:
    run = with_failures(office)
    step = next(s for s in office.steps(run) if s.title == "Demo")
    child = eli.post(f"/history/{run.id}/retry", data={"step": step.id}).location
    queued.work(office.rt, int(child.rpartition("/")[2]))
    assert office.titles_there() == ["Demo"]


def test_retry_of_a_cause_takes_all_its_records(office: Office, eli: FlaskClient) -> None:
    run = with_failures(office)
    text = eli.get(f"/history/{run.id}").text
    key = text.split('name="cause" value="')[1].split('"')[0]
    child = eli.post(f"/history/{run.id}/retry", data={"cause": key}).location
    queued.work(office.rt, int(child.rpartition("/")[2]))
    assert office.titles_there() == ["Demo", "Offer"]
    assert eli.post(f"/history/{run.id}/retry", data={"cause": "unknown"}).status_code == 404


def test_double_click_on_retry_is_one_run(office: Office, eli: FlaskClient) -> None:
    run = with_failures(office)
    assert eli.post(f"/history/{run.id}/retry").location == eli.post(f"/history/{run.id}/retry").location


def test_retry_with_nothing_failed_is_refused(office: Office, eli: FlaskClient) -> None:
    office.meeting()
    run = office.sync()
    answer = eli.post(f"/history/{run.id}/retry")
    assert answer.status_code == 409
    assert "Nothing in this run is failed any more" in answer.text


def test_retry_of_chosen_records_leaves_the_others(office: Office, eli: FlaskClient) -> None:
    run = with_failures(office)
    office.write("Lunch", hours=42)
    step = next(s for s in office.steps(run) if s.title == "Offer")
    assert f'name="steps" value="{step.id}"' in eli.get(f"/history/{run.id}").text
    child = eli.post(f"/history/{run.id}/retry", data={"chosen": "yes", "steps": [step.id]}).location
    queued.work(office.rt, int(child.rpartition("/")[2]))
    assert office.titles_there() == ["Offer"]


def test_choosing_no_record_retries_nothing(office: Office, eli: FlaskClient) -> None:
    run = with_failures(office)
    assert "outcome=failed" in eli.post(f"/history/{run.id}/retry", data={"chosen": "yes"}).location
    assert queued.list_waiting(office.rt) == []


def test_several_runs_are_retried_at_once(office: Office, eli: FlaskClient) -> None:
    first = with_failures(office)
    eli.post(f"/history/{first.id}/retry")
    work_waiting(office.rt)
    second = with_failures_of("Lunch", office)
    page = eli.get("/history/?tab=errors").text
    assert f'name="ids" value="{second.id}"' in page
    answer = eli.post("/history/retry?tab=errors", data={"ids": [second.id, first.id]}, follow_redirects=True)
    assert answer.request.query_string == b"tab=errors"
    assert "Trying 1 run again." in answer.text
    assert "Nothing in this run is failed any more." in answer.text  # a later run had taken it up
    work_waiting(office.rt)
    assert office.titles_there() == ["Demo", "Lunch", "Offer"]


def test_a_recovered_row_says_so_and_offers_no_retry(office: Office, eli: FlaskClient) -> None:
    run = with_failures(office)
    assert f"/history/{run.id}/retry" in eli.get("/history/?tab=errors").text
    eli.post(f"/history/{run.id}/retry")
    work_waiting(office.rt)
    text = eli.get("/history/?tab=errors").text
    assert "2 recovered" in text
    assert f"/history/{run.id}/retry" not in text


def test_a_run_that_failed_as_a_whole_is_retried_as_a_whole(office: Office, eli: FlaskClient) -> None:
    office.settle()
    office.write("Demo", hours=40)
    office.server.faults.arm(FaultKind.UNAVAILABLE)
    run = office.sync()
    office.server.allow()
    assert (run.state, run.failed) == ("failed", 0)
    assert f"/history/{run.id}/retry" in eli.get("/history/").text
    child = eli.post(f"/history/{run.id}/retry").location
    assert child == eli.post(f"/history/{run.id}/retry").location
    work_waiting(office.rt)
    assert office.titles_there() == ["Demo"]


def test_a_retry_that_failed_as_a_whole_tries_the_same_records_again(office: Office, eli: FlaskClient) -> None:
    run = with_failures(office)
    step = next(s for s in office.steps(run) if s.title == "Demo")
    eli.post(f"/history/{run.id}/retry", data={"step": step.id})
    office.server.faults.arm(FaultKind.UNAVAILABLE)
    [child] = work_waiting(office.rt)
    office.server.allow()
    office.write("Lunch", hours=42)
    again = int(eli.post(f"/history/{child}/retry").location.rpartition("/")[2])
    assert run_row(office, again).parent_id == run.id
    work_waiting(office.rt)
    assert office.titles_there() == ["Demo", "Offer"]


def test_several_runs_of_others_are_not_found(office: Office, sign_in: SignIn) -> None:
    run = with_failures(office)
    assert sign_in(office.cast.sam).post("/history/retry", data={"ids": [run.id]}).status_code == 404
    office.change_account(user_id=office.cast.vic.id)
    assert sign_in(office.cast.vic).post("/history/retry", data={"ids": [run.id]}).status_code == 403
    assert "Retry selected" not in sign_in(office.cast.vic).get("/history/").text
    assert queued.list_waiting(office.rt) == []


def test_nothing_ticked_is_said(eli: FlaskClient) -> None:
    assert "Tick at least one run first" in eli.post("/history/retry", follow_redirects=True).text


# --- archive


def test_what_was_archived_is_tried_no_more_until_a_side_changes(office: Office, eli: FlaskClient) -> None:
    run = with_failures(office)
    step = next(s for s in office.steps(run) if s.title == "Demo")
    answer = eli.post(f"/history/{run.id}/archive", data={"step": step.id}, follow_redirects=True)
    assert "Archived: 1 record." in answer.text
    eli.post(f"/history/{run.id}/retry")
    work_waiting(office.rt)
    office.settle()
    assert office.titles_there() == ["Offer"]
    assert "Archived" in eli.get(f"/history/{run.id}").text
    office.edit("Demo", location="Room 9")
    office.settle()
    assert office.titles_there() == ["Demo", "Offer"]


def test_a_run_whose_failures_were_all_archived_has_no_errors_left(office: Office, eli: FlaskClient) -> None:
    run = with_failures(office)
    key = eli.get(f"/history/{run.id}").text.split('name="cause" value="')[1].split('"')[0]
    eli.post(f"/history/{run.id}/archive", data={"cause": key})
    after = run_row(office, run.id)
    assert (after.failed, after.skipped) == (0, run.skipped + 2)
    text = eli.get(f"/history/{run.id}").text
    assert "What went wrong" not in text
    assert f"/history/{run.id}/retry" not in text
    assert eli.post(f"/history/{run.id}/archive", data={"cause": key}).status_code == 404


def test_several_records_are_archived_at_once_and_nothing_ticked_is_said(office: Office, eli: FlaskClient) -> None:
    run = with_failures(office)
    ids = [s.id for s in office.steps(run)]
    nothing = eli.post(f"/history/{run.id}/archive", data={"chosen": "yes"}, follow_redirects=True)
    assert "Tick at least one record first" in nothing.text
    eli.post(f"/history/{run.id}/archive", data={"chosen": "yes", "steps": ids})
    assert run_row(office, run.id).failed == 0


def test_clients_archive_nothing(office: Office, sign_in: SignIn) -> None:
    run = with_failures(office)
    office.change_account(user_id=office.cast.vic.id)
    assert sign_in(office.cast.vic).post(f"/history/{run.id}/archive").status_code == 403
