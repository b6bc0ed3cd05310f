"""The recurrence editor: whatever people choose comes back as they chose it, and no rule is lost."""

from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calsync.engine import rrule
from calsync.engine.event import Floating
from calsync.engine.rrule import WEEKDAYS
from webapp.forms import recurrence
from webapp.forms.recurrence import Choice

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = datetime(2030, 1, 7, 9, tzinfo=UTC)

repeating = st.sampled_from(("daily", "weekdays", "weekly", "monthly", "monthly_weekday", "yearly"))
zones = st.sampled_from([ZoneInfo(name) for name in ("UTC", "Europe/Berlin", "America/Los_Angeles", "Asia/Kolkata")])
walls = st.datetimes(datetime(2020, 1, 1), datetime(2040, 12, 31)).map(lambda at: at.replace(microsecond=0, second=0))
starts = st.one_of(walls.map(lambda at: at.replace(tzinfo=UTC)), walls.map(lambda at: at.date()), walls.map(Floating))


@st.composite
def choices(draw: st.DrawFn) -> Choice:
    """Return what the form gives: parts that do not belong to a choice are left out."""
    repeats = draw(repeating)
    ends = draw(st.sampled_from(("never", "on", "after")))
    days = draw(st.sets(st.sampled_from(WEEKDAYS))) if repeats == "weekly" else set()
    return Choice(
        repeats,
        interval=1 if repeats == "weekdays" else draw(st.integers(1, 40)),
        days=tuple(day for day in WEEKDAYS if day in days),
        ends=ends,
        until=draw(st.dates(date(2020, 1, 1), date(2050, 1, 1))) if ends == "on" else None,
        count=draw(st.integers(1, 500)) if ends == "after" else None,
    )


@given(choices(), starts, zones)
def test_a_choice_survives_the_rule_it_becomes(choice: Choice, start: object, zone: ZoneInfo) -> None:
    back = recurrence.choice_of(recurrence.rule(choice, start, zone), start, zone)
    is_workdays = choice.repeats == "weekly" and choice.days == WEEKDAYS[:5] and choice.interval == 1
    expected = replace(choice, repeats="weekdays", days=()) if is_workdays else choice
    assert back == expected


@given(choices(), starts, zones)
def test_every_rule_can_be_read_by_the_engine(choice: Choice, start: object, zone: ZoneInfo) -> None:
    rule = rrule.parse(recurrence.rule(choice, start, zone))
    assert rule.interval == choice.interval
    assert rule.count == choice.count
    # RFC 5545 section 3.3.10: UNTIL has the form of DTSTART.
    assert rule.until is None or type(rule.until) is type(start)


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=-1",
        "FREQ=WEEKLY;BYDAY=MO;WKST=SU;INTERVAL=2",
        "FREQ=MONTHLY;BYMONTHDAY=31",
        "FREQ=MONTHLY;BYDAY=3TU",  # not the weekday of the start
        "FREQ=YEARLY;BYWEEKNO=20",
        "FREQ=HOURLY",
        "no rule at all",
    ],
)
def test_what_no_choice_says_is_kept_as_text(text: str) -> None:
    choice = recurrence.choice_of(text, MONDAY, BERLIN)
    assert (choice.repeats, choice.custom) == ("custom", text)
    assert recurrence.rule(choice, MONDAY, BERLIN) == text


@pytest.mark.parametrize(
    ("text", "repeats"),
    [
        ("FREQ=WEEKLY;BYDAY=FR,TH,WE,TU,MO", "weekdays"),
        ("FREQ=MONTHLY;BYMONTHDAY=7", "monthly"),
        ("FREQ=YEARLY;BYMONTH=1;BYMONTHDAY=7", "yearly"),
        ("FREQ=MONTHLY;BYDAY=1MO", "monthly_weekday"),
        ("FREQ=WEEKLY;WKST=SU", "weekly"),
    ],
)
def test_other_spellings_of_a_choice_are_known(text: str, repeats: str) -> None:
    assert recurrence.choice_of(text, MONDAY, BERLIN).repeats == repeats


def test_the_fifth_weekday_is_the_last() -> None:
    start = datetime(2030, 1, 29, 9, tzinfo=UTC)
    assert recurrence.rule(Choice("monthly_weekday"), start, BERLIN) == "FREQ=MONTHLY;BYDAY=-1TU"


def test_the_last_day_counts_by_the_clock_of_the_zone() -> None:
    choice = Choice("daily", ends="on", until=date(2030, 1, 10))
    late = datetime(2030, 1, 8, 4, tzinfo=UTC)  # the seventh, late in the evening, in Los Angeles
    assert recurrence.rule(choice, late, ZoneInfo("America/Los_Angeles")) == "FREQ=DAILY;UNTIL=20300111T075959Z"
    assert recurrence.rule(choice, date(2030, 1, 7), BERLIN) == "FREQ=DAILY;UNTIL=20300110"
