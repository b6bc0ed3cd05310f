"""The questions behind busy blocks, on both databases: what is busy elsewhere, and which blocks stand."""

from datetime import timedelta

import pytest

from calsync.engine import busy_blocks as blocks
from calsync.engine.event import Event
from calsync.engine.resource import Resource
from calsync.runtime import Runtime
from calsync.store import asked_busy, busy_blocks, mirror
from calsync.store import tables as t
from tests import factories
from tests import scheduling_factories as make
from tests.services.planning import DAY, HOUR, MONDAY

pytestmark = pytest.mark.postgres

WINDOW = (MONDAY, MONDAY + 90 * DAY)


def put(rt: Runtime, calendar: t.Calendar, *events: Event) -> None:
    with rt.writing() as session:
        found = [Resource(each.uid, "1", "body", (each,)) for each in events]
        row = session.get_one(t.Calendar, calendar.id)
        mirror.save(session, row, found, rt.now(), own_addresses=frozenset(), folds=True)


def event(uid: str, hours: int = 1, **values: object) -> Event:
    start = MONDAY + hours * HOUR
    return Event(uid, start, start + HOUR, "Europe/Berlin", **values)


def test_what_is_busy_elsewhere_is_found_once_and_without_blocks(rt: Runtime) -> None:
    eli = factories.make_cast(rt).eli
    account = factories.make_account(rt, eli)
    work = factories.make_calendar(rt, account, "work", takes_blocks=True)
    home, other = (factories.make_calendar(rt, account, name, is_write_target=False) for name in ("home", "other"))
    put(rt, home, event("a"), event("b", 2), event("free", 3, transparency="transparent"), event("over", -9))
    put(rt, other, event("a"), event("c", 4, our_id=blocks.mark(other.public_id, "0" * 32)))
    put(rt, work, event("b", 2), event("mine", 5, our_id=blocks.mark(work.public_id, "1" * 32)))
    with rt.reading() as session:
        sources = dict(busy_blocks.sources(session, t.pk(eli), t.pk(work)))
        assert set(sources) == {home.id, other.id}
        shelves = {i: t.pk(each) for i, each in sources.items()}
        found = busy_blocks.busy(session, shelves, t.pk(work), WINDOW)
        assert [(each.origin.uid, each.account_id) for each in found] == [("a", account.id)]
        assert set(busy_blocks.there(session, work)) == {"1" * 32}
        assert [calendar.id for calendar, _ in busy_blocks.targets(session)] == [work.id]


def test_blocks_are_summed_up_for_pages(rt: Runtime) -> None:
    calendar = factories.make_calendar(rt, factories.make_account(rt, factories.make_cast(rt).eli))
    times = {"created_at": rt.now(), "ends_at": rt.now()}
    with rt.writing() as session:
        for key, error in (("a", ""), ("b", "quota exceeded")):
            session.add(t.BusyBlock(calendar_id=t.pk(calendar), key=key, content={}, error=error, **times))
    with rt.reading() as session:
        assert busy_blocks.sums(session, [t.pk(calendar)]) == {calendar.id: (2, 1, "quota exceeded")}


def test_what_is_to_be_asked_again_is_found_by_account(rt: Runtime) -> None:
    account = factories.make_account(rt, factories.make_cast(rt).eli)
    rooms = [make.make_resource(rt, f"Room {n}") for n in range(3)]
    with rt.writing() as session:
        for room, due in zip(rooms, (-1, 1, -1), strict=True):
            row = t.AskedBusy(
                resource_id=t.pk(room), account_id=t.pk(account), address="r", starts_at=MONDAY, ends_at=MONDAY
            )
            row.next_ask_at = rt.now() + timedelta(minutes=due)
            session.add(row)
        session.get_one(t.Resource, rooms[0].id).is_active = False
    with rt.reading() as session:
        assert asked_busy.due_accounts(session, rt.now()) == [account.id]
        assert len(asked_busy.of_account(session, t.pk(account))) == 3
    with rt.writing() as session:
        asked_busy.forget(session, t.pk(rooms[2]))
    with rt.reading() as session:
        assert asked_busy.due_accounts(session, rt.now()) == []
