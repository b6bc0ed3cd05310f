"""Conflicts: the queue, both sides of one, and what each button leads to on both sides."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlmodel import select

from calsync.engine.event import Attendee
from calsync.engine.vocabulary import MailRule, Policy
from calsync.services import notices, settings
from calsync.store import tables as t
from jobs import bodies
from tests import factories
from tests.services.office import WORK, Office
from tests.web.conftest import SignIn
from tests.web.queries import count_queries

pytestmark = pytest.mark.usefixtures("office")


@pytest.fixture
def office(workplace: Office) -> Office:
    workplace.rule(policy=Policy.MANUAL)
    return workplace


def clash(office: Office, title: str = "Kick-off", hours: float = 24, **values: Any) -> t.Conflict:
    """Return a conflict about the title; description and location changed on one side each."""
    handle = office.meeting(title, hours, **values)
    office.settle()
    office.server.edit(WORK, handle, summary=f"{title} there", location="Room 9")
    office.edit(title, summary=f"{title} here", description="Agenda")
    office.sync()
    return office.conflicts()[-1]


def erased(office: Office) -> t.Conflict:
    """Return the conflict of an event that was deleted there and changed here."""
    handle = office.meeting("Kick-off")
    office.settle()
    office.server.delete(WORK, handle)
    office.edit("Kick-off", location="Terrace")
    office.sync()
    return office.conflicts()[0]


def twins(office: Office) -> t.Conflict:
    """Return the conflict about which of two equal activities an event is."""
    office.rule(kinds_out=())
    office.write("Review")
    with office.rt.writing() as session:
        session.get_one(t.Activity, office.here("Review").id).title = "Review"
    office.write("Review2", hours=30)
    office.edit("Review2", summary="Review")
    office.meeting("Review", hours=30, uid="other@there")
    office.sync()
    return office.conflicts()[0]


def there(office: Office) -> list[tuple[str, str, str]]:
    found = [e for _, e in office.server.all_events(WORK) if not e.is_cancelled]
    return sorted((e.summary, e.description, e.location) for e in found)


# --- the queue


def test_empty_queue_says_what_would_be_in_it(ada: FlaskClient) -> None:
    assert "Nothing to decide" in ada.get("/conflicts/").text


def test_queue_lists_what_waits_and_what_was_decided(office: Office, ada: FlaskClient) -> None:
    conflict = clash(office)
    assert "Kick-off here" in ada.get("/conflicts/").text
    ada.post(f"/conflicts/{conflict.id}", data={"choice": "crm"})
    office.settle()
    assert "1 conflict was decided or settled by themselves this week" in ada.get("/conflicts/").text
    assert "Kick-off here" in ada.get("/conflicts/?tab=decided").text


def test_queue_filters_by_kind(office: Office, ada: FlaskClient) -> None:
    clash(office)
    assert ada.get("/conflicts/?kind=both_changed").text.count("data-row") == 1
    assert "No conflict fits" in ada.get("/conflicts/?kind=changed_deleted").text


def test_strangers_see_nothing_and_clients_decide_nothing(office: Office, sign_in: SignIn) -> None:
    conflict = clash(office)
    sam = sign_in(office.cast.sam)
    assert "Nothing to decide" in sam.get("/conflicts/").text
    assert sam.get(f"/conflicts/{conflict.id}").status_code == 404
    assert sam.post(f"/conflicts/{conflict.id}", data={"choice": "crm"}).status_code == 404
    office.change_account(user_id=office.cast.vic.id)
    vic = sign_in(office.cast.vic)
    assert "An admin decides this" in vic.get(f"/conflicts/{conflict.id}").text
    assert vic.post(f"/conflicts/{conflict.id}", data={"choice": "crm"}).status_code == 403


def test_anonymous_people_are_sent_to_the_login(anonymous: FlaskClient) -> None:
    assert "/login" in anonymous.get("/conflicts/").location


# --- both sides of one


def test_page_shows_both_sides_and_what_merges_by_itself(office: Office, eli: FlaskClient) -> None:
    text = eli.get(f"/conflicts/{clash(office).id}").text
    for value in ("Kick-off here", "Kick-off there", "Agenda", "Room 9"):
        assert value in text
    assert text.count('name="field-summary"') == 2
    assert text.count("is-merged") == 2
    assert "Nobody is mailed" in text


def test_the_later_edit_is_suggested(office: Office, eli: FlaskClient) -> None:
    handle = office.meeting()
    office.settle()
    office.edit("Kick-off", summary="Kick-off here")
    office.clock.advance(hours=1)
    office.server.edit(WORK, handle, summary="Kick-off there")
    office.sync()
    text = eli.get(f"/conflicts/{office.conflicts()[0].id}").text
    assert 'value="external" checked' in text


def test_page_says_who_is_mailed(office: Office, eli: FlaskClient) -> None:
    office.rule(mail_changed=MailRule.ALL)
    conflict = clash(office, attendees=(Attendee("bo@example.com"), Attendee("cy@example.com")))
    assert "tells 2 guests" in eli.get(f"/conflicts/{conflict.id}").text


def test_private_values_are_shown_to_their_owner_alone(office: Office, ada: FlaskClient, eli: FlaskClient) -> None:
    office.rule(import_private="full")
    conflict = clash(office, "Interview Zoe", classification="private")
    assert "Zoe" not in ada.get(f"/conflicts/{conflict.id}").text
    assert "Zoe" not in ada.get("/conflicts/").text
    assert "Interview Zoe there" in eli.get(f"/conflicts/{conflict.id}").text


def test_unknown_conflict_is_not_found(ada: FlaskClient) -> None:
    assert ada.get("/conflicts/99").status_code == 404


# --- choices


@pytest.mark.parametrize(
    ("data", "title"),
    [
        ({"choice": "crm"}, "Kick-off here"),
        ({"choice": "external"}, "Kick-off there"),
        ({"choice": "merged", "field-summary": "external"}, "Kick-off there"),
        ({"choice": "merged", "field-summary": "crm"}, "Kick-off here"),
    ],
)
def test_what_is_chosen_reaches_both_sides_and_the_rest_is_merged(
    data: dict[str, str], title: str, office: Office, eli: FlaskClient
) -> None:
    conflict = clash(office)
    assert eli.post(f"/conflicts/{conflict.id}", data=data).status_code == 303
    office.settle()
    assert there(office) == [(title, "Agenda", "Room 9")]
    assert office.here(title).content["location"] == "Room 9"


def test_keep_both_makes_two_of_it(office: Office, eli: FlaskClient) -> None:
    conflict = clash(office)
    eli.post(f"/conflicts/{conflict.id}", data={"choice": "both"})
    office.settle()
    assert office.titles_here() == office.titles_there() == ["Kick-off here", "Kick-off there"]


def test_next_conflict_opens_by_itself(office: Office, eli: FlaskClient) -> None:
    first, second = clash(office, "Kick-off"), clash(office, "Review", hours=30)
    assert eli.post(f"/conflicts/{first.id}", data={"choice": "crm"}).location.endswith(f"/conflicts/{second.id}")
    assert eli.post(f"/conflicts/{second.id}", data={"choice": "crm"}).location.endswith("/conflicts/")


@pytest.mark.parametrize(("choice", "lives"), [("crm", ["Kick-off"]), ("external", [])])
def test_changed_here_and_deleted_there_has_its_own_words(
    choice: str, lives: list[str], office: Office, eli: FlaskClient
) -> None:
    conflict = erased(office)
    text = eli.get(f"/conflicts/{conflict.id}").text
    assert "It was deleted in Memory" in text
    assert "put it back in Memory" in text
    assert "Keep both" not in text
    eli.post(f"/conflicts/{conflict.id}", data={"choice": choice})
    office.settle()
    assert office.titles_here() == office.titles_there() == lives


def test_cancelled_here_and_changed_there_has_its_own_words(office: Office, eli: FlaskClient) -> None:
    handle = office.meeting("Kick-off")
    office.settle()
    office.server.edit(WORK, handle, location="Terrace")
    office.cancel("Kick-off")
    office.sync()
    conflict = office.conflicts()[0]
    assert "It was cancelled in the CRM" in eli.get(f"/conflicts/{conflict.id}").text
    eli.post(f"/conflicts/{conflict.id}", data={"choice": "external"})
    office.settle()
    assert office.here("Kick-off").content["location"] == "Terrace"
    assert office.titles_here() == ["Kick-off"]


def test_a_duplicate_match_asks_which_record_it_is(office: Office, eli: FlaskClient) -> None:
    conflict = twins(office)
    text = eli.get(f"/conflicts/{conflict.id}").text
    assert text.count("It is this one") == 2
    eli.post(f"/conflicts/{conflict.id}", data={"choice": str(conflict.candidates[0])})
    office.sync()
    assert [link.activity_id for link in office.links()] == [conflict.candidates[0]]


# --- refusals


def test_no_choice_is_refused_and_keeps_what_was_picked(office: Office, eli: FlaskClient) -> None:
    conflict = clash(office)
    answer = eli.post(f"/conflicts/{conflict.id}", data={"field-summary": "external"})
    assert answer.status_code == 422
    assert "Choose which side to keep" in answer.text
    assert 'name="field-summary" value="external" checked' in answer.text


def test_a_choice_made_on_old_values_is_refused(office: Office, eli: FlaskClient) -> None:
    conflict = clash(office)
    office.edit("Kick-off here", summary="Kick-off, third version")
    answer = eli.post(f"/conflicts/{conflict.id}", data={"choice": "crm"})
    assert answer.status_code == 422
    assert "One side has changed since this page was shown" in answer.text


def test_a_second_decision_is_refused(office: Office, eli: FlaskClient) -> None:
    conflict = clash(office)
    eli.post(f"/conflicts/{conflict.id}", data={"choice": "crm"})
    answer = eli.post(f"/conflicts/{conflict.id}", data={"choice": "external"})
    assert answer.status_code == 422
    assert "already decided" in answer.text


# --- from now on


def test_an_admin_can_let_one_side_win_everywhere(office: Office, ada: FlaskClient) -> None:
    conflict = clash(office)
    ada.post(f"/conflicts/{conflict.id}", data={"choice": "external", "always": "organisation"})
    assert settings.rules(office.rt)[0].policy is Policy.EXTERNAL


def test_an_owner_can_where_the_admin_allows_it(office: Office, eli: FlaskClient) -> None:
    conflict = clash(office)
    assert 'name="always"' not in eli.get(f"/conflicts/{conflict.id}").text
    office.rule(account_overrides=("policy",))
    assert "every conflict of eli@example.com" in eli.get(f"/conflicts/{conflict.id}").text
    eli.post(f"/conflicts/{conflict.id}", data={"choice": "crm", "always": "account"})
    with office.rt.reading() as session:
        assert session.get_one(t.Account, office.account.id).overrides == {"policy": "crm"}
    assert settings.rules(office.rt)[0].policy is Policy.MANUAL


def test_staff_change_no_rule_of_the_organisation(office: Office, eli: FlaskClient) -> None:
    conflict = clash(office)
    eli.post(f"/conflicts/{conflict.id}", data={"choice": "crm", "always": "organisation"})
    assert settings.rules(office.rt)[0].policy is Policy.MANUAL


def test_an_admin_can_let_one_side_win_in_a_field(office: Office, ada: FlaskClient) -> None:
    conflict = clash(office)
    assert "every conflict about title" in ada.get(f"/conflicts/{conflict.id}").text
    ada.post(f"/conflicts/{conflict.id}", data={"choice": "merged", "field-summary": "external", "always": "field"})
    rules = settings.rules(office.rt)[0]
    assert (rules.field_policies, rules.policy) == ((("summary", "external"),), Policy.MANUAL)
    office.settle()
    assert office.here("Kick-off there")
    office.server.edit(WORK, office.server.all_events(WORK)[0][0], summary="Theirs", description="Theirs, too")
    office.edit("Kick-off there", summary="Ours", description="Ours, too")
    office.sync()
    assert list(office.conflicts()[-1].fields) == ["summary", "description"]  # one field asks, so nothing is written


def test_a_field_with_its_own_winner_asks_nobody(office: Office) -> None:
    office.rule(field_policies=(("summary", "external"),))
    handle = office.meeting("Kick-off")
    office.settle()
    office.server.edit(WORK, handle, summary="Theirs")
    office.edit("Kick-off", summary="Ours")
    office.settle()
    assert office.titles_here() == office.titles_there() == ["Theirs"]
    assert office.conflicts() == []


def test_a_rule_for_a_person_reaches_all_their_accounts(office: Office, eli: FlaskClient) -> None:
    office.rule(account_overrides=("policy",))
    conflict = clash(office)
    assert "in all accounts" not in eli.get(f"/conflicts/{conflict.id}").text
    second = factories.make_account(office.rt, office.cast.eli, provider="memory", username="second", subject="second")
    assert "in all accounts" in eli.get(f"/conflicts/{conflict.id}").text
    eli.post(f"/conflicts/{conflict.id}", data={"choice": "external", "always": "person"})
    with office.rt.reading() as session:
        overrides = [session.get_one(t.Account, i).overrides for i in (office.account.id, second.id)]
    assert overrides == [{"policy": "external"}] * 2


# --- later


def test_a_conflict_is_put_off_and_comes_back_by_itself(office: Office, eli: FlaskClient) -> None:
    conflict = clash(office)
    assert eli.get("/conflicts/").text.count("data-row") == 1
    answer = eli.post(f"/conflicts/{conflict.id}/later", data={"hours": 24}, follow_redirects=True)
    assert "You are reminded in 1 day" in answer.text
    assert "data-row" not in eli.get("/conflicts/").text
    assert eli.get("/conflicts/?tab=later").text.count("data-row") == 1
    assert 'class="counter is-amber"' not in eli.get("/help/").text
    notices.watch(office.rt)
    assert conflict_notices(office) == 0
    office.clock.advance(hours=25)
    bodies.watch_notices(office.rt, "one")
    assert eli.get("/conflicts/").text.count("data-row") == 1
    assert conflict_notices(office) > 0


def conflict_notices(office: Office) -> int:
    with office.rt.reading() as session:
        query = select(t.Notice).where(t.Notice.kind == "conflict", t.Notice.ended_at.is_(None))
        return len(session.exec(query).all())


def test_what_was_put_off_can_still_be_decided_or_put_back(office: Office, eli: FlaskClient) -> None:
    conflict = clash(office)
    eli.post(f"/conflicts/{conflict.id}/later", data={"hours": 72})
    assert "Back into the queue" in eli.get(f"/conflicts/{conflict.id}").text
    eli.post(f"/conflicts/{conflict.id}/later", data={"hours": 0})
    assert eli.get("/conflicts/").text.count("data-row") == 1
    eli.post(f"/conflicts/{conflict.id}/later", data={"hours": 72})
    eli.post(f"/conflicts/{conflict.id}", data={"choice": "crm"})
    assert office.conflicts() == []


def test_putting_off_goes_on_with_the_next(office: Office, eli: FlaskClient) -> None:
    first, second = clash(office), clash(office, "Review", hours=30)
    answer = eli.post(f"/conflicts/{first.id}/later", data={"hours": 1})
    assert answer.location.endswith(f"/conflicts/{second.id}")


def test_a_year_is_too_far_and_a_client_may_not(office: Office, eli: FlaskClient, sign_in: SignIn) -> None:
    conflict = clash(office)
    assert eli.post(f"/conflicts/{conflict.id}/later", data={"hours": 24 * 365}).status_code == 409
    office.change_account(user_id=office.cast.vic.id)
    assert sign_in(office.cast.vic).post(f"/conflicts/{conflict.id}/later", data={"hours": 1}).status_code == 403


# --- cost


def test_at_most_twelve_queries_a_page(office: Office, ada: FlaskClient) -> None:
    first = clash(office)
    clash(office, "Review", hours=30)
    for path in ("/conflicts/", f"/conflicts/{first.id}"):
        ada.get(path)
        with count_queries(office.rt) as queries:
            assert ada.get(path).status_code == 200
        assert len(queries) <= 12, "\n\n".join(query[:160].replace("\n", " ") for query in queries)
