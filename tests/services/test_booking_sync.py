"""Bookings and calendars: asked before a booking, written after it, and heard when somebody moves it there."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from calsync.engine.event import Event
from calsync.engine.vocabulary import BookingState
from calsync.providers.memory.faults import FaultKind
from calsync.runtime import CLI
from calsync.services import bookings, rebooking
from calsync.services.bookings import Booked, Request
from calsync.services.taking import SlotTaken
from calsync.store import tables as t
from tests import factories
from tests import scheduling_factories as make
from tests.services.office import HOUR, WORK, Office, open_office

TEN = factories.START.replace(hour=10) + timedelta(days=1)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    opened = open_office(tmp_path)
    make.work(opened.rt)
    opened.settle()
    return opened


@pytest.fixture
def visit(office: Office) -> t.EventType:
    """Eli can be visited for an hour, every hour."""
    return make.make_event_type(office.rt, make.make_person(office.rt, office.cast.eli))


def book(office: Office, visit: t.EventType, **values: Any) -> Booked:
    return bookings.book(office.rt, Request(t.pk(visit), **{"starts_at": TEN, **values}), by=CLI)


def again(office: Office, booked: Booked) -> Booked:
    return bookings.get(office.rt, t.pk(booked.booking))


def put_there(office: Office, title: str = "Dentist", at: timedelta = timedelta()) -> str:
    return office.server.put(WORK, Event(f"{title}@there", TEN + at, TEN + at + HOUR, "Europe/Berlin", summary=title))


def runs(office: Office) -> int:
    with office.rt.reading() as session:
        return len(session.exec(select(t.Run)).all())


def test_a_calendar_that_was_not_read_just_now_is_asked_first(office: Office, visit: t.EventType) -> None:
    office.clock.advance(minutes=10)
    put_there(office)
    with pytest.raises(SlotTaken) as caught:
        book(office, visit)
    assert caught.value.slots[0].starts_at == TEN + HOUR
    with office.rt.reading() as session:
        assert session.exec(select(t.Booking)).all() == session.exec(select(t.Taken)).all() == []


def test_a_calendar_that_was_read_just_now_is_not_asked_again(office: Office, visit: t.EventType) -> None:
    before = runs(office)
    book(office, visit)
    assert runs(office) == before


def test_a_booking_is_written_by_the_next_run_and_says_so(office: Office, visit: t.EventType) -> None:
    made = book(office, visit, guest_name="Jo", guest_email="jo@example.org")
    assert not made.is_written
    office.settle()
    assert again(office, made).is_written
    assert office.titles_there() == ["Visit: Jo"]
    assert office.titles_here() == ["Visit: Jo"]


def test_while_a_calendar_does_not_answer_a_slot_is_given_as_was_chosen(office: Office, visit: t.EventType) -> None:
    office.clock.advance(minutes=10)
    for _ in range(20):
        office.server.faults.arm(FaultKind.UNAVAILABLE)
    with pytest.raises(SlotTaken):
        book(office, visit)
    with office.rt.writing() as session:
        session.exec(select(t.Resource)).one().when_unreachable = "last_known"
    assert book(office, visit).booking.state == BookingState.BOOKED


def test_a_move_in_the_calendar_moves_the_booking(office: Office, visit: t.EventType) -> None:
    made = book(office, visit)
    office.settle()
    ((handle, event),) = office.server.all_events(WORK)
    office.server.edit(WORK, handle, start=event.start + 2 * HOUR, end=event.end + 2 * HOUR)
    office.settle()
    moved = again(office, made)
    assert (moved.booking.starts_at, moved.booking.moved_from) == (TEN + 2 * HOUR, None)
    book(office, visit)
    with pytest.raises(SlotTaken):
        book(office, visit, starts_at=TEN + 2 * HOUR)


def test_a_move_onto_something_else_in_the_calendar_is_an_overlap_to_settle(office: Office, visit: t.EventType) -> None:
    made = book(office, visit)
    put_there(office, at=3 * HOUR)
    office.settle()
    (handle,) = (h for h, e in office.server.all_events(WORK) if e.summary == "Visit")
    office.server.edit(WORK, handle, start=TEN + 3 * HOUR, end=TEN + 4 * HOUR)
    office.settle()
    assert again(office, made).booking.moved_from == TEN
    rebooking.resolve(office.rt, t.pk(made.booking), "move_back", by=CLI)
    office.settle()
    assert office.there(handle).start == TEN
    assert again(office, made).booking.moved_from is None


def test_a_deletion_in_the_calendar_cancels_the_booking_and_frees_its_time(office: Office, visit: t.EventType) -> None:
    made = book(office, visit)
    office.settle()
    ((handle, _),) = office.server.all_events(WORK)
    office.server.delete(WORK, handle)
    office.settle()
    assert again(office, made).booking.state == BookingState.CANCELLED
    assert book(office, visit).booking.state == BookingState.BOOKED


def test_rescheduling_moves_the_same_event_and_asks_first(office: Office, visit: t.EventType) -> None:
    made = book(office, visit)
    office.settle()
    office.clock.advance(minutes=10)
    put_there(office, at=2 * HOUR)
    with pytest.raises(SlotTaken):
        rebooking.reschedule(office.rt, t.pk(made.booking), TEN + 2 * HOUR, by=CLI)
    with office.rt.reading() as session:
        assert len(session.exec(select(t.Booking)).all()) == 1
    office.clock.advance(minutes=10)
    rebooking.reschedule(office.rt, t.pk(made.booking), TEN + HOUR, by=CLI)
    office.settle()
    assert sorted((e.summary, e.start) for _, e in office.server.all_events(WORK)) == [
        ("Dentist", TEN + 2 * HOUR),
        ("Visit", TEN + HOUR),
    ]


def test_cancelling_takes_the_event_out_of_the_calendar(office: Office, visit: t.EventType) -> None:
    made = book(office, visit)
    office.settle()
    rebooking.cancel(office.rt, t.pk(made.booking), by=CLI)
    office.settle()
    assert office.titles_there() == []
