"""Bookings for the team: booking for a guest, the list, one booking, moving, cancelling, and overlaps to settle."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlmodel import select
from werkzeug.test import TestResponse

from calsync.engine.booking_form import Question
from calsync.engine.vocabulary import BookingState
from calsync.providers.memory import FaultKind
from calsync.runtime import CLI, Runtime
from calsync.services import activities, bookings, following, rebooking
from calsync.services.bookings import Booked, Request
from calsync.store import tables as t
from tests import factories
from tests import scheduling_factories as make
from tests.services.office import Office
from tests.web.conftest import HTMX, text_of
from tests.web.queries import count_queries

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
TEN = factories.START.replace(hour=10) + DAY
MOST_QUERIES = 12


@pytest.fixture
def room(rt: Runtime, cast: factories.Cast) -> t.Resource:
    make.work(rt)
    return make.make_resource(rt, "Room 1")


@pytest.fixture
def visit(rt: Runtime, room: t.Resource) -> t.EventType:
    return make.make_event_type(rt, room, questions=(Question("why", "What is it about?"),))


def at_text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def book(rt: Runtime, event_type: t.EventType, by: t.User, at: datetime = TEN, **more: Any) -> Booked:
    asked = {"guest_name": "Gil", "guest_email": "gil@example.org", "answers": {"why": "Knee"}, **more}
    return bookings.book(rt, Request(t.pk(event_type), at, **asked), by=factories.acting(by))


def post(client: FlaskClient, event_type: t.EventType, at: datetime = TEN, **more: str) -> TestResponse:
    form = {"at": at_text(at), "tz": "UTC", "key": "k1", "name": "Gil Guest", "email": "gil@example.org", **more}
    return client.post(f"/bookings/new/{event_type.id}", data=form)


def all_bookings(rt: Runtime) -> list[t.Booking]:
    with rt.reading() as session:
        return list(session.exec(select(t.Booking).order_by(t.Booking.id)))


def moved_onto(rt: Runtime, event_type: t.EventType, by: t.User) -> Booked:
    """Return a booking that was moved, as by a calendar, onto the time of another."""
    booked, other = book(rt, event_type, by), book(rt, event_type, by, TEN + 2 * HOUR, guest_name="Hal")
    times = {"start": other.booking.starts_at, "end": other.booking.ends_at}
    activities.edit(rt, t.pk(booked.activity), times, by=CLI)
    following.follow(rt)
    return booked


# --- booking for a guest


def test_staff_choose_what_and_when(eli: FlaskClient, visit: t.EventType) -> None:
    assert "Visit" in text_of(eli.get("/bookings/new/").text)
    page = eli.get(f"/bookings/new/{visit.id}?day=2030-01-08")
    assert "January 2030" in text_of(page.text)
    assert "at=2030-01-08T10:00:00Z" in page.text


def test_nothing_to_book_leads_to_event_types(ada: FlaskClient, cast: factories.Cast) -> None:
    assert "Nothing can be booked yet" in text_of(ada.get("/bookings/new/").text)


def test_staff_see_who_of_a_group_is_free_and_who_took_it(eli: FlaskClient, rt: Runtime, room: t.Resource) -> None:
    nurses = make.make_group(rt, make.make_resource(rt, "Nina"), make.make_resource(rt, "Omar"))
    event_type = make.make_event_type(rt, nurses)
    page = eli.get(f"/bookings/new/{event_type.id}?day=2030-01-08").text
    assert re.search(r"at=2030-01-08T10[^>]*><span>10:00</span><small>Nina and Omar</small>", page)
    answer = post(eli, event_type)
    assert answer.status_code == 303
    text = text_of(eli.get(answer.location).text)
    assert "Booked: Nina, " in text
    page = eli.get(f"/bookings/new/{event_type.id}?day=2030-01-08").text
    assert re.search(r"at=2030-01-08T10[^>]*><span>10:00</span><small>Omar</small>", page)


def test_staff_book_once_and_see_the_booking(eli: FlaskClient, visit: t.EventType, rt: Runtime) -> None:
    first, second = post(eli, visit, answer_0="Knee"), post(eli, visit, answer_0="Knee")
    assert first.status_code == 303
    assert first.location == second.location
    [row] = all_bookings(rt)
    assert (row.guest_name, row.answers) == ("Gil Guest", {"why": "Knee"})
    text = text_of(eli.get(first.location).text)
    assert "Visit: Gil Guest" in text
    assert "gil@example.org" in text
    assert "What is it about? Knee" in text
    assert "/booking/" in eli.get(first.location).text


def test_guest_without_an_address_can_be_booked(eli: FlaskClient, visit: t.EventType, rt: Runtime) -> None:
    assert post(eli, visit, email="").status_code == 303
    assert post(eli, visit, TEN + HOUR, key="k2", name="").status_code == 422
    assert len(all_bookings(rt)) == 1


def test_taken_slot_offers_others(eli: FlaskClient, visit: t.EventType, rt: Runtime, cast: factories.Cast) -> None:
    book(rt, visit, cast.ada)
    answer = post(eli, visit)
    assert answer.status_code == 409
    assert 'value="Gil Guest"' in answer.text
    assert re.findall(r'type="radio" name="at" value="([^"]+)"', answer.text)[0] == at_text(TEN + HOUR)


def test_clients_do_not_book_for_others(vic: FlaskClient, visit: t.EventType, rt: Runtime) -> None:
    assert vic.get("/bookings/new/").status_code == 403
    assert post(vic, visit).status_code == 403
    assert all_bookings(rt) == []


def test_activity_leads_to_its_booking(
    eli: FlaskClient, ada: FlaskClient, visit: t.EventType, rt: Runtime, cast: factories.Cast
) -> None:
    booked = book(rt, visit, cast.eli)
    url = f'href="/bookings/{booked.booking.id}"'
    assert url in eli.get(f"/activities/{booked.activity.id}").text
    assert url in ada.get(f"/activities/{booked.activity.id}").text


# --- the list


def test_list_shows_what_is_ahead_and_filters(
    eli: FlaskClient, visit: t.EventType, rt: Runtime, cast: factories.Cast, room: t.Resource
) -> None:
    other = make.make_event_type(rt, room, name="Other")
    book(rt, visit, cast.eli)
    book(rt, other, cast.eli, TEN + HOUR, guest_name="Hal", guest_email="")
    cancelled = book(rt, visit, cast.eli, TEN + 2 * HOUR, guest_name="Ivy", guest_email="")
    rebooking.cancel(rt, t.pk(cancelled.booking), by=CLI)
    assert names(eli, "") == ["Gil", "Hal", "Ivy"]
    assert names(eli, f"?type={other.id}") == ["Hal"]
    assert names(eli, "?q=gil@") == ["Gil"]
    assert names(eli, "?state=cancelled") == ["Ivy"]
    assert names(eli, "?state=booked") == ["Gil", "Hal"]
    assert names(eli, "?when=past") == []
    assert names(eli, "?when=all") == ["Ivy", "Hal", "Gil"]
    assert "Nothing matches" in text_of(eli.get("/bookings/?q=nobody").text)


def names(client: FlaskClient, query: str) -> list[str]:
    return re.findall(r'class="row-link" href="/bookings/\d+">([^<]+)<', client.get(f"/bookings/{query}").text)


def test_list_answers_htmx_with_the_list_alone(eli: FlaskClient, visit: t.EventType) -> None:
    part = eli.get("/bookings/", headers=HTMX).text
    assert 'id="listed"' in part
    assert "<html" not in part
    assert "Nothing is booked" in text_of(part)


def test_list_pages_by_keys(eli: FlaskClient, visit: t.EventType, rt: Runtime, cast: factories.Cast) -> None:
    for n in range(52):
        book(rt, visit, cast.eli, TEN + n * HOUR, guest_name=f"G{n:02}")
    first = eli.get("/bookings/").text
    assert "G49" in first
    assert "G50" not in first
    older = re.search(r'href="([^"]*after=[^"]+)"', first)
    assert older is not None
    assert names(eli, older[1].replace("&amp;", "&").partition("/bookings/")[2]) == ["G50", "G51"]


def test_people_see_their_bookings_and_admins_all(
    eli: FlaskClient, ada: FlaskClient, vic: FlaskClient, visit: t.EventType, rt: Runtime, cast: factories.Cast
) -> None:
    own, others = book(rt, visit, cast.eli), book(rt, visit, cast.ada, TEN + HOUR, guest_name="Hal")
    assert (names(eli, ""), names(vic, ""), names(ada, "")) == (["Gil"], [], ["Gil", "Hal"])
    assert eli.get(f"/bookings/{own.booking.id}").status_code == 200
    assert eli.get(f"/bookings/{others.booking.id}").status_code == 404
    assert eli.post(f"/bookings/{others.booking.id}/cancel").status_code == 404
    assert all_bookings(rt)[1].state == BookingState.BOOKED


def test_private_booking_keeps_its_guest_to_its_owner(
    eli: FlaskClient, ada: FlaskClient, rt: Runtime, cast: factories.Cast, room: t.Resource
) -> None:
    private = make.make_event_type(rt, room, name="Talk", visibility="private", questions=(Question("why", "Why?"),))
    booked = book(rt, private, cast.eli)
    assert names(eli, "") == ["Gil"]
    for path in ("/bookings/", f"/bookings/{booked.booking.id}"):
        seen = ada.get(path).text
        assert "Gil" not in seen
        assert "gil@example.org" not in seen
        assert "Knee" not in seen


def test_pages_ask_the_database_little(eli: FlaskClient, visit: t.EventType, rt: Runtime, cast: factories.Cast) -> None:
    booked = [book(rt, visit, cast.eli, TEN + n * HOUR) for n in range(5)]
    for path in ("/bookings/", f"/bookings/{booked[0].booking.id}", f"/bookings/new/{visit.id}"):
        eli.get(path)
        with count_queries(rt) as queries:
            assert eli.get(path).status_code == 200
        assert len(queries) <= MOST_QUERIES, "\n\n".join(queries)


# --- how it stands


def test_booking_that_is_not_on_its_calendar_yet_says_why(ada: FlaskClient, rt: Runtime, cast: factories.Cast) -> None:
    make.work(rt)
    calendar = factories.make_calendar(rt, factories.make_account(rt, cast.eli))
    room = make.make_resource(rt, "Room 2", calendar, when_unreachable="ignore")
    booked = book(rt, make.make_event_type(rt, room), cast.ada)
    assert not booked.is_written
    assert "Not on its calendar yet" in text_of(ada.get("/bookings/").text)
    text = text_of(ada.get(f"/bookings/{booked.booking.id}").text)
    assert "This is why the calendar does not show it as it is" in text
    assert "goes out with the next run" in text
    assert len(re.findall("row-link", ada.get("/bookings/?state=unwritten").text)) == 1


def test_a_change_that_its_calendar_has_not_heard_of_is_said_everywhere(
    workplace: Office, ada: FlaskClient, rt: Runtime
) -> None:
    make.work(rt)
    visit = make.make_event_type(rt, make.make_person(rt, workplace.cast.eli, when_unreachable="ignore"))
    booked = book(rt, visit, workplace.cast.ada)
    workplace.settle()
    page, activity = f"/bookings/{booked.booking.id}", f"/activities/{booked.activity.id}"
    places = ("/bookings/?when=all", page, activity)
    behind = ("Not on its calendar yet", "Still on its calendar", "does not have the change yet")
    assert not any(word in without_filters(ada, place) for place in places for word in behind)
    rebooking.reschedule(rt, t.pk(booked.booking), TEN + 2 * HOUR, by=CLI)
    for _ in range(5):
        workplace.server.faults.arm(FaultKind.UNAVAILABLE)
    workplace.sync()
    assert all("Not on its calendar yet" in without_filters(ada, place) for place in places)
    assert "Its calendar does not have the change yet" in without_filters(ada, page)
    rebooking.cancel(rt, t.pk(booked.booking), by=CLI)
    assert all("Still on its calendar" in without_filters(ada, place) for place in places)
    workplace.server.faults.disarm()
    workplace.clock.advance(minutes=30)
    workplace.settle()
    assert not any(word in without_filters(ada, place) for place in places for word in behind)


def test_the_calendar_shows_a_booking_in_the_colour_of_its_event_type(
    eli: FlaskClient, cast: factories.Cast, rt: Runtime
) -> None:
    make.work(rt)
    booked = book(rt, make.make_event_type(rt, make.make_person(rt, cast.eli), color="#8a2be2"), cast.ada)
    feed = "/calendar/events.json?start=2030-01-07T00:00:00&end=2030-01-14T00:00:00&person=all"
    [shown] = eli.get(feed).get_json()["events"]
    assert (shown["title"].partition(" (")[0], shown["styles"]) == (
        booked.activity.title,
        ["--event-color: #8a2be2"],
    )


def without_filters(client: FlaskClient, path: str) -> str:
    """Return what a page says, without its filters, which name every state."""
    return text_of(re.sub(r"(?s)<select.*?</select>", "", client.get(path).text))


# --- moving and cancelling


def test_staff_move_a_booking(eli: FlaskClient, visit: t.EventType, rt: Runtime, cast: factories.Cast) -> None:
    booked = book(rt, visit, cast.eli)
    url = f"/bookings/{booked.booking.id}/reschedule"
    assert "at=2030-01-08T11:00:00Z" in eli.get(f"{url}?day=2030-01-08").text
    assert "Move it?" in text_of(eli.get(f"{url}?at={at_text(TEN + HOUR)}").text)
    assert eli.post(url, data={"at": at_text(TEN + HOUR)}).status_code == 303
    [row] = all_bookings(rt)
    assert (row.starts_at, row.activity_id) == (TEN + HOUR, booked.activity.id)
    assert eli.post(url, data={"at": "never"}).status_code == 303


def test_moving_onto_a_taken_slot_offers_others(
    eli: FlaskClient, visit: t.EventType, rt: Runtime, cast: factories.Cast
) -> None:
    booked = book(rt, visit, cast.eli)
    book(rt, visit, cast.eli, TEN + HOUR)
    answer = eli.post(f"/bookings/{booked.booking.id}/reschedule", data={"at": at_text(TEN + HOUR)})
    assert answer.status_code == 409
    assert at_text(TEN + 2 * HOUR) in answer.text
    assert all_bookings(rt)[0].starts_at == TEN


def test_staff_cancel_a_booking(eli: FlaskClient, visit: t.EventType, rt: Runtime, cast: factories.Cast) -> None:
    booked = book(rt, visit, cast.eli)
    url = f"/bookings/{booked.booking.id}"
    assert [eli.post(f"{url}/cancel").status_code for _ in range(2)] == [303, 303]
    assert all_bookings(rt)[0].state == BookingState.CANCELLED
    text = text_of(eli.get(url).text)
    assert "Cancelled" in text
    assert "Book again" in text
    assert eli.get(f"{url}/reschedule").status_code == 409


# --- overlaps


@pytest.mark.parametrize(
    ("choice", "starts_at", "state"),
    [
        ("keep", TEN + 2 * HOUR, BookingState.BOOKED),
        ("move_back", TEN, BookingState.BOOKED),
        ("cancel", TEN + 2 * HOUR, BookingState.CANCELLED),
    ],
)
def test_overlap_is_shown_and_settled(
    eli: FlaskClient,
    visit: t.EventType,
    rt: Runtime,
    cast: factories.Cast,
    choice: str,
    starts_at: datetime,
    state: BookingState,
) -> None:
    booked = moved_onto(rt, visit, cast.eli)
    url = f"/bookings/{booked.booking.id}"
    assert names(eli, "?when=overlaps") == ["Gil"]
    text = text_of(eli.get(url).text)
    assert "A calendar moved this booking onto something else" in text
    assert "Hal" in text
    assert eli.post(f"{url}/overlap", data={"choice": choice}).status_code == 303
    row = all_bookings(rt)[0]
    assert (row.starts_at, row.state, row.moved_from) == (starts_at, state, None)
    assert names(eli, "?when=overlaps") == []
    if choice != "cancel":
        assert eli.post(f"{url}/overlap", data={"choice": choice}).status_code == 409


def test_overlap_needs_a_choice(eli: FlaskClient, visit: t.EventType, rt: Runtime, cast: factories.Cast) -> None:
    booked = moved_onto(rt, visit, cast.eli)
    assert eli.post(f"/bookings/{booked.booking.id}/overlap", data={"choice": "shrug"}).status_code == 409
    assert all_bookings(rt)[0].moved_from == TEN
