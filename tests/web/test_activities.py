"""Activities: the list and its filters, one activity, the form, and what may be done with one click."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlmodel import select

from calsync.engine import event as events
from calsync.engine import mapping
from calsync.runtime import Runtime
from calsync.services import activities
from calsync.store import tables as t
from tests import factories
from tests.services.office import Office
from tests.services.planning import HOUR, MONDAY, WEEK, planner
from tests.web.conftest import HTMX, text_of
from tests.web.queries import count_queries

pytestmark = pytest.mark.usefixtures("office")

MOST_QUERIES = 12
Plan = Callable[..., t.Activity]


@pytest.fixture
def plan(rt: Runtime, cast: factories.Cast) -> Plan:
    return planner(rt, cast.eli)


def stored(rt: Runtime, activity_id: int | None) -> t.Activity:
    with rt.reading() as session:
        return session.get_one(t.Activity, activity_id)


def rows(rt: Runtime) -> list[t.Activity]:
    with rt.reading() as session:
        return list(session.exec(select(t.Activity).order_by(t.Activity.id)))


def titles(page: str) -> list[str]:
    return re.findall(r'<a class="row-link" href="/activities/\d+">([^<]+)</a>', page)


def fields(**values: Any) -> dict[str, Any]:
    """Return what a browser sends for a new meeting."""
    given = {
        "kind": "meeting",
        "title": "Review",
        "timing": "span",
        "start": "2030-01-07",
        "start_at": "10:00",
        "end": "2030-01-07",
        "end_at": "11:00",
        "tz": "Europe/Berlin",
        "repeats": "none",
        "location_kind": "",
        "visibility": "public",
        "show_as": "busy",
        "status": "confirmed",
    }
    return {**given, **values}


def form_of(client: FlaskClient, url: str) -> dict[str, Any]:
    """Return what a browser would send back of the form on a page, unchanged."""
    html = client.get(url).text
    html = html[html.index("data-conditions") :]
    sent: dict[str, Any] = {}
    for tag in re.findall(r"<input[^>]*>", html):
        facts = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        is_choice = facts.get("type") in ("checkbox", "radio")
        if facts.get("name") and (not is_choice or re.search(r"\bchecked\b", tag)):
            sent.setdefault(facts["name"], []).append(facts.get("value", ""))
    for name, body in re.findall(r'<textarea[^>]*name="([^"]+)"[^>]*>\r?\n?(.*?)</textarea>', html, re.DOTALL):
        sent[name] = body
    for name, body in re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', html, re.DOTALL):
        chosen = re.search(r'<option selected value="([^"]*)"', body) or re.search(r'<option value="([^"]*)"', body)
        sent[name] = chosen.group(1) if chosen else ""
    return {name: unescaped(value) for name, value in sent.items() if name != "csrf_token"}


def unescaped(value: Any) -> Any:
    if isinstance(value, list):
        return [unescaped(each) for each in value]
    return value.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").replace("&#34;", '"')


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


# --- creating


def test_form_creates_what_it_says(eli: FlaskClient, rt: Runtime) -> None:
    sent = fields(
        title="  Kick-off  ",
        attendees="Roe, Max <max@example.com>\nzoe@example.com; ann@example.com",
        **{"reminders-0-number": "2", "reminders-0-unit": "60", "reminders-0-method": "email"},
        repeats="weekly",
        interval="2",
        days=["MO", "WE"],
        ends="after",
        count="6",
        location_kind="in_person",
        location="Room 3",
        show_as="free",
        external_id="CRM-1",
    )
    answer = eli.post("/activities/new", data=sent)
    [made] = rows(rt)
    assert (answer.status_code, answer.location) == (303, f"/activities/{made.id}")
    event = mapping.event_of(made)
    assert (event.summary, event.start, event.end) == ("Kick-off", MONDAY, MONDAY + HOUR)
    assert event.rrule == "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE;COUNT=6"
    assert {a.address: a.name for a in event.attendees} == {
        "max@example.com": "Roe, Max",
        "zoe@example.com": "",
        "ann@example.com": "",
    }
    assert [(r.minutes, r.method) for r in event.reminders] == [(120, "email")]
    assert (event.location, event.transparency, made.location_kind, made.external_id) == (
        "Room 3",
        "transparent",
        "in_person",
        "CRM-1",
    )


def test_days_are_inclusive_on_the_form_and_exclusive_inside(eli: FlaskClient, rt: Runtime) -> None:
    eli.post("/activities/new", data=fields(all_day="y", start="2030-01-07", end="2030-01-08"))
    event = mapping.event_of(rows(rt)[0])
    assert (event.start, event.end) == (date(2030, 1, 7), date(2030, 1, 9))


@pytest.mark.parametrize(("due_at", "end"), [("15:00", datetime(2030, 1, 9, 14, tzinfo=UTC)), ("", date(2030, 1, 10))])
def test_a_task_may_have_a_due_time_alone(eli: FlaskClient, rt: Runtime, due_at: str, end: Any) -> None:
    sent = fields(kind="task", timing="due", due="2030-01-09", due_at=due_at)
    eli.post("/activities/new", data=sent)
    [made] = rows(rt)
    assert mapping.event_of(made).end == end
    assert made.due_is == "end"


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"title": " "}, "Give it a title."),
        ({"start": ""}, "Give a day."),
        ({"start_at": ""}, "Give a time as well"),
        ({"end_at": "09:00"}, "The end must be after the start."),
        ({"kind": "task", "timing": "due", "due": ""}, "Give the day it is due."),
        ({"attendees": "nobody"}, "nobody is no e-mail address."),
        ({"repeats": "custom", "rrule": "FREQ=SOMETIMES"}, "no known FREQ"),
        ({"repeats": "custom"}, "Give the rule"),
        ({"repeats": "daily", "ends": "on"}, "Give the last day."),
        ({"repeats": "daily", "ends": "after"}, "Give how many times."),
        ({"reminders-0-number": "-5"}, "Number must be between 0"),
        ({"conference": "meet"}, "A link begins with https://"),
        ({"tz": "Mars/Olympus"}, "Not a valid choice"),
    ],
)
def test_refused_form_says_why_and_keeps_what_was_typed(
    eli: FlaskClient, rt: Runtime, values: dict[str, str], told: str
) -> None:
    answer = eli.post("/activities/new", data=fields(location="Room 77", **values))
    assert answer.status_code == 422
    assert told in text_of(answer.text)
    assert 'value="Room 77"' in answer.text
    assert rows(rt) == []


def test_address_fills_the_form(eli: FlaskClient) -> None:
    page = eli.get("/activities/new?start=2030-03-01T14:00:00&end=2030-03-01T15:30:00&title=Demo&kind=call").text
    for text in (
        'value="Demo"',
        'value="2030-03-01"',
        'value="14:00"',
        'value="15:30"',
        '<option selected value="call"',
    ):
        assert text in page
    days = eli.get("/activities/new?start=2030-03-01&end=2030-03-03&all_day=1").text
    assert 'value="2030-03-02"' in days
    assert eli.get("/activities/new?start=nonsense&owner=x&kind=zebra").status_code == 200


def test_staff_plan_for_themselves_and_admins_for_anyone(
    eli: FlaskClient, ada: FlaskClient, rt: Runtime, cast: factories.Cast
) -> None:
    assert eli.post("/activities/new", data=fields(owner=cast.sam.id)).status_code == 422
    ada.post("/activities/new", data=fields(owner=cast.sam.id))
    assert [row.owner_id for row in rows(rt)] == [cast.sam.id]


# --- editing


def test_saving_an_untouched_form_changes_nothing(eli: FlaskClient, rt: Runtime, plan: Plan) -> None:
    activity = plan(
        title="Kick-off",
        rrule="FREQ=MONTHLY;BYDAY=1MO;UNTIL=20300801T070000Z",
        attendees={"max@example.com": "Roe, Max"},
        reminders=[(90, "popup"), (10080, "email")],
        description="Two\nlines & more",
        location="Room <3>",
    )
    before = stored(rt, activity.id)
    url = f"/activities/{activity.id}/edit"
    answer = eli.post(url, data=form_of(eli, url))
    assert answer.status_code == 303
    after = stored(rt, activity.id)
    assert after.content == before.content
    assert after.row_version == before.row_version


def test_edit_changes_what_was_changed(eli: FlaskClient, rt: Runtime, plan: Plan) -> None:
    activity = plan(title="Kick-off", attendees=["max@example.com"])
    url = f"/activities/{activity.id}/edit"
    sent = form_of(eli, url) | {"title": "Kick-off 2", "start_at": "12:00", "end_at": "13:30", "visibility": "private"}
    assert eli.post(url, data=sent).status_code == 303
    event = mapping.event_of(stored(rt, activity.id))
    assert (event.summary, event.classification) == ("Kick-off 2", "private")
    assert (event.start, event.end) == (MONDAY + 2 * HOUR, MONDAY + timedelta(hours=3.5))


def test_a_second_editor_is_told(eli: FlaskClient, rt: Runtime, cast: factories.Cast, plan: Plan) -> None:
    activity = plan()
    url = f"/activities/{activity.id}/edit"
    sent = form_of(eli, url) | {"title": "Mine"}
    activities.edit(rt, t.pk(activity), {"title": "Theirs"}, by=factories.acting(cast.ada))
    answer = eli.post(url, data=sent)
    assert answer.status_code == 422
    assert "Somebody changed this activity meanwhile" in answer.text
    assert 'value="Mine"' in answer.text
    assert stored(rt, activity.id).title == "Theirs"


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ("this", ["Stand-up", "Demo", "Stand-up", "Stand-up"]),
        ("following", ["Stand-up", "Demo", "Demo", "Demo"]),
        ("all", ["Demo", "Demo", "Demo", "Demo"]),
    ],
)
def test_editing_an_occurrence_asks_what_is_meant(
    eli: FlaskClient, rt: Runtime, plan: Plan, scope: str, expected: list[str]
) -> None:
    series = plan(title="Stand-up", rrule="FREQ=WEEKLY;COUNT=4")
    url = f"/activities/{series.id}/edit?occurrence={events.moment_text(MONDAY + WEEK)}"
    page = eli.get(url).text
    for text in ("This one", "This and following", "All"):
        assert f"<strong>{text}</strong>" in page
    assert 'value="2030-01-14"' in page
    sent = form_of(eli, url) | {"title": "Demo", "start_at": "11:00", "end_at": "12:00", "scope": scope}
    assert eli.post(f"/activities/{series.id}/edit", data=sent).status_code == 303
    shown = activities.occurrences(rt, MONDAY - HOUR, MONDAY + 5 * WEEK)
    assert [s.occurrence.event.summary for s in shown] == expected
    hours = [s.occurrence.starts_at.hour for s in shown]
    assert hours == [10 if title == "Demo" else 9 for title in expected]


def test_a_changed_occurrence_is_edited_on_its_own_page(
    eli: FlaskClient, rt: Runtime, cast: factories.Cast, plan: Plan
) -> None:
    series = plan(title="Stand-up", rrule="FREQ=WEEKLY;COUNT=3")
    by = factories.acting(cast.eli)
    changed = activities.edit_occurrence(rt, t.pk(series), MONDAY + WEEK, "this", {"title": "Demo"}, by=by)
    url = f"/activities/{changed.id}/edit"
    sent = form_of(eli, url) | {"location": "Roof", "scope": "this"}
    assert eli.post(url, data=sent).status_code == 303
    assert stored(rt, changed.id).content["location"] == "Roof"
    assert stored(rt, series.id).content["location"] == ""


def test_changed_occurrences_without_a_place_are_asked_about(
    eli: FlaskClient, rt: Runtime, cast: factories.Cast, plan: Plan
) -> None:
    series = plan(title="Stand-up", rrule="FREQ=WEEKLY;COUNT=4")
    by = factories.acting(cast.eli)
    activities.edit_occurrence(rt, t.pk(series), MONDAY + 3 * WEEK, "this", {"title": "Demo"}, by=by)
    url = f"/activities/{series.id}/edit"
    sent = form_of(eli, url) | {"ends": "after", "count": "2"}
    answer = eli.post(url, data=sent)
    assert answer.status_code == 422
    assert "have no place in the series" in text_of(answer.text)
    assert eli.post(url, data=sent | {"orphans": "keep"}).status_code == 303
    demo = [row for row in rows(rt) if row.title == "Demo" and not row.is_dissolved]
    assert [row.recurrence_key for row in demo] == [""]


def test_what_came_from_a_read_only_calendar_is_refused_with_the_reason(eli: FlaskClient, office: Office) -> None:
    office.meeting("Kick-off")
    office.settle()
    office.change_account(can_write=False)
    url = f"/activities/{office.here('Kick-off').id}/edit"
    answer = eli.post(url, data=form_of(eli, url) | {"title": "Mine"})
    assert answer.status_code == 422
    assert "can only be read" in text_of(answer.text)


def test_strangers_may_look_but_not_touch(
    sign_in: Any, vic: FlaskClient, cast: factories.Cast, rt: Runtime, plan: Plan
) -> None:
    activity = plan()
    sam = sign_in(cast.sam)
    assert sam.get(f"/activities/{activity.id}").status_code == 200
    assert sam.get(f"/activities/{activity.id}/edit").status_code == 403
    for path in ("edit", "cancel", "revive", "done", "answer"):
        assert sam.post(f"/activities/{activity.id}/{path}", data=fields()).status_code == 403
        assert vic.post(f"/activities/{activity.id}/{path}", data=fields()).status_code == 404
    assert stored(rt, activity.id).status == "confirmed"


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
