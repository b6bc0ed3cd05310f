"""Activities: the form that creates and edits them."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from calsync.engine import event as events
from calsync.engine import mapping
from calsync.runtime import Runtime
from calsync.services import activities
from calsync.store import tables as t
from tests import factories
from tests.services.office import Office
from tests.services.planning import HOUR, MONDAY, WEEK, planner
from tests.web.activity_pages import Plan, fields, form_of, rows, stored
from tests.web.conftest import text_of

pytestmark = pytest.mark.usefixtures("office")


@pytest.fixture
def plan(rt: Runtime, cast: factories.Cast) -> Plan:
    return planner(rt, cast.eli)


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
