"""What a run did to busy blocks stands in its history: written, removed, failed, and what waits for a person."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import col, select

from calsync.errors import Refused
from calsync.providers.memory import FaultKind
from calsync.services import archive, busy_blocks, disconnect, held, retry, sync, undo
from calsync.store import block_steps, run_records
from calsync.store import tables as t
from tests import factories
from tests.services.office import HOUR, WORK, Office
from tests.services.two_calendars import HOME, at_home, choose, edit, home_of, run_both, times_in, two_calendars


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """Eli's work calendar takes blocks of what is busy at home."""
    opened = two_calendars(tmp_path)
    choose(opened)
    return opened


def read_home(office: Office) -> None:
    office.clock.advance(minutes=1)
    sync.run(office.rt, home_of(office).account_id)


def told(office: Office, run: t.Run) -> list[tuple[str, str]]:
    return [(step.action, step.state) for step in office.steps(run)]


def sum_of(office: Office, run: t.Run) -> tuple[int, int, int, int]:
    with office.rt.reading() as session:
        found = block_steps.sum_of(session, t.pk(run))
    return (0, 0, 0, 0) if found is None else (found.written, found.removed, found.failed, found.held)


def row(office: Office, run_id: int) -> t.Run:
    with office.rt.reading() as session:
        return session.get_one(t.Run, run_id)


def open_steps(office: Office) -> list[t.Step]:
    with office.rt.reading() as session:
        found = session.exec(select(t.Step).where(col(t.Step.state).in_(["applying", "failed", "held", "in_doubt"])))
        return list(found)


def failing(office: Office) -> t.Run:
    """Return a run in which a block was refused; from then on it would be taken."""
    at_home(office, hours=72)
    read_home(office)
    office.server.set_access(WORK, "reader")
    run = office.sync()
    office.server.set_access(WORK, "owner")
    return run


def test_writing_changing_and_removing_a_block_are_records_of_their_runs(office: Office) -> None:
    handle = at_home(office)
    read_home(office)
    first = office.sync()
    moved = factories.START + 30 * HOUR
    edit(office, handle, start=moved, end=moved + HOUR)
    read_home(office)
    second = office.sync()
    office.server.delete(HOME, handle)
    read_home(office)
    third = office.sync()
    assert [told(office, run) for run in (first, second, third)] == [
        [("create", "done")],
        [("update", "done")],
        [("delete", "done")],
    ]
    assert [sum_of(office, run)[:2] for run in (first, second, third)] == [(1, 0), (1, 0), (0, 1)]
    assert [(r.state, r.created, r.updated, r.deleted) for r in (first, second, third)] == [
        ("succeeded", 1, 0, 0),
        ("succeeded", 0, 1, 0),
        ("succeeded", 0, 0, 1),
    ]
    assert all(run.processed for run in (first, second, third))
    assert office.sync().state == "no_changes"


def test_a_record_tells_the_times_and_nothing_of_the_origin(office: Office) -> None:
    handle = at_home(office, "Dentist", description="Root canal")
    read_home(office)
    [created] = office.steps(office.sync())
    moved = factories.START + 30 * HOUR
    edit(office, handle, start=moved, end=moved + HOUR)
    read_home(office)
    [changed] = office.steps(office.sync())
    assert (created.title, created.is_private, changed.fields) == ("Busy", True, ["time"])
    assert changed.before["time"] == created.after["time"] != changed.after["time"]
    assert "Dentist" not in f"{created.after}{changed.before}{created.detail}{changed.detail}"


def test_a_block_that_is_refused_is_a_failure_of_the_run_and_retried_by_it(office: Office) -> None:
    run = failing(office)
    assert (run.state, run.failed, sum_of(office, run)) == ("partial", 1, (0, 0, 1, 0))
    child = row(office, retry.retry(office.rt, t.pk(run), by=factories.acting(office.cast.eli)))
    assert (child.state, child.created, child.parent_id) == ("succeeded", 1, run.id)
    assert times_in(office) == [(factories.START + 72 * HOUR, factories.START + 73 * HOUR)]
    with office.rt.reading() as session:
        [record] = run_records.list_records(session, t.pk(run)).rows
        assert (record.was_retried, record.later_run_id) == (True, child.id)
    assert open_steps(office) == []


