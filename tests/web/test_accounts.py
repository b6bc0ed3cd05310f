"""The list of accounts and what is done to one or several: sync, pause, reconnect, disconnect."""

import dataclasses
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlmodel import select

from calsync.runtime import Runtime
from calsync.services import settings, sync
from calsync.store import tables as t
from tests import factories
from tests.services.office import Office
from tests.web.conftest import HTMX, SignIn, text_of
from tests.web.offices import furnish, work_waiting
from tests.web.queries import count_queries

SOON = timedelta(minutes=4)


@pytest.fixture
def office(rt: Runtime, clock: factories.Clock, cast: factories.Cast) -> Office:
    return furnish(rt, clock, cast)


def account(office: Office) -> t.Account:
    with office.rt.reading() as session:
        return session.get_one(t.Account, office.account.id)


def audited(rt: Runtime) -> list[str]:
    with rt.reading() as session:
        return list(session.exec(select(t.AuditEntry.action)))


# --- the list


def test_an_empty_list_says_the_next_step(eli: FlaskClient, ada: FlaskClient) -> None:
    assert "No accounts yet" in eli.get("/accounts/").text
    page = ada.get("/accounts/").text
    assert "send a connect link to a colleague" in page
    assert "/integrations/" in page


def test_a_row_says_how_the_account_is_doing(office: Office, eli: FlaskClient) -> None:
    office.meeting()
    office.settle()
    page = eli.get("/accounts/")
    said = text_of(page.text)
    assert "Healthy" in said
    assert "1 of 1" in said
    assert page.text.count("<rect class=") == 2


def test_staff_see_their_own_and_admins_all(
    office: Office, eli: FlaskClient, ada: FlaskClient, sign_in: SignIn
) -> None:
    assert "eli@example.com" in eli.get("/accounts/").text
    assert "Eli" in text_of(ada.get("/accounts/").text)
    assert "No accounts yet" in sign_in(office.cast.sam).get("/accounts/").text


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"grant_ok": False}, "needs_reconnect"),
        ({"state": "paused"}, "paused"),
        ({"last_success_at": factories.START}, "healthy"),
        ({"rate_limited_until": factories.START + SOON, "last_success_at": factories.START}, "rate_limited"),
        ({"state": "disconnected"}, "disconnected"),
    ],
)
def test_the_list_is_filtered_by_the_state_that_people_see(
    office: Office, ada: FlaskClient, changes: dict[str, object], state: str
) -> None:
    office.change_account(**changes)
    assert f'id="account-{office.account.id}"' in ada.get(f"/accounts/?state={state}").text
    other = "late" if state != "late" else "stale"
    assert "No account fits" in ada.get(f"/accounts/?state={other}").text


def test_a_filter_by_state_pages_through_what_fits(rt: Runtime, cast: factories.Cast, ada: FlaskClient) -> None:
    for number in range(80):
        trouble = {"grant_ok": number % 2 == 0, "last_success_at": rt.now()}
        factories.make_account(rt, cast.eli, label=f"login-{number}", subject=f"s{number}", **trouble)
    first = ada.get("/accounts/?state=needs_reconnect").text
    assert first.count("data-row") == 25
    rest = ada.get(next_of(first)).text
    assert rest.count("data-row") == 15
    assert "login-78<" not in first + rest


def next_of(page: str) -> str:
    return page.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&")


def test_other_filters_narrow_the_list(office: Office, ada: FlaskClient) -> None:
    theirs = factories.make_account(office.rt, office.cast.sam, can_write=False)
    for query, shown, hidden in (
        (f"owner={office.cast.sam.id}", theirs, office.account),
        ("access=read", theirs, office.account),
        ("access=write", office.account, theirs),
    ):
        page = ada.get(f"/accounts/?{query}").text
        assert f'id="account-{shown.id}"' in page
        assert f'id="account-{hidden.id}"' not in page


def test_the_list_costs_the_same_number_of_queries_with_many_accounts(office: Office, ada: FlaskClient) -> None:
    ada.get("/accounts/")  # the first page of a process asks whether there is anybody at all
    with count_queries(office.rt) as few:
        ada.get("/accounts/")
    for number in range(30):
        made = factories.make_account(office.rt, office.cast.sam, subject=f"s{number}")
        factories.make_calendar(office.rt, made)
    with count_queries(office.rt) as many:
        ada.get("/accounts/")
    assert len(many) == len(few) <= 12, "\n\n".join(many)


# --- sync now


def test_sync_now_makes_the_account_due_and_follows_the_run(office: Office, eli: FlaskClient) -> None:
    office.settle()
    url = f"/accounts/{office.account.id}/sync"
    answer = eli.post(url, headers={**HTMX, "HX-Target": f"account-{office.account.id}"})
    assert answer.status_code == 200
    assert answer.text.lstrip().startswith("<tr")
    assert 'hx-trigger="every 2s"' in answer.text
    assert account(office).requested_trigger == "manual"


