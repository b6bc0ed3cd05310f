"""Busy time of one calendar stands in a person's others as blocks: what they hold, how they come, move and go."""

from dataclasses import replace
from datetime import UTC, date, timedelta
from pathlib import Path

import hypothesis
import pytest
from hypothesis import strategies as st
from sqlmodel import select

from calsync.engine import busy_blocks as blocks
from calsync.engine.event import Event
from calsync.errors import Refused
from calsync.providers.memory import Quirks
from calsync.services import availability, busy_blocks, disconnect, sync
from calsync.store import tables as t
from tests import factories
from tests.services.office import HOUR, WORK, Office
from tests.services.two_calendars import (
    HOME,
    at_home,
    choose,
    edit,
    home_of,
    run_both,
    stand_in,
    times_in,
    two_calendars,
)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """Eli has his work calendar, and at home another one of another account that only blocks his time."""
    return two_calendars(tmp_path)


def written_at(office: Office) -> list:
    with office.rt.reading() as session:
        found = session.exec(select(t.MirrorResource).where(t.MirrorResource.calendar_id == office.calendar.id))
        return [row.written_at for row in found]


def test_busy_time_elsewhere_stands_here_without_details(office: Office) -> None:
    choose(office)
    at_home(office, description="Root canal", location="Main Street 1", reminders=())
    run_both(office)
    [block] = stand_in(office, WORK)
    assert (block.summary, block.description, block.location) == ("Busy", "", "")
    assert (block.start, block.end) == (factories.START + 24 * HOUR, factories.START + 25 * HOUR)
    assert (block.classification, block.transparency, block.attendees) == ("private", "opaque", ())


def test_it_becomes_no_activity_takes_no_time_twice_and_is_no_overlap(office: Office) -> None:
    choose(office, work=True, home=True)
    at_home(office)
    run_both(office, 3)
    assert office.titles_here() == []
    start = factories.START + 20 * HOUR
    eli = availability.Who(user_id=t.pk(office.cast.eli))
    found = availability.overlaps(office.rt, eli, start, start + 24 * HOUR, factories.acting(office.cast.eli))
    assert found == []


def test_a_block_is_never_the_reason_for_another_one(office: Office) -> None:
    choose(office, work=True, home=True)
    at_home(office, "Dentist", 24)
    office.meeting("Kick-off", 48)
    run_both(office, 4)
    assert times_in(office, WORK) == [(factories.START + 24 * HOUR, factories.START + 25 * HOUR)]
    assert times_in(office, HOME) == [(factories.START + 48 * HOUR, factories.START + 49 * HOUR)]


def test_it_moves_and_goes_with_its_origin(office: Office) -> None:
    choose(office)
    handle = at_home(office)
    run_both(office)
    moved = factories.START + 30 * HOUR
    edit(office, handle, start=moved, end=moved + HOUR)
    run_both(office)
    assert times_in(office) == [(moved, moved + HOUR)]
    office.server.delete(HOME, handle)
    run_both(office)
    assert times_in(office) == []
    with office.rt.reading() as session:
        assert session.exec(select(t.BusyBlock)).all() == []


@pytest.mark.parametrize("values", [{"transparency": "transparent"}, {"status": "cancelled"}])
def test_what_takes_no_time_has_no_block(office: Office, values: dict[str, str]) -> None:
    choose(office)
    at_home(office, **values)
    run_both(office)
    assert times_in(office) == []


def test_a_title_that_changes_at_the_origin_costs_no_write(office: Office) -> None:
    choose(office)
    handle = at_home(office)
    run_both(office)
    written = written_at(office)
    edit(office, handle, summary="Orthodontist")
    run_both(office)
    assert written_at(office) == written


def test_a_series_has_one_block_and_its_changed_occurrence_another(office: Office) -> None:
    choose(office)
    start = factories.START + 24 * HOUR
    weekly = Event("gym@home", start, start + HOUR, "Europe/Berlin", summary="Gym", rrule="FREQ=WEEKLY;COUNT=4")
    second, later = start + timedelta(days=7), start + timedelta(days=7, hours=3)
    office.server.override(HOME, office.server.put(HOME, weekly), second, start=later, end=later + HOUR)
    run_both(office)
    single, series = sorted(stand_in(office, WORK), key=lambda e: e.is_series)
    assert (single.start, single.recurrence_id) == (later, None)
    assert (series.start, series.rrule) == (start, "FREQ=WEEKLY;COUNT=4")
    assert [m.astimezone(UTC) for m in series.exdates] == [second]


