"""The pages of guests in a real browser: readable everywhere, and booking from the first page to the last."""

from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect
from sqlmodel import select

from calsync.engine.booking_form import Question
from calsync.engine.vocabulary import BookingState
from calsync.runtime import CLI, Runtime
from calsync.services import booking_rows, bookings, settings
from calsync.services.bookings import Request
from calsync.store import tables as t
from tests import factories
from tests import scheduling_factories as make
from tests.web.browser.conftest import Look, accessibility_faults, faults

pytestmark = pytest.mark.browser

TEN = factories.START.replace(hour=10) + timedelta(days=1)
QUESTIONS = (
    Question("why", "What is it about?", is_required=True),
    Question("kind", "Are you new here?", "choice", is_required=True, choices=("Yes", "No")),
    Question("more", "Anything else?", "paragraph"),
    Question("terms", "I agree", "yes_no"),
)


@pytest.fixture
def visit(rt: Runtime, cast: factories.Cast) -> t.EventType:
    make.work(rt)
    look = settings.Organisation(name="Elm Clinic", tz="Europe/Berlin", date_format="dmy")
    settings.save_organisation(rt, look, 0, by=CLI)
    room = make.make_resource(rt)
    return make.make_event_type(rt, room, name="Visit", slug="visit", is_public=True, questions=QUESTIONS)


@pytest.fixture
def link(rt: Runtime, visit: t.EventType) -> str:
    asked = Request(t.pk(visit), TEN, "Gil", "gil@example.org", "UTC", {"why": "Knee", "kind": "Yes"})
    return f"/booking/{booking_rows.token(rt, bookings.book(rt, asked, by=CLI).booking)}"


@pytest.mark.parametrize("path", ["", "?day=2030-01-09", "?at=2030-01-09T10:00:00Z", "?at=2030-01-08T10:00:00Z"])
def test_page_of_an_event_type_is_readable(path: str, look: Look, link: str) -> None:
    assert faults(look(f"/book/visit{path}")) == []


@pytest.mark.parametrize("path", ["", "/reschedule", "/reschedule?at=2030-01-09T10:00:00Z", "/cancel"])
def test_page_of_a_booking_is_readable(path: str, look: Look, link: str) -> None:
    assert faults(look(f"{link}{path}")) == []


def test_page_opens_in_the_zone_of_the_browser(look: Look, visit: t.EventType) -> None:
    page = look("/book/visit?day=2030-01-08", timezone_id="America/New_York")
    expect(page.get_by_label("Times are shown in")).to_have_value("America/New_York")
    page.get_by_label("Times are shown in").select_option("Asia/Tokyo")
    expect(page.get_by_role("link", name="19:00")).to_have_attribute(
        "href", "/book/visit?tz=Asia/Tokyo&at=2030-01-08T10:00:00Z"
    )


def test_without_scripts_the_zone_is_sent_by_a_button(look: Look, visit: t.EventType) -> None:
    page = look("/book/visit", java_script_enabled=False)
    page.get_by_label("Times are shown in").select_option("Asia/Tokyo")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_label("Times are shown in")).to_have_value("Asia/Tokyo")


def fill(page: Page, name: str) -> None:
    page.get_by_label("Your name").fill(name)
    page.get_by_label("Your email address").fill(f"{name.lower()}@example.org")
    page.get_by_label("What is it about?").fill("My knee")
    page.get_by_label("Yes", exact=True).check()


def all_bookings(rt: Runtime) -> list[t.Booking]:
    with rt.reading() as session:
        return list(session.exec(select(t.Booking).order_by(t.Booking.id)))


def test_stranger_books_reschedules_and_cancels(look: Look, visit: t.EventType, rt: Runtime) -> None:
    page = look("/book/visit?tz=UTC")
    page.get_by_role("link", name="9 Jan 2030", exact=True).click()
    page.get_by_role("link", name="10:00").click()
    page.get_by_role("button", name="Book", exact=True).click()
    expect(page.get_by_text("Give your name.")).to_be_visible()
    fill(page, "Gil")
    page.get_by_role("button", name="Book", exact=True).dblclick()
    expect(page.get_by_text("This is booked for you")).to_be_visible()
    expect(page.get_by_text("Wed 9 Jan 2030, 10:00–11:00")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Calendar file").click()
    assert "BEGIN:VEVENT" in download.value.path().read_text()
    page.get_by_role("link", name="Reschedule").click()
    page.get_by_role("link", name="10 Jan 2030", exact=True).click()
    page.get_by_role("link", name="14:00").click()
    page.get_by_role("button", name="Move it").click()
    expect(page.get_by_text("Thu 10 Jan 2030, 14:00–15:00")).to_be_visible()
    [row] = all_bookings(rt)
    assert row.starts_at == factories.START.replace(day=10, hour=14)
    page.get_by_role("link", name="Cancel").click()
    page.get_by_role("button", name="Cancel the booking").click()
    expect(page.get_by_text("This booking is cancelled.")).to_be_visible()
    assert [each.state for each in all_bookings(rt)] == [BookingState.CANCELLED]


def test_two_visitors_click_the_same_slot(look: Look, visit: t.EventType, rt: Runtime) -> None:
    pages = [look("/book/visit?tz=UTC&at=2030-01-08T10:00:00Z") for _ in range(2)]
    for page, name in zip(pages, ("Gil", "Hal"), strict=True):
        fill(page, name)
        page.get_by_role("button", name="Book", exact=True).click()
    expect(pages[0].get_by_text("This is booked for you")).to_be_visible()
    late = pages[1]
    expect(late.get_by_text("is no longer free")).to_be_visible()
    expect(late.get_by_label("Your name")).to_have_value("Hal")
    assert accessibility_faults(late) == []
    late.get_by_role("button", name="Book this time instead").click()
    expect(late.get_by_text("Tue 8 Jan 2030, 11:00–12:00")).to_be_visible()
    assert [row.guest_name for row in all_bookings(rt)] == ["Gil", "Hal"]