def test_following_stops_when_the_run_has_ended(office: Office, eli: FlaskClient) -> None:
    office.settle()
    eli.post(f"/accounts/{office.account.id}/sync")
    assert "HX-Refresh" not in eli.get(f"/accounts/{office.account.id}/live", headers=HTMX).headers
    sync.run(office.rt, office.account.id)
    ended = eli.get(f"/accounts/{office.account.id}/live", headers=HTMX)
    assert ended.headers["HX-Refresh"] == "true"
    assert "hx-trigger" not in ended.text
    assert "hx-trigger" not in eli.get(f"/accounts/{office.account.id}/row", headers=HTMX).text


def test_a_double_click_on_sync_now_asks_once(office: Office, eli: FlaskClient) -> None:
    for _ in range(2):
        assert eli.post(f"/accounts/{office.account.id}/sync").status_code == 303
    assert audited(office.rt).count("account.sync_requested") == 1


def test_a_part_that_follows_is_never_a_page(office: Office, eli: FlaskClient) -> None:
    for part in ("row", "live"):
        answer = eli.get(f"/accounts/{office.account.id}/{part}")
        assert (answer.status_code, answer.location) == (303, f"/accounts/{office.account.id}")


def test_syncing_a_paused_account_says_why_not(office: Office, eli: FlaskClient) -> None:
    office.change_account(state="paused")
    answer = eli.post(f"/accounts/{office.account.id}/sync")
    assert answer.status_code == 409
    assert "Resume it first" in answer.text


def test_reading_everything_anew_forgets_the_cursors(office: Office, eli: FlaskClient) -> None:
    office.meeting()
    office.settle()
    assert eli.post(f"/accounts/{office.account.id}/full-sync").status_code == 303
    with office.rt.reading() as session:
        assert session.get_one(t.Calendar, office.calendar.id).cursor is None


# --- several at once


def test_several_accounts_are_paused_at_once(office: Office, ada: FlaskClient) -> None:
    other = factories.make_account(office.rt, office.cast.sam)
    ids = [office.account.id, other.id]
    answer = ada.post("/accounts/bulk?state=new", data={"ids": ids, "do": "pause"}, follow_redirects=True)
    assert "Paused 2 accounts" in text_of(answer.text)
    assert account(office).state == "paused"


def test_what_cannot_be_done_to_one_stops_no_other(office: Office, ada: FlaskClient) -> None:
    other = factories.make_account(office.rt, office.cast.sam, state="paused")
    data = {"ids": [office.account.id, other.id], "do": "sync"}
    said = text_of(ada.post("/accounts/bulk", data=data, follow_redirects=True).text)
    assert "Asked for a sync of 1 account" in said
    assert "This account is paused. Resume it first." in said


def test_a_frequency_for_several(office: Office, ada: FlaskClient) -> None:
    ada.post("/accounts/bulk", data={"ids": [office.account.id], "do": "frequency", "frequency": "60"})
    assert account(office).overrides == {"frequency": "60"}
    ada.post("/accounts/bulk", data={"ids": [office.account.id], "do": "frequency", "frequency": ""})
    assert account(office).overrides == {}


def test_nobody_touches_accounts_of_others_in_bulk(office: Office, sign_in: SignIn) -> None:
    answer = sign_in(office.cast.sam).post("/accounts/bulk", data={"ids": [office.account.id], "do": "pause"})
    assert answer.status_code == 404
    assert account(office).state == "active"


def test_nothing_ticked_says_so(office: Office, ada: FlaskClient) -> None:
    answer = ada.post("/accounts/bulk", data={"do": "sync"}, follow_redirects=True)
    assert "Tick at least one account" in answer.text


# --- pause and resume


def test_a_pause_has_an_end_and_a_reason(office: Office, eli: FlaskClient) -> None:
    url = f"/accounts/{office.account.id}/pause"
    assert eli.post(url, data={"until": "2030-01-09T08:00", "reason": "On holiday"}).status_code == 303
    paused = account(office)
    assert (paused.state, paused.paused_reason) == ("paused", "On holiday")
    assert paused.paused_until == factories.START + timedelta(days=1, hours=23)
    said = text_of(eli.get(f"/accounts/{office.account.id}").text)
    assert "On holiday" in said
    assert "until 2030-01-09, 08:00" in said


def test_a_pause_that_ends_in_the_past_is_refused_and_keeps_what_was_typed(office: Office, eli: FlaskClient) -> None:
    answer = eli.post(f"/accounts/{office.account.id}/pause", data={"until": "2029-01-09T08:00", "reason": "Move"})
    assert answer.status_code == 422
    assert "in the past" in answer.text
    assert 'value="Move"' in answer.text
    assert account(office).state == "active"


def test_resuming_makes_it_due(office: Office, eli: FlaskClient) -> None:
    office.change_account(state="paused", next_sync_at=None)
    eli.post(f"/accounts/{office.account.id}/resume")
    assert (account(office).state, account(office).next_sync_at) == ("active", factories.START)


# --- signing in again