def test_a_whole_day_blocks_the_day(office: Office) -> None:
    choose(office)
    at_home(office, "Holiday", start=date(2030, 1, 9), end=date(2030, 1, 10), tz=None)
    run_both(office)
    assert times_in(office) == [(date(2030, 1, 9), date(2030, 1, 10))]


def test_what_stands_in_both_calendars_needs_no_block(office: Office) -> None:
    choose(office, work=True, home=True)
    at_home(office, "Kick-off", uid="same@there")
    office.meeting("Kick-off", uid="same@there")
    run_both(office)
    assert (times_in(office, WORK), times_in(office, HOME)) == ([], [])


def test_a_block_that_somebody_moves_or_deletes_is_put_right(office: Office) -> None:
    choose(office)
    at_home(office)
    run_both(office)
    right = times_in(office)
    [(handle, block)] = office.server.all_events(WORK)
    office.server.edit(WORK, handle, start=block.start + HOUR, end=block.end + HOUR)
    run_both(office)
    assert times_in(office) == right
    [(handle, _)] = office.server.all_events(WORK)
    office.server.delete(WORK, handle)
    run_both(office)
    assert times_in(office) == right


def test_who_keeps_changing_a_block_wins_for_the_day(office: Office) -> None:
    choose(office)
    at_home(office, hours=72)
    run_both(office)
    for n in range(1, 6):
        [(handle, _)] = office.server.all_events(WORK)
        office.server.edit(WORK, handle, location=f"Room {n}")
        run_both(office, 1)
    assert [e.location for e in stand_in(office, WORK)] == ["Room 5"]
    office.clock.advance(days=1, hours=1)
    run_both(office)
    assert [e.location for e in stand_in(office, WORK)] == [""]


def test_switching_it_off_removes_every_block(office: Office) -> None:
    choose(office)
    at_home(office)
    at_home(office, "Physio", 48)
    run_both(office)
    office.clock.advance(days=1, hours=6)  # one is over by now
    choose(office, work=False)
    run_both(office)
    assert times_in(office) == []
    with office.rt.reading() as session:
        assert not session.get_one(t.Calendar, office.calendar.id).clears_blocks


def test_what_is_over_stays_as_it_is(office: Office) -> None:
    choose(office)
    handle = at_home(office)
    run_both(office)
    office.clock.advance(days=3)
    office.server.delete(HOME, handle)
    run_both(office)
    assert len(times_in(office)) == 1


def test_disconnecting_with_what_we_wrote_takes_the_blocks_along(office: Office) -> None:
    choose(office)
    at_home(office)
    run_both(office)
    ended = disconnect.disconnect(
        office.rt, t.pk(office.account), disconnect.Choice.DELETE_REMOTE, by=factories.acting(office.cast.eli)
    )
    assert ended.is_disconnected
    assert times_in(office) == []


def test_an_account_that_leaves_takes_its_busy_time_along(office: Office) -> None:
    choose(office)
    at_home(office)
    run_both(office)
    eli = factories.acting(office.cast.eli)
    disconnect.disconnect(office.rt, home_of(office).account_id, disconnect.Choice.KEEP, by=eli)
    office.sync()
    assert times_in(office) == []


def test_another_persons_busy_time_blocks_nothing(office: Office) -> None:
    choose(office)
    with office.rt.writing() as session:
        session.get_one(t.Account, home_of(office).account_id).user_id = t.pk(office.cast.ada)
    at_home(office)
    run_both(office)
    assert times_in(office) == []


def test_external_time_that_is_no_source_blocks_nothing(office: Office) -> None:
    choose(office)
    at_home(office)
    office.rule(block_busy_time=False)
    run_both(office)
    assert times_in(office) == []


def test_the_account_is_made_due_as_soon_as_something_is_to_be_written(office: Office) -> None:
    choose(office)
    run_both(office)
    assert busy_blocks.hurry(office.rt) == []
    at_home(office)
    sync.run(office.rt, home_of(office).account_id)
    assert busy_blocks.hurry(office.rt) == [office.account.id]
    assert busy_blocks.hurry(office.rt) == []  # it is due already
    office.sync()
    assert busy_blocks.hurry(office.rt) == []


