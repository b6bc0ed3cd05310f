"""Free slots: equal to the obvious way for any hours, zones, buffers and series; groups; who takes a booking."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calsync.engine import clock, hours, openings, overlaps, series
from calsync.engine.event import Event
from calsync.engine.hours import Holiday, Hours
from calsync.engine.openings import Diary, Slot, Terms
from calsync.engine.vocabulary import GroupMode, Pick
from tests.engine import obvious
from tests.factories import START

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Africa/Cairo")
# Berlin, New York and Lord Howe change their clocks on days near these.
DAYS = (date(2030, 1, 7), date(2030, 3, 10), date(2030, 3, 31), date(2030, 4, 7), date(2030, 10, 27), date(2030, 11, 3))
HOUR = timedelta(hours=1)


@st.composite
def parts(draw: st.DrawFn) -> tuple[tuple[int, int], ...]:
    """Up to three parts of a day, with breaks between them."""
    edges = sorted(draw(st.sets(st.integers(0, 96), max_size=6)))
    return tuple((a * 15, b * 15) for a, b in zip(edges[::2], edges[1::2], strict=False))


@st.composite
def any_hours(draw: st.DrawFn, first: date) -> Hours:
    near = st.integers(-1, 2).map(lambda n: first + timedelta(days=n))
    days = draw(st.dictionaries(near, parts(), max_size=2))
    off = draw(st.lists(near.map(lambda day: Holiday(day, day)), max_size=1))
    weekly = tuple(draw(st.one_of(st.just(((0, 1440),)), parts())) for _ in range(7))
    return Hours(draw(st.sampled_from(ZONES)), weekly, tuple(days.items()), tuple(off))


@st.composite
def any_busy(draw: st.DrawFn, first: datetime) -> list[tuple[datetime, datetime]]:
    """Single events and series, as the spans of their occurrences."""
    found = []
    for _ in range(draw(st.integers(0, 3))):
        start = first + timedelta(minutes=draw(st.integers(-3000, 3000)))
        end = start + timedelta(minutes=draw(st.integers(0, 400)))
        rule = draw(st.sampled_from([None, "FREQ=DAILY", "FREQ=HOURLY;INTERVAL=7", "FREQ=WEEKLY;BYDAY=SU,MO"]))
        event = Event("busy", start, end, draw(st.sampled_from(ZONES)), rrule=rule)
        window = (first - timedelta(days=3), first + timedelta(days=4))
        found += [(o.starts_at, o.ends_at) for o in series.expand(event, [], *window)]
    return found


@st.composite
def any_question(draw: st.DrawFn):
    day = draw(st.sampled_from(DAYS))
    first = datetime(day.year, day.month, day.day, tzinfo=UTC)
    people = [(draw(any_hours(day)), draw(any_busy(first))) for _ in range(draw(st.integers(1, 2)))]
    terms = Terms(
        length_minutes=draw(st.sampled_from([5, 15, 30, 50, 90])),
        step_minutes=draw(st.sampled_from([5, 15, 20, 50, 60])),
        before_minutes=draw(st.sampled_from([0, 0, 10])),
        after_minutes=draw(st.sampled_from([0, 0, 25])),
        notice_minutes=draw(st.sampled_from([0, 240])),
        horizon_days=draw(st.sampled_from([1, 60])),
        tz=draw(st.sampled_from(ZONES)),
    )
    now = first + timedelta(minutes=draw(st.integers(-600, 600)))
    return terms, people, (first, first + timedelta(hours=30)), now, draw(st.sampled_from(GroupMode))


def quickly(terms: Terms, people, window, now: datetime, mode: GroupMode) -> list[Slot]:
    spanned = clock.span(*window)
    diaries = [diary(n, h, busy, window) for n, (h, busy) in enumerate(people)]
    return openings.find(terms, diaries, spanned, clock.seconds(now), mode)


def diary(number: int, of: Hours, busy: Sequence[tuple[datetime, datetime]], window) -> Diary:
    around = clock.span(window[0], window[1] + timedelta(days=1))
    return Diary(number, hours.working(of, around), clock.merged(clock.span(*b) for b in busy))


@settings(max_examples=60)
@given(any_question())
def test_slots_equal_the_obvious_ones(question) -> None:
    terms, people, window, now, mode = question
    found = [(s.starts_at, s.resource_ids) for s in quickly(*question)]
    assert found == obvious.starts(terms, people, window, now, mode)


ALWAYS = Hours("UTC", (((0, 1440),),) * 7)


def free(terms: Terms, *, busy=(), of: Hours = ALWAYS, days: float = 1, now: datetime | None = None, **values):
    """Return the starts from midnight of the first day, as hours after it."""
    midnight = START.replace(hour=0)
    window = (midnight, midnight + timedelta(days=days))
    one = diary(1, of, [(midnight + a * HOUR, midnight + b * HOUR) for a, b in busy], window)
    full = [clock.span(midnight + a * HOUR, midnight + b * HOUR) for a, b in values.pop("full", ())]
    one = Diary(1, one.works, one.busy, full, **values)
    found = openings.find(terms, [one], clock.span(*window), clock.seconds(now or midnight))
    return [(s.starts_at - midnight) / HOUR for s in found]


@pytest.mark.parametrize(
    ("terms", "busy", "starts"),
    [
        (Terms(60, 60), [(0, 9), (10, 11), (12, 24)], [9, 11]),  # what ends as another begins is no overlap
        (Terms(60, 60, before_minutes=30), [(0, 9), (10, 11), (13, 24)], [12]),
        (Terms(60, 60, after_minutes=30), [(0, 9), (10, 11), (13, 24)], [11]),
        (Terms(60, 60), [(9, 9), (1, 24)], [0]),  # what has no length blocks nothing
        (Terms(60, 60), [(1, 23), (-5, 0)], [0, 23]),
    ],
)
def test_busy_times_and_buffers(terms: Terms, busy, starts) -> None:
    assert free(terms, busy=busy) == starts


def test_a_break_is_not_booked_over() -> None:
    split = Hours("UTC", (((9 * 60, 12 * 60), (13 * 60, 15 * 60)),) * 7)
    assert free(Terms(60, 60), of=split) == [9, 10, 11, 13, 14]


def test_notice_and_horizon_bound_the_starts() -> None:
    midnight = START.replace(hour=0)
    assert free(Terms(60, 60, notice_minutes=120), now=midnight + 20 * HOUR) == [22, 23]
    assert free(Terms(60, 60, horizon_days=1), now=midnight - 22 * HOUR) == [0, 1, 2]


def test_a_full_day_and_a_closed_diary_offer_nothing() -> None:
    assert free(Terms(60, 60), full=[(0, 22)]) == [22, 23]
    assert free(Terms(60, 60), is_closed=True) == []


def test_a_slot_may_end_on_the_next_day() -> None:
    assert free(Terms(120, 60))[-1] == 23


@pytest.mark.parametrize(
    ("day", "count"), [(date(2030, 3, 31), 23), (date(2030, 10, 27), 25), (date(2030, 10, 28), 24)]
)
def test_days_on_which_the_clocks_change(day: date, count: int) -> None:
    whole = clock.whole_day("Europe/Berlin", day)
    always = Hours("Europe/Berlin", (((0, 1440),),) * 7)
    works = hours.working(always, whole)
    found = openings.find(Terms(60, 60, tz="Europe/Berlin", horizon_days=1), [Diary(1, works)], whole, whole[0])
    assert len(found) == count


def test_a_day_that_differs_stands_above_a_holiday() -> None:
    day = START.date()
    of = Hours("UTC", ALWAYS.weekly, ((day, ((600, 660),)),), (Holiday(day, day + timedelta(days=1), "Epiphany"),))
    assert free(Terms(60, 60), of=of, days=2) == [10]


def test_hours_survive_being_stored() -> None:
    day = START.date()
    of = Hours("Asia/Kolkata", ALWAYS.weekly, ((day, ((600, 660),)),), (Holiday(day, day, "Off"),))
    assert hours.from_json(hours.to_json(of)) == of


@pytest.mark.parametrize(
    "values",
    [
        {"tz": "Nowhere/Else"},
        {"weekly": (((0, 60),),) * 6},
        {"weekly": (((60, 60),),) * 7},
        {"weekly": (((0, 90), (60, 120)),) * 7},
        {"dates": ((date(2030, 1, 1), ((0, 1441),)),)},
        {"holidays": (Holiday(date(2030, 1, 2), date(2030, 1, 1)),)},
    ],
)
def test_hours_that_cannot_be_are_refused(values) -> None:
    with pytest.raises(ValueError, match=r"zone|seven|follow|holiday"):
        Hours(**values)


def test_in_turn_whoever_waited_longest() -> None:
    picked = {1: START, 2: START - HOUR, 3: None}
    assert openings.pick([1, 2, 3], Pick.ROUND_ROBIN, picked, {}) == 3
    assert openings.pick([1, 2], Pick.ROUND_ROBIN, picked, {}) == 2


def test_whoever_has_the_fewest_bookings_among_equals_in_turn() -> None:
    picked = {1: START, 2: START - HOUR, 3: START}
    assert openings.pick([1, 2, 3], Pick.FEWEST, picked, {1: 4, 2: 4, 3: 2}) == 3
    assert openings.pick([1, 2], Pick.FEWEST, picked, {1: 4, 2: 4}) == 2


class Thing:
    def __init__(self, name: str, start: int, end: int) -> None:
        self.name, self.starts_at, self.ends_at = name, START + start * HOUR, START + end * HOUR


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 6)), max_size=8))
def test_overlaps_are_all_pairs_that_share_time(spans) -> None:
    things = [Thing(str(n), start, start + length) for n, (start, length) in enumerate(spans)]
    shared = {
        frozenset((a.name, b.name))
        for i, a in enumerate(things)
        for b in things[i + 1 :]
        if max(a.starts_at, b.starts_at) < min(a.ends_at, b.ends_at)
    }
    found = overlaps.find(things)
    assert {frozenset((o.first.name, o.second.name)) for o in found} == shared
    assert len(found) == len(shared)
    assert all(o.starts_at < o.ends_at for o in found)