def test_a_failure_that_a_later_run_mends_by_itself_is_told_to_be_mended(office: Office) -> None:
    run = failing(office)
    assert office.sync().state == "no_changes"  # not before a day has gone by
    office.clock.advance(days=1, hours=1)
    at_home(office, "Physio", 80)
    run_both(office)
    with office.rt.reading() as session:
        [record] = run_records.list_records(session, t.pk(run)).rows
        assert record.was_retried
    assert open_steps(office) == []


def test_a_change_that_got_no_answer_is_made_by_a_later_run(office: Office) -> None:
    handle = at_home(office, hours=72)
    run_both(office)
    moved = factories.START + 80 * HOUR
    edit(office, handle, start=moved, end=moved + HOUR)
    read_home(office)
    office.server.set_access(WORK, "reader")
    office.sync()
    office.server.set_access(WORK, "owner")
    office.clock.advance(days=1, hours=1)
    office.sync()
    assert times_in(office) == [(moved, moved + HOUR)]


def test_a_block_whose_origin_changes_is_tried_again_at_once(office: Office) -> None:
    at_home(office, hours=72)
    read_home(office)
    office.server.set_access(WORK, "reader")
    office.sync()
    office.server.set_access(WORK, "owner")
    [(handle, _)] = office.server.all_events(HOME)
    moved = factories.START + 80 * HOUR
    edit(office, handle, start=moved, end=moved + HOUR)
    run_both(office, 1)
    assert times_in(office) == [(moved, moved + HOUR)]
    assert open_steps(office) == []


def test_a_failure_whose_origin_is_gone_is_a_failure_no_more(office: Office) -> None:
    run = failing(office)
    [(handle, _)] = office.server.all_events(HOME)
    office.server.delete(HOME, handle)
    run_both(office)
    assert open_steps(office) == []
    with pytest.raises(Refused) as refused:
        retry.retry(office.rt, t.pk(run), by=factories.acting(office.cast.eli))
    assert refused.value.code == "nothing_failed"


def test_an_archived_block_is_tried_no_more_until_its_origin_changes(office: Office) -> None:
    run = failing(office)
    assert archive.archive(office.rt, t.pk(run), by=factories.acting(office.cast.eli)) == 1
    office.clock.advance(days=2)
    at_home(office, "Physio", 24 * 5)
    run_both(office)
    assert times_in(office) == [(factories.START + 120 * HOUR, factories.START + 121 * HOUR)]


# --- too many at once


def many(office: Office, count: int = 14) -> list[str]:
    handles = [at_home(office, f"Event {n}", 100 + 2 * n) for n in range(count)]
    run_both(office)
    assert len(times_in(office)) == count
    return handles


def removed_at_home(office: Office, handles: list[str]) -> t.Run:
    for handle in handles:
        office.server.delete(HOME, handle)
    read_home(office)
    return office.sync()


def vanish(office: Office) -> t.Run:
    """Return a run that would remove every block, because the other account was left."""
    eli = factories.acting(office.cast.eli)
    disconnect.disconnect(office.rt, home_of(office).account_id, disconnect.Choice.KEEP, by=eli)
    return office.sync()


def test_a_mass_removal_waits_for_a_person(office: Office) -> None:
    many(office)
    run = vanish(office)
    assert (run.state, run.held, sum_of(office, run)) == ("held", 14, (0, 0, 0, 14))
    assert len(times_in(office)) == 14
    assert busy_blocks.hurry(office.rt) == []
    assert office.sync().state == "no_changes"
    assert row(office, t.pk(run)).held == 14


def test_what_was_approved_is_removed(office: Office) -> None:
    many(office)
    run = vanish(office)
    held.approve(office.rt, t.pk(run), by=factories.acting(office.cast.ada))
    after = office.sync()
    assert (after.state, after.deleted, times_in(office)) == ("succeeded", 14, [])
    assert (row(office, t.pk(run)).state, open_steps(office)) == ("succeeded", [])


