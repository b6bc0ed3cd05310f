"""Which occurrences a window shows, also against recurring_ical_events, and the span that bounds them."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import icalendar
import pytest
import recurring_ical_events
from hypothesis import given
from hypothesis import strategies as st

from calsync.engine import series
from calsync.engine.event import Event, Floating, Moment
from tests.engine.samples import DAY, HOUR, masters, midnight, override, utc, weekly


def starts(events: list[series.Occurrence]) -> list[datetime]:
    return [o.starts_at for o in events]


# What a window shows


def test_a_series_keeps_its_wall_time_when_the_clocks_change() -> None:
    around = series.expand(weekly(), [], utc(2030, 3, 20), utc(2030, 4, 10))
    assert starts(around) == [utc(2030, 3, 25, 9), utc(2030, 4, 1, 8), utc(2030, 4, 8, 8)]
    assert {o.ends_at - o.starts_at for o in around} == {HOUR}


def test_a_time_that_the_clocks_skip_counts_by_the_offset_before() -> None:
    daily = weekly(start=utc(2030, 3, 30, 1, 30), end=utc(2030, 3, 30, 2), rrule="FREQ=DAILY")
    assert starts(series.expand(daily, [], utc(2030, 3, 30), utc(2030, 4, 2))) == [
        utc(2030, 3, 30, 1, 30),
        utc(2030, 3, 31, 1, 30),  # 02:30 does not exist: 03:30 summer time
        utc(2030, 4, 1, 0, 30),
    ]
    assert series.yields(daily, utc(2030, 3, 31, 1, 30))
    assert (
        starts(series.expand(series.without(daily, utc(2030, 3, 31, 1, 30)), [], utc(2030, 3, 31), utc(2030, 4, 1)))
        == []
    )


def test_a_start_in_the_repeated_hour_stays_where_it_is() -> None:
    second = weekly(start=utc(2030, 10, 27, 1, 30), end=utc(2030, 10, 27, 2), rrule="FREQ=DAILY;COUNT=2")
    assert starts(series.expand(second, [], utc(2030, 10, 26), utc(2030, 11, 3))) == [
        utc(2030, 10, 27, 1, 30),
        utc(2030, 10, 28, 1, 30),
    ]


def test_overrides_replace_their_slot_and_cancelled_ones_are_absent() -> None:
    master = weekly(rrule="FREQ=WEEKLY;COUNT=4")
    moved = override(master, utc(2030, 1, 14, 9), start=utc(2030, 1, 15, 12), end=utc(2030, 1, 15, 13), summary="moved")
    gone = override(master, utc(2030, 1, 21, 9), status="cancelled")
    shown = series.expand(master, [moved, gone], utc(2030, 1, 1), utc(2030, 2, 1))
    assert [(o.starts_at, o.is_override) for o in shown] == [
        (utc(2030, 1, 7, 9), False),
        (utc(2030, 1, 15, 12), True),
        (utc(2030, 1, 28, 9), False),
    ]
    assert [o.moment for o in shown] == [utc(2030, 1, 7, 9), utc(2030, 1, 14, 9), utc(2030, 1, 28, 9)]


def test_an_override_shows_where_it_was_moved_to() -> None:
    master = weekly()
    far = override(master, utc(2030, 1, 14, 9), start=utc(2030, 6, 4, 9), end=utc(2030, 6, 4, 10))
    assert starts(series.expand(master, [far], utc(2030, 6, 4), utc(2030, 6, 5))) == [utc(2030, 6, 4, 9)]
    assert series.expand(master, [far], utc(2030, 1, 14), utc(2030, 1, 15)) == []


def test_exdate_removes_by_instant_by_wall_time_and_by_day() -> None:
    master = weekly(
        rrule="FREQ=WEEKLY;COUNT=4",
        exdates=(utc(2030, 1, 7, 9), Floating(datetime(2030, 1, 14, 10)), date(2030, 1, 21)),
    )
    assert starts(series.expand(master, [], utc(2030, 1, 1), utc(2030, 3, 1))) == [utc(2030, 1, 28, 9)]


def test_rdates_add_and_do_not_double() -> None:
    master = weekly(rrule="FREQ=WEEKLY;COUNT=2", rdates=(utc(2030, 1, 9, 15), utc(2030, 1, 14, 9)))
    assert starts(series.expand(master, [], utc(2030, 1, 1), utc(2030, 3, 1))) == [
        utc(2030, 1, 7, 9),
        utc(2030, 1, 9, 15),
        utc(2030, 1, 14, 9),
    ]


def test_all_day_and_floating_are_read_in_the_viewers_zone() -> None:
    birthday = Event("b", date(2030, 5, 1), date(2030, 5, 2), rrule="FREQ=YEARLY")
    [shown] = series.expand(birthday, [], utc(2033, 4, 30, 23), utc(2033, 5, 1, 1), "Europe/Berlin")
    assert (shown.start, shown.end) == (date(2033, 5, 1), date(2033, 5, 2))
    assert (shown.starts_at, shown.ends_at) == (utc(2033, 4, 30, 22), utc(2033, 5, 1, 22))
    lunch = Event("f", Floating(datetime(2030, 5, 1, 12)), Floating(datetime(2030, 5, 1, 13)), rrule="FREQ=DAILY")
    [shown] = series.expand(lunch, [], utc(2030, 6, 1), utc(2030, 6, 2), "America/New_York")
    assert (shown.start, shown.starts_at) == (Floating(datetime(2030, 6, 1, 12)), utc(2030, 6, 1, 16))


@pytest.mark.parametrize(
    ("until", "last_day"),
    [
        ("20300114T090000Z", 14),  # the instant itself is still in
        ("20300114T085959Z", 7),
        ("20300114", 14),  # a date allows its whole day
        ("20300114T100000", 14),  # wall time in the master's zone
        ("20300114T095959", 7),
    ],
)
def test_until_in_every_form(until: str, last_day: int) -> None:
    shown = series.expand(weekly(rrule=f"FREQ=WEEKLY;UNTIL={until}"), [], utc(2030, 1, 1), utc(2030, 3, 1))
    assert shown[-1].starts_at == utc(2030, 1, last_day, 9)


def test_an_event_touching_the_window_only_at_its_edges_is_out() -> None:
    single = weekly(rrule=None)
    instant = weekly(rrule=None, end=utc(2030, 1, 7, 9))
    assert series.expand(single, [], utc(2030, 1, 7, 10), utc(2030, 1, 8)) == []
    assert series.expand(single, [], utc(2030, 1, 7), utc(2030, 1, 7, 9)) == []
    assert len(series.expand(single, [], utc(2030, 1, 7, 9, 59), utc(2030, 1, 8))) == 1
    assert len(series.expand(instant, [], utc(2030, 1, 7, 9), utc(2030, 1, 8))) == 1
    assert series.expand(instant, [], utc(2030, 1, 7), utc(2030, 1, 7, 9)) == []


def test_a_cancelled_series_shows_nothing() -> None:
    master = weekly(status="cancelled")
    assert series.expand(master, [override(weekly(), utc(2030, 1, 7, 9))], utc(2030, 1, 1), utc(2030, 2, 1)) == []


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [({"rrule": "FREQ=NEVER"}, "FREQ"), ({"tz": "Mars/Olympus"}, "Mars/Olympus"), ({"tz": "../etc"}, "time zone")],
)
def test_a_broken_series_says_what_is_wrong(broken: dict, complaint: str) -> None:
    master = weekly(**broken)
    with pytest.raises(ValueError, match=complaint):
        series.expand(master, [], utc(2030, 1, 1), utc(2030, 2, 1))
    with pytest.raises(ValueError, match=complaint):
        series.span(master)


def test_span_of_a_count_that_takes_long_to_know_has_no_end() -> None:
    assert series.span(weekly(rrule="FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;COUNT=3"))[1] == series.NEVER


def test_the_year_9999_is_no_error() -> None:
    master = weekly(
        start=utc(9999, 12, 30, 9), end=utc(9999, 12, 31, 23, 59), rrule="FREQ=DAILY;UNTIL=99991231T235959Z"
    )
    start, end = series.span(master)
    assert (start, end) == (utc(9999, 12, 30, 9), series.NEVER)
    assert len(series.expand(master, [], utc(9999, 12, 30), utc(9999, 12, 31))) == 1
    whole = Event("d", date(9999, 12, 31), date(9999, 12, 31))
    assert series.span(whole)[1] == series.NEVER
    ancient = Event("a", date(1, 1, 1), date(1, 1, 2), rrule="FREQ=YEARLY")
    assert len(series.expand(ancient, [], utc(2030, 1, 1), utc(2030, 1, 2), "Asia/Tokyo")) == 1


# Against another implementation


@given(masters(), st.integers(-100, 900), st.integers(1, 60), st.data())
def test_a_window_shows_what_recurring_ical_events_shows(
    master: Event, day: int, days: int, data: st.DataObject
) -> None:
    begin = utc(2029, 1, 1) + day * DAY
    end = begin + days * DAY
    slots = [o.moment for o in series.expand(master, [], begin - 9 * DAY, end + 9 * DAY) if o.moment is not None]
    chosen = data.draw(st.lists(st.sampled_from(slots), max_size=3, unique=True)) if slots else []
    master = replace(master, exdates=tuple(chosen[1:2]))
    overrides = [
        override(master, m, start=_shifted(m), end=_shifted(m), summary="o") for m in (*chosen[:1], *chosen[2:])
    ]
    ours = [(o.starts_at, o.ends_at, o.event.summary) for o in series.expand(master, overrides, begin, end)]
    calendar = icalendar.Calendar()
    for event in (master, *overrides):
        calendar.add_component(_component(event))
    theirs = recurring_ical_events.of(calendar).between(begin, end)
    assert sorted(ours) == sorted((midnight(e.start), midnight(e.end), str(e.get("SUMMARY", ""))) for e in theirs)


def _shifted(moment: Moment) -> Moment:
    return moment + DAY if isinstance(moment, date) and not isinstance(moment, datetime) else moment + 3 * HOUR


def _component(event: Event) -> icalendar.Event:
    zone = ZoneInfo(event.tz) if event.tz else None
    made = icalendar.Event()
    made.add("UID", event.uid)
    made.add("SUMMARY", event.summary)
    for name, value in (("DTSTART", event.start), ("DTEND", event.end), ("RECURRENCE-ID", event.recurrence_id)):
        if value is not None:
            made.add(name, value.astimezone(zone) if zone else value)
    for moment in event.exdates:
        made.add("EXDATE", moment.astimezone(zone) if zone else moment)
    if event.rrule:
        made.add("RRULE", icalendar.vRecur.from_ical(event.rrule))
    return made


@given(masters(), st.integers(0, 900))
def test_span_bounds_every_occurrence_in_every_zone(master: Event, day: int) -> None:
    begin = utc(2029, 1, 1) + day * DAY
    low, high = series.span(master)
    for zone in ("Pacific/Kiritimati", "Etc/GMT+12"):
        for o in series.expand(master, [], begin, begin + 30 * DAY, zone):
            assert low <= o.starts_at
            assert o.ends_at <= high


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (weekly(rrule=None), (utc(2030, 1, 7, 9), utc(2030, 1, 7, 10))),
        (weekly(), (utc(2030, 1, 7, 9), series.NEVER)),
        (Event("d", date(2030, 1, 7), date(2030, 1, 8)), (utc(2030, 1, 6, 10), utc(2030, 1, 8, 12))),
        (weekly(rrule=None, rdates=(utc(2029, 1, 1), utc(2031, 1, 1))), (utc(2029, 1, 1), utc(2031, 1, 1, 1))),
    ],
)
def test_span_of_simple_events(event: Event, expected: tuple[datetime, datetime]) -> None:
    assert series.span(event) == expected


@pytest.mark.parametrize("end", ["COUNT=10", "UNTIL=20300311T090000Z", "UNTIL=20300311", "BYDAY=MO,TU;COUNT=19"])
def test_span_of_a_series_with_an_end_is_close_to_it(end: str) -> None:
    _, bound = series.span(weekly(rrule=f"FREQ=WEEKLY;{end}"))
    assert utc(2030, 3, 11, 10) <= bound <= utc(2030, 3, 14)


@given(
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", None]),
    st.datetimes(datetime(2030, 1, 1), datetime(2030, 12, 31)).map(lambda at: at.replace(microsecond=0, tzinfo=UTC)),
    st.sampled_from(["DAILY", "WEEKLY", "WEEKLY;BYDAY=SU", "WEEKLY;BYDAY=MO,TH", "MONTHLY"]),
    st.integers(1, 3),
    st.sampled_from(["", ";COUNT=1", ";COUNT=9", ";UNTIL=20301027", ";UNTIL=20300331T013000Z"]),
    st.integers(0, 60),
    st.integers(-40, 400),
)
def test_a_series_of_times_alone_is_as_any_other(
    zone: str | None, start: datetime, rule: str, interval: int, until: str, hours: int, day: int
) -> None:
    rrule = f"FREQ={rule};INTERVAL={interval}{until}"
    plain = Event("x", start, start + timedelta(hours=hours), zone, rrule=rrule)
    disturbed = replace(plain, exdates=(datetime(1999, 1, 1, tzinfo=UTC),))
    window = (start + timedelta(days=day), start + timedelta(days=day + 45))
    found = [(o.start, o.end, o.starts_at, o.ends_at) for o in series.expand(plain, [], *window)]
    assert found == [(o.start, o.end, o.starts_at, o.ends_at) for o in series.expand(disturbed, [], *window)]
