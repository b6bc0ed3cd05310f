"""Rules against dateutil, which computes the same wall times by another way."""

from datetime import UTC, date, datetime, timedelta
from time import process_time

import pytest
from dateutil.rrule import rrulestr
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from calsync.engine import recurrence, rrule
from calsync.engine.event import Floating

FIRST = datetime(2030, 1, 7, 9, 0)  # a Monday
WEEKDAYS = st.sampled_from(rrule.WEEKDAYS)


@st.composite
def rules(draw: st.DrawFn) -> str:
    """A rule in which dateutil and RFC 5545 agree.

    dateutil reads BYDAY=MO,2TU as an intersection, and begins the first week of BYSETPOS at DTSTART.
    """
    freq = draw(st.sampled_from(("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY")))
    parts = {"FREQ": freq, "INTERVAL": draw(st.integers(1, 40 if freq == "MINUTELY" else 5))}
    if draw(st.booleans()):
        parts["BYMONTH"] = _some(draw, st.integers(1, 12))
    if freq != "WEEKLY" and draw(st.booleans()):
        parts["BYMONTHDAY"] = _some(draw, st.integers(-31, 31).filter(bool))
    if freq == "YEARLY" and draw(st.integers(0, 3)) == 0:
        parts["BYYEARDAY"] = _some(draw, st.integers(-366, 366).filter(bool))
    if freq == "YEARLY" and draw(st.integers(0, 3)) == 0:
        parts["BYWEEKNO"] = _some(draw, st.integers(-52, 53).filter(bool))
    if draw(st.booleans()):
        is_nth = freq in ("YEARLY", "MONTHLY") and draw(st.booleans())
        ordinals = st.integers(-5, 5).filter(bool) if is_nth else st.just("")
        parts["BYDAY"] = _some(draw, st.builds("{}{}".format, ordinals, WEEKDAYS))
    if freq in ("YEARLY", "MONTHLY", "WEEKLY", "DAILY") and draw(st.integers(0, 3)) == 0:
        parts["BYHOUR"] = _some(draw, st.integers(0, 23))
    if freq in ("YEARLY", "MONTHLY") and len(parts) > 2 and draw(st.booleans()):
        parts["BYSETPOS"] = _some(draw, st.integers(-4, 4).filter(bool))
    parts["WKST"] = draw(WEEKDAYS)
    if draw(st.integers(0, 2)) == 0:
        parts["COUNT"] = draw(st.integers(1, 60))
    return ";".join(f"{name}={value}" for name, value in parts.items())


def _some(draw: st.DrawFn, values: st.SearchStrategy) -> str:
    return ",".join(str(v) for v in draw(st.lists(values, min_size=1, max_size=3, unique=True)))


@settings(phases=(Phase.explicit, Phase.reuse, Phase.generate))  # shrinking would take minutes of dateutil
@given(rules(), st.integers(0, 400), st.integers(0, 100_000))
def test_a_rule_gives_what_dateutil_gives(text: str, first_day: int, hours_later: int) -> None:
    first = datetime(2020, 1, 1, 9, 30) + timedelta(days=first_day)
    if "FREQ=MINUTELY" in text:
        hours_later, length = hours_later % 500, timedelta(days=1)  # dateutil steps through every minute
    else:
        length = timedelta(days=20 if "FREQ=HOURLY" in text else 700)
    after = first + timedelta(hours=hours_later)
    try:
        theirs = rrulestr(text, dtstart=first).between(after, after + length, inc=True)
    except ValueError:  # dateutil refuses rules whose interval never meets a BY part
        assume(False)
    expected = [t for t in theirs if t < after + length]
    assert list(recurrence.between(rrule.parse(text), first, after, after + length)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # a weekday with and one without ordinal are a union
        ("FREQ=MONTHLY;BYDAY=1MO,TU;COUNT=5", [7, 8, 15, 22, 29]),
        # the first week of BYSETPOS is a whole one: its Sunday, the first day, lies before the start
        ("FREQ=WEEKLY;WKST=SU;BYDAY=SU,MO;BYSETPOS=1;COUNT=2", [13, 20]),
        ("FREQ=MINUTELY;BYHOUR=9;BYMINUTE=0;COUNT=3", [7, 8, 9]),
        ("FREQ=DAILY;BYSECOND=60;COUNT=2", [7, 8]),  # a leap second is not a time here
        ("rrule:freq=daily;count=2;rscale=gregorian;skip=omit;x-name=1;", [7, 8]),
    ],
)
def test_corners_where_dateutil_differs(text: str, expected: list[int]) -> None:
    times = recurrence.between(rrule.parse(text), FIRST, FIRST, FIRST + timedelta(days=60))
    assert [t.day for t in times] == expected


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=5",
    ],
)
def test_a_rule_that_never_matches_ends_at_once(text: str) -> None:
    begun = process_time()
    assert list(recurrence.between(rrule.parse(text), FIRST, FIRST, FIRST + timedelta(days=366))) == []
    assert process_time() - begun < 1


