"""The public pages: choose a slot, book it, see it, move it, cancel it, all without an account."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from icalendar import Calendar
from sqlmodel import select
from werkzeug.test import TestResponse

from calsync.engine.booking_form import Question
from calsync.engine.vocabulary import BookingState
from calsync.runtime import CLI, Runtime
from calsync.services import activities, booking_rows, bookings, settings
from calsync.services.bookings import Booked, Request
from calsync.store import tables as t
from tests import factories
from tests import scheduling_factories as make
from tests.web.conftest import text_of
from tests.web.queries import count_queries

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
TEN = factories.START.replace(hour=10) + DAY
MOST_QUERIES = 12


@pytest.fixture
def room(rt: Runtime, cast: factories.Cast) -> t.Resource:
    make.work(rt)
    settings.save_organisation(
        rt, settings.Organisation(name="Elm Clinic", tz="Europe/Berlin", date_format="dmy"), 0, by=CLI
    )
    return make.make_resource(rt, "Room 1")


@pytest.fixture
def visit(rt: Runtime, room: t.Resource) -> t.EventType:
    return make.make_event_type(rt, room, name="First visit", slug="first-visit", is_public=True)


def at_text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def post(client: FlaskClient, at: datetime = TEN, **more: str) -> TestResponse:
    form = {"at": at_text(at), "tz": "Europe/Berlin", "key": "k1", "name": "Gil Guest", "email": "gil@example.org"}
    return client.post("/book/first-visit", data={**form, **more})


def all_bookings(rt: Runtime) -> list[t.Booking]:
    with rt.reading() as session:
        return list(session.exec(select(t.Booking).order_by(t.Booking.id)))


def booked_by(rt: Runtime, event_type: t.EventType, at: datetime = TEN, **more: Any) -> Booked:
    asked = Request(t.pk(event_type), at, **{"guest_name": "Gil", "guest_email": "gil@example.org", **more})
    return bookings.book(rt, asked, by=CLI)


def link_of(rt: Runtime, booked: Booked) -> str:
    return f"/booking/{booking_rows.token(rt, booked.booking)}"


# --- choosing


def test_stranger_sees_free_times_in_the_zone_asked_for(anonymous: FlaskClient, visit: t.EventType) -> None:
    page = anonymous.get("/book/first-visit?day=2030-01-08&tz=America/New_York")
    assert page.status_code == 200
    text = text_of(page.text)
    assert "First visit" in text
    assert "Elm Clinic" in text
    assert "January 2030" in text
    assert f"at={at_text(TEN)}".replace(":", "%3A") in page.text or f"at={at_text(TEN)}" in page.text
    assert re.search(r"at=2030-01-08T10[^>]*><span>05:00</span>", page.text)


def test_zones_of_half_an_hour_show_half_hours(anonymous: FlaskClient, visit: t.EventType) -> None:
    page = anonymous.get("/book/first-visit?day=2030-01-08&tz=Asia/Kolkata")
    assert re.search(r"at=2030-01-08T10[^>]*><span>15:30</span>", page.text)


def test_an_hour_that_clocks_repeat_is_told_apart(anonymous: FlaskClient, rt: Runtime, room: t.Resource) -> None:
    make.make_event_type(rt, room, slug="autumn", is_public=True, horizon_days=120)
    shown = anonymous.get("/book/autumn?day=2030-04-07&tz=Australia/Sydney").text
    times = dict(re.findall(r"at=2030-04-06T(\d\d)[^>]*><span>([^<]*)</span>", shown))
    assert (times["14"], times["15"], times["16"], times["17"]) == ("01:00", "02:00 AEDT", "02:00 AEST", "03:00")
    form = text_of(anonymous.get("/book/autumn?at=2030-04-06T16:00:00Z&tz=Australia/Sydney").text)
    assert "02:00–03:00 (AEST at the start)" in form


def test_without_a_zone_times_are_the_organisations(anonymous: FlaskClient, visit: t.EventType) -> None:
    page = anonymous.get("/book/first-visit?day=2030-01-08")
    assert re.search(r"at=2030-01-08T10[^>]*><span>11:00</span>", page.text)


def test_first_page_shows_the_first_day_with_something_free(
    anonymous: FlaskClient, visit: t.EventType, rt: Runtime
) -> None:
    late = make.make_event_type(rt, make.make_resource(rt, "Room 2"), slug="later", name="L", notice_minutes=30 * 1440)
    page = anonymous.get(f"/book/later?tz=UTC&id={late.id}")
    assert "not found" not in text_of(page.text)
    assert page.status_code == 404  # not switched on
    with rt.writing() as session:
        session.get_one(t.EventType, late.id).is_public = True
    text = text_of(anonymous.get("/book/later?tz=UTC").text)
    assert "February 2030" in text
    assert "Wed 6 Feb 2030" in text


@pytest.mark.parametrize("change", [{"is_public": False}, {"is_active": False}])
def test_what_is_not_public_is_not_there(
    anonymous: FlaskClient, visit: t.EventType, rt: Runtime, change: dict[str, bool]
) -> None:
    with rt.writing() as session:
        row = session.get_one(t.EventType, visit.id)
        for name, value in change.items():
            setattr(row, name, value)
    assert anonymous.get("/book/first-visit").status_code == 404
    assert post(anonymous).status_code == 404
    assert all_bookings(rt) == []


@pytest.mark.parametrize(
    "query",
    [
        "day=nonsense",
        "month=2030-99",
        "at=never",
        "tz=Moon/Base",
        "month=0001-01",
        "day=9999-12-31",
        "at=9999-12-31T23:59:59Z",
    ],
)
def test_mangled_address_shows_the_page(anonymous: FlaskClient, visit: t.EventType, query: str) -> None:
    assert anonymous.get(f"/book/first-visit?{query}").status_code == 200


def test_nothing_free_says_so(anonymous: FlaskClient, visit: t.EventType, rt: Runtime) -> None:
    with rt.writing() as session:
        session.get_one(t.Resource, visit.resource_id).is_active = False
    assert "Nothing is free in January 2030" in text_of(anonymous.get("/book/first-visit").text)


def test_page_is_kept_from_search_engines_and_runs_no_foreign_script(
    anonymous: FlaskClient, visit: t.EventType
) -> None:
    page = anonymous.get("/book/first-visit")
    assert '<meta name="robots" content="noindex">' in page.text
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    assert not re.search(r"<script(?![^>]*\bsrc=)", page.text)
    assert " style=" not in page.text


def test_no_page_of_a_guest_names_the_product(anonymous: FlaskClient, visit: t.EventType, rt: Runtime) -> None:
    link = link_of(rt, booked_by(rt, visit))
    paths = (
        "/book/first-visit",
        f"/book/first-visit?at={at_text(TEN + HOUR)}",
        link,
        f"{link}/reschedule",
        f"{link}/cancel",
    )
    for path in paths:
        assert "calsync" not in text_of(anonymous.get(path).text).lower()
    assert b"calsync" not in anonymous.get(f"{link}/event.ics").data.lower().replace(b"uid:", b"")


def test_others_events_leave_only_a_gap(
    anonymous: FlaskClient, visit: t.EventType, rt: Runtime, cast: factories.Cast
) -> None:
    person = make.make_event_type(rt, cast.eli, slug="eli", name="Talk", is_public=True)
    values = {"title": "Secret surgery", "start": TEN, "end": TEN + HOUR, "attendees": {"mole@example.com": "Mole"}}
    activities.create(rt, cast.eli.id, values, by=CLI)
    page = anonymous.get(f"/book/{person.slug}?day=2030-01-08&tz=UTC").text
    assert "at=2030-01-08T10" not in page
    assert "at=2030-01-08T11" in page
    assert "Secret" not in page
    assert "Mole" not in page
    taken = anonymous.get(f"/book/{person.slug}?at={at_text(TEN)}&tz=UTC").text
    assert "Secret" not in taken


def test_page_asks_the_database_little(anonymous: FlaskClient, visit: t.EventType, rt: Runtime) -> None:
    link = link_of(rt, booked_by(rt, visit))
    for path in ("/book/first-visit", f"/book/first-visit?at={at_text(TEN)}", link, f"{link}/reschedule"):
        anonymous.get(path)
        with count_queries(rt) as queries:
            assert anonymous.get(path).status_code == 200
        assert len(queries) <= MOST_QUERIES, "\n\n".join(queries)


# --- booking


def test_stranger_books_and_sees_it(anonymous: FlaskClient, visit: t.EventType, rt: Runtime) -> None:
    answer = post(anonymous)
    assert answer.status_code == 303
    [row] = all_bookings(rt)
    assert (row.state, row.starts_at, row.guest_name, row.guest_email, row.guest_tz) == (
        BookingState.BOOKED,
        TEN,
        "Gil Guest",
        "gil@example.org",
        "Europe/Berlin",
    )
    token = (answer.location or "").split("/booking/")[1].split("?")[0]
    assert row.token_hash == booking_rows.hash_of(token)
    assert token not in (row.token_hash, row.public_id)
    text = text_of(anonymous.get(answer.location).text)
    assert "Tue 8 Jan 2030, 11:00–12:00" in text
    assert "Gil Guest" in text


def test_double_click_books_once(anonymous: FlaskClient, visit: t.EventType, rt: Runtime) -> None:
    first, second = post(anonymous), post(anonymous)
    assert first.location == second.location
    assert len(all_bookings(rt)) == 1


def test_two_visitors_want_one_slot_and_the_second_is_offered_the_next(
    app: Flask, visit: t.EventType, rt: Runtime
) -> None:
    first, second = app.test_client(), app.test_client()
    for visitor in (first, second):
        assert "no longer free" not in visitor.get(f"/book/first-visit?at={at_text(TEN)}").text
    assert post(first, key="k1").status_code == 303
    answer = post(second, key="k2", name="Hal Late", email="hal@example.org")
    assert answer.status_code == 409
    assert "is no longer free" in text_of(answer.text)
    assert 'value="Hal Late"' in answer.text
    offers = re.findall(r'type="radio" name="at" value="([^"]+)"', answer.text)
    assert offers[0] == at_text(TEN + HOUR)
    key = re.search(r'name="key"[^>]*value="([^"]+)"', answer.text)
    assert key is not None
    assert key[1] != "k2"
    assert post(second, TEN + HOUR, key=key[1], name="Hal Late", email="hal@example.org").status_code == 303
    assert [row.starts_at for row in all_bookings(rt)] == [TEN, TEN + HOUR]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"name": ""}, "Give your name."),
        ({"email": "nobody"}, "does not look like an email address"),
        ({"email": ""}, "Give an email address."),
        ({"name": "x" * 201}, "200"),
    ],
)
def test_refused_form_keeps_what_was_typed(
    anonymous: FlaskClient, visit: t.EventType, rt: Runtime, given: dict[str, str], told: str
) -> None:
    answer = post(anonymous, **given)
    assert answer.status_code == 422
    assert told in text_of(answer.text)
    assert 'value="k1"' in answer.text
    assert at_text(TEN) in answer.text
    assert all_bookings(rt) == []


def test_questions_are_asked_and_answered(anonymous: FlaskClient, room: t.Resource, rt: Runtime) -> None:
    questions = (
        Question("why", "What is it about?", is_required=True),
        Question("kind", "Which kind?", "choice", is_required=True, choices=("New", "Known")),
        Question("more", "Anything else?", "paragraph"),
        Question("terms", "I agree to the terms", "yes_no", is_required=True),
    )
    make.make_event_type(rt, room, name="Visit", slug="first-visit", is_public=True, questions=questions)
    refused = post(anonymous, answer_0="", answer_1="Other")
    assert refused.status_code == 422
    assert "Please answer this." in text_of(refused.text)
    assert "This has to be agreed to." in text_of(refused.text)
    assert post(anonymous, answer_0="Knee", answer_1="Other", answer_3="y").status_code == 422
    answer = post(anonymous, answer_0="Knee", answer_1="New", answer_2="", answer_3="y")
    assert answer.status_code == 303
    [row] = all_bookings(rt)
    assert row.answers == {"why": "Knee", "kind": "New", "more": "", "terms": True}
    text = text_of(anonymous.get(answer.location).text)
    assert "What is it about? Knee" in text
    assert "Anything else?" not in text


def test_time_that_was_never_offered_is_not_booked(anonymous: FlaskClient, visit: t.EventType, rt: Runtime) -> None:
    assert post(anonymous, TEN + timedelta(minutes=7)).status_code == 409
    assert post(anonymous, TEN - timedelta(days=30)).status_code == 409
    assert anonymous.post("/book/first-visit", data={"name": "Gil", "email": "gil@example.org"}).status_code == 303
    assert all_bookings(rt) == []


def test_key_of_a_hold_that_moves_cannot_be_taken_over(anonymous: FlaskClient, visit: t.EventType, rt: Runtime) -> None:
    booked = booked_by(rt, visit)
    post(anonymous, TEN + HOUR, key=f"moving {booked.booking.public_id}")
    assert [row.key for row in all_bookings(rt)] == [None, f"page moving {booked.booking.public_id}"]


def test_form_without_its_token_is_refused(strict_app: Flask, visit: t.EventType, rt: Runtime) -> None:
    visitor = strict_app.test_client()
    assert post(visitor).status_code == 400
    page = visitor.get(f"/book/first-visit?at={at_text(TEN)}")
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.text)
    assert token is not None
    assert post(visitor, csrf_token=token[1]).status_code == 303
    assert len(all_bookings(rt)) == 1


def test_one_address_books_only_so_often(strict_app: Flask, visit: t.EventType) -> None:
    strict_app.config.update(WTF_CSRF_ENABLED=False)
    answers = [post(strict_app.test_client(), key=f"k{n}").status_code for n in range(12)]
    assert answers[0] == 303
    assert answers[-1] == 429


# --- the guest's own booking


def test_calendar_file_holds_the_event(anonymous: FlaskClient, visit: t.EventType, rt: Runtime) -> None:
    booked = booked_by(rt, visit)
    answer = anonymous.get(f"{link_of(rt, booked)}/event.ics")
    assert answer.mimetype == "text/calendar"
    read = Calendar.from_ical(answer.data)
    [event] = read.walk("VEVENT")
    assert (read["METHOD"], event["UID"], event["STATUS"]) == ("PUBLISH", booked.activity.uid, "CONFIRMED")
    assert (event["DTSTART"].dt, event["DTEND"].dt) == (TEN, TEN + HOUR)
    assert event["SUMMARY"] == "First visit, Elm Clinic"
    assert link_of(rt, booked) in event["URL"]


def test_calendar_file_replaces_an_older_one(anonymous: FlaskClient, visit: t.EventType, rt: Runtime) -> None:
    link = link_of(rt, booked_by(rt, visit))
    files = [anonymous.get(f"{link}/event.ics").data]
    anonymous.post(f"{link}/reschedule", data={"at": at_text(TEN + HOUR)})
    files.append(anonymous.get(f"{link}/event.ics").data)
    anonymous.post(f"{link}/cancel")
    files.append(anonymous.get(f"{link}/event.ics").data)
    events = [Calendar.from_ical(each).walk("VEVENT")[0] for each in files]
    assert len({event["UID"] for event in events}) == 1
    assert events[0]["SEQUENCE"] < events[1]["SEQUENCE"] < events[2]["SEQUENCE"]
    assert events[1]["DTSTART"].dt == TEN + HOUR
    assert events[2]["STATUS"] == "CANCELLED"


def test_what_the_team_wrote_is_not_for_the_guest(anonymous: FlaskClient, visit: t.EventType, rt: Runtime) -> None:
    booked = booked_by(rt, visit)
    activities.edit(rt, t.pk(booked.activity), {"title": "Difficult one", "description": "Owes us money"}, by=CLI)
    link = link_of(rt, booked)
    seen = anonymous.get(link).text + anonymous.get(f"{link}/event.ics").text
    assert "Difficult" not in seen
    assert "Owes" not in seen


def test_guest_moves_the_booking(anonymous: FlaskClient, visit: t.EventType, rt: Runtime) -> None:
    booked = booked_by(rt, visit)
    link = link_of(rt, booked)
    page = anonymous.get(f"{link}/reschedule?day=2030-01-08&tz=UTC").text
    assert "at=2030-01-08T11" in page
    assert "at=2030-01-08T10" not in page  # where it is
    confirm = text_of(anonymous.get(f"{link}/reschedule?at={at_text(TEN + HOUR)}&tz=UTC").text)
    assert "Now Tue 8 Jan 2030, 10:00–11:00 Then Tue 8 Jan 2030, 11:00–12:00" in confirm
    answer = anonymous.post(f"{link}/reschedule", data={"at": at_text(TEN + HOUR)})
    assert answer.status_code == 303
    [row] = all_bookings(rt)
    assert (row.id, row.activity_id, row.starts_at) == (booked.booking.id, booked.activity.id, TEN + HOUR)


def test_moving_onto_a_taken_slot_offers_others(anonymous: FlaskClient, visit: t.EventType, rt: Runtime) -> None:
    link = link_of(rt, booked_by(rt, visit))
    booked_by(rt, visit, TEN + HOUR)
    answer = anonymous.post(f"{link}/reschedule", data={"at": at_text(TEN + HOUR), "tz": "UTC"})
    assert answer.status_code == 409
    assert re.findall(r'name="at" value="([^"]+)"', answer.text)[0] == at_text(TEN + 2 * HOUR)
    assert all_bookings(rt)[0].starts_at == TEN


def test_guest_cancels_and_may_do_so_twice(anonymous: FlaskClient, visit: t.EventType, rt: Runtime) -> None:
    link = link_of(rt, booked_by(rt, visit))
    assert "Cancel First visit?" in text_of(anonymous.get(f"{link}/cancel").text)
    for _ in range(2):
        assert anonymous.post(f"{link}/cancel").status_code == 303
    assert all_bookings(rt)[0].state == BookingState.CANCELLED
    text = text_of(anonymous.get(link).text)
    assert "This booking is cancelled." in text
    assert "Book again" in text
    assert anonymous.get(f"{link}/reschedule").status_code == 409


def test_what_has_begun_is_no_longer_changed(
    anonymous: FlaskClient, visit: t.EventType, rt: Runtime, clock: factories.Clock
) -> None:
    link = link_of(rt, booked_by(rt, visit))
    clock.advance(days=1, hours=1, minutes=5)
    text = text_of(anonymous.get(link).text)
    assert "Reschedule" not in text
    assert anonymous.post(f"{link}/cancel").status_code == 409
    assert anonymous.post(f"{link}/reschedule", data={"at": at_text(TEN + 3 * HOUR)}).status_code == 409
    assert all_bookings(rt)[0].state == BookingState.BOOKED


@pytest.mark.parametrize("path", ["", "/event.ics", "/reschedule", "/cancel"])
def test_wrong_link_leads_nowhere(anonymous: FlaskClient, visit: t.EventType, rt: Runtime, path: str) -> None:
    booked = booked_by(rt, visit)
    for wrong in ("0" * 40, booked.booking.public_id, str(booked.booking.token_hash)):
        assert anonymous.get(f"/booking/{wrong}{path}").status_code == 404


def test_link_still_works_when_the_event_type_is_gone(anonymous: FlaskClient, visit: t.EventType, rt: Runtime) -> None:
    link = link_of(rt, booked_by(rt, visit))
    with rt.writing() as session:
        session.delete(session.get_one(t.EventType, visit.id))
    assert anonymous.get(link).status_code == 200
    assert anonymous.get(f"{link}/event.ics").status_code == 200
    assert "Nothing is free" in text_of(anonymous.get(f"{link}/reschedule").text)
    assert anonymous.post(f"{link}/reschedule", data={"at": at_text(TEN + HOUR)}).status_code == 409
    assert anonymous.post(f"{link}/cancel").status_code == 303