def test_what_was_discarded_stays(office: Office) -> None:
    many(office)
    run = vanish(office)
    held.discard(office.rt, t.pk(run), by=factories.acting(office.cast.ada))
    assert office.sync().state == "no_changes"
    assert len(times_in(office)) == 14
    choose(office, work=False)
    assert office.sync().deleted == 14


def test_what_is_busy_again_waits_no_more(office: Office) -> None:
    many(office)
    run = vanish(office)
    with office.rt.writing() as session:
        session.get_one(t.Account, home_of(office).account_id).state = "active"
    office.sync()
    assert (open_steps(office), row(office, t.pk(run)).held, len(times_in(office))) == ([], 0, 14)


def test_removals_of_a_day_are_counted_together(office: Office) -> None:
    handles = many(office, 16)
    assert removed_at_home(office, handles[:8]).deleted == 8
    run = removed_at_home(office, handles[8:])
    assert (run.deleted, run.held, len(times_in(office))) == (0, 8, 8)


def test_removed_blocks_do_not_hold_what_else_is_deleted(office: Office) -> None:
    for number in range(4):
        office.write(f"Review {number}", 300 + 2 * number)
    handles = many(office)
    removed_at_home(office, handles[:10])
    office.cancel("Review 0")
    run = office.sync()
    assert (run.held, run.deleted) == (0, 1)


def test_who_switches_blocks_off_is_not_asked_again(office: Office) -> None:
    many(office)
    choose(office, work=False)
    assert (office.sync().deleted, times_in(office)) == (14, [])


# --- leaving, taking back


def test_leaving_fails_as_long_as_a_block_cannot_be_removed(office: Office) -> None:
    many(office, 2)
    eli = factories.acting(office.cast.eli)
    assert disconnect.preview(office.rt, t.pk(office.account)).remote_events == 2
    office.server.set_access(WORK, "reader")
    ended = disconnect.disconnect(office.rt, t.pk(office.account), disconnect.Choice.DELETE_REMOTE, by=eli)
    assert (ended.is_disconnected, ended.failed) == (False, 2)
    office.server.set_access(WORK, "owner")
    ended = disconnect.disconnect(office.rt, t.pk(office.account), disconnect.Choice.DELETE_REMOTE, by=eli)
    assert (ended.is_disconnected, ended.deleted_remote, times_in(office)) == (True, 2, [])


def test_undoing_a_run_leaves_its_blocks_alone(office: Office) -> None:
    at_home(office)
    read_home(office)
    run = office.sync()
    shown = undo.preview(office.rt, t.pk(run))
    assert (shown.rows, shown.kept) == ([], [])


# --- killed in the middle


class Killed(BaseException):
    """The process ends."""


@pytest.mark.parametrize("where", ["blocks.saved", "blocks.written", "blocks.closed"])
@pytest.mark.parametrize("what", ["create", "update", "delete"])
def test_a_run_that_is_killed_leaves_nothing_open_and_nothing_undone(office: Office, where: str, what: str) -> None:
    handle = at_home(office, hours=72)
    moved = factories.START + 80 * HOUR
    if what != "create":
        run_both(office)
    if what == "update":
        edit(office, handle, start=moved, end=moved + HOUR)
    elif what == "delete":
        office.server.delete(HOME, handle)
    read_home(office)

    def kill(name: str) -> None:
        if name == where:
            raise Killed

    with pytest.raises(Killed):
        sync.run(replace(office.rt, checkpoint=kill), t.pk(office.account))
    office.clock.advance(minutes=10)
    office.settle()
    start = factories.START + 72 * HOUR
    wanted = {"create": [(start, start + HOUR)], "update": [(moved, moved + HOUR)], "delete": []}
    assert (times_in(office), open_steps(office)) == (wanted[what], [])
    with office.rt.reading() as session:
        done = session.exec(select(t.Step.action).where(t.Step.state == "done", t.Step.action == what)).all()
    assert what in done


def test_a_lost_answer_leaves_one_block_and_one_record(office: Office) -> None:
    at_home(office, hours=72)
    read_home(office)
    office.server.faults.arm(FaultKind.LOST_AFTER)
    for _ in range(3):
        office.sync()
        office.clock.advance(minutes=30)
    start = factories.START + timedelta(hours=72)
    assert (times_in(office), open_steps(office)) == ([(start, start + HOUR)], [])
