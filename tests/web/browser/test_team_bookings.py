"""Bookings of the team in a real browser: readable pages, and a move in somebody's calendar that has to be settled."""

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from calsync.engine.event import Event
from calsync.runtime import CLI, Runtime
from calsync.services import bookings
from calsync.services.bookings import Request
from calsync.store import tables as t
from tests import factories
from tests import scheduling_factories as make
from tests.services.office import HOUR, WORK, Office
from tests.web.browser.conftest import Look, accessibility_faults, faults

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("office")]

TEN = factories.START.replace(hour=10) + timedelta(days=1)


@pytest.fixture
def visit(office: Office) -> t.EventType:
    """Eli can be visited for an hour, every hour."""
    make.work(office.rt)
    office.settle()
    return make.make_event_type(office.rt, make.make_person(office.rt, office.cast.eli))


@pytest.fixture
def booked(office: Office, visit: t.EventType) -> t.Booking:
    """A booking that stands on Eli's calendar."""
    asked = Request(t.pk(visit), TEN, "Gil", "gil@example.org")
    made = bookings.book(office.rt, asked, by=CLI).booking
    office.settle()
    return made


PATHS = (
    "/bookings/",
    "/bookings/?when=overlaps",
    "/bookings/{booking}",
    "/bookings/{booking}/reschedule",
    "/bookings/{booking}/reschedule?at=2030-01-09T10:00:00Z",
    "/bookings/new/",
    "/bookings/new/{visit}",
    "/bookings/new/{visit}?at=2030-01-09T10:00:00Z",
    "/activities/{activity}",
)


@pytest.mark.parametrize("path", PATHS)
def test_page_is_readable(path: str, look: Look, office: Office, visit: t.EventType, booked: t.Booking) -> None:
    page = look(path.format(booking=booked.id, visit=visit.id, activity=booked.activity_id), office.cast.eli)
    assert faults(page) == []


def test_staff_book_for_a_guest(look: Look, office: Office, visit: t.EventType, rt: Runtime) -> None:
    page = look("/activities/", office.cast.eli)
    page.get_by_role("link", name="New booking").click()
    page.get_by_role("link", name="Visit").click()
    page.get_by_role("link", name="2030-01-10", exact=True).click()
    page.get_by_role("link", name="14:00").click()
    page.get_by_label("Guest", exact=True).fill("Gil")
    page.get_by_role("button", name="Book", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Visit: Gil")
    expect(page.get_by_text("This is why the calendar does not show it as it is")).to_be_visible()
    office.settle()
    page.reload()
    expect(page.get_by_text("This is why the calendar does not show it as it is")).to_be_hidden()
    [(_, event)] = office.server.all_events(WORK)
    assert event.start == factories.START.replace(day=10, hour=14)


def test_move_in_the_calendar_arrives_and_its_overlap_is_settled(look: Look, office: Office, booked: t.Booking) -> None:
    page = look(f"/bookings/{booked.id}", office.cast.eli)
    [(handle, event)] = office.server.all_events(WORK)
    office.server.edit(WORK, handle, start=event.start + HOUR, end=event.end + HOUR)
    office.settle()
    page.reload()
    expect(page.get_by_role("main")).to_contain_text("11:00")
    there = TEN + 3 * HOUR
    office.server.put(WORK, Event("dentist@there", there, there + HOUR, "Europe/Berlin", summary="Dentist"))
    office.settle()
    office.server.edit(WORK, handle, start=there, end=there + HOUR)
    office.settle()
    page.goto("/bookings/")
    page.get_by_role("navigation", name="When").get_by_role("link", name="Overlaps").click()
    page.get_by_role("link", name="Gil").click()
    expect(page.get_by_text("A calendar moved this booking onto something else")).to_be_visible()
    expect(page.get_by_role("link", name="Dentist")).to_be_visible()
    assert accessibility_faults(page) == []
    page.get_by_role("button", name="Move back").click()
    expect(page.locator("#toasts")).to_contain_text("It is moved back")
    office.settle()
    assert office.there(handle).start == TEN + HOUR