def test_a_far_window_costs_no_more_than_a_near_one() -> None:
    far = datetime(9000, 1, 1)
    begun = process_time()
    times = list(recurrence.between(rrule.parse("FREQ=MINUTELY;INTERVAL=7"), FIRST, far, far + timedelta(hours=1)))
    assert len(times) in (8, 9)
    assert all((t - FIRST) % timedelta(minutes=7) == timedelta() for t in times)
    assert process_time() - begun < 1


def test_a_rule_that_repeats_too_often_is_refused() -> None:
    with pytest.raises(ValueError, match="too often"):
        list(recurrence.between(rrule.parse("FREQ=SECONDLY"), FIRST, FIRST, FIRST + timedelta(days=40)))


def test_the_calendar_ends_in_the_year_9999() -> None:
    first = datetime(9999, 12, 30, 9)
    times = recurrence.between(rrule.parse("FREQ=DAILY"), first, first, datetime.max)
    assert [t.day for t in times] == [30, 31]
    assert recurrence.last(rrule.parse("FREQ=DAILY;COUNT=9"), first) == datetime.max


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FREQ=DAILY;INTERVAL=2;COUNT=4", datetime(2030, 1, 13, 9)),
        ("FREQ=WEEKLY;BYDAY=MO,WE;COUNT=3", datetime(2030, 1, 14, 9)),
        ("FREQ=SECONDLY;COUNT=1000000000", datetime(2061, 9, 15, 10, 46, 39)),
        ("FREQ=DAILY", None),
    ],
)
def test_last_is_the_last_time_of_a_counted_rule(text: str, expected: datetime | None) -> None:
    assert recurrence.last(rrule.parse(text), FIRST, most=2000) == expected


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no known FREQ"),
        ("COUNT=3", "no known FREQ"),
        ("FREQ=OFTEN", "no known FREQ"),
        ("FREQ=DAILY;COUNT=0", "COUNT=0"),
        ("FREQ=DAILY;INTERVAL=x", "INTERVAL=X"),
        ("FREQ=DAILY;BYMONTH=13", "BYMONTH=13"),
        ("FREQ=DAILY;BYSETPOS=0", "BYSETPOS=0"),
        ("FREQ=DAILY;BYDAY=XX", "no weekday XX"),
        ("FREQ=DAILY;UNTIL=tomorrow", "UNTIL=TOMORROW"),
        ("FREQ=DAILY;FREQ=DAILY", "cannot be read"),
        ("FREQ=DAILY;nonsense", "cannot be read"),
        ("FREQ=DAILY;BYMOON=1", "BYMOON"),
        ("FREQ=YEARLY;RSCALE=CHINESE", "RSCALE"),
    ],
)
def test_a_broken_rule_says_what_is_wrong(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        rrule.parse(text)


@pytest.mark.parametrize(
    ("until", "expected"),
    [
        (date(2030, 3, 1), "FREQ=WEEKLY;BYDAY=MO;UNTIL=20300301"),
        (datetime(2030, 3, 1, 8, tzinfo=UTC), "FREQ=WEEKLY;BYDAY=MO;UNTIL=20300301T080000Z"),
        (Floating(datetime(2030, 3, 1, 8)), "FREQ=WEEKLY;BYDAY=MO;UNTIL=20300301T080000"),
    ],
)
def test_change_gives_a_rule_another_end(until: date, expected: str) -> None:
    changed = rrule.change("FREQ=WEEKLY;COUNT=7;BYDAY=MO", until=until)
    assert changed == expected
    assert rrule.parse(changed).until == until
    assert rrule.change(changed, count=3) == "FREQ=WEEKLY;BYDAY=MO;COUNT=3"
