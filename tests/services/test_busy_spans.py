"""Spans as a search for free slots reads them, against unfolding every activity and event there is."""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa

from calsync.engine import clock, mapping, scope, series
from calsync.engine import event as events
from calsync.engine.event import Attendee, Event, Floating
from calsync.engine.mapping import ActivityValues
from calsync.engine.resource import Resource
from calsync.engine.series import Occurrence
from calsync.engine.vocabulary import EventKind, Kind, Taking
from calsync.runtime import Runtime
from calsync.services import believing, busy
from calsync.services.believing import Subject
from calsync.store import activities, mirror
from calsync.store import tables as t
from calsync.store.busy import Depth
from tests import factories
from tests import scheduling_factories as make

pytestmark = pytest.mark.postgres

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
START = datetime(2030, 3, 28, tzinfo=UTC)
WINDOW = (START, START + 6 * DAY)  # Europe puts its clocks forward in it
ZONES = ("Europe/Berlin", "America/New_York", "Pacific/Kiritimati", "Asia/Kolkata")
ME, OTHER = "eli@example.com", "jo@example.org"


def any_event(chance: Random, uid: str) -> Event:
    """Return an event of any sort, most of them near the window."""
    start = START + timedelta(minutes=chance.choice((15, 1)) * chance.randrange(-400, 900))
    length = chance.choice((0, 30, 60, 60, 60 * 26, 60 * 24 * 4)) * timedelta(minutes=1)
    given: dict[str, Any] = {"start": start, "end": start + length, "tz": chance.choice((*ZONES, None))}
    match chance.randrange(8):
        case 0:
            day = start.date()
            given = {"start": day, "end": day + chance.choice((1, 1, 2, 5)) * DAY}
        case 1:
            wall = start.replace(tzinfo=None)
            given = {"start": Floating(wall), "end": Floating(wall + length)}
        case 2:
            given["end"] += timedelta(microseconds=700)
    if chance.random() < 0.4:
        given["rrule"] = chance.choice(("FREQ=DAILY", "FREQ=WEEKLY;COUNT=3", "FREQ=MONTHLY", "FREQ=DAILY;INTERVAL=2"))
    asked = (Attendee(ME, partstat=chance.choice(("accepted", "declined"))), Attendee(OTHER, partstat="declined"))
    return Event(
        uid,
        **given,
        transparency=chance.choice(("opaque", "opaque", "opaque", "transparent")),
        status=chance.choice(("confirmed", "confirmed", "tentative", "cancelled")),
        attendees=chance.choice(((), (), asked)),
    )


def any_family(chance: Random, uid: str) -> list[Event]:
    """Return an event, or a series with removed and changed occurrences."""
    master = any_event(chance, uid)
    if not master.rrule:
        return [master]
    occurrences = series.expand(replace(master, status="confirmed"), [], START - 9 * DAY, START + 20 * DAY)
    chance.shuffle(occurrences)
    slots = [occurrence.start for occurrence in occurrences]
    master = replace(master, exdates=tuple(slots[: chance.choice((0, 0, 1))]))
    changed = chance.choice((0, 0, 1, 2))
    return [master, *(_override(chance, uid, slot) for slot in slots[1 : 1 + changed])]


def _override(chance: Random, uid: str, slot: Any) -> Event:
    return replace(any_event(chance, uid), recurrence_id=slot, rrule=None)


@dataclass
class Town:
    """Eli's activities, and events of two calendars that only block: one of them is a room's own."""

    rt: Runtime
    person: t.Resource
    room: t.Resource
    planned: list[list[Event]]
    mirrored: dict[int, list[list[Event]]]


@pytest.fixture
def town(rt: Runtime) -> Town:
    cast, chance = factories.make_cast(rt), Random(11)
    account = factories.make_account(rt, cast.eli)
    given = {"syncs": False, "is_write_target": False, "last_read_at": rt.now()}
    home = factories.make_calendar(rt, account, "Home", **given)
    desk = factories.make_calendar(rt, factories.make_account(rt, cast.sam), "Room", **{**given, "syncs": True})
    person = make.make_person(rt, cast.eli, tz="Pacific/Kiritimati")
    room = make.make_resource(rt, calendar=desk, tz="America/New_York")
    planned = [any_family(chance, f"a{number}") for number in range(120)]
    mirrored = {c: [any_family(chance, f"{c}-{n}") for n in range(90)] for c in (t.pk(home), t.pk(desk))}
    for number, family in enumerate(mirrored[t.pk(home)]):
        if number % 7 == 0:
            kind = chance.choice(list(EventKind))
            family[:] = [replace(event, kind=kind) for event in family]
    with rt.writing() as session:
        session.add_all(_activity(event, t.pk(cast.eli), rt.now()) for family in planned for event in family)
        for calendar in (home, desk):
            families = mirrored[t.pk(calendar)]
            read = [Resource(f"{family[0].uid}.ics", "1", "", tuple(family)) for family in families]
            mirror.save(session, calendar, read, rt.now(), own_addresses=frozenset({ME}), folds=False)
    return Town(rt, person, room, planned, mirrored)


