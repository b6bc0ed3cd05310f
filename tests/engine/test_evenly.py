"""Series at equal distances, counted in seconds, against unfolding them as any other series."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calsync.engine import clock, evenly, series
from calsync.engine import event as events
from calsync.engine.event import Event
from tests.engine.samples import HOUR, masters, utc, weekly

ZONES = (
    "Europe/Berlin",
    "America/Sao_Paulo",
    "Australia/Lord_Howe",
    "Asia/Beirut",
    "Pacific/Apia",
    "Asia/Tehran",
    None,
)
"""With clocks that change at night, at midnight, by half an hour, that left a day out, or that do not change."""


def read(event: Event) -> evenly.Even | None:
    return evenly.read(events.moment_text(event.start), events.moment_text(event.end), event.tz, event.rrule or "")


@st.composite
def even(draw: st.DrawFn) -> Event:
    """A daily or weekly series around the days on which clocks change somewhere."""
    year = draw(st.sampled_from((2011, 2018, 2030)))
    day = draw(st.sampled_from(((3, 20), (3, 30), (10, 20), (10, 28), (2, 16), (11, 3), (12, 28), (9, 20))))
    start = datetime(year, *day, draw(st.integers(0, 23)), draw(st.sampled_from((0, 15, 30))), tzinfo=UTC)
    end = start + draw(st.sampled_from((0, 1, 24, 50))) * HOUR
    rule = draw(st.sampled_from(("FREQ=DAILY", "FREQ=WEEKLY", "FREQ=DAILY;INTERVAL=5", "FREQ=WEEKLY;INTERVAL=2")))
    days = (start - timedelta(days=draw(st.integers(-9, 9)))).strftime("%Y%m%d")
    rule += draw(st.sampled_from(("", ";COUNT=1", ";COUNT=12", f";UNTIL={days}", f";UNTIL={days}T093000Z")))
    return Event("x", start, end, tz=draw(st.sampled_from(ZONES)), rrule=rule)


@given(st.one_of(even(), masters()), st.integers(-30, 60), st.integers(0, 60 * 24 * 9))
def test_it_is_what_unfolding_gives(event: Event, days: int, minutes: int) -> None:
    found = read(event)
    if found is None:
        return
    start = series.span(event)[0] + timedelta(days=days)
    window = (start, start + timedelta(minutes=minutes))
    expected = [clock.span(*each) for each in series.stretches(event, *window)]
    assert evenly.spans(found, clock.span(*window)) == expected


@given(even())
def test_daily_and_weekly_series_are_even(event: Event) -> None:
    assert read(event) is not None


def test_a_day_that_was_left_out_has_its_times_on_the_next() -> None:
    daily = weekly(start=utc(2011, 12, 28, 20), end=utc(2011, 12, 28, 21), tz="Pacific/Apia", rrule="FREQ=DAILY")
    window = (utc(2011, 12, 28), utc(2012, 1, 2))
    found = read(daily)
    assert found is not None
    assert evenly.spans(found, clock.span(*window)) == [clock.span(*s) for s in series.stretches(daily, *window)]


@pytest.mark.parametrize(
    "values",
    [
        {"rrule": "FREQ=MONTHLY"},
        {"rrule": "FREQ=WEEKLY;BYDAY=MO,WE"},
        {"rrule": "FREQ=SOMETIMES"},
        {"tz": "Nowhere/Land"},
        {"start": utc(2030, 1, 7).date(), "end": utc(2030, 1, 8).date(), "tz": None},
        {"end": utc(2030, 1, 7, 10) + timedelta(microseconds=1)},
    ],
)
def test_whatever_is_not_even_is_left_to_others(values) -> None:
    assert read(replace(weekly(), **values)) is None
