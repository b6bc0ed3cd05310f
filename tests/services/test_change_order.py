"""Transactions that overlap: whoever reads the feed while others write sees every change once, in order.

SQLite has one writer at a time, so this is PostgreSQL's matter alone.
"""

import threading

import pytest
import sqlalchemy as sa

from calsync.runtime import Runtime
from calsync.services import activities, changes
from calsync.store import changes as feed
from calsync.store import tables as t
from tests import factories
from tests.factories import Cast


@pytest.fixture(scope="session")
def database_kind() -> str:
    return "postgres"


def make(rt: Runtime, owner: t.User, title: str = "Review") -> t.Activity:
    values = {"title": title, "start": factories.START}
    return activities.create(rt, t.pk(owner), values, by=factories.acting(owner))


def test_an_earlier_position_is_never_seen_after_a_later_one(rt: Runtime, cast: Cast) -> None:
    """Two transactions write at once; the one that began first commits last, and comes last in the feed."""
    first, second = make(rt, cast.eli), make(rt, cast.sam)
    start = changes.read(rt, "latest", 1, by=factories.acting(cast.ada)).cursor
    with rt.writing() as session:
        session.get_one(t.Activity, first.id).is_done = True
        session.flush()
        _set_done(rt, t.pk(second))
        between = changes.read(rt, start, 10, by=factories.acting(cast.ada))
    after = changes.read(rt, between.cursor, 10, by=factories.acting(cast.ada))
    assert [each.change.activity_id for each in between.told] == [second.id]
    assert [each.change.activity_id for each in after.told] == [first.id]


def test_who_has_a_position_commits_before_the_next_one_gets_any(rt: Runtime, cast: Cast) -> None:
    first, second = make(rt, cast.eli), make(rt, cast.sam)
    start = changes.read(rt, "latest", 1, by=factories.acting(cast.ada)).cursor
    with rt.writing() as session:
        session.get_one(t.Activity, first.id).is_done = True
        feed.publish(session)  # it has its position and has not committed
        other = threading.Thread(target=_set_done, args=(rt, t.pk(second)))
        other.start()
        _until_somebody_waits(rt)
        assert changes.read(rt, start, 10, by=factories.acting(cast.ada)).told == []
    other.join(10)
    found = changes.read(rt, start, 10, by=factories.acting(cast.ada)).told
    assert [each.change.activity_id for each in found] == [first.id, second.id]


def test_a_reader_beside_many_writers_misses_nothing(rt: Runtime, cast: Cast) -> None:
    rows = [t.pk(make(rt, cast.eli, title=f"No. {n}")) for n in range(6)]
    by = factories.acting(cast.ada)
    cursor = changes.read(rt, "latest", 1, by=by).cursor
    writers = [threading.Thread(target=_toggle, args=(rt, id, 10)) for id in rows]
    for each in writers:
        each.start()
    positions: list[int] = []
    while any(each.is_alive() for each in writers):
        part = changes.read(rt, cursor, 7, by=by)
        positions += [each.change.position for each in part.told]
        cursor = part.cursor
    positions += [each.change.position for each in changes.read(rt, cursor, 1000, by=by).told]
    assert positions == list(range(7, 67))


def _set_done(rt: Runtime, activity_id: int) -> None:
    with rt.writing() as session:
        session.get_one(t.Activity, activity_id).is_done = True


def _toggle(rt: Runtime, activity_id: int, times: int) -> None:
    for n in range(times):
        with rt.writing() as session:
            session.get_one(t.Activity, activity_id).is_done = n % 2 == 0


def _until_somebody_waits(rt: Runtime) -> None:
    query = sa.text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    for _ in range(2000):
        if _scalar(rt, query):
            return
        threading.Event().wait(0.005)
    raise AssertionError("nobody waited for a position")


def _scalar(rt: Runtime, query: sa.TextClause) -> int:
    with rt.reading() as session:
        return int(session.connection().execute(query).scalar_one())
