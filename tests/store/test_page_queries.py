"""The queries of the pages about syncing give the same on both databases."""

from datetime import timedelta

import pytest

from calsync.engine.vocabulary import RunState
from calsync.runtime import Runtime
from calsync.store import conflict_list, duplicates, history, overview, previews, run_records, undoing
from calsync.store import tables as t
from calsync.store.keyset import Cut
from tests import factories
from tests.web.world import World, make_activity, make_world

pytestmark = pytest.mark.postgres


@pytest.fixture
def world(rt: Runtime) -> World:
    return make_world(rt, factories.make_cast(rt))


def add(rt: Runtime, *rows: object) -> None:
    with rt.writing() as session:
        session.add_all(rows)


def run_of(rt: Runtime, world: World, state: str, **values: object) -> t.Run:
    return t.Run(account_id=world.account.id, trigger="schedule", state=state, started_at=rt.now(), **values)


def test_runs_are_listed_by_branches_and_counted_where_quiet(rt: Runtime, world: World) -> None:
    add(rt, *(run_of(rt, world, state) for state in (RunState.NO_CHANGES, RunState.SUCCEEDED, RunState.NO_CHANGES)))
    filters = history.Filters(since=rt.now() - timedelta(hours=1), until=rt.now() + timedelta(hours=1))
    with rt.reading() as session:
        everyones = history.list_runs(session, filters, Cut(10))
        mine = history.list_runs(session, history.Filters(viewer_id=world.cast.eli.id), Cut(10))
        strangers = history.list_runs(session, history.Filters(viewer_id=world.cast.sam.id), Cut(10))
        failed = history.list_runs(session, history.Filters(error_class="network", calendar_id=world.calendar.id))
        quiet = history.quiet_ids(session, filters, 0, None)
    assert [line.run.state for line in everyones.rows] == [line.run.state for line in mine.rows]
    assert [line.run.state for line in everyones.rows] == ["succeeded", "failed"]
    assert (len(strangers.rows), len(failed.rows), len(quiet)) == (0, 1, 2)


def test_what_stands_around_a_run_and_its_records(rt: Runtime, world: World) -> None:
    add(rt, run_of(rt, world, RunState.SUCCEEDED, parent_id=world.run.id))
    with rt.reading() as session:
        family = history.family(session, world.run)
        records = run_records.list_records(session, world.run.id, "failed").rows
        (cause,) = run_records.causes(session, world.run.id)
        ids = run_records.step_ids(session, world.run.id, cause.error_class, [cause.error])
    assert (family.owner, len(family.children)) == ("eli@example.com", 1)
    assert [(record.step.id, record.calendar) for record in records] == [(world.step.id, "Work")]
    assert (cause.count, cause.open, ids) == (1, 1, [world.step.id])


def test_conflicts_with_what_is_around_them(rt: Runtime, world: World) -> None:
    with rt.reading() as session:
        (line,) = conflict_list.list_conflicts(session, conflict_list.Filters()).rows
        found = conflict_list.around(session, world.conflict.id)
        following = conflict_list.next_open(session, None, world.conflict.id)
        counts = conflict_list.count_open(session, None), conflict_list.count_decided(session, None, rt.now())
    assert (line.owner, line.starts_at) == ("Eli", world.activity.span_start)
    assert (found.activity.id, found.event) == (world.activity.id, None)
    assert (following, counts) == (None, (1, 0))


def test_the_last_day_and_what_fails_now(rt: Runtime, world: World) -> None:
    add(rt, run_of(rt, world, RunState.NO_CHANGES))
    with rt.reading() as session:
        day = overview.day(session, rt.now() - timedelta(days=1), None)
        (issue,) = overview.issues(session, world.cast.eli.id)
        assert overview.issues(session, world.cast.sam.id) == []
        assert overview.day(session, rt.now(), world.cast.eli.id).has_activities
        assert not overview.day(session, rt.now(), world.cast.sam.id).has_activities
    assert (day.quiet, day.total("failed")) == (1, 1)
    assert (issue.error_class, issue.records, issue.run_id) == ("network", 1, world.run.id)


def test_previews_are_summed_and_sampled(rt: Runtime, world: World) -> None:
    with rt.reading() as session:
        sums = previews.sums(session, [world.run.id])
        (sample,) = previews.samples(session, [world.run.id])
        (preview,) = previews.list_previews(session, [world.run.id])
    assert (sums["create"].count, sums["create"].people_mailed) == (1, 0)
    assert (sample.step.id, sample.calendar, sample.owner_id) == (world.step.id, "Work", world.cast.eli.id)
    assert preview.label == world.account.label


def test_duplicates_are_found_whatever_the_case(rt: Runtime, world: World) -> None:
    add(rt, make_activity(rt, world.cast.eli, "KICK-OFF acme "), make_activity(rt, world.cast.sam, "Kick-off Acme"))
    with rt.reading() as session:
        ((one, other),) = duplicates.search_pairs(session, 10)
        assert set(duplicates.activities(session, [one, other])) == {one, other}
        assert duplicates.places(session, [one, other]) == {}
        assert duplicates.owned(session, [one, other], world.cast.eli.id) == {one, other}
        assert duplicates.search_orphans(session, 10) == []
        assert duplicates.orphans(session, [0]) == []
        assert duplicates.merged(session, 10) == []


def test_what_an_undoing_depends_on(rt: Runtime, world: World) -> None:
    with rt.reading() as session:
        assert undoing.account_of(session, world.run.id).id == world.account.id
        assert undoing.done_steps(session, world.run.id) == {}
        assert undoing.around(session, world.run.id, world.account.id, [1, 2]) == undoing.Around()
        assert undoing.preview_digests(session, world.run.id) == []
