"""The calendar page, the JSON that feeds its widget, and moving by drag."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from calsync.engine import event as events
from calsync.engine import mapping
from calsync.engine.event import Event, Floating
from calsync.runtime import Runtime
from calsync.services import activities
from calsync.store import tables as t
from tests import factories
from tests.services.office import WORK, Office
from tests.services.planning import DAY, HOUR, MONDAY, WEEK, planner
from tests.web.conftest import text_of
from tests.web.queries import count_queries

pytestmark = pytest.mark.usefixtures("office")

MOST_QUERIES = 12
WEEK_OF_START = "start=2030-01-07T00:00:00&end=2030-01-14T00:00:00"
Plan = Callable[..., t.Activity]


@pytest.fixture
def office(workplace: Office) -> Office:
    with workplace.rt.writing() as session:
        for user in (workplace.cast.eli, workplace.cast.ada):
            session.get_one(t.User, user.id).tz = "Europe/Berlin"
        session.get_one(t.Calendar, workplace.calendar.id).color = "#0d8a6a"
    return workplace


@pytest.fixture
def plan(rt: Runtime, cast: factories.Cast) -> Plan:
    return planner(rt, cast.eli)


def feed(client: FlaskClient, window: str = WEEK_OF_START, **filters: Any) -> dict[str, dict[str, Any]]:
    """Return what the widget is fed, by title."""
    asked = "&".join((window, *(f"{name}={value}" for name, value in filters.items())))
    answer = client.get(f"/calendar/events.json?{asked}")
    return {each["title"]: each for each in answer.get_json()["events"]}


def stored(rt: Runtime, activity_id: int | None) -> t.Activity:
    with rt.reading() as session:
        return session.get_one(t.Activity, activity_id)


def event_of(rt: Runtime, activity: t.Activity) -> Event:
    return mapping.event_of(stored(rt, activity.id))


def drag(client: FlaskClient, activity: t.Activity, start: str, end: str, **more: Any) -> Any:
    sent = {"start": start, "end": end, "all_day": "0", **more}
    return client.post(f"/calendar/move/{activity.id}", data=sent, headers={"Accept": "application/json"})


# --- the page


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ("", "2030-01-07 – 2030-01-13"),
        ("view=month", "January 2030"),
        ("view=day&date=2030-02-01", "Fri, 2030-02-01"),
        ("view=agenda", "2030-01-07 – 2030-01-20"),
        ("view=week&date=nonsense", "2030-01-07 – 2030-01-13"),
        ("view=zebra&person=x&calendar=y", "2030-01-07 – 2030-01-13"),
        ("date=0001-01-01", "2030-01-07 – 2030-01-13"),
    ],
)
def test_every_view_has_its_address(eli: FlaskClient, query: str, title: str) -> None:
    answer = eli.get(f"/calendar/?{query}")
    assert answer.status_code == 200
    assert f'<h2 class="cal-title">{title}</h2>' in answer.text


@pytest.mark.parametrize(
    ("view", "previous", "following"),
    [
        ("month", "2029-12-01", "2030-02-01"),
        ("week", "2029-12-31", "2030-01-14"),
        ("day", "2030-01-06", "2030-01-08"),
        ("agenda", "2029-12-24", "2030-01-21"),
    ],
)
def test_links_lead_to_the_spans_beside_and_keep_filters(
    eli: FlaskClient, view: str, previous: str, following: str
) -> None:
    page = eli.get(f"/calendar/?view={view}&date=2030-01-07&person=all").text
    for rel, day in (("prev", previous), ("next", following)):
        link = re.search(rf'href="([^"]+)" rel="{rel}"', page)
        assert link is not None
        assert f"date={day}" in link.group(1)
        assert "person=all" in link.group(1)
        assert f"view={view}" in link.group(1)


def test_agenda_is_made_by_the_server(eli: FlaskClient, office: Office, plan: Plan) -> None:
    plan(title="Kick-off", location="Room 3")
    plan(title="Trade fair", start=date(2030, 1, 8), end=date(2030, 1, 10))
    office.sync()
    page = text_of(eli.get("/calendar/?view=agenda").text)
    assert "Mon 2030-01-07 Today 10:00–11:00 Kick-off Room 3" in page
    assert "Tue 2030-01-08 All day Trade fair Work" in page
    assert "Nothing from" in text_of(eli.get("/calendar/?view=agenda&date=2031-01-01").text)


def test_without_scripts_the_agenda_stands_in(eli: FlaskClient) -> None:
    page = eli.get("/calendar/?view=month&person=all").text
    fallback = re.search(r'<noscript><meta http-equiv="refresh" content="0; url=([^"]+)">', page)
    assert fallback is not None
    answer = eli.get(fallback.group(1).replace("&amp;", "&"))
    assert "agenda" in answer.text
    assert "event-calendar" not in answer.text


@pytest.mark.parametrize("url", ["/calendar/", "/calendar/?view=agenda", f"/calendar/events.json?{WEEK_OF_START}"])
def test_pages_ask_few_queries(eli: FlaskClient, office: Office, plan: Plan, url: str) -> None:
    for number in range(20):
        plan(title=f"Meeting {number}", rrule="FREQ=DAILY" if number % 2 else "")
        office.meeting(f"Dentist {number}", hours=number, rrule="FREQ=DAILY;COUNT=3", classification="private")
    office.rule(import_private="skip")
    office.sync()
    eli.get(url)
    with count_queries(office.rt) as queries:
        assert eli.get(url).status_code == 200
    assert len(queries) <= MOST_QUERIES, "\n".join(queries)


# --- the feed


def test_feed_gives_wall_times_of_the_viewer_and_colours(eli: FlaskClient, office: Office, plan: Plan) -> None:
    activity = plan(title="Kick-off")
    plan(title="Trade fair", start=date(2030, 1, 8), end=date(2030, 1, 10))
    plan(title="Phone", kind="call", show_as="free", status="tentative")
    office.sync()
    found = feed(eli)
    assert found["Kick-off"] == {
        "id": f"a{activity.id}@",
        "title": "Kick-off",
        "start": "2030-01-07T10:00:00",
        "end": "2030-01-07T11:00:00",
        "allDay": False,
        "editable": True,
        "classNames": ["is-activity"],
        "styles": ["--event-color: #0d8a6a"],
        "extendedProps": {
            "move": f"/calendar/move/{activity.id}",
            "occurrence": "",
            "asks": False,
            "version": 1,
            "url": f"/activities/{activity.id}",
            "calendar": "Work",
            "overlaps": "",
        },
    }
    fair = found["Trade fair"]
    assert (fair["start"], fair["end"], fair["allDay"]) == ("2030-01-08", "2030-01-10", True)
    assert {"is-free", "is-tentative"} <= set(found["Phone"]["classNames"])
    assert found["Phone"]["styles"] == ["--event-color: #64748b"]


def test_occurrences_carry_their_slots(eli: FlaskClient, rt: Runtime, cast: factories.Cast, plan: Plan) -> None:
    series = plan(title="Stand-up", rrule="FREQ=DAILY;COUNT=3")
    changed = activities.edit_occurrence(
        rt, t.pk(series), MONDAY + DAY, "this", {"title": "Demo"}, by=factories.acting(cast.eli)
    )
    found = eli.get(f"/calendar/events.json?{WEEK_OF_START}").get_json()["events"]
    facts = [(each["title"], each["extendedProps"]["occurrence"], each["extendedProps"]["url"]) for each in found]
    key = events.moment_text
    assert facts == [
        ("Stand-up", key(MONDAY), f"/activities/{series.id}?occurrence={key(MONDAY)}"),
        ("Demo", key(MONDAY + DAY), f"/activities/{changed.id}"),
        ("Stand-up", key(MONDAY + 2 * DAY), f"/activities/{series.id}?occurrence={key(MONDAY + 2 * DAY)}"),
    ]
    assert len({each["id"] for each in found}) == 3


def test_clocks_that_change_do_not_shift_what_stands(eli: FlaskClient, plan: Plan) -> None:
    plan(title="Stand-up", rrule="FREQ=WEEKLY")
    for first, after in (("2030-03-25", "2030-04-01"), ("2030-04-01", "2030-04-08")):
        found = feed(eli, f"start={first}T00:00:00&end={after}T00:00:00")
        assert found["Stand-up"]["start"].endswith("T10:00:00")


def test_others_see_neither_titles_nor_links_of_what_is_private(ada: FlaskClient, office: Office, plan: Plan) -> None:
    plan(title="Salary talk", visibility="private")
    office.server.add_calendar("home")
    factories.make_calendar(office.rt, office.account, "Home", remote_id="home", syncs=False, is_write_target=False)
    office.server.put("home", Event("gym", MONDAY + DAY, MONDAY + DAY + HOUR, summary="Gym", location="Elm Street"))
    office.rule(import_private="skip")
    at = MONDAY + 2 * DAY
    office.server.put(WORK, Event("d", at, at + HOUR, summary="Dentist", classification="private"))
    office.settle()
    eli_id = office.cast.eli.id
    found = ada.get(f"/calendar/events.json?{WEEK_OF_START}&person={eli_id}")
    agenda = ada.get(f"/calendar/?view=agenda&person={eli_id}")
    for answer in (found, agenda):
        assert not re.search("Salary|Gym|Elm Street|Dentist", answer.text)
    shown = {(each["title"], each["extendedProps"]["url"]) for each in found.get_json()["events"]}
    assert {title for title, _ in shown} == {"Private", "Busy"}
    assert [url for title, url in shown if title == "Busy"] == [""]


def test_external_events_lead_to_why_they_are_not_activities(eli: FlaskClient, office: Office) -> None:
    office.rule(import_private="skip")
    office.meeting("Dentist", classification="private")
    office.settle()
    event = feed(eli)["Dentist"]
    assert "is-external" in event["classNames"]
    assert not event["editable"]
    page = text_of(eli.get(event["extendedProps"]["url"]).text)
    assert "Not synced. Private, and the settings leave private events out." in page


def test_filters_by_person_and_calendar(
    ada: FlaskClient, vic: FlaskClient, office: Office, rt: Runtime, plan: Plan
) -> None:
    plan(title="On Work")
    office.sync()
    plan(title="Nowhere", kind="call")
    planner(rt, office.cast.sam)(title="Sams")
    eli_id, work = office.cast.eli.id, office.calendar.id
    assert feed(ada) == {}
    assert set(feed(ada, person=eli_id)) == {"On Work", "Nowhere"}
    assert set(feed(ada, person="all")) == {"On Work (Eli)", "Nowhere (Eli)", "Sams (Sam)"}
    assert set(feed(ada, person="all", calendar=work)) == {"On Work (Eli)"}
    assert feed(vic, person="all") == {}
    assert feed(vic, person=eli_id) == {}


@pytest.mark.parametrize(
    "window",
    [
        "",
        "start=2030-01-07T00:00:00",
        "start=nonsense&end=2030-01-14T00:00:00",
        "start=2030-01-14T00:00:00&end=2030-01-07T00:00:00",
        "start=2030-01-01T00:00:00&end=2031-01-01T00:00:00",
        "start=2030-01-07T00:00:00Z&end=2030-01-14T00:00:00Z",
        "start=9999-12-01T00:00:00&end=9999-12-30T00:00:00",
    ],
)
def test_windows_that_make_no_sense_are_refused(eli: FlaskClient, window: str) -> None:
    assert eli.get(f"/calendar/events.json?{window}").status_code == 400


# --- moving


def test_dragging_moves_and_tells_the_calendar(eli: FlaskClient, office: Office, rt: Runtime, plan: Plan) -> None:
    activity = plan(title="Kick-off")
    office.settle()
    answer = drag(eli, activity, "2030-01-08T14:00:00", "2030-01-08T15:30:00", version=1)
    assert answer.status_code == 200
    event = event_of(rt, activity)
    assert (event.start, event.end, event.tz) == (MONDAY + DAY + 4 * HOUR, MONDAY + DAY + 5.5 * HOUR, "Europe/Berlin")
    office.settle()
    [there] = [e for _, e in office.server.all_events(WORK)]
    assert there.start == event.start


def test_dragging_between_times_and_days(eli: FlaskClient, rt: Runtime, plan: Plan) -> None:
    activity = plan(title="Kick-off")
    drag(eli, activity, "2030-01-09T00:00:00", "2030-01-11T00:00:00", all_day="1")
    event = event_of(rt, activity)
    assert (event.start, event.end, event.tz) == (date(2030, 1, 9), date(2030, 1, 11), None)
    drag(eli, activity, "2030-01-09T09:00:00", "2030-01-09T10:00:00")
    event = event_of(rt, activity)
    assert (event.start, event.tz) == (MONDAY + 2 * DAY - HOUR, "Europe/Berlin")


def test_a_floating_time_stays_one(eli: FlaskClient, rt: Runtime, plan: Plan) -> None:
    wall = MONDAY.replace(tzinfo=None)
    activity = plan(start=Floating(wall), end=Floating(wall + HOUR))
    drag(eli, activity, "2030-01-08T08:00:00", "2030-01-08T09:00:00")
    assert event_of(rt, activity).start == Floating(wall + DAY - HOUR)


@pytest.mark.parametrize(("scope", "hours"), [("this", [9, 12, 9]), ("following", [9, 12, 12]), ("all", [12, 12, 12])])
def test_dragging_an_occurrence_moves_what_was_chosen(
    eli: FlaskClient, rt: Runtime, plan: Plan, scope: str, hours: list[int]
) -> None:
    series = plan(rrule="FREQ=WEEKLY;COUNT=3")
    key = events.moment_text(MONDAY + WEEK)
    answer = drag(eli, series, "2030-01-14T13:00:00", "2030-01-14T14:00:00", occurrence=key, scope=scope)
    assert answer.status_code == 200
    shown = activities.occurrences(rt, MONDAY - HOUR, MONDAY + 4 * WEEK)
    assert [s.occurrence.starts_at.hour for s in shown] == hours


def test_changed_occurrences_without_a_place_are_asked_about(
    eli: FlaskClient, rt: Runtime, cast: factories.Cast, plan: Plan
) -> None:
    series = plan(rrule="FREQ=MONTHLY;BYDAY=1MO;COUNT=3")
    later = MONDAY + timedelta(weeks=4)
    by = factories.acting(cast.eli)
    activities.edit_occurrence(rt, t.pk(series), later, "this", {"title": "Demo"}, by=by)
    key = events.moment_text(MONDAY)
    moved = ("2030-01-08T10:00:00", "2030-01-08T11:00:00")
    refused = drag(eli, series, *moved, occurrence=key, scope="all")
    assert refused.status_code == 409
    assert refused.get_json()["error"] in ("series", "rule_names_days")


def test_refusals_say_why(eli: FlaskClient, office: Office, rt: Runtime, plan: Plan) -> None:
    activity = plan(title="Mine")
    activities.edit(rt, t.pk(activity), {"title": "Changed"}, by=factories.acting(office.cast.eli))
    stale = drag(eli, activity, "2030-01-08T14:00:00", "2030-01-08T15:00:00", version=1)
    assert (stale.status_code, stale.get_json()["error"]) == (409, "stale")
    office.meeting("Kick-off")
    office.settle()
    office.change_account(can_write=False)
    row = office.here("Kick-off")
    answer = drag(eli, row, "2030-01-09T14:00:00", "2030-01-09T15:00:00")
    assert answer.status_code == 409
    assert "can only be read" in answer.get_json()["detail"]
    assert stored(rt, row.id).content == row.content


THERE = {"start": "2030-01-08T15:00:00", "end": "2030-01-08T16:00:00"}


@pytest.mark.parametrize(
    "sent",
    [
        {"start": "nonsense", "end": "2030-01-08T15:00:00"},
        {"start": "2030-01-08T15:00:00"},
        {"start": "2030-01-08T15:00:00Z", "end": "2030-01-08T16:00:00Z"},
        {**THERE, "end": "2030-01-08T14:00:00"},
        {**THERE, "occurrence": "2030-01-07T09:00:00Z", "scope": "x"},
        {**THERE, "occurrence": "2030-01-07T09:00:00Z", "scope": "this"},
    ],
)
def test_bad_moves_are_refused(eli: FlaskClient, rt: Runtime, plan: Plan, sent: dict[str, str]) -> None:
    activity = plan()
    before = stored(rt, activity.id).content
    answer = eli.post(f"/calendar/move/{activity.id}", data=sent)
    assert answer.status_code in (400, 409)
    assert stored(rt, activity.id).content == before


def test_nobody_moves_what_belongs_to_others(
    sign_in: Any, vic: FlaskClient, anonymous: FlaskClient, rt: Runtime, cast: factories.Cast, plan: Plan
) -> None:
    activity = plan()
    before = stored(rt, activity.id).content
    there = ("2030-01-08T14:00:00", "2030-01-08T15:00:00")
    assert drag(sign_in(cast.sam), activity, *there).status_code == 403
    assert drag(vic, activity, *there).status_code == 404
    assert drag(anonymous, activity, *there).status_code in (302, 303, 401)
    assert stored(rt, activity.id).content == before
