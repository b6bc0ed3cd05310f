"""Free slots of a group of ten over 30 days: what the search alone takes, against looking at every minute, and what a
question takes as pages ask it, with the database.

Each of the ten has thousands of events over a year: single ones, weekly series, whole days. Half of the people have
them as activities, the other half as events of calendars that only block.
"""

from __future__ import annotations

import gc
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from calsync.engine import clock, openings
from calsync.engine import event as events
from calsync.engine.event import Event
from calsync.engine.hours import Hours
from calsync.engine.mapping import ActivityValues
from calsync.engine.openings import Diary, Slot, Terms
from calsync.engine.resource import Resource
from calsync.engine.vocabulary import GroupMode, Kind
from calsync.runtime import Runtime
from calsync.services import availability
from calsync.store import activities, mirror
from calsync.store import scheduling as rows
from calsync.store import tables as t
from calsync.store.busy import Depth
from tests import factories
from tests import scheduling_factories as make
from tests.engine import obvious

T = TypeVar("T")

PEOPLE, DAYS, TURNS, BATCH = 10, 30, 15, 500
TERMS = Terms(30, 15, after_minutes=5, horizon_days=365, tz="Europe/Berlin")
WORK = Hours("Europe/Berlin", (((480, 720), (765, 1110)),) * 7)
FIRST = factories.START.replace(hour=0)
WINDOW = (FIRST, FIRST + timedelta(days=DAYS))


@dataclass(frozen=True)
class Measured:
    """Seconds of processor time: the search in memory, the slow way, and the whole question with the database."""

    events: int
    slots: int
    searched: float
    slow: float
    asked: float
    asked_best: float


def measure(count: int, say: Callable[[str], None]) -> Measured:
    """Return what finding the slots takes, as the median of several turns. Raises where the ways do not agree."""
    with tempfile.TemporaryDirectory(prefix="calsync-bench-") as folder:
        say(f"{PEOPLE} people with {count:,} events each: filling the database")
        rt, event_type_id = _filled(Path(folder), count)
        gc.collect()
        gc.freeze()  # as `calsync serve` does once it is loaded: what filled the database is no part of the question
        (asked, best), answer = _timed(lambda: availability.slots(rt, event_type_id, *WINDOW, now=FIRST).slots)
        diaries, people = _diaries(rt, event_type_id)
        (searched, _), found = _timed(lambda: _search(diaries))
        rt.db.close()
    say("the slow way: every minute of the window, of everybody")
    began = time.process_time()
    expected = obvious.starts(TERMS, people, WINDOW, FIRST, GroupMode.ANY_OF)
    slow = time.process_time() - began
    ids = [diary.resource_id for diary in diaries]
    wanted = [(start, tuple(ids[n] for n in free)) for start, free in expected]
    if [(s.starts_at, s.resource_ids) for s in found] != wanted or found != answer:
        raise RuntimeError("the ways do not agree")
    return Measured(count, len(found), searched, slow, asked, best)


def report(found: Measured) -> str:
    """Return the measurement as a table."""
    ratio = found.slow / found.searched
    lines = [
        f"\n### {found.slots:,} free slots over {DAYS} days, {PEOPLE} people with {found.events:,} events each\n",
        f"| median of {TURNS} | processor time |",
        "|---|---:|",
        f"| the search, in memory | {found.searched * 1000:.1f} ms |",
        f"| every minute, the obvious way (once) | {found.slow * 1000:,.0f} ms, {ratio:,.0f} times as long |",
        f"| the whole question, with the database | {found.asked * 1000:.0f} ms |",
        f"| its best turn | {found.asked_best * 1000:.0f} ms |",
    ]
    return "\n".join(lines)


def _timed(act: Callable[[], T]) -> tuple[tuple[float, float], T]:
    """Return the median and the best of several turns in seconds of processor time, and what came out."""
    result = act()
    taken = []
    for _ in range(TURNS):
        began = time.process_time()
        result = act()
        taken.append(time.process_time() - began)
    return (statistics.median(taken), min(taken)), result


def _search(diaries: Sequence[Diary]) -> list[Slot]:
    return openings.find(TERMS, diaries, clock.span(*WINDOW), clock.seconds(FIRST), GroupMode.ANY_OF)


def _diaries(rt: Runtime, event_type_id: int) -> tuple[list[Diary], list[tuple[Hours, obvious.Busy]]]:
    """Return everybody's time as the search wants it, and as the obvious way does."""
    with rt.reading() as session:
        case = availability.case_of(session, rows.get_event_type(session, event_type_id))
        times = availability.read(session, case, WINDOW, FIRST, depth=Depth.BUSY)
    diaries = [availability.diary(case, r, times[t.pk(r)], WINDOW) for r in case.resources]
    busy = [[(b.starts_at, b.ends_at) for b in times[t.pk(r)].things if not b.ignored] for r in case.resources]
    return diaries, [(WORK, each) for each in busy]


# --- ten busy people


def _filled(folder: Path, count: int) -> tuple[Runtime, int]:
    rt = factories.make_runtime(folder)
    make.work(rt, WORK)
    chance = random.Random(7)
    people = [_person(rt, number, count, chance) for number in range(PEOPLE)]
    given = {"length_minutes": 30, "step_minutes": 15, "buffer_after_minutes": 5, "horizon_days": 365}
    event_type = make.make_event_type(rt, make.make_group(rt, *people), **given)
    return rt, t.pk(event_type)


def _person(rt: Runtime, number: int, count: int, chance: random.Random) -> t.Resource:
    user = factories.make_user(rt, f"Person-{number}")
    calendar = factories.make_calendar(
        rt, factories.make_account(rt, user), syncs=False, is_write_target=False, last_read_at=rt.now()
    )
    made = list(_events(count, chance))
    for start in range(0, count, BATCH):
        part = made[start : start + BATCH]
        if number % 2:
            _mirror(rt, calendar, part)
        else:
            _plan(rt, t.pk(user), part)
    return make.make_person(rt, user, tz="Europe/Berlin")


def _events(count: int, chance: random.Random) -> Iterator[Event]:
    """Yield events of a year: of twenty one is a weekly series of ten weeks, one a free day."""
    for number in range(count):
        day = FIRST + timedelta(days=chance.randrange(-150, 215))
        start = day + timedelta(minutes=15 * chance.randrange(20, 76))
        end = start + timedelta(minutes=chance.choice((15, 30, 60)))
        given = {"summary": f"Meeting {number}"}
        match number % 20:
            case 1:
                yield Event(f"{number}", start, end, "Europe/Berlin", rrule="FREQ=WEEKLY;COUNT=10", **given)
            case 2:
                yield Event(
                    f"{number}", day.date(), day.date() + timedelta(days=1), transparency="transparent", **given
                )
            case _:
                yield Event(f"{number}", start, end, "Europe/Berlin", **given)


def _mirror(rt: Runtime, calendar: t.Calendar, part: Sequence[Event]) -> None:
    resources = [Resource(f"{event.uid}.ics", "1", "", (event,)) for event in part]
    with rt.writing() as session:
        mirror.save(session, calendar, resources, rt.now(), own_addresses=frozenset(), folds=True)


def _plan(rt: Runtime, owner_id: int, part: Sequence[Event]) -> None:
    values = [ActivityValues(Kind.MEETING, f"{owner_id}-{e.uid}", "", None, events.content(e)) for e in part]
    with rt.writing() as session:
        session.add_all(activities.new(each, owner_id=owner_id, now=rt.now()) for each in values)