def _activity(event: Event, owner_id: int, now: datetime) -> t.Activity:
    values = ActivityValues(Kind.MEETING, event.uid, events.recurrence_key(event), None, events.content(event))
    return activities.new(values, owner_id=owner_id, now=now)


# --- the obvious way


def obvious(families: list[list[Event]], tz: str, *, is_mirrored: bool) -> list[clock.Span]:
    """Return when these families take time. Of a series that is over here nothing is left; what a calendar still shows
    of one that is cancelled there is there.
    """
    found: list[Occurrence] = []
    for master, *others in families:
        if not master.is_cancelled:
            found += series.expand(master, others, *WINDOW, tz)
        elif is_mirrored:
            found += [each for other in others for each in series.expand(other, [], *WINDOW, tz)]
    return [clock.span(each.starts_at, each.ends_at) for each in found if _takes(each.event)]


def _takes(event: Event) -> bool:
    return scope.takes_time(event, frozenset({ME})) and event.kind not in _LEFT_OUT


_LEFT_OUT = (EventKind.BIRTHDAY, EventKind.WORK_PLACE, EventKind.BLOCK)


def clipped(found: Iterable[clock.Span]) -> list[clock.Span]:
    """Return every span as far as it lies in the window, in order, without what has no length there."""
    low, high = clock.span(*WINDOW)
    return sorted((max(a, low), min(b, high)) for a, b in found if max(a, low) < min(b, high))


# --- what must agree


def read(town: Town, resource: t.Resource, depth: Depth) -> list[clock.Span]:
    subject = believing.of_resource(resource)
    with town.rt.reading() as session:
        found: dict[Subject, busy.Times] = busy.read(session, [subject], WINDOW, town.rt.now(), depth)
    assert bool(found[subject].spans) is (depth is Depth.SPANS)
    return clipped(found[subject].taken())


@pytest.mark.parametrize("depth", list(Depth))
def test_every_depth_finds_what_unfolding_everything_finds(town: Town, depth: Depth) -> None:
    tz, (home, desk) = town.person.tz, town.mirrored.values()
    planned, noted = obvious(town.planned, tz, is_mirrored=False), obvious(home, tz, is_mirrored=True)
    assert read(town, town.person, depth) == clipped([*planned, *noted])
    assert read(town, town.room, depth) == clipped(obvious(desk, town.room.tz, is_mirrored=True))


def test_what_takes_time_stands_in_columns_however_it_was_written(town: Town) -> None:
    """Most of what is busy at times alone is found without its content; nothing else is."""
    with town.rt.reading() as session:
        rows = [(mapping.event_of(row), row) for row in session.scalars(sa.select(t.Activity))]
        rows += [(events.from_json(row.facts), row) for row in session.scalars(sa.select(t.MirrorEvent))]
    for event, row in rows:
        if row.taking == Taking.PLAIN:
            assert (row.span_start, row.span_end) == (event.start, event.end)
            assert (event.rrule, row.recurrence_key, event.transparency) == (None, "", "opaque")
        if row.taking == Taking.NEVER:
            is_block = event.kind is EventKind.BLOCK
            assert is_block or not (event.rrule or scope.takes_time(event, frozenset({ME})))
    counted = Counter(row.taking for _, row in rows)
    assert min(counted[each] for each in Taking) > 40


def test_what_a_row_says_follows_its_content(rt: Runtime) -> None:
    owner, now = factories.make_user(rt, "Eli"), rt.now()
    event = Event("u", START, START + HOUR, summary="Review")
    row = _activity(event, t.pk(owner), now)
    said = [row.taking]
    for values in (
        {"transparency": "transparent"},
        {"rrule": "FREQ=DAILY"},
        {"attendees": (Attendee(ME, partstat="declined"),)},
        {"start": START.date(), "end": (START + DAY).date()},
        {"start": Floating(START.replace(tzinfo=None)), "end": Floating(START.replace(tzinfo=None))},
        {},
    ):
        activities.set_content(row, events.content(replace(event, **values)), now=now)
        said.append(row.taking)
    plain, never, unfolded = Taking.PLAIN, Taking.NEVER, Taking.UNFOLDED
    assert said == [plain, never, unfolded, unfolded, unfolded, unfolded, plain]


def test_existing_rows_are_noted_as_new_ones_are(town: Town) -> None:
    """What is not certain the migration leaves at "unfolded"."""
    before = said(town.rt)
    migration = importlib.import_module("calsync.store.migrations.versions.0012_what_takes_time_in_columns")
    with town.rt.writing() as session:
        for table in TABLES:
            session.execute(sa.update(table).values(taking=Taking.UNFOLDED))
        migration.fill(session.connection())
    after = said(town.rt)
    assert all(after[key] in (now, Taking.UNFOLDED) for key, now in before.items())
    counted, kept = Counter(before.values()), Counter(now for key, now in before.items() if after[key] == now)
    assert all(kept[each] > 0.5 * counted[each] for each in Taking)


TABLES: tuple[Any, ...] = (t.Activity, t.MirrorEvent)


def said(rt: Runtime) -> dict[tuple[str, int], str]:
    with rt.reading() as session:
        return {
            (table.__tablename__, i): now
            for table in TABLES
            for i, now in session.execute(sa.select(table.id, table.taking))
        }
