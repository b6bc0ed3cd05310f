"""Activities: the list and its filters, one activity, and what may be done with one click."""

import re

import pytest
from flask.testing import FlaskClient

from calsync.engine import event as events
from calsync.runtime import Runtime
from calsync.services import activities
from calsync.store import tables as t
from tests import factories
from tests.services.office import Office
from tests.services.planning import HOUR, MONDAY, WEEK, planner
from tests.web.activity_pages import Plan, stored, titles
from tests.web.conftest import HTMX, text_of
from tests.web.queries import count_queries

pytestmark = pytest.mark.usefixtures("office")


@pytest.fixture
def plan(rt: Runtime, cast: factories.Cast) -> Plan:
    return planner(rt, cast.eli)


MOST_QUERIES = 12


# --- the list


def test_empty_list_says_the_next_step(eli: FlaskClient) -> None:
    page = eli.get("/activities/")
    assert "No activities yet" in page.text
    assert 'href="/activities/new"' in page.text
    assert "Nothing matches" in eli.get("/activities/?q=zebra").text


def test_list_shows_what_when_whose_and_where(eli: FlaskClient, office: Office, plan: Plan) -> None:
    plan(title="Kick-off")
    plan(title="Phone Max", kind="call", show_as="free")
    office.sync()
    page = text_of(eli.get("/activities/").text)
    assert "Kick-off 2030-01-07, 09:00–10:00 (Europe/Berlin) Eli On calendar On Work since 09:10" in page
    assert "(Europe/Berlin) Eli Not on calendar This kind of activity does not sync." in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=KICK", ["Kick-off"]),
        ("q=max@example", ["Kick-off"]),
        ("q=CRM-7", ["Call"]),
        ("kind=call", ["Call"]),
        ("status=cancelled", ["Old"]),
        ("when=past", ["Old"]),
        ("when=upcoming", ["Kick-off", "Call"]),
        ("sync=on", ["Kick-off"]),
        ("sync=off", ["Call", "Old"]),
        ("sync=nonsense", ["Call", "Kick-off", "Old"]),
        ("kind=call&q=kick", []),
    ],
)
def test_filters_live_in_the_address(
    eli: FlaskClient, office: Office, rt: Runtime, plan: Plan, query: str, found: list[str]
) -> None:
    old = plan(title="Old", start=MONDAY - WEEK, end=MONDAY - WEEK + HOUR)
    activities.cancel(rt, t.pk(old), by=factories.acting(office.cast.eli))
    plan(title="Kick-off", start=MONDAY + HOUR, end=MONDAY + 2 * HOUR, attendees=["max@example.com"])
    plan(title="Call", kind="call", external_id="CRM-7", start=MONDAY + 3 * HOUR, end=MONDAY + 4 * HOUR)
    office.sync()
    assert titles(eli.get(f"/activities/?{query}").text) == found


def test_owner_filter_shows_one_persons(ada: FlaskClient, rt: Runtime, cast: factories.Cast, plan: Plan) -> None:
    plan(title="Elis")
    planner(rt, cast.sam)(title="Sams")
    assert titles(ada.get(f"/activities/?owner={cast.sam.id}").text) == ["Sams"]
    assert sorted(titles(ada.get("/activities/").text)) == ["Elis", "Sams"]


def test_failures_and_conflicts_are_found_and_lead_to_their_steps(eli: FlaskClient, office: Office) -> None:
    office.settle()
    office.write("Offer", hours=40)
    office.server.set_access("work", "reader")
    run = office.sync()
    page = eli.get("/activities/?sync=failed").text
    assert titles(page) == ["Offer"]
    assert re.search(rf'href="/history/{run.id}#step-\d+"', page)
    assert titles(eli.get("/activities/?sync=conflict").text) == []


def test_list_is_paged_by_keyset_and_keeps_its_filters(eli: FlaskClient, plan: Plan) -> None:
    for number in range(55):
        at = MONDAY + number * HOUR
        plan(title=f"Meeting {number:02}", start=at, end=at + HOUR)
    first = eli.get("/activities/?kind=meeting").text
    following = re.search(r'href="([^"]*after=[^"]*)"', first)
    assert following is not None
    second = eli.get(following.group(1).replace("&amp;", "&")).text
    assert "kind=meeting" in following.group(1)
    assert titles(first)[0] == "Meeting 54"
    assert titles(second) == [f"Meeting {number:02}" for number in range(4, -1, -1)]


def test_htmx_gets_the_list_alone(eli: FlaskClient, plan: Plan) -> None:
    plan()
    part = eli.get("/activities/", headers=HTMX).text
    assert 'id="listed"' in part
    assert "<html" not in part


def test_others_private_titles_are_hidden_and_not_searched(
    ada: FlaskClient, eli: FlaskClient, vic: FlaskClient, plan: Plan
) -> None:
    activity = plan(title="Dentist", visibility="private", location="Harbour Street", description="Root canal")
    for url in ("/activities/", f"/activities/{activity.id}", f"/activities/{activity.id}/explain"):
        assert "Private" in ada.get(url).text
        assert not re.search("Dentist|Harbour Street|Root canal", ada.get(url).text)
    assert titles(ada.get("/activities/?q=Dentist").text) == []
    assert titles(eli.get("/activities/?q=Dentist").text) == ["Dentist"]
    assert ada.get(f"/activities/{activity.id}/edit").status_code == 403
    assert titles(vic.get("/activities/").text) == []


