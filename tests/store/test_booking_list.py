"""Bookings as the team lists them, on both databases: whose, which state, which time, page by page."""

from dataclasses import replace
from datetime import timedelta

import pytest

from calsync.providers.memory import MemoryProvider, MemoryServer
from calsync.runtime import Runtime
from calsync.services import bookings, rebooking
from calsync.services.bookings import Request
from calsync.store import booking_list
from calsync.store import tables as t
from calsync.store.booking_list import Filters
from calsync.store.keyset import Cut
from tests import factories
from tests import scheduling_factories as make

pytestmark = pytest.mark.postgres

TEN = factories.START.replace(hour=10) + timedelta(days=1)


def test_bookings_are_listed_by_whose_they_are_by_state_and_by_time(rt: Runtime) -> None:
    rt = replace(rt, providers={"caldav": MemoryProvider(MemoryServer(rt.now), "caldav")})
    cast = factories.make_cast(rt)
    make.work(rt)
    calendar = factories.make_calendar(rt, factories.make_account(rt, cast.eli))
    plain = make.make_event_type(rt, make.make_resource(rt))
    mapped = make.make_event_type(rt, make.make_resource(rt, "Room 2", calendar, when_unreachable="ignore"), slug="two")

    def book(event_type: t.EventType, name: str, hours: int, by: t.User) -> int:
        asked = Request(t.pk(event_type), TEN + timedelta(hours=hours), name, f"{name}@example.org")
        return t.pk(bookings.book(rt, asked, by=factories.acting(by)).booking)

    first, second = book(plain, "gil", 0, cast.eli), book(mapped, "hal", 1, cast.ada)
    third = book(plain, "50%_ivy", 2, cast.ada)
    rebooking.cancel(rt, third, by=factories.acting(cast.ada))

    def listed(viewer: t.User | None = None, cut: Cut | None = None, newest_first: bool = False, **more) -> list[int]:
        filters = Filters(viewer.id if viewer else None, rt.now(), **more)
        with rt.reading() as session:
            found = booking_list.listed(session, filters, cut or Cut(), newest_first=newest_first)
        return [t.pk(line.booking) for line in found.rows]

    assert listed() == [first, second, third]
    assert listed(newest_first=True) == [third, second, first]
    assert listed(cut=Cut(1, after=(TEN, first))) == [second]
    assert listed(cast.eli) == [first, second]  # hal's stands on Eli's calendar
    assert listed(cast.sam) == []
    assert listed(state="unwritten") == [second]
    assert listed(state="cancelled") == [third]
    assert listed(state="moved") == []
    assert listed(search="HAL@") == [second]
    assert listed(search="50%_") == [third]
    assert listed(event_type_id=plain.id) == [first, third]
    assert listed(end=TEN + timedelta(minutes=30)) == [first]
    assert listed(start=TEN + timedelta(hours=1, minutes=30)) == [second, third]
