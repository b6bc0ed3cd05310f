"""Resources without a calendar here whose provider tells when they are busy: slots, bookings, age, and refusals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from calsync.errors import NotAllowed, Refused, Unavailable
from calsync.providers.base import CalendarClient, Grant
from calsync.providers.free_busy import NOT_FOUND, Told, Window
from calsync.providers.memory import MemoryProvider
from calsync.runtime import CLI
from calsync.services import asked_busy, availability, bookings, rebooking, resources, slot_reasons
from calsync.services.bookings import Request
from calsync.services.taking import SlotTaken
from calsync.store import tables as t
from tests import factories
from tests import scheduling_factories as make
from tests.services.office import HOUR, Office, open_office

MIDNIGHT = factories.START.replace(hour=0)
DAY = timedelta(days=1)
TEN = MIDNIGHT + DAY + 10 * HOUR
ROOM = "room-1@example.com"


class Asking:
    """A client of the memory provider that tells of others what the test says."""

    def __init__(self, client: CalendarClient, office: "Others") -> None:
        self._client, self._others = client, office

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def free_busy(self, addresses: Sequence[str], window: Window) -> dict[str, Told]:
        self._others.asked.append((tuple(addresses), window))
        if self._others.error is not None:
            raise self._others.error
        return {address: self._others.told.get(address, Told(why=NOT_FOUND)) for address in addresses}


@dataclass
class Others:
    """A provider that tells of others. `told` is what, `asked` what it was asked."""

    memory: MemoryProvider
    told: dict[str, Told] = field(default_factory=dict)
    asked: list[tuple[tuple[str, ...], Window]] = field(default_factory=list)
    error: Exception | None = None

    @property
    def info(self) -> Any:
        powers = replace(self.memory.info.capabilities, tells_free_busy=True)
        return replace(self.memory.info, capabilities=powers)

    def open(self, grant: Grant, calendars: Mapping[str, str]) -> Any:
        return Asking(self.memory.open(grant, calendars), self)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    opened = open_office(tmp_path)
    opened.rt = replace(opened.rt, providers={"memory": Others(opened.rt.providers["memory"])})
    make.work(opened.rt)
    return opened


@pytest.fixture
def others(office: Office) -> Others:
    return office.rt.providers["memory"]


@pytest.fixture
def room(office: Office, others: Others) -> t.Resource:
    """A room that is busy from ten to eleven, as its provider tells."""
    others.told[ROOM] = Told(((TEN, TEN + HOUR),))
    made = make.make_resource(office.rt)
    ask_about(office, made)
    return resources.get(office.rt, t.pk(made))


def ask_about(office: Office, room: t.Resource, address: str = ROOM) -> None:
    asked_busy.set_address(office.rt, t.pk(room), t.pk(office.account), address, by=CLI)
    asked_busy.ask(office.rt, t.pk(office.account))


def offered(office: Office, event_type: t.EventType, at: datetime = TEN, hours: int = 3) -> list[int]:
    found = availability.slots(office.rt, t.pk(event_type), at - HOUR, at + (hours - 1) * HOUR)
    return [slot.starts_at.hour for slot in found.slots]


def test_what_the_provider_tells_blocks_the_resource(office: Office, room: t.Resource) -> None:
    event_type = make.make_event_type(office.rt, room)
    assert offered(office, event_type) == [9, 11]
    told = slot_reasons.explain_slot(office.rt, t.pk(event_type), TEN, factories.acting(office.cast.ada))
    [against] = [reason for reason in told.reasons if reason.is_against]
    assert (against.code, against.thing.source, against.thing.title) == ("busy", "asked", None)
    [source] = told.sources[t.pk(room)]
    assert (source.name, source.read_at, source.why) == (ROOM, office.clock(), "")


def test_somebody_of_whom_nothing_is_told_is_not_free(office: Office) -> None:
    room = make.make_resource(office.rt)
    ask_about(office, room, "gone@example.com")
    event_type = make.make_event_type(office.rt, room)
    found = availability.slots(office.rt, t.pk(event_type), TEN, TEN + DAY)
    assert found.slots == []
    assert [(s.why, s.closes) for s in found.sources[t.pk(room)]] == [(NOT_FOUND, True)]


@pytest.mark.parametrize(("choice", "hours"), [("fail_closed", []), ("last_known", [9, 11]), ("ignore", [9, 10, 11])])
def test_an_old_answer_counts_as_was_chosen(
    office: Office, room: t.Resource, others: Others, choice: str, hours: list[int]
) -> None:
    values = resources.ResourceValues("Room 1", when_unreachable=choice, last_known_minutes=60)
    resources.edit(office.rt, t.pk(room), values, version=room.row_version, by=CLI)
    event_type = make.make_event_type(office.rt, room)
    others.error = Unavailable("nobody there")
    office.clock.advance(minutes=30)
    asked_busy.ask(office.rt, t.pk(office.account))
    assert offered(office, event_type) == hours


def test_it_is_asked_every_few_minutes_and_again_when_it_fails(
    office: Office, room: t.Resource, others: Others
) -> None:
    assert asked_busy.list_due(office.rt) == []
    office.clock.advance(minutes=5)
    assert asked_busy.list_due(office.rt) == [office.account.id]
    others.error = Unavailable("nobody there")
    asked_busy.ask(office.rt, t.pk(office.account))
    assert asked_busy.list_due(office.rt) == []
    with office.rt.reading() as session:
        assert "nobody there" in session.get_one(t.AskedBusy, room.id).error


def test_a_booking_asks_again_while_a_hold_stands(office: Office, room: t.Resource, others: Others) -> None:
    event_type = make.make_event_type(office.rt, room)
    office.clock.advance(minutes=4)
    others.told[ROOM] = Told(((TEN - HOUR, TEN),))
    with pytest.raises(SlotTaken):
        bookings.book(office.rt, Request(t.pk(event_type), TEN - HOUR), by=CLI)
    assert len(others.asked) == 2
    booked = bookings.book(office.rt, Request(t.pk(event_type), TEN), by=CLI)
    assert booked.booking.starts_at == TEN


def test_a_booking_that_moves_is_not_in_its_own_way(office: Office, room: t.Resource, others: Others) -> None:
    event_type = make.make_event_type(office.rt, room, step_minutes=30)
    booked = bookings.book(office.rt, Request(t.pk(event_type), TEN + HOUR), by=CLI)
    others.told[ROOM] = Told(((TEN, TEN + 2 * HOUR),))  # the room was invited, and its calendar shows the booking
    office.clock.advance(minutes=10)
    half_past = TEN + timedelta(minutes=90)
    moved = rebooking.reschedule(office.rt, t.pk(booked.booking), half_past, by=CLI)
    assert moved.booking.starts_at == half_past
    with pytest.raises(SlotTaken):
        rebooking.reschedule(office.rt, t.pk(booked.booking), TEN + timedelta(minutes=30), by=CLI)


def test_beyond_what_was_asked_for_nothing_is_free(office: Office, room: t.Resource) -> None:
    event_type = make.make_event_type(office.rt, room, horizon_days=365)
    far = MIDNIGHT + 120 * DAY + 10 * HOUR
    assert offered(office, event_type, far) == []
    near = MIDNIGHT + 80 * DAY + 10 * HOUR
    assert offered(office, event_type, near) == [9, 10, 11]


def test_external_time_that_is_no_source_is_ignored(office: Office, room: t.Resource) -> None:
    office.rule(block_busy_time=False)
    assert offered(office, make.make_event_type(office.rt, room)) == [9, 10, 11]


def test_a_calendar_here_takes_the_place_of_asking(office: Office, room: t.Resource) -> None:
    resources.map_calendar(office.rt, t.pk(room), t.pk(office.calendar), by=CLI)
    assert resources.get(office.rt, t.pk(room)).asked_address == ""
    with pytest.raises(Refused) as refused:
        ask_about(office, room)
    assert refused.value.code == "has_calendar"


def test_asking_no_more_leaves_nothing(office: Office, room: t.Resource) -> None:
    for _ in range(2):
        asked_busy.drop(office.rt, t.pk(room), by=CLI)
    assert offered(office, make.make_event_type(office.rt, room)) == [9, 10, 11]
    with office.rt.reading() as session:
        assert session.get(t.AskedBusy, room.id) is None


def test_a_provider_that_tells_nothing_is_refused(office: Office, others: Others) -> None:
    office.rt = replace(office.rt, providers={"memory": others.memory})
    with pytest.raises(Refused) as refused:
        ask_about(office, make.make_resource(office.rt))
    assert refused.value.code == "cannot_ask"


def test_only_admins_choose_and_only_addresses(office: Office) -> None:
    room = make.make_resource(office.rt)
    with pytest.raises(NotAllowed):
        asked_busy.set_address(office.rt, t.pk(room), t.pk(office.account), ROOM, by=factories.acting(office.cast.eli))
    with pytest.raises(Refused) as refused:
        ask_about(office, room, "room one")
    assert refused.value.field == "address"
