"""Activities: what people may create, edit and cancel, and which accounts hear of it."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from types import SimpleNamespace

import pytest

from calsync.engine.event import Floating, fingerprint
from calsync.engine.rules import Rules
from calsync.errors import NotAllowed, NotFound, Refused
from calsync.providers.base import Capabilities, ProviderInfo
from calsync.runtime import CLI, Runtime
from calsync.services import activities
from calsync.store import audit
from calsync.store import tables as t
from calsync.store.activity_list import Filters
from calsync.store.keyset import Cut
from tests import factories
from tests.factories import acting
from tests.services.planning import HOUR, MONDAY, Plan, set_rules, stored

pytestmark = pytest.mark.postgres


# Creating


def test_a_new_activity_holds_its_content_and_the_copies_for_queries(plan: Plan, rt: Runtime) -> None:
    row = stored(rt, plan(attendees={"Bo@Example.org": "Bo"}, visibility="private", reminders=[(10, "popup")]))
    assert (row.title, row.status, row.kind, row.is_private, row.is_all_day) == (
        "Review",
        "confirmed",
        "meeting",
        True,
        False,
    )
    assert (row.span_start, row.span_end) == (MONDAY, MONDAY + HOUR)
    assert row.content["time"]["tz"] == "Europe/Berlin"
    assert row.content["attendees"] == {
        "bo@example.org": {"name": "Bo", "role": "req-participant", "kind": "individual"}
    }
    assert row.fingerprint == fingerprint(row.content)
    assert (row.source, row.row_version, row.uid) == ("crm", 1, row.public_id)


def test_a_start_without_end_or_zone_takes_the_settings_and_the_owners_zone(plan: Plan, rt: Runtime) -> None:
    row = plan(end=None, tz=None)
    assert row.span_end - row.span_start == timedelta(minutes=30)
    assert row.content["time"]["tz"] == "UTC"
    assert plan(start=date(2030, 1, 7), end=None).content["time"] == {
        "start": "2030-01-07",
        "end": "2030-01-08",
        "tz": None,
        "rrule": None,
        "rdates": [],
    }


def test_a_task_with_a_due_time_ends_then(plan: Plan) -> None:
    task = plan(kind="task", start=None, end=None, due=MONDAY)
    assert (task.due_is, task.span_start, task.span_end) == ("end", MONDAY - HOUR / 2, MONDAY)
    whole_day = plan(kind="task", start=None, end=None, due=date(2030, 1, 7))
    assert (whole_day.start_on, whole_day.is_all_day, whole_day.due_is) == (date(2030, 1, 7), True, "end")


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"title": "  "}, "title"),
        ({"title": "x" * 1001}, "title"),
        ({"start": None}, "start"),
        ({"start": MONDAY.replace(tzinfo=None)}, "start"),
        ({"start": MONDAY.replace(year=1500)}, "start"),
        ({"end": MONDAY - HOUR}, "end"),
        ({"end": date(2030, 1, 8)}, "end"),
        ({"start": date(2030, 1, 7), "end": date(2030, 1, 7)}, "end"),
        ({"tz": "Mars/Olympus"}, "tz"),
        ({"rrule": "FREQ=SOMETIMES"}, "rrule"),
        ({"rrule": "FREQ=HOURLY"}, "rrule"),
        ({"rrule": "FREQ=DAILY;UNTIL=20200101T000000Z"}, "rrule"),
        ({"attendees": ["nobody"]}, "attendees"),
        ({"attendees": ["a@b, c@d"]}, "attendees"),
        ({"reminders": [(-5, "popup")]}, "reminders"),
        ({"reminders": [(5, "pigeon")]}, "reminders"),
        ({"kind": "party"}, "kind"),
        ({"visibility": "secret"}, "visibility"),
        ({"status": "cancelled"}, "status"),
        ({"url": "javascript:alert(1)"}, "url"),
        ({"responses": {"bo@example.org": "accepted"}}, "responses"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_bad_value_is_refused_with_its_field(plan: Plan, values: dict, field: str) -> None:
    with pytest.raises(Refused) as refused:
        plan(**values)
    assert refused.value.field == field


def test_a_time_of_no_length_is_an_event(plan: Plan) -> None:
    assert plan(end=MONDAY).span_end == MONDAY


def test_names_of_zones_are_understood_as_calendars_write_them(plan: Plan) -> None:
    assert plan(tz="W. Europe Standard Time").content["time"]["tz"] == "Europe/Berlin"


def test_texts_that_no_database_can_hold_are_cleaned(plan: Plan, rt: Runtime) -> None:
    row = stored(rt, plan(title="a\0b\nc \ud800", description="x\0y\r\nz"))
    assert row.title == "ab c ?"
    assert row.content["description"] == "xy\nz"


def test_people_plan_for_themselves_and_admins_for_all(rt: Runtime, cast: factories.Cast) -> None:
    values = {"title": "x", "start": MONDAY}
    with pytest.raises(NotAllowed):
        activities.create(rt, t.pk(cast.eli), values, by=acting(cast.sam))
    assert activities.create(rt, t.pk(cast.eli), values, by=acting(cast.ada)).owner_id == cast.eli.id
    with pytest.raises(NotFound):
        activities.create(rt, 999_999, values, by=CLI)


def test_an_id_of_the_crm_is_used_once(plan: Plan, rt: Runtime, cast: factories.Cast) -> None:
    first, second = plan(external_id="crm-7"), plan()
    with pytest.raises(Refused) as refused:
        plan(external_id="crm-7")
    assert (refused.value.code, refused.value.field) == ("duplicate", "external_id")
    with pytest.raises(Refused):
        activities.edit(rt, t.pk(second), {"external_id": "crm-7"}, by=acting(cast.eli))
    assert activities.edit(rt, t.pk(first), {"external_id": "crm-7"}, by=acting(cast.eli)).external_id == "crm-7"


# Editing


def test_an_edit_changes_what_it_names_and_remembers_when(
    plan: Plan, rt: Runtime, cast: factories.Cast, clock: factories.Clock
) -> None:
    row = plan(location="Room 1")
    later = clock.advance(minutes=5)
    edited = activities.edit(rt, t.pk(row), {"title": "Retro", "location": "Room 1"}, by=acting(cast.eli))
    assert (edited.title, edited.content["location"], edited.row_version) == ("Retro", "Room 1", 2)
    assert edited.field_times == {"summary": later.isoformat()}
    assert edited.updated_at == later
    assert stored(rt, row).fingerprint == fingerprint(edited.content) != row.fingerprint


def test_an_edit_that_changes_nothing_leaves_no_trace(
    plan: Plan, rt: Runtime, cast: factories.Cast, clock: factories.Clock
) -> None:
    row = plan()
    clock.advance(minutes=5)
    same = activities.edit(rt, t.pk(row), {"title": "Review", "start": MONDAY}, by=acting(cast.eli))
    assert (same.row_version, same.updated_at, same.field_times) == (1, MONDAY, {})


def test_a_new_start_alone_keeps_the_length(plan: Plan, rt: Runtime, cast: factories.Cast) -> None:
    row = activities.edit(rt, t.pk(plan()), {"start": MONDAY + 5 * HOUR}, by=acting(cast.eli))
    assert (row.span_start, row.span_end) == (MONDAY + 5 * HOUR, MONDAY + 6 * HOUR)
    row = activities.edit(rt, t.pk(row), {"start": date(2030, 1, 9)}, by=acting(cast.eli))
    assert (row.is_all_day, row.start_on, row.content["time"]["tz"]) == (True, date(2030, 1, 9), None)


def test_a_floating_time_is_a_case_of_its_own(plan: Plan) -> None:
    nine = Floating(datetime(2030, 1, 7, 9))
    row = plan(start=nine, end=Floating(datetime(2030, 1, 7, 10)))
    assert row.content["time"]["start"] == "2030-01-07T09:00:00"
    assert (row.span_start, row.span_end) == (MONDAY - 14 * HOUR, MONDAY + 13 * HOUR)


def test_a_task_moves_with_its_due_time(plan: Plan, rt: Runtime, cast: factories.Cast) -> None:
    task = plan(kind="task", start=None, end=None, due=MONDAY)
    moved = activities.edit(rt, t.pk(task), {"due": MONDAY + HOUR}, by=acting(cast.eli))
    assert (moved.span_start, moved.span_end) == (MONDAY + HOUR / 2, MONDAY + HOUR)


def test_guests_keep_their_answers_when_others_are_added(plan: Plan, rt: Runtime, cast: factories.Cast) -> None:
    row = plan(attendees=["bo@example.org"])
    activities.edit(rt, t.pk(row), {"responses": {"bo@example.org": "accepted"}}, by=acting(cast.eli))
    both = activities.edit(rt, t.pk(row), {"attendees": ["bo@example.org", "al@example.org"]}, by=acting(cast.eli))
    assert both.content["responses"] == {"al@example.org": "needs-action", "bo@example.org": "accepted"}


def test_facts_of_the_crm_are_no_content(plan: Plan, rt: Runtime, cast: factories.Cast) -> None:
    row = plan()
    done = activities.edit(rt, t.pk(row), {"is_done": True, "kind": "call"}, by=acting(cast.eli))
    assert (done.is_done, done.kind, done.fingerprint) == (True, "call", row.fingerprint)
    assert done.row_version == 2


def test_a_meeting_takes_place_where_providers_make_links(plan: Plan, rt: Runtime, cast: factories.Cast) -> None:
    assert plan(location_kind="phone").location_kind == "phone"
    with pytest.raises(Refused) as refused:
        plan(location_kind="meet")
    assert refused.value.field == "location_kind"
    maker = ProviderInfo("x", "X", "X", "x.svg", "oauth", "two-way", Capabilities(makes_links=("meet",)), True)
    online = replace(rt, providers={"x": SimpleNamespace(info=maker)})
    values = {"title": "Call", "start": MONDAY, "location_kind": "meet"}
    assert activities.create(online, t.pk(cast.eli), values, by=acting(cast.eli)).location_kind == "meet"


def test_an_edit_on_an_old_view_is_refused(plan: Plan, rt: Runtime, cast: factories.Cast) -> None:
    row = plan()
    activities.edit(rt, t.pk(row), {"title": "first"}, by=acting(cast.eli), expected_version=1)
    with pytest.raises(Refused) as refused:
        activities.edit(rt, t.pk(row), {"title": "second"}, by=acting(cast.eli), expected_version=1)
    assert refused.value.code == "stale"
    assert stored(rt, row).title == "first"


def test_a_stranger_finds_nothing(plan: Plan, rt: Runtime, cast: factories.Cast) -> None:
    row = plan()
    for call in (
        lambda: activities.get(rt, t.pk(row), by=acting(cast.sam)),
        lambda: activities.edit(rt, t.pk(row), {"title": "x"}, by=acting(cast.sam)),
        lambda: activities.cancel(rt, t.pk(row), by=acting(cast.sam)),
        lambda: activities.get(rt, 999_999, by=acting(cast.ada)),
    ):
        with pytest.raises(NotFound):
            call()
    assert activities.get(rt, t.pk(row), by=acting(cast.ada)).title == "Review"


def test_cancelled_comes_back_and_nothing_is_erased(
    plan: Plan, rt: Runtime, cast: factories.Cast, clock: factories.Clock
) -> None:
    row = plan()
    at = clock.advance(minutes=1)
    gone = activities.cancel(rt, t.pk(row), by=acting(cast.eli))
    assert (gone.status, gone.cancelled_at) == ("cancelled", at)
    assert activities.cancel(rt, t.pk(row), by=acting(cast.eli)).row_version == gone.row_version
    with pytest.raises(Refused) as refused:
        activities.edit(rt, t.pk(row), {"title": "x"}, by=acting(cast.eli))
    assert refused.value.code == "cancelled"
    back = activities.revive(rt, t.pk(row), by=acting(cast.eli))
    assert (back.status, back.cancelled_at, back.content) == ("confirmed", None, row.content)


def test_who_did_what_is_in_the_audit_log(plan: Plan, rt: Runtime, cast: factories.Cast) -> None:
    row = plan(visibility="private")
    activities.edit(rt, t.pk(row), {"title": "Secret"}, by=acting(cast.eli))
    activities.cancel(rt, t.pk(row), by=acting(cast.ada))
    with rt.reading() as session:
        entries = audit.list_entries(session, action="activity.").rows
    assert [(e.action, e.actor) for e in reversed(entries)] == [
        ("activity.created", "eli@example.com"),
        ("activity.edited", "eli@example.com"),
        ("activity.cancelled", "ada@example.com"),
    ]
    assert entries[1].after == {"fields": ["summary"]}
    assert {e.object_label for e in entries} == {""}  # a private title stays private


# Lists


def test_a_list_is_paged_by_start_and_filtered(plan: Plan, rt: Runtime, cast: factories.Cast) -> None:
    rows = [plan(title=f"No {n}", start=MONDAY + n * HOUR, end=MONDAY + (n + 1) * HOUR) for n in range(5)]
    call = plan(kind="call", title="Call 50 %", start=MONDAY, end=MONDAY)
    page = activities.list_activities(rt, Filters(kind="meeting"), Cut(limit=2), by=acting(cast.eli))
    assert [a.id for a in page.rows] == [rows[4].id, rows[3].id]
    last = page.rows[-1]
    after = Cut(limit=2, after=(last.span_start, last.id))
    page = activities.list_activities(rt, Filters(kind="meeting"), after, by=acting(cast.eli))
    assert [a.id for a in page.rows] == [rows[2].id, rows[1].id]
    assert page.has_next
    window = Filters(start=MONDAY + 4 * HOUR, end=MONDAY + 5 * HOUR)
    assert [a.id for a in activities.list_activities(rt, window, by=CLI).rows] == [rows[4].id, rows[3].id]
    assert [a.id for a in activities.list_activities(rt, Filters(search="50 %"), by=CLI).rows] == [call.id]


def test_a_search_finds_titles_ids_and_guests(plan: Plan, rt: Runtime, cast: factories.Cast) -> None:
    row = plan(title="Kick-off Ünal", external_id="crm-1", attendees=["bo@example.org"])
    plan(title="Other")
    for text in ("kick-OFF", "crm-1", row.public_id, "Bo@example.org", "Ünal"):
        found = activities.list_activities(rt, Filters(search=text), by=acting(cast.eli)).rows
        assert [a.id for a in found] == [row.id], text


def test_private_titles_are_found_by_their_owner_only(plan: Plan, rt: Runtime, cast: factories.Cast) -> None:
    plan(title="Surgery", visibility="private")
    wanted = Filters(search="surg")
    assert len(activities.list_activities(rt, wanted, by=acting(cast.eli)).rows) == 1
    assert activities.list_activities(rt, wanted, by=acting(cast.ada)).rows == []
    assert activities.list_activities(rt, Filters(owner_id=cast.eli.id), by=acting(cast.sam)).rows == []


def test_rules_default_lengths_come_from_the_settings(plan: Plan, rt: Runtime, cast: factories.Cast) -> None:
    assert Rules().task_minutes == 30
    set_rules(rt, cast, task_minutes=45)
    assert plan(end=None).span_end - MONDAY == timedelta(minutes=45)
