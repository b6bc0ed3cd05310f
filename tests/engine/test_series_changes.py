"""Changes of a series: slots taken away, a series split in two, and overrides that follow one that moves."""

from dataclasses import replace
from datetime import date, datetime

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from calsync.engine import series
from calsync.engine.event import Event, Floating, Moment
from tests.engine.samples import DAY, HOUR, masters, midnight, override, utc, weekly


def test_yields_knows_rule_rdate_start_and_exdate() -> None:
    master = weekly(rdates=(utc(2030, 1, 9, 15),), exdates=(utc(2030, 1, 14, 9),))
    assert series.yields(master, utc(2030, 7, 8, 8))
    assert series.yields(master, utc(2030, 1, 9, 15))
    assert series.yields(master, Floating(datetime(2030, 1, 21, 10)))
    assert not series.yields(master, utc(2030, 1, 14, 9))
    assert not series.yields(master, utc(2030, 7, 8, 9))
    assert not series.yields(master, utc(2029, 12, 31, 9))


def test_without_takes_one_slot_away_once() -> None:
    master = weekly()
    lighter = series.without(master, utc(2030, 1, 14, 9))
    assert lighter == replace(master, exdates=(utc(2030, 1, 14, 9),))
    assert series.without(lighter, Floating(datetime(2030, 1, 14, 10))) == lighter


def test_fold_cancelled_leaves_one_form_of_a_removed_occurrence() -> None:
    master = weekly(exdates=(utc(2030, 1, 28, 9),))
    kept = override(master, utc(2030, 1, 14, 9), summary="kept")
    gone = override(master, utc(2030, 1, 21, 9), status="cancelled")
    again = override(master, utc(2030, 1, 28, 9), status="cancelled")
    stray = replace(gone, uid="an invitation to one occurrence")
    assert series.fold_cancelled([gone, master, kept, again, stray]) == (
        replace(master, exdates=(utc(2030, 1, 28, 9), utc(2030, 1, 21, 9))),
        kept,
        stray,
    )


@given(masters(), st.integers(1, 30))
def test_the_two_parts_of_a_split_series_have_the_occurrences_of_the_whole(master: Event, nth: int) -> None:
    window = (master.start if isinstance(master.start, datetime) else midnight(master.start)) - DAY
    whole = [o.start for o in series.expand(master, [], window, window + 800 * DAY)]
    assume(len(whole) > nth)
    head, tail = series.split(master, whole[nth])
    parts = [[o.start for o in series.expand(p, [], window, window + 800 * DAY)] for p in (head, tail)]
    assert parts == [whole[:nth], whole[nth:]]
    assert tail.start == whole[nth]


def test_split_shares_rdates_and_exdates_and_refuses_the_first() -> None:
    master = weekly(rdates=(utc(2030, 1, 9, 9), utc(2030, 2, 6, 9)), exdates=(utc(2030, 1, 14, 9), utc(2030, 2, 11, 9)))
    head, tail = series.split(master, utc(2030, 1, 28, 9))
    assert (head.rdates, head.exdates) == ((utc(2030, 1, 9, 9),), (utc(2030, 1, 14, 9),))
    assert (tail.rdates, tail.exdates) == ((utc(2030, 2, 6, 9),), (utc(2030, 2, 11, 9),))
    for bad in (utc(2030, 1, 7, 9), utc(2030, 1, 8, 9), utc(2030, 1, 14, 9), utc(2030, 2, 6, 9)):
        with pytest.raises(ValueError, match="later occurrence"):
            series.split(master, bad)


# A series that moves


def moved_slots(old: Event, new: Event, *overrides: Event) -> list[Moment | None]:
    moved, _ = series.move_overrides(old, new, overrides)
    return [o.recurrence_id for o in moved]


def test_overrides_stay_where_the_rule_still_has_their_slot() -> None:
    old = weekly()
    earlier = replace(old, start=utc(2029, 12, 31, 9), end=utc(2029, 12, 31, 10))
    kept = override(old, utc(2030, 1, 14, 9), summary="kept")
    assert series.move_overrides(old, earlier, [kept]) == ((kept,), ())


def test_overrides_follow_the_series_to_a_new_time_of_day() -> None:
    old = weekly()
    new = replace(old, start=utc(2030, 1, 7, 13), end=utc(2030, 1, 7, 15))
    summer = utc(2030, 7, 1, 8)
    named = override(old, summer, start=summer, end=summer + HOUR, summary="named")
    [moved], orphaned = series.move_overrides(old, new, [named])
    assert orphaned == ()
    assert (moved.recurrence_id, moved.start, moved.end) == (
        utc(2030, 7, 1, 12),
        utc(2030, 7, 1, 12),
        utc(2030, 7, 1, 14),
    )
    assert moved.summary == "named"


def test_overrides_follow_the_series_to_another_day() -> None:
    old = weekly()
    tuesday = replace(old, start=utc(2030, 1, 8, 9), end=utc(2030, 1, 8, 10))
    assert moved_slots(old, tuesday, override(old, utc(2030, 1, 14, 9))) == [utc(2030, 1, 15, 9)]


def test_an_override_that_a_person_moved_keeps_its_own_time() -> None:
    old = weekly()
    new = replace(old, start=utc(2030, 1, 7, 13), end=utc(2030, 1, 7, 14))
    own = override(old, utc(2030, 1, 14, 9), start=utc(2030, 1, 17, 7), end=utc(2030, 1, 17, 8))
    [moved], _ = series.move_overrides(old, new, [own])
    assert moved == replace(own, recurrence_id=utc(2030, 1, 14, 13))


def test_overrides_without_a_slot_are_left_over() -> None:
    old = weekly()
    monthly = replace(old, rrule="FREQ=MONTHLY")
    lost, kept = override(old, utc(2030, 1, 14, 9)), override(old, utc(2030, 1, 7, 9))
    assert series.move_overrides(old, monthly, [lost, kept]) == ((kept,), (lost,))


def test_two_overrides_never_share_a_slot() -> None:
    old = weekly(rrule="FREQ=DAILY;BYHOUR=10,15")
    new = replace(old, rrule="FREQ=DAILY", start=utc(2030, 1, 7, 11), end=utc(2030, 1, 7, 12))
    both = [override(old, utc(2030, 1, 9, 9)), override(old, utc(2030, 1, 9, 14))]
    moved, orphaned = series.move_overrides(old, new, both)
    assert [o.recurrence_id for o in moved] == [utc(2030, 1, 9, 11)]
    assert orphaned == (both[1],)


def test_overrides_follow_a_series_that_becomes_all_day() -> None:
    old = weekly()
    new = replace(old, start=date(2030, 1, 7), end=date(2030, 1, 8), tz=None)
    [moved], _ = series.move_overrides(
        old, new, [override(old, utc(2030, 1, 14, 9), start=utc(2030, 1, 14, 9), end=utc(2030, 1, 14, 10))]
    )
    assert (moved.recurrence_id, moved.start, moved.end) == (date(2030, 1, 14), date(2030, 1, 14), date(2030, 1, 15))
