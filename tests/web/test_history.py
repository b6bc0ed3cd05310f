"""Sync History: the list and its filters, one run in full, retry, approval, and what others may not see."""

import json
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlmodel import select

from calsync.engine.vocabulary import RunState
from calsync.providers.memory import FaultKind
from calsync.services import queued, sync, undo
from calsync.store import history
from calsync.store import tables as t
from calsync.store.keyset import Cut
from tests import factories
from tests.services.office import WORK, Office
from tests.services.two_calendars import at_home, choose, home_of, with_home
from tests.web.conftest import SignIn, text_of
from tests.web.offices import work_waiting
from tests.web.queries import count_queries

pytestmark = pytest.mark.usefixtures("office")


def with_failures(office: Office) -> t.Run:
    """Return a run in which two activities could not be written."""
    office.settle()
    office.write("Demo", hours=40)
    office.write("Offer", hours=41)
    office.server.set_access("work", "reader")
    run = office.sync()
    office.server.set_access("work", "owner")
    return run


def with_failures_of(title: str, office: Office) -> t.Run:
    """Return a run in which one activity could not be written."""
    office.write(title, hours=50)
    office.server.set_access("work", "reader")
    run = office.sync()
    office.server.set_access("work", "owner")
    return run


def with_held(office: Office) -> t.Run:
    office.settle()
    office.rule(brake_creates=1)
    for number in range(3):
        office.write(f"Lead {number}", hours=30 + number)
    return office.sync()


def run_row(office: Office, run_id: int) -> t.Run:
    with office.rt.reading() as session:
        return session.get_one(t.Run, run_id)


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


# --- the list


def test_empty_list_says_the_next_step(ada: FlaskClient) -> None:
    assert "Nothing has run yet" in ada.get("/history/").text


def test_list_shows_what_each_run_did(office: Office, ada: FlaskClient) -> None:
    office.meeting("Kick-off")
    run = office.sync()
    text = ada.get("/history/").text
    assert f"/history/{run.id}" in text
    assert "Succeeded" in text
    assert "Memory to CRM" in text


def test_runs_without_changes_are_folded_until_asked_for(office: Office, ada: FlaskClient) -> None:
    office.meeting()
    office.sync()
    for _ in range(3):
        office.sync()
    folded, shown = ada.get("/history/").text, ada.get("/history/?quiet=show").text
    assert "3 runs with no changes" in folded
    assert folded.count("data-row") == 1
    assert shown.count("data-row") == 4


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("tab=inbound", 1),
        ("tab=outbound", 1),
        ("tab=errors", 1),
        ("tab=held", 0),
        ("state=partial", 1),
        ("state=nonsense", 0),
        ("trigger=retry", 0),
        ("class=permission", 1),
        ("class=auth", 0),
        ("since=2030-01-08", 0),
        ("until=2030-01-06", 0),
        ("since=2030-01-07&until=2030-01-07", 3),
        ("account=1", 3),
        ("account=99", 0),
        ("calendar=1", 3),
    ],
)
def test_filters_in_the_address(query: str, rows: int, office: Office, ada: FlaskClient) -> None:
    office.meeting("Kick-off")
    office.sync()
    office.write("Review")
    office.sync()
    with_failures(office)
    assert ada.get(f"/history/?{query}").text.count("data-row") == rows


def test_calendars_to_filter_by_are_those_of_the_account(office: Office, ada: FlaskClient, sign_in: SignIn) -> None:
    assert 'name="calendar"' not in ada.get("/history/").text
    factories.make_calendar(office.rt, office.account, "Holidays", remote_id="holidays", is_write_target=False)
    assert "Holidays" in ada.get(f"/history/?account={office.account.id}").text
    assert "Holidays" not in sign_in(office.cast.sam).get(f"/history/?account={office.account.id}").text


def test_a_run_says_which_settings_changed_since(office: Office, ada: FlaskClient) -> None:
    office.meeting()
    run = office.sync()
    assert "changed since" not in ada.get(f"/history/{run.id}").text
    office.rule(window_past_days=7)
    text = ada.get(f"/history/{run.id}").text
    assert "Settings in force, 1 changed since" in text
    assert "now 7 days" in text


def test_paging_keeps_every_run_once(office: Office) -> None:
    with office.rt.writing() as session:
        for number in range(23):
            state = RunState.SUCCEEDED if number % 3 else RunState.NO_CHANGES
            session.add(t.Run(account_id=office.account.id, trigger="manual", state=state, started_at=office.clock()))
    seen: list[int] = []
    cut = Cut(4)
    with office.rt.reading() as session:
        while True:
            found = history.list_runs(session, history.Filters(), cut)
            seen += [line.run.id for line in found.rows]
            if not found.has_next:
                break
            cut = Cut(4, after=(seen[-1],))
        back = history.list_runs(session, history.Filters(), Cut(4, before=(seen[-1],)))
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == len(set(seen)) == 15
    assert [line.run.id for line in back.rows] == seen[-5:-1]


def test_fragment_is_the_table_alone(office: Office, ada: FlaskClient) -> None:
    office.sync()
    text = ada.get("/history/", headers={"HX-Request": "true"}).text
    assert text.lstrip().startswith("<div")
    assert 'id="runs"' in text
    assert "<html" not in text


def test_list_polls_only_while_a_run_is_active(office: Office, ada: FlaskClient) -> None:
    run = with_failures(office)
    assert "every 5s" not in ada.get("/history/").text
    ada.post(f"/history/{run.id}/retry")
    assert "every 5s" in ada.get("/history/").text


