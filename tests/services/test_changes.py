"""The feed of changes: everything that happens to activities, in the order in which it became visible."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calsync.engine.vocabulary import ChangeKind
from calsync.errors import Refused
from calsync.runtime import Runtime
from calsync.services import activities, changes, hand_over, prune
from calsync.services.changes import CursorTooOld
from calsync.store import changes as feed
from calsync.store import tables as t
from tests import factories
from tests.factories import Cast, Clock

pytestmark = pytest.mark.postgres

MEETING = {"title": "Review", "start": factories.START + timedelta(days=2)}


def make(rt: Runtime, owner: t.User, **values: object) -> t.Activity:
    return activities.create(rt, t.pk(owner), {**MEETING, **values}, by=factories.acting(owner))


def told(rt: Runtime, by: t.User, cursor: str | None = None) -> list[tuple[str, list[str]]]:
    part = changes.read(rt, cursor, 1000, by=factories.acting(by))
    return [(each.change.what, each.change.fields) for each in part.told]


def test_a_life_is_told_from_its_beginning_to_its_end(rt: Runtime, cast: Cast) -> None:
    row, by = make(rt, cast.eli), factories.acting(cast.eli)
    activities.edit(rt, t.pk(row), {"title": "Retrospective", "external_id": "crm-7"}, by=by)
    activities.cancel(rt, t.pk(row), by=by)
    activities.revive(rt, t.pk(row), by=by)
    assert told(rt, cast.eli) == [
        ("created", []),
        ("updated", ["summary", "external_id"]),
        ("cancelled", ["status"]),
        ("restored", ["status"]),
    ]


def test_what_changes_nothing_is_not_told(rt: Runtime, cast: Cast) -> None:
    row = make(rt, cast.eli)
    activities.edit(rt, t.pk(row), {"title": "Review"}, by=factories.acting(cast.eli))
    assert told(rt, cast.eli) == [("created", [])]


def test_who_did_it_is_told(rt: Runtime, cast: Cast) -> None:
    row = make(rt, cast.eli)
    program = factories.acting(cast.eli).__class__(cast.eli.id, "eli@example.com", "staff", via="api")
    activities.cancel(rt, t.pk(row), by=program)
    found = changes.read(rt, None, 10, by=factories.acting(cast.eli)).told
    assert [(each.change.by_kind, each.change.by) for each in found] == [
        ("user", "eli@example.com"),
        ("api", "eli@example.com"),
    ]


def test_staff_are_told_of_their_own_activities_and_admins_of_all(rt: Runtime, cast: Cast) -> None:
    make(rt, cast.eli)
    make(rt, cast.sam)
    assert (len(told(rt, cast.eli)), len(told(rt, cast.sam)), len(told(rt, cast.ada))) == (1, 1, 2)


def test_a_hand_over_is_told_to_whom_the_activities_went(rt: Runtime, cast: Cast) -> None:
    make(rt, cast.eli)
    hand_over.hand_over(rt, t.pk(cast.eli), t.pk(cast.sam), by=factories.acting(cast.ada))
    assert told(rt, cast.sam) == [("updated", ["owner_id"])]


def test_a_reader_goes_on_where_it_stopped(rt: Runtime, cast: Cast) -> None:
    by = factories.acting(cast.ada)
    for _ in range(5):
        make(rt, cast.eli)
    first = changes.read(rt, None, 2, by=by)
    second = changes.read(rt, first.cursor, 2, by=by)
    rest = changes.read(rt, second.cursor, 2, by=by)
    positions = [each.change.position for part in (first, second, rest) for each in part.told]
    assert (positions, first.has_more, rest.has_more) == ([1, 2, 3, 4, 5], True, False)
    assert changes.read(rt, rest.cursor, 2, by=by).told == []


def test_latest_stands_behind_everything(rt: Runtime, cast: Cast) -> None:
    make(rt, cast.eli)
    part = changes.read(rt, "latest", 10, by=factories.acting(cast.ada))
    make(rt, cast.eli, title="Later")
    assert (part.told, len(told(rt, cast.ada, part.cursor))) == ([], 1)


@pytest.mark.parametrize("cursor", ["", "x", "1", "0.-1", "0.5 "])
def test_what_is_no_cursor_is_refused(rt: Runtime, cast: Cast, cursor: str) -> None:
    with pytest.raises(Refused):
        changes.read(rt, cursor, 10, by=factories.acting(cast.ada))


def test_a_cursor_whose_changes_are_gone_says_where_to_go_on(rt: Runtime, cast: Cast, clock: Clock) -> None:
    make(rt, cast.eli)
    start = "0.0"
    clock.advance(days=91)
    make(rt, cast.eli, start=clock.at)
    prune.prune(rt)
    with pytest.raises(CursorTooOld) as caught:
        changes.read(rt, start, 10, by=factories.acting(cast.ada))
    assert caught.value.newest == "0.2"
    assert told(rt, cast.ada) == [("created", [])]


def test_what_a_savepoint_takes_back_was_no_change(rt: Runtime, cast: Cast) -> None:
    row = make(rt, cast.eli)
    with rt.writing() as session:
        held = session.get_one(t.Activity, row.id)
        point = session.begin_nested()
        held.is_done = True
        session.flush()
        point.rollback()
        with session.begin_nested():
            session.get_one(t.Activity, row.id).kind = "call"
    assert told(rt, cast.eli) == [("created", []), ("updated", ["kind"])]


def test_a_transaction_that_fails_leaves_no_gap(rt: Runtime, cast: Cast) -> None:
    row = make(rt, cast.eli)
    with rt.writing() as session:
        session.get_one(t.Activity, row.id).is_done = True
        feed.publish(session)
        session.rollback()
    make(rt, cast.eli)
    found = changes.read(rt, None, 10, by=factories.acting(cast.ada)).told
    assert [each.change.position for each in found] == [1, 2]


def test_one_transaction_tells_one_change_of_an_activity(rt: Runtime, cast: Cast) -> None:
    row = make(rt, cast.eli)
    with rt.writing() as session:
        held = session.get_one(t.Activity, row.id)
        held.is_done = True
        session.flush()
        held.kind = "call"
        changes.record(session, held, ChangeKind.UPDATED, ["resources"], by=factories.acting(cast.eli))
    assert told(rt, cast.eli)[1:] == [("updated", ["is_done", "resources", "kind"])]


KINDS = st.sampled_from(ChangeKind)


@given(st.lists(st.tuples(st.integers(1, 3), KINDS), max_size=12))
def test_merging_keeps_every_activity_once_and_never_loses_a_creation(pairs: list[tuple[int, ChangeKind]]) -> None:
    notes = [feed.Note(id, 1, what, factories.START) for id, what in pairs]
    merged = feed._merged(notes)
    assert sorted(n.activity_id for n in merged) == sorted({id for id, _ in pairs})
    for each in merged:
        kinds = [what for id, what in pairs if id == each.activity_id]
        if kinds[0] is ChangeKind.CREATED:
            assert each.what is ChangeKind.CREATED
        assert (each.what is ChangeKind.UPDATED) == all(kind is ChangeKind.UPDATED for kind in kinds)