def test_a_server_that_drops_our_mark_takes_no_blocks(tmp_path: Path) -> None:
    office = two_calendars(tmp_path, Quirks(keeps_unknown=False))
    with pytest.raises(Refused) as refused:
        choose(office)
    assert refused.value.code == "no_blocks"


def test_a_read_only_calendar_takes_no_blocks(office: Office) -> None:
    office.change_calendar(access="reader")
    with pytest.raises(Refused, match="read-only"):
        choose(office)


def test_a_preview_writes_no_block(office: Office) -> None:
    choose(office)
    at_home(office)
    sync.run(office.rt, home_of(office).account_id)
    office.sync(dry=True)
    assert times_in(office) == []


class Killed(BaseException):
    """The process ends."""


@pytest.mark.parametrize("where", ["blocks.saved", "blocks.written", "blocks.closed"])
@pytest.mark.parametrize("change", ["nothing", "gone", "moved"])
def test_a_run_that_is_killed_leaves_neither_twins_nor_strays(tmp_path: Path, where: str, change: str) -> None:
    office = two_calendars(tmp_path)
    choose(office)
    handle = at_home(office)
    sync.run(office.rt, home_of(office).account_id)

    def kill(name: str) -> None:
        if name == where:
            raise Killed

    dying = replace(office.rt, checkpoint=kill)
    with pytest.raises(Killed):
        sync.run(dying, t.pk(office.account))
    if change == "gone":
        office.server.delete(HOME, handle)
    elif change == "moved":
        moved = factories.START + 40 * HOUR
        edit(office, handle, start=moved, end=moved + HOUR)
    run_both(office)
    wanted = {"nothing": [24], "gone": [], "moved": [40]}[change]
    assert times_in(office) == [(factories.START + h * HOUR, factories.START + (h + 1) * HOUR) for h in wanted]


EDITS = st.lists(
    st.tuples(st.sampled_from(["add", "move", "remove", "free", "tamper", "erase", "run", "work"]), st.integers(0, 5)),
    max_size=14,
)


@hypothesis.given(edits=EDITS)
@hypothesis.settings(max_examples=15)
def test_whatever_happens_the_blocks_are_the_busy_times(tmp_path_factory: pytest.TempPathFactory, edits: list) -> None:
    office = two_calendars(tmp_path_factory.mktemp("blocks"))
    choose(office, work=True, home=True)
    for number, (what, which) in enumerate(edits):
        _do(office, number, what, which)
    run_both(office, 3)
    assert times_in(office, WORK) == _busy(office, HOME)
    assert times_in(office, HOME) == _busy(office, WORK)


def _busy(office: Office, remote_id: str) -> list[tuple]:
    found = [e for _, e in office.server.all_events(remote_id) if not blocks.is_block(e.our_id)]
    return sorted((e.start, e.end) for e in found if e.transparency == "opaque" and not e.is_cancelled)


def _do(office: Office, number: int, what: str, which: int) -> None:
    origins = [(h, e) for h, e in office.server.all_events(HOME) if not blocks.is_block(e.our_id)]
    written = [(h, e) for h, e in office.server.all_events(WORK) if blocks.is_block(e.our_id)]
    handle, event = origins[which % len(origins)] if origins else ("", None)
    block_handle, block = written[which % len(written)] if written else ("", None)
    match what:
        case "add":
            at_home(office, f"Event {number}", 100 + 2 * number)
        case "work":
            office.meeting(f"Meeting {number}", 200 + 2 * number)
        case "move" if event is not None:
            shift = timedelta(minutes=10 * (number + 1))
            office.server.edit(HOME, handle, start=event.start + shift, end=event.end + shift)
        case "free" if event is not None:
            office.server.edit(HOME, handle, transparency="transparent")
        case "remove" if event is not None:
            office.server.delete(HOME, handle)
        case "tamper" if block is not None:
            office.server.edit(WORK, block_handle, summary="Free!", end=block.end + HOUR)
        case "erase" if block is not None:
            office.server.delete(WORK, block_handle)
        case "run":
            run_both(office, 1)
