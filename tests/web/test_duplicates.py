"""Duplicates: what the search found, side by side, merging, leftovers, and taking it back."""

import pytest
from flask.testing import FlaskClient

from calsync.services import duplicates, queued
from calsync.store import tables as t
from tests.services.office import Office
from tests.web.conftest import SignIn
from tests.web.queries import count_queries

pytestmark = pytest.mark.usefixtures("office")


def twice(office: Office, **values: object) -> str:
    """Return the address of the page of two activities that are the same."""
    office.meeting("Review", hours=30, uid="one@there", **values)
    office.meeting("Review", hours=30, uid="two@there", **{**values, "location": "Room 2"})
    office.settle()
    one, other = duplicates.search(office.rt).pairs[0]
    return f"/duplicates/{one}/{other}"


def keep_of(path: str) -> str:
    return path.split("/")[2]


def orphan(office: Office) -> int:
    """Return a leftover event in the calendar."""
    office.write("Left behind")
    office.settle()
    with office.rt.writing() as session:
        session.delete(session.get_one(t.Link, office.links()[-1].id))
        session.delete(session.get_one(t.Activity, office.here("Left behind").id))
    return duplicates.search(office.rt).orphans[0]


def carry_out(office: Office) -> None:
    for run_id in queued.list_waiting(office.rt):
        queued.work(office.rt, run_id)
    office.settle()


# --- the list


def test_before_the_first_search_the_page_says_how_to_begin(ada: FlaskClient) -> None:
    assert "Not searched yet" in ada.get("/duplicates/").text


def test_search_is_a_job_and_the_page_waits_for_it(office: Office, ada: FlaskClient) -> None:
    address = ada.post("/duplicates/search").location
    assert office.rt.enqueue.asked == [("find_duplicates", {})]
    assert "every 2s" in ada.get(address).text
    duplicates.search(office.rt)
    assert "every 2s" not in ada.get(address).text
    assert "No duplicates" in ada.get(address).text


def test_list_shows_pairs_with_where_they_are(office: Office, ada: FlaskClient) -> None:
    path = twice(office)
    text = ada.get("/duplicates/").text
    assert path in text
    assert "From a calendar, on Work" in text


def test_fragment_is_a_part(ada: FlaskClient) -> None:
    text = ada.get("/duplicates/", headers={"HX-Request": "true"}).text
    assert 'id="found"' in text
    assert "<html" not in text


def test_staff_see_and_merge_only_their_own(office: Office, eli: FlaskClient, sign_in: SignIn) -> None:
    path = twice(office)
    sam = sign_in(office.cast.sam)
    assert path in eli.get("/duplicates/").text
    assert path not in sam.get("/duplicates/").text
    assert sam.get(path).status_code == 404
    assert sam.post(path, data={"keep": keep_of(path)}).status_code == 404
    assert sam.post(f"{path}/different").status_code == 404
    assert office.titles_here() == ["Review", "Review"]


def test_clients_and_anonymous_people_do_not_come_here(vic: FlaskClient, anonymous: FlaskClient) -> None:
    assert vic.get("/duplicates/").status_code == 403
    assert "/login" in anonymous.get("/duplicates/").location


# --- side by side


def test_page_shows_both_and_what_becomes_of_each(office: Office, ada: FlaskClient) -> None:
    text = ada.get(twice(office)).text
    assert "Room 2" in text
    assert text.count("Its event leaves Work.") == 2


def test_private_values_are_shown_to_their_owner_alone(office: Office, ada: FlaskClient, eli: FlaskClient) -> None:
    office.rule(import_private="full")
    path = twice(office, classification="private", description="Secret")
    assert "Secret" not in ada.get(path).text
    assert "Review" not in ada.get(path).text
    assert "Secret" in eli.get(path).text


def test_merging_leaves_one_of_it(office: Office, eli: FlaskClient) -> None:
    path = twice(office)
    assert eli.post(path, data={"keep": keep_of(path)}).status_code == 303
    carry_out(office)
    assert office.titles_here() == office.titles_there() == ["Review"]


def test_merging_twice_does_it_once(office: Office, eli: FlaskClient) -> None:
    path = twice(office)
    eli.post(path, data={"keep": keep_of(path)})
    assert eli.post(path, data={"keep": keep_of(path)}).status_code in (303, 422)
    carry_out(office)
    assert office.titles_there() == ["Review"]


@pytest.mark.parametrize("data", [{}, {"keep": "99999"}, {"keep": "nonsense"}])
def test_without_a_choice_nothing_is_merged(data: dict[str, str], office: Office, eli: FlaskClient) -> None:
    path = twice(office)
    assert eli.post(path, data=data).status_code == 422
    assert office.titles_here() == ["Review", "Review"]


def test_a_refusal_is_shown_on_the_form(office: Office, eli: FlaskClient) -> None:
    path = twice(office)
    office.change_account(state="paused")
    answer = eli.post(path, data={"keep": keep_of(path)})
    assert answer.status_code == 422
    assert "paused" in answer.text


def test_what_is_called_different_is_not_shown_again(office: Office, eli: FlaskClient) -> None:
    path = twice(office)
    eli.post(f"{path}/different")
    assert path not in eli.get("/duplicates/").text


def test_a_merge_is_taken_back(office: Office, eli: FlaskClient, sign_in: SignIn) -> None:
    path = twice(office)
    eli.post(path, data={"keep": keep_of(path)})
    carry_out(office)
    text = eli.get("/duplicates/?tab=merged").text
    undo = text.split('action="/duplicates/merges/')[1].split('"')[0]
    assert sign_in(office.cast.sam).post(f"/duplicates/merges/{undo}").status_code == 404
    assert eli.post(f"/duplicates/merges/{undo}").status_code == 303
    carry_out(office)
    assert office.titles_here() == office.titles_there() == ["Review", "Review"]
    assert "Taken back" in eli.get("/duplicates/?tab=merged").text


# --- leftovers


def test_a_leftover_is_removed(office: Office, eli: FlaskClient) -> None:
    event_id = orphan(office)
    assert "Left behind" in eli.get("/duplicates/?tab=orphans").text
    eli.post(f"/duplicates/orphans/{event_id}/remove")
    carry_out(office)
    assert office.titles_there() == []


def test_a_leftover_is_kept(office: Office, eli: FlaskClient) -> None:
    event_id = orphan(office)
    eli.post(f"/duplicates/orphans/{event_id}/keep")
    assert "No leftovers" in eli.get("/duplicates/?tab=orphans").text
    assert office.titles_there() == ["Left behind"]


def test_a_leftover_of_somebody_else_is_not_there(office: Office, sign_in: SignIn) -> None:
    event_id = orphan(office)
    sam = sign_in(office.cast.sam)
    assert "No leftovers" in sam.get("/duplicates/?tab=orphans").text
    assert sam.post(f"/duplicates/orphans/{event_id}/remove").status_code == 404


# --- cost


def test_at_most_twelve_queries_a_page(office: Office, eli: FlaskClient) -> None:
    path = twice(office)
    orphan(office)
    for address in ("/duplicates/", "/duplicates/?tab=orphans", "/duplicates/?tab=merged", path):
        eli.get(address)
        with count_queries(office.rt) as queries:
            assert eli.get(address).status_code == 200
        assert len(queries) <= 12, "\n\n".join(query[:160].replace("\n", " ") for query in queries)
