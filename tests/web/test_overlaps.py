"""Overlaps on the Calendar page and in the list of activities: what meets what, and what stays unread."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from calsync.runtime import Runtime
from calsync.services import activities
from calsync.store import tables as t
from tests import factories
from tests.services.office import Office
from tests.services.planning import HOUR, MONDAY, planner
from tests.web.conftest import SignIn, text_of
from tests.web.queries import count_queries

pytestmark = pytest.mark.usefixtures("office")

Plan = Callable[..., t.Activity]
WEEK = "/calendar/events.json?start=2030-01-07T00:00:00&end=2030-01-14T00:00:00"


@pytest.fixture
def plan(rt: Runtime, cast: factories.Cast) -> Plan:
    return planner(rt, cast.eli)


def marked(client: FlaskClient, query: str = "") -> dict[str, str]:
    """Return what overlaps in the widget, by title, and what it says; each is of the class that shows it."""
    found = client.get(WEEK + query).get_json()["events"]
    assert all(("is-overlapping" in e["classNames"]) == bool(e["extendedProps"]["overlaps"]) for e in found)
    return {e["title"]: e["extendedProps"]["overlaps"] for e in found if e["extendedProps"]["overlaps"]}


def listed(client: FlaskClient) -> str:
    return text_of(client.get("/activities/").text)


def test_two_at_the_same_time_are_marked_everywhere(eli: FlaskClient, plan: Plan) -> None:
    first = plan(title="Kick-off")
    plan(title="Review", start=MONDAY + HOUR / 2, end=MONDAY + 2 * HOUR)
    plan(title="Lunch", start=MONDAY + 2 * HOUR, end=MONDAY + 3 * HOUR)
    assert marked(eli) == {"Kick-off": "Overlaps with Review", "Review": "Overlaps with Kick-off"}
    agenda = text_of(eli.get("/calendar/?view=agenda").text)
    assert agenda.count("Overlaps with Review") == 1
    page = eli.get("/activities/").text
    assert text_of(page).count("Overlaps with") == 2
    assert f"/calendar/?view=day&amp;date=2030-01-07&amp;person={first.owner_id}" in page


@pytest.mark.parametrize(
    "other",
    [
        {"start": MONDAY + HOUR, "end": MONDAY + 2 * HOUR},  # begins as the first ends
        {"show_as": "free"},
        {"kind": "task", "start": None, "end": None, "due": MONDAY + HOUR / 2},
        {"attendees": ["eli@example.com"], "responses": {"eli@example.com": "declined"}},
    ],
)
def test_what_takes_no_time_overlaps_with_nothing(eli: FlaskClient, plan: Plan, other: dict[str, Any]) -> None:
    plan(title="Kick-off")
    plan(**{"title": "Other", "start": MONDAY, "end": MONDAY + HOUR, **other})
    assert marked(eli) == {}
    assert "Overlaps" not in listed(eli)


def test_cancelled_activities_overlap_with_nothing(
    eli: FlaskClient, rt: Runtime, cast: factories.Cast, plan: Plan
) -> None:
    plan(title="Kick-off")
    other = plan(title="Other")
    activities.cancel(rt, t.pk(other), by=factories.acting(cast.eli))
    assert marked(eli) == {}
    assert "Overlaps" not in listed(eli)


def test_things_of_two_people_do_not_overlap(ada: FlaskClient, rt: Runtime, cast: factories.Cast, plan: Plan) -> None:
    plan(title="Kick-off")
    planner(rt, cast.sam)(title="Review")
    assert marked(ada, "&person=all") == {}
    assert "Overlaps" not in listed(ada)


def test_a_private_title_stays_its_owners(ada: FlaskClient, eli: FlaskClient, plan: Plan, cast: factories.Cast) -> None:
    plan(title="Kick-off")
    plan(title="Doctor", visibility="private")
    assert "Overlaps with Doctor" in listed(eli)
    for text in (listed(ada), str(marked(ada, f"&person={cast.eli.id}"))):
        assert "Overlaps with Private" in text
        assert "Doctor" not in text


def test_occurrences_and_events_of_calendars_are_marked_on_the_calendar(
    eli: FlaskClient, office: Office, plan: Plan
) -> None:
    office.change_calendar(syncs=False, blocks=True, is_write_target=False)
    office.meeting("Dentist", hours=24)
    office.settle()
    plan(title="Stand-up", rrule="FREQ=DAILY;COUNT=3")
    assert marked(eli) == {"Stand-up": "Overlaps with Dentist", "Dentist": "Overlaps with Stand-up"}


def test_a_full_list_still_asks_few_questions(ada: FlaskClient, rt: Runtime, plan: Plan, sign_in: SignIn) -> None:
    for number in range(20):
        plan(title=f"Meeting {number}", start=MONDAY + number * HOUR / 2, end=MONDAY + number * HOUR / 2 + HOUR)
    ada.get("/activities/")
    with count_queries(rt) as queries:
        page = ada.get("/activities/").text
    assert page.count("Overlaps with") == 40  # as title and as text for screen readers
    assert len(queries) <= 12, "\n\n".join(queries)