def test_reconnecting_mends_a_dead_login(office: Office, eli: FlaskClient) -> None:
    subject = f"{office.account.username}@{office.account.server_url}"
    office.change_account(grant_ok=False, grant_error="wrong_password", subject=subject)
    page = eli.get(f"/accounts/{office.account.id}").text
    assert "Reconnect" in page
    answer = eli.post(
        f"/accounts/{office.account.id}/reconnect", data={"username": office.account.username, "password": "new"}
    )
    assert answer.status_code == 303
    assert account(office).grant_ok


def test_another_login_is_refused_on_the_form(office: Office, eli: FlaskClient) -> None:
    answer = eli.post(f"/accounts/{office.account.id}/reconnect", data={"username": "someone", "password": "new"})
    assert answer.status_code == 422
    assert "connect the other as an account of its own" in answer.text


# --- leaving


@pytest.fixture
def shared(office: Office) -> Office:
    """An office with one meeting of ours and one of theirs."""
    office.write("Ours")
    office.meeting("Theirs")
    office.settle()
    return office


def test_the_four_choices_say_what_they_do_with_counts(shared: Office, eli: FlaskClient) -> None:
    said = text_of(eli.get(f"/accounts/{shared.account.id}/disconnect").text)
    for part in ("Keep everything", "1 event that we created", "1 activity that came from", "Delete on both sides"):
        assert part in said


@pytest.mark.parametrize(
    ("choice", "here", "there"),
    [
        ("keep", ["Ours", "Theirs"], ["Ours", "Theirs"]),
        ("delete_remote", ["Ours", "Theirs"], ["Theirs"]),
        ("delete_local", ["Ours"], ["Ours", "Theirs"]),
        ("delete_both", ["Ours"], ["Theirs"]),
    ],
)
def test_each_choice_leaves_what_it_said(
    shared: Office, eli: FlaskClient, choice: str, here: list[str], there: list[str]
) -> None:
    answer = eli.post(f"/accounts/{shared.account.id}/disconnect", data={"choice": choice})
    if choice != "keep":
        assert account(shared).state == "active"  # no event is deleted while somebody waits for a page
        assert "every 1s" in eli.get(answer.location).text
        work_waiting(shared.rt)
    text = eli.get(answer.location).text
    assert "is disconnected" in text
    assert "every 1s" not in text
    assert (shared.titles_here(), shared.titles_there()) == (here, there)


def test_without_a_choice_nothing_happens(shared: Office, eli: FlaskClient) -> None:
    answer = eli.post(f"/accounts/{shared.account.id}/disconnect", data={"choice": "burn"})
    assert answer.status_code == 422
    assert account(shared).state == "active"


def test_what_cannot_be_deleted_there_is_not_offered(shared: Office, eli: FlaskClient) -> None:
    shared.change_account(grant_ok=False)
    page = eli.get(f"/accounts/{shared.account.id}/disconnect").text
    assert "Nothing can be deleted there now" in page
    assert 'value="delete_remote"' not in page
    assert 'value="keep"' in page


def test_a_deletion_that_fails_keeps_the_account_and_can_be_tried_again(shared: Office, eli: FlaskClient) -> None:
    shared.server.set_access("work", "reader")
    answer = eli.post(f"/accounts/{shared.account.id}/disconnect", data={"choice": "delete_remote"})
    [run_id] = work_waiting(shared.rt)
    text = eli.get(answer.location).text
    assert "It stays connected" in text
    assert f"/history/{run_id}" in text
    assert account(shared).state == "active"
    shared.server.set_access("work", "owner")
    eli.post(f"/history/{run_id}/retry")
    work_waiting(shared.rt)
    assert account(shared).state == "disconnected"
    assert shared.titles_there() == ["Theirs"]


def test_a_busy_account_is_left_when_it_is_free(shared: Office, eli: FlaskClient) -> None:
    shared.change_account(lease_owner="another", lease_until=shared.clock() + timedelta(minutes=1))
    url = f"/accounts/{shared.account.id}/disconnect"
    first, second = eli.post(url, data={"choice": "delete_both"}), eli.post(url, data={"choice": "keep"})
    assert first.location == second.location  # asked twice, it is one run
    work_waiting(shared.rt)
    assert "every 1s" in eli.get(url).text
    shared.clock.advance(minutes=2)
    work_waiting(shared.rt)
    assert account(shared).state == "disconnected"
    assert (shared.titles_here(), shared.titles_there()) == (["Ours"], ["Theirs"])


def test_the_progress_of_another_run_is_not_found(shared: Office, eli: FlaskClient) -> None:
    run = shared.sync()
    assert eli.get(f"/accounts/{shared.account.id}/disconnect?run={run.id}").status_code == 404


def test_the_pages_close_when_an_admin_takes_connecting_away(office: Office, eli: FlaskClient) -> None:
    known, version = settings.switches(office.rt)
    changed = dataclasses.replace(known, staff_may_connect=False)
    settings.save_switches(office.rt, changed, version, by=factories.acting(office.cast.ada))
    assert eli.get("/accounts/").status_code == 403
    assert eli.get(f"/accounts/{office.account.id}").status_code == 403
    assert "Accounts" not in text_of(eli.get("/profile/").text)