def test_export_has_every_run_and_no_formula(office: Office, ada: FlaskClient) -> None:
    office.meeting()
    office.sync()
    office.sync()
    office.change_account(label="=cmd()")
    rows = json.loads(ada.get("/history/export.json").text)
    assert [row["state"] for row in rows] == ["no_changes", "succeeded"]
    assert "'=cmd()" in ada.get("/history/export.csv").text


def test_strangers_see_none_of_it(office: Office, sign_in: SignIn) -> None:
    run = with_failures(office)
    sam = sign_in(office.cast.sam)
    assert sam.get("/history/").text.count("data-row") == 0
    for path in (f"/history/{run.id}", f"/history/{run.id}/records.json"):
        assert sam.get(path).status_code == 404
    assert sam.post(f"/history/{run.id}/retry").status_code == 404


def test_anonymous_people_are_sent_to_the_login(anonymous: FlaskClient) -> None:
    assert "/login" in anonymous.get("/history/").location


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


# --- undo


def edited(office: Office) -> t.Run:
    """Return a run that brought an edit in."""
    handle = office.meeting("Kick-off")
    office.settle()
    office.server.edit("work", handle, summary="Wrong title", location="Nowhere")
    return office.sync()


def digest_in(text: str) -> str:
    return text.split('name="digest" value="')[1].split('"')[0]


def test_undo_shows_what_goes_back_and_does_nothing_yet(office: Office, eli: FlaskClient) -> None:
    run = edited(office)
    assert f"/history/{run.id}/undo" in eli.get(f"/history/{run.id}").text
    text = eli.get(f"/history/{run.id}/undo").text
    assert '<div class="diff-old">Wrong title</div><div class="diff-new">Kick-off</div>' in text
    assert "Undo 1 change" in text
    assert office.titles_here() == ["Wrong title"]


def test_undo_takes_it_back_on_both_sides(office: Office, eli: FlaskClient) -> None:
    run = edited(office)
    answer = eli.post(f"/history/{run.id}/undo", data={"digest": digest_in(eli.get(f"/history/{run.id}/undo").text)})
    child = int(answer.location.rpartition("/")[2])
    queued.work(office.rt, child)
    assert office.titles_here() == office.titles_there() == ["Kick-off"]
    text = eli.get(f"/history/{run.id}").text
    assert "Taken back in" in text
    assert "Undone" in text
    assert "Nothing can be taken back" in eli.get(f"/history/{run.id}/undo").text


def test_undo_lists_what_stays(office: Office, eli: FlaskClient) -> None:
    run = edited(office)
    office.edit("Wrong title", summary="Third title")
    office.settle()
    text = eli.get(f"/history/{run.id}/undo").text
    assert "Changed since, so it stays as it is." in text


def test_undo_of_something_else_than_was_shown_is_refused(office: Office, eli: FlaskClient) -> None:
    run = edited(office)
    answer = eli.post(f"/history/{run.id}/undo", data={"digest": "old"})
    assert answer.status_code == 422
    assert "Something has changed since you looked" in answer.text


def test_undo_hides_private_values_and_is_not_for_clients(office: Office, ada: FlaskClient, sign_in: SignIn) -> None:
    office.rule(import_private="full")
    handle = office.meeting("Interview Zoe", classification="private")
    office.settle()
    office.server.edit("work", handle, location="Secret place")
    run = office.sync()
    text = ada.get(f"/history/{run.id}/undo").text
    assert "Zoe" not in text
    assert "Secret place" not in text
    office.change_account(user_id=office.cast.vic.id)
    assert sign_in(office.cast.vic).get(f"/history/{run.id}/undo").status_code == 403


def test_undo_of_a_large_run_is_looked_through_by_a_run_first(
    office: Office, eli: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(undo, "AT_ONCE", 1)
    for number in range(3):
        office.write(f"Review {number}", hours=30 + number)
    run = office.sync()
    assert "This run changed 3 records" in eli.get(f"/history/{run.id}/undo").text
    preview = eli.post(f"/history/{run.id}/undo").location
    queued.work(office.rt, int(preview.rpartition("/")[2]))
    assert len(office.titles_there()) == 3
    assert "Undo 3 changes" in eli.get(preview).text
    child = eli.post(f"{preview}/undo").location
    queued.work(office.rt, int(child.rpartition("/")[2]))
    assert office.titles_there() == []


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


# --- cost


def test_at_most_twelve_queries_a_page(office: Office, ada: FlaskClient) -> None:
    undoable = edited(office)
    run = with_failures(office)
    held = with_held(office)
    with office.rt.writing() as session:
        session.merge(t.Instance(id=1))  # as every installation has it that ever started
    for path in ("/history/", f"/history/{run.id}", f"/history/{held.id}", f"/history/{undoable.id}/undo"):
        ada.get(path)
        with count_queries(office.rt) as queries:
            assert ada.get(path).status_code == 200
        assert len(queries) <= 12, "\n\n".join(q[:160].replace("\n", " ") for q in queries)


def test_cost_of_the_list_does_not_grow_with_runs_that_changed_nothing(office: Office) -> None:
    office.meeting()
    office.sync()
    with office.rt.writing() as session:
        many = [
            t.Run(account_id=1, trigger="schedule", state="no_changes", started_at=office.clock()) for _ in range(300)
        ]
        session.add_all(many)
    with office.rt.reading() as session:
        found = history.list_runs(session, history.Filters(), Cut(10))
        quiet = history.quiet_ids(session, history.Filters(), 0, None)
        assert len(session.exec(select(t.Run.id)).all()) == 301
    assert (len(found.rows), len(quiet)) == (1, 300)
