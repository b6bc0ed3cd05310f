"""The one writer of an activity's content, and what it leaves on the row."""

from datetime import UTC, date, datetime, timedelta

import pytest

from calsync.engine import event as events
from calsync.engine.event import Event
from calsync.engine.mapping import ActivityValues, event_of
from calsync.engine.series import NEVER
from calsync.engine.vocabulary import Kind
from calsync.errors import NotFound
from calsync.runtime import Runtime
from calsync.store import activities
from calsync.store import tables as t
from tests import factories

pytestmark = pytest.mark.postgres

NOW = datetime(2030, 1, 7, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


def values(**fields: object) -> ActivityValues:
    event = Event(**{"uid": "u", "start": NOW, "end": NOW + HOUR, "summary": "Review", **fields})
    return ActivityValues(Kind.MEETING, "u", "", "ada@example.com", events.content(event))


def saved(rt: Runtime, **fields: object) -> t.Activity:
    owner = factories.make_user(rt, "Eli")
    with rt.writing() as session:
        row = activities.new(values(**fields), owner_id=t.pk(owner), now=NOW)
        session.add(row)
    return row


def test_a_new_row_says_where_it_came_from() -> None:
    own = activities.new(values(), owner_id=1, now=NOW)
    assert (own.source, own.uid, own.organizer, own.row_version) == ("crm", "u", "ada@example.com", 1)
    come = activities.new(values(status="cancelled"), owner_id=1, now=NOW, uid="v", source_account_id=7)
    assert (come.source, come.source_account_id, come.uid, come.cancelled_at) == ("calendar", 7, "v", NOW)


def test_the_copies_for_queries_follow_the_content() -> None:
    row = activities.new(values(start=date(2030, 1, 7), end=date(2030, 1, 8), rrule="FREQ=DAILY"), owner_id=1, now=NOW)
    assert (row.is_all_day, row.is_series, row.start_on, row.span_end) == (True, True, date(2030, 1, 7), NEVER)
    timed = events.content(Event("u", NOW, NOW, classification="private", status="tentative"))
    activities.set_content(row, timed, now=NOW)
    assert (row.is_all_day, row.is_series, row.start_on, row.span_end) == (False, False, None, NOW)
    assert (row.is_private, row.status, row.title) == (True, "tentative", "")
    assert row.fingerprint == events.fingerprint(timed)


def test_an_edit_counts_and_is_remembered_per_field() -> None:
    row = activities.new(values(), owner_id=1, now=NOW)
    row.excluded, row.considered = "filtered_type", "x"
    later = NOW + HOUR
    assert activities.set_content(row, {**row.content, "summary": "Retro"}, now=later) == ("summary",)
    assert (row.title, row.row_version, row.updated_at) == ("Retro", 2, later)
    assert row.field_times == {"summary": later.isoformat()}
    assert (row.excluded, row.considered) == ("", "")


def test_what_came_from_a_calendar_is_no_edit_of_ours() -> None:
    row = activities.new(values(), owner_id=1, now=NOW)
    activities.set_content(row, {**row.content, "summary": "Retro"}, now=NOW, edited=False)
    assert (row.row_version, row.field_times) == (2, {})


def test_the_same_content_changes_nothing() -> None:
    row = activities.new(values(), owner_id=1, now=NOW)
    assert activities.set_content(row, dict(row.content), now=NOW + HOUR) == ()
    assert (row.row_version, row.updated_at) == (1, NOW)


def test_content_that_cannot_be_computed_leaves_the_row_as_it_was() -> None:
    row = activities.new(values(), owner_id=1, now=NOW)
    broken = {**row.content, "summary": "x", "time": {**row.content["time"], "rrule": "FREQ=NEVER"}}
    with pytest.raises(ValueError, match="FREQ"):
        activities.set_content(row, broken, now=NOW)
    assert (row.title, row.row_version) == ("Review", 1)


def test_responses_belong_to_attendees_only() -> None:
    row = activities.new(values(), owner_id=1, now=NOW)
    person = {"name": "", "role": "req-participant", "kind": "individual"}
    mixed = {**row.content, "attendees": {"bo@example.org": person}, "responses": {"al@example.org": "accepted"}}
    activities.set_content(row, mixed, now=NOW)
    assert row.content["responses"] == {"bo@example.org": "needs-action"}


def test_activities_are_found_by_every_id(rt: Runtime) -> None:
    row = saved(rt)
    with rt.writing() as session:
        activities.get(session, t.pk(row), lock=True).external_id = "crm-7"
    with rt.reading() as session:
        found = activities.find_by_external_id(session, "crm-7")
        assert found is not None
        assert found.id == row.id
        assert event_of(found).our_id == row.public_id
        assert activities.find(session, 999_999) is None
        with pytest.raises(NotFound):
            activities.get(session, 999_999)
