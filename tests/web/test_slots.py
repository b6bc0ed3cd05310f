"""The slot explainer: what a day offers, why a time is offered or not, and what stays hidden."""

from dataclasses import replace
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from calsync.engine.hours import Holiday
from calsync.runtime import CLI, Runtime
from calsync.services import activities, bookings, resources
from calsync.services.bookings import Request
from calsync.store import tables as t
from tests import factories
from tests import scheduling_factories as make
from tests.services.office import HOUR, Office
from tests.web.conftest import text_of
from tests.web.queries import count_queries

TUESDAY = factories.START.replace(hour=0) + timedelta(days=1)


@pytest.fixture
def person(office: Office) -> t.Resource:
    """Eli, who works day and night, and whose calendar was read a moment ago."""
    office.settle()
    make.work(office.rt)
    return make.make_person(office.rt, office.cast.eli)


def plan(rt: Runtime, owner: t.User, hour: int = 10, **values: object) -> t.Activity:
    start = TUESDAY + hour * HOUR
    given = {"title": "Review with Bo", "start": start, "end": start + HOUR, **values}
    return activities.create(rt, t.pk(owner), given, by=factories.acting(owner))


def told(client: FlaskClient, event_type: t.EventType, at: str = "", day: str = "2030-01-08") -> str:
    response = client.get(f"/event-types/{event_type.id}/slots?day={day}&at={at}")
    assert response.status_code == 200
    return text_of(response.text)


def test_a_day_shows_its_slots_in_the_viewers_zone(
    ada: FlaskClient, office: Office, person: t.Resource, cast: factories.Cast
) -> None:
    plan(office.rt, cast.eli)
    made = make.make_event_type(office.rt, person)
    page = told(ada, made)
    assert "Tue, 2030-01-08 23 slots" in page
    assert "09:00 11:00" in page
    with office.rt.writing() as session:
        session.get_one(t.User, cast.ada.id).tz = "Asia/Tokyo"
    assert "18:00 20:00" in told(ada, made)


def test_a_busy_time_names_what_takes_it_to_whom_may_see_it(
    ada: FlaskClient, eli: FlaskClient, office: Office, person: t.Resource, cast: factories.Cast, sign_in
) -> None:
    activity = plan(office.rt, cast.eli)
    made = make.make_event_type(office.rt, person)
    for client in (ada, eli):
        assert "10:00 is not offered" in told(client, made, "10:00")
        assert "Review with Bo" in told(client, made, "10:00")
    assert f'href="/activities/{activity.id}"' in eli.get(f"/event-types/{made.id}/slots?day=2030-01-08&at=10:00").text
    theirs = told(sign_in(cast.sam), made, "10:00")
    assert "Eli Not free Busy 2030-01-08, 10:00–11:00, an activity" in theirs
    assert "Review" not in theirs


def test_a_private_title_is_its_owners_alone(
    ada: FlaskClient, eli: FlaskClient, office: Office, person: t.Resource, cast: factories.Cast
) -> None:
    plan(office.rt, cast.eli, visibility="private")
    made = make.make_event_type(office.rt, person)
    assert "Review" not in told(ada, made, "10:00")
    assert "Review" in told(eli, made, "10:00")


def test_what_is_ignored_says_why(ada: FlaskClient, office: Office, person: t.Resource, cast: factories.Cast) -> None:
    plan(office.rt, cast.eli, show_as="free")
    page = told(ada, make.make_event_type(office.rt, person), "10:00")
    assert "10:00 is offered" in page
    assert "Eli Free Review with Bo Ignored" in page
    assert "It is shown as free, or was declined." in page


def test_terms_and_hours_are_reasons(ada: FlaskClient, office: Office) -> None:
    room = make.make_resource(office.rt, "Room 1")
    made = make.make_event_type(office.rt, room, notice_minutes=2880, step_minutes=60, horizon_days=5)
    page = told(ada, made, "06:10")
    assert "Too soon The minimum notice is 2 days." in page
    assert "No slot begins then They begin every 1 hour from midnight." in page
    assert "Room 1 Not free Outside working hours Mon–Fri 09:00–17:00 (UTC)." in page
    assert "Too far off It is open for booking 5 days ahead." in told(ada, made, "10:00", "2030-03-05")
    resources.set_active(office.rt, t.pk(room), False, by=CLI)
    assert "It cannot be booked now" in told(ada, made, "10:00")


def test_a_holiday_and_the_daily_limit_are_reasons(ada: FlaskClient, office: Office, person: t.Resource) -> None:
    made = make.make_event_type(office.rt, person, daily_limit=1)
    asked = Request(t.pk(made), TUESDAY + 9 * HOUR, "Gil", "gil@example.org")
    bookings.book(office.rt, asked, by=factories.acting(office.cast.eli))
    assert "Fully booked that day Its limit is 1 of this type a day." in told(ada, made, "15:00")
    day = TUESDAY.date()
    make.work(office.rt, replace(make.ALWAYS, holidays=(Holiday(day, day, "Epiphany"),)))
    assert "Day off: Epiphany" in told(ada, made, "15:00")


def test_each_calendar_says_how_fresh_it_is(ada: FlaskClient, office: Office, person: t.Resource) -> None:
    made = make.make_event_type(office.rt, person)
    assert "Eli Up to date just now" in told(ada, made)
    office.clock.advance(days=1)
    page = told(ada, made, "10:00", "2030-01-10")
    assert "Offers nothing" in page
    assert "nothing counts as free It has not been read in time." in page
    assert "No slot on this day" in page


def test_of_a_group_one_free_member_is_enough(
    ada: FlaskClient, office: Office, person: t.Resource, cast: factories.Cast
) -> None:
    other = make.make_resource(office.rt, "Ann", kind="person")
    plan(office.rt, cast.eli)
    page = told(ada, make.make_event_type(office.rt, make.make_group(office.rt, person, other)), "10:00")
    assert "10:00 is offered" in page
    assert "Eli Not free" in page
    assert "Ann Free" in page


@pytest.mark.parametrize("query", ["day=never&at=25:99", "day=9999-12-31", "day=0001-01-01&at=now"])
def test_an_address_that_cannot_be_read_is_answered(ada: FlaskClient, office: Office, query: str) -> None:
    made = make.make_event_type(office.rt, make.make_resource(office.rt))
    page = ada.get(f"/event-types/{made.id}/slots?{query}")
    assert page.status_code == 200
    assert ("Give the time like 14:00." in page.text) == ("at=" in query)


def test_a_group_asks_no_more_questions_the_larger_it_is(
    ada: FlaskClient, office: Office, person: t.Resource, cast: factories.Cast
) -> None:
    def asked(members: int) -> int:
        others = [make.make_resource(office.rt, f"Room {n}") for n in range(members)]
        group = make.make_group(office.rt, person, *others)
        made = make.make_event_type(office.rt, group, slug=f"of-{members}", daily_limit=2)
        told(ada, made, "10:00")
        with count_queries(office.rt) as queries:
            told(ada, made, "10:00")
        return len(queries)

    plan(office.rt, cast.eli, rrule="FREQ=DAILY")
    assert asked(1) == asked(8) <= 24
