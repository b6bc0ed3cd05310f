"""Where the search for free slots could go wrong: copies that no longer follow, aliases, days with 25 hours."""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from calsync.engine.event import Attendee, Event
from calsync.engine.hours import Hours
from calsync.runtime import CLI
from calsync.services import availability, bookings
from calsync.services.bookings import Request
from calsync.store import tables as t
from tests import factories
from tests import scheduling_factories as make
from tests.services.office import HOUR, WORK, Office, open_office

MIDNIGHT = factories.START.replace(hour=0)
DAY = timedelta(days=1)
TOMORROW = MIDNIGHT + DAY
TEN = TOMORROW + 10 * HOUR


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """Eli's calendar, read a moment ago."""
    opened = open_office(tmp_path)
    opened.settle()
    return opened


@pytest.fixture
def visit(office: Office) -> t.EventType:
    """An hour of Eli's, who works day and night."""
    make.work(office.rt)
    return make.make_event_type(office.rt, make.make_person(office.rt, office.cast.eli))


def taken(office: Office, event_type: t.EventType, start: datetime = TOMORROW) -> list[float]:
    """Return the hours of a day at which an event type is not offered."""
    found = availability.slots(office.rt, t.pk(event_type), start, start + DAY, now=MIDNIGHT).slots
    offered = {slot.starts_at for slot in found}
    return [n for n in range(24) if start + n * HOUR not in offered]


def meeting(uid: str = "tea", **values: Any) -> Event:
    given = {"start": TEN, "end": TEN + HOUR, "tz": "Europe/Berlin", "summary": "Tea", **values}
    return Event(uid, **given)


# --- copies that no longer follow


def test_an_event_counts_itself_once_its_activity_no_longer_follows(office: Office, visit: t.EventType) -> None:
    handle = office.server.put(WORK, meeting())
    office.settle()
    office.change_calendar(syncs=False, is_write_target=False)
    office.settle()
    office.server.edit(WORK, handle, start=TEN + 5 * HOUR, end=TEN + 6 * HOUR)
    office.sync()
    assert 15 in taken(office, visit)


def test_activities_from_an_account_are_no_source_where_external_time_is_none(
    office: Office, visit: t.EventType
) -> None:
    office.change_calendar(blocks=False)
    office.server.put(WORK, meeting())
    office.settle()
    assert taken(office, visit) == [10]
    office.rule(block_busy_time=False)
    assert taken(office, visit) == []


# --- what somebody declined


def invited(partstat: str = "accepted", **values: Any) -> Event:
    return meeting(attendees=(Attendee("eli@elsewhere.example", partstat=partstat),), **values)


def test_a_meeting_that_was_declined_under_another_address_is_free_time(office: Office, visit: t.EventType) -> None:
    handle = office.server.put(WORK, invited())
    office.settle()
    assert taken(office, visit) == [10]
    office.server.edit(WORK, handle, attendees=invited("declined").attendees, is_declined=True)
    office.settle()
    assert taken(office, visit) == []


def test_a_declined_occurrence_of_an_accepted_series_is_free_time(office: Office, visit: t.EventType) -> None:
    me = (Attendee("eli@example.com", partstat="accepted"),)
    series = meeting(rrule="FREQ=DAILY;COUNT=3", attendees=me)
    handle = office.server.put(WORK, series)
    office.settle()
    assert taken(office, visit, TOMORROW + DAY) == [10]
    declined = (Attendee("eli@example.com", partstat="declined"),)
    office.server.override(WORK, handle, TEN + DAY, attendees=declined)
    office.settle()
    assert taken(office, visit, TOMORROW) == [10]
    assert taken(office, visit, TOMORROW + DAY) == []


# --- days with 25 hours


def test_a_daily_limit_counts_from_the_first_minute_of_a_long_day(office: Office) -> None:
    make.work(office.rt, Hours("Europe/Berlin", make.ALWAYS.weekly))
    room = make.make_resource(office.rt, tz="Europe/Berlin")
    event_type = make.make_event_type(
        office.rt, room, length_minutes=15, step_minutes=15, daily_limit=1, horizon_days=365
    )
    midnight = datetime.combine(date(2030, 10, 27), datetime.min.time(), factories.START.tzinfo) - 2 * HOUR
    bookings.book(office.rt, Request(t.pk(event_type), midnight), by=CLI)
    last = midnight + 25 * HOUR - HOUR / 4
    found = availability.slots(office.rt, t.pk(event_type), last, last + HOUR / 2).slots
    assert [slot.starts_at for slot in found] == [last + HOUR / 4]