@pytest.mark.parametrize("path", ["", "{id}", "{id}/edit", "{id}/explain"])
def test_pages_ask_few_queries(eli: FlaskClient, office: Office, plan: Plan, path: str) -> None:
    for number in range(30):
        plan(title=f"Meeting {number}", rrule="FREQ=WEEKLY" if number % 3 else "")
    office.sync()
    url = "/activities/" + path.format(id=2)
    eli.get(url)
    with count_queries(office.rt) as queries:
        assert eli.get(url).status_code == 200
    assert len(queries) <= MOST_QUERIES, "\n".join(queries)


# --- one activity


def test_page_shows_everything_and_the_steps(eli: FlaskClient, office: Office, plan: Plan) -> None:
    activity = plan(
        title="Kick-off",
        location="Room 3",
        attendees={"max@example.com": "Max Roe"},
        reminders=[(15, "popup")],
        description="<b>Bold</b> plans",
        conference="https://meet.example.com/x",
        external_id="CRM-7",
    )
    office.sync()
    html = eli.get(f"/activities/{activity.id}").text
    page = text_of(html)
    for text in ("Room 3", "Max Roe", "No answer yet", "15 min before", "CRM-7", "On Work since", "New in the CRM"):
        assert text in page
    assert "&lt;b&gt;Bold&lt;/b&gt; plans" in html
    assert 'href="https://meet.example.com/x"' in html


def test_series_page_lists_what_comes_next(eli: FlaskClient, rt: Runtime, cast: factories.Cast, plan: Plan) -> None:
    series = plan(title="Stand-up", rrule="FREQ=WEEKLY")
    moment = MONDAY + WEEK
    changed = activities.edit_occurrence(
        rt, t.pk(series), moment, "this", {"title": "Long stand-up"}, by=factories.acting(cast.eli)
    )
    page = eli.get(f"/activities/{series.id}").text
    assert f'href="/activities/{series.id}?occurrence=2030-01-21T09:00:00Z"' in page
    assert f'href="/activities/{changed.id}"' in page
    one = eli.get(f"/activities/{series.id}?occurrence=2030-01-21T09:00:00Z").text
    assert "One of a series" in one
    assert "2030-01-21" in one
    assert f"/activities/{series.id}/edit?occurrence=2030-01-21T09:00:00Z" in one.replace("%3A", ":")
    for nothing in ("2030-01-22T09:00:00Z", "nonsense", "9999"):
        assert eli.get(f"/activities/{series.id}?occurrence={nothing}").status_code == 404


# --- one click


def test_cancel_and_bring_back(eli: FlaskClient, rt: Runtime, plan: Plan) -> None:
    activity = plan()
    assert eli.post(f"/activities/{activity.id}/cancel").status_code == 303
    assert stored(rt, activity.id).status == "cancelled"
    assert "Bring it back" in eli.get(f"/activities/{activity.id}").text
    eli.post(f"/activities/{activity.id}/cancel")
    eli.post(f"/activities/{activity.id}/revive")
    assert stored(rt, activity.id).status == "confirmed"


@pytest.mark.parametrize(("scope", "left"), [("this", 3), ("following", 1), ("all", 0)])
def test_cancelling_an_occurrence_asks_what_is_meant(
    eli: FlaskClient, rt: Runtime, plan: Plan, scope: str, left: int
) -> None:
    series = plan(rrule="FREQ=WEEKLY;COUNT=4")
    key = events.moment_text(MONDAY + WEEK)
    eli.post(f"/activities/{series.id}/cancel", data={"occurrence": key, "scope": scope})
    assert len(activities.occurrences(rt, MONDAY, MONDAY + 5 * WEEK)) == left
    if scope == "this":
        again = eli.post(f"/activities/{series.id}/cancel", data={"occurrence": key, "scope": scope})
        assert again.status_code == 409
        assert "no occurrence at this time any more" in again.text


def test_tasks_are_ticked_off_without_a_word_to_the_calendar(eli: FlaskClient, rt: Runtime, plan: Plan) -> None:
    task = plan(kind="task")
    before = stored(rt, task.id).fingerprint
    eli.post(f"/activities/{task.id}/done", data={"is_done": "1"})
    assert stored(rt, task.id).is_done
    assert stored(rt, task.id).fingerprint == before
    eli.post(f"/activities/{task.id}/done", data={"is_done": "0"})
    assert not stored(rt, task.id).is_done


def test_a_guest_answers_the_invitation(eli: FlaskClient, office: Office, rt: Runtime) -> None:
    guest = events.Attendee("eli@example.com")
    handle = office.meeting("Board", organizer=events.Person("boss@example.com"), attendees=(guest,))
    office.settle()
    activity = office.here("Board")
    assert "boss@example.com organizes this" in text_of(eli.get(f"/activities/{activity.id}").text)
    assert eli.post(f"/activities/{activity.id}/answer", data={"response": "accepted"}).status_code == 303
    office.settle()
    assert [a.partstat for a in office.there(handle).attendees] == ["accepted"]
    assert eli.post(f"/activities/{activity.id}/answer", data={"response": "perhaps"}).status_code == 409


def test_an_own_meeting_has_nothing_to_answer(eli: FlaskClient, plan: Plan) -> None:
    activity = plan()
    assert eli.post(f"/activities/{activity.id}/answer", data={"response": "accepted"}).status_code == 404
