"""Outlook's patterns and RRULEs: the same days both ways, whatever the pattern, or a refusal."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calsync.engine import series
from calsync.engine.event import Event, Floating
from calsync.providers.microsoft import recurrence
from tests.engine.test_recurrence import rules
from tests.providers.microsoft import outlook

BERLIN = "Europe/Berlin"
FIRST = date(2030, 1, 8)  # a Tuesday
MOST = 25


def of(rule: str, first: date = FIRST, zone: str = BERLIN) -> Event:
    start = datetime(first.year, first.month, first.day, 9, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    return Event("x", start, start + timedelta(hours=1), zone, rrule=rule)


def expanded(event: Event, most: int = MOST) -> list[date]:
    """Return the first days of a series by our own reckoning."""
    span, found = timedelta(days=400), list[Any]()
    while len(found) < most and span < timedelta(days=70_000):
        span *= 3
        end = event.start + span
        found = series.expand(event, [], event.start - timedelta(days=1), end)
    return [o.starts_at.astimezone(ZoneInfo(event.tz)).date() for o in found[:most]]


# --- every pattern is some rule


def day_sets() -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(outlook.DAYS), min_size=1, max_size=7, unique=True)


@st.composite
def patterns(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(sorted(KINDS)))
    pattern = {"type": kind, "interval": draw(st.integers(1, 4))}
    return outlook.NOTHING | pattern | {name: draw(values) for name, values in KINDS[kind].items()}


INDEX = st.sampled_from(sorted(outlook.POSITIONS))
KINDS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "daily": {},
    "weekly": {"daysOfWeek": day_sets(), "firstDayOfWeek": st.sampled_from(outlook.DAYS)},
    "absoluteMonthly": {"dayOfMonth": st.integers(1, 31)},
    "relativeMonthly": {"daysOfWeek": day_sets(), "index": INDEX},
    "absoluteYearly": {"month": st.integers(1, 12), "dayOfMonth": st.integers(1, 31)},
    "relativeYearly": {"month": st.integers(1, 12), "daysOfWeek": day_sets(), "index": INDEX},
}
RANGES = st.one_of(
    st.just({"type": "noEnd"}),
    st.builds(lambda n: {"type": "numbered", "numberOfOccurrences": n}, st.integers(1, 30)),
    st.builds(lambda n: {"type": "endDate", "endDate": (FIRST + timedelta(days=n)).isoformat()}, st.integers(0, 4000)),
)


def begun(pattern: dict[str, Any], ends: dict[str, Any]) -> dict[str, Any]:
    """Return a recurrence that begins with the first day that its pattern gives, as Outlook makes sure of."""
    whole = {"pattern": pattern, "range": {"startDate": FIRST.isoformat(), "type": "noEnd"}}
    first = outlook.days(whole, 1)[0].isoformat()
    if ends["type"] == "endDate":
        ends = {**ends, "endDate": max(ends["endDate"], first)}
    return {"pattern": pattern, "range": outlook.ENDLESS | ends | {"startDate": first}}


@given(patterns(), RANGES)
def test_a_pattern_is_read_as_the_rule_with_its_days(pattern: dict[str, Any], ends: dict[str, Any]) -> None:
    given_ = begun(pattern, ends)
    first = date.fromisoformat(given_["range"]["startDate"])
    event = of(recurrence.read(given_, BERLIN, is_all_day=False), first)
    wanted = outlook.days(given_, MOST)
    assert expanded(event, len(wanted)) == wanted
    if ends["type"] != "noEnd" and len(wanted) < MOST:
        assert len(expanded(event, MOST)) == len(wanted)


@given(patterns(), RANGES)
def test_a_pattern_that_was_read_can_be_written(pattern: dict[str, Any], ends: dict[str, Any]) -> None:
    given_ = begun(pattern, ends)
    first = date.fromisoformat(given_["range"]["startDate"])
    again = recurrence.write(of(recurrence.read(given_, BERLIN, is_all_day=False), first), BERLIN)
    again = {"pattern": outlook.NOTHING | again["pattern"], "range": again["range"]}
    assert outlook.days(again, MOST) == outlook.days(given_, MOST)


# --- a rule is written as the pattern with its days, or not at all


@given(rules(), st.integers(0, 800))
def test_a_rule_is_written_faithfully_or_not_at_all(rule: str, after: int) -> None:
    first = FIRST + timedelta(days=after)
    try:
        written = recurrence.write(of(rule, first), BERLIN)
    except recurrence.Inexpressible:
        return
    pattern = {"pattern": outlook.NOTHING | written["pattern"], "range": written["range"]}
    wanted = expanded(of(rule, first), 12)
    assert outlook.days(pattern, 12)[: len(wanted)] == wanted


EXPRESSIBLE = [
    ("FREQ=DAILY;COUNT=5", {"type": "daily", "interval": 1}),
    ("FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR", {"type": "weekly", "daysOfWeek": list(outlook.DAYS[:5])}),
    ("FREQ=WEEKLY", {"type": "weekly", "daysOfWeek": ["tuesday"], "firstDayOfWeek": "monday"}),
    ("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=SU", {"interval": 2, "firstDayOfWeek": "sunday"}),
    ("FREQ=MONTHLY", {"type": "absoluteMonthly", "dayOfMonth": 8}),
    ("FREQ=MONTHLY;BYDAY=2TU", {"type": "relativeMonthly", "daysOfWeek": ["tuesday"], "index": "second"}),
    ("FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=4", None),
    ("FREQ=YEARLY", {"type": "absoluteYearly", "month": 1, "dayOfMonth": 8}),
    ("FREQ=YEARLY;BYMONTH=1;BYDAY=2TU", {"type": "relativeYearly", "month": 1, "index": "second"}),
]


@pytest.mark.parametrize(("rule", "pattern"), EXPRESSIBLE)
def test_usual_rules_have_the_pattern_that_people_would_choose(rule: str, pattern: dict[str, Any] | None) -> None:
    if pattern is None:  # the fourth of all Mondays and Tuesdays is no such day in this month
        with pytest.raises(recurrence.Inexpressible):
            recurrence.write(of(rule), BERLIN)
        return
    assert pattern.items() <= recurrence.write(of(rule), BERLIN)["pattern"].items()


INEXPRESSIBLE = [
    "FREQ=HOURLY",
    "FREQ=DAILY;BYHOUR=9,15",
    "FREQ=DAILY;BYMONTH=1",
    "FREQ=DAILY;INTERVAL=2;BYDAY=TU,WE",
    "FREQ=WEEKLY;BYMONTH=1;BYDAY=TU",
    "FREQ=WEEKLY;BYDAY=MO",  # does not begin on its own day
    "FREQ=MONTHLY;BYMONTHDAY=8,15",
    "FREQ=MONTHLY;BYMONTHDAY=-24",
    "FREQ=MONTHLY;BYDAY=TU",
    "FREQ=MONTHLY;BYDAY=2TU,4TU",
    "FREQ=MONTHLY;BYDAY=-4TU",
    "FREQ=YEARLY;BYYEARDAY=8",
    "FREQ=YEARLY;BYWEEKNO=2",
    "FREQ=YEARLY;BYDAY=2TU",
    "FREQ=YEARLY;BYMONTH=1,2;BYMONTHDAY=8",
    "FREQ=DAILY;COUNT=5;UNTIL=20300112T000000Z",
]


@pytest.mark.parametrize("rule", INEXPRESSIBLE)
def test_what_outlook_does_not_have_is_refused_with_the_reason(rule: str) -> None:
    with pytest.raises(recurrence.Inexpressible, match=r"^Outlook has no "):
        recurrence.write(of(rule), BERLIN)


def test_the_31st_that_skips_short_months_is_refused_and_the_last_day_is_not() -> None:
    last = date(2030, 1, 31)
    with pytest.raises(recurrence.Inexpressible):
        recurrence.write(of("FREQ=MONTHLY;BYMONTHDAY=31", last), BERLIN)
    assert recurrence.write(of("FREQ=MONTHLY;BYMONTHDAY=-1", last), BERLIN)["pattern"]["dayOfMonth"] == 31
    with pytest.raises(recurrence.Inexpressible):
        recurrence.write(of("FREQ=YEARLY", date(2032, 2, 29)), BERLIN)


def test_further_days_are_refused() -> None:
    event = Event("x", FIRST, FIRST + timedelta(days=1), rrule="FREQ=WEEKLY", rdates=(date(2030, 1, 9),))
    with pytest.raises(recurrence.Inexpressible):
        recurrence.write(event, "UTC")


@pytest.mark.parametrize(
    ("until", "last"),
    [
        ("20300112T080000Z", "2030-01-12"),  # 09:00 in Berlin, the very last start
        ("20300112T075959Z", "2030-01-11"),  # a second before it
        ("20300111T235959Z", "2030-01-11"),  # already the 12th in Berlin, but before nine
        ("20300112", "2030-01-12"),
        ("20291231T000000Z", "2030-01-08"),  # before the start: only that is left
    ],
)
def test_an_end_is_the_day_of_the_last_start(until: str, last: str) -> None:
    assert recurrence.write(of(f"FREQ=DAILY;UNTIL={until}"), BERLIN)["range"]["endDate"] == last


def test_a_series_of_days_ends_with_a_day() -> None:
    event = Event("x", FIRST, FIRST + timedelta(days=1), rrule="FREQ=DAILY;UNTIL=20300112")
    written = recurrence.write(event, "UTC")
    assert (written["range"]["startDate"], written["range"]["endDate"]) == ("2030-01-08", "2030-01-12")
    assert recurrence.read(written, "UTC", is_all_day=True) == event.rrule


def test_a_floating_series_begins_by_its_own_clock() -> None:
    start = Floating(datetime(2030, 1, 8, 23, 30))
    event = Event("x", start, start, rrule="FREQ=WEEKLY;COUNT=2")
    assert recurrence.write(event, BERLIN)["range"]["startDate"] == "2030-01-08"


def test_occurrences_that_were_taken_out_are_slots_of_the_series() -> None:
    event = of("FREQ=WEEKLY")
    ids = ["OID.AAMk.with.dots=.2030-01-15", "OID.AAMk.with.dots=.2030-07-16"]
    assert recurrence.read_cancelled(ids, event) == (
        datetime(2030, 1, 15, 8, tzinfo=UTC),
        datetime(2030, 7, 16, 7, tzinfo=UTC),  # nine o'clock in summer
    )


@pytest.mark.parametrize(
    "value",
    [
        {"pattern": {"type": "lunar", "interval": 1}, "range": {"type": "noEnd"}},
        {"pattern": {"type": "daily", "interval": 1}, "range": {"type": "someday"}},
        {"pattern": {"type": "weekly", "interval": 1, "daysOfWeek": []}, "range": {"type": "noEnd"}},
    ],
)
def test_what_outlook_invents_later_cannot_be_read(value: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"pattern|range"):
        recurrence.read(value, BERLIN, is_all_day=False)
