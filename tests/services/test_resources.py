"""Resources, groups, hours and event types: who may set them up, and what is refused with a sentence."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from calsync.engine.booking_form import Question
from calsync.engine.hours import Hours
from calsync.errors import NotAllowed, NotFound, Refused
from calsync.runtime import CLI, Runtime
from calsync.services import event_types, groups, resources, working_hours
from calsync.services.event_types import EventTypeValues
from calsync.services.groups import GroupValues
from calsync.services.resources import ResourceValues
from calsync.services.working_hours import Owner
from calsync.store import tables as t
from tests import factories
from tests import scheduling_factories as make


@pytest.fixture
def calendar(rt: Runtime, cast: factories.Cast) -> t.Calendar:
    return factories.make_calendar(rt, factories.make_account(rt, cast.ada), "Room 1")


def refused(call: Callable[[], object]) -> tuple[str, str | None]:
    with pytest.raises(Refused) as caught:
        call()
    return caught.value.code, caught.value.field


def change(rt: Runtime, row: Any, **values: Any) -> None:
    with rt.writing() as session:
        found = session.get_one(type(row), row.id)
        for name, value in values.items():
            setattr(found, name, value)


# --- mapping


def test_a_resource_gets_a_calendar_and_loses_it(rt: Runtime, calendar: t.Calendar) -> None:
    room = make.make_resource(rt, calendar=calendar)
    assert resources.get(rt, t.pk(room)).calendar_id == calendar.id
    resources.map_calendar(rt, t.pk(room), t.pk(calendar), by=CLI)
    resources.unmap(rt, t.pk(room), by=CLI)
    resources.unmap(rt, t.pk(room), by=CLI)
    assert resources.get(rt, t.pk(room)).calendar_id is None


def test_one_calendar_belongs_to_one_resource(rt: Runtime, calendar: t.Calendar) -> None:
    make.make_resource(rt, "Room 1", calendar)
    with pytest.raises(Refused, match="Room 1 is already the calendar of Room 1") as caught:
        make.make_resource(rt, "Room 2", calendar)
    assert caught.value.code == "taken"


@pytest.mark.parametrize(
    ("facts", "of_account", "code"),
    [
        ({"access": "reader"}, {}, "read_only"),
        ({}, {"can_write": False}, "read_only"),
        ({"syncs": False}, {}, "not_syncing"),
        ({"is_gone": True}, {}, "gone"),
        ({}, {"state": "disconnected"}, "disconnected"),
        ({}, {"overrides": {"direction": "inbound"}}, "one_way"),
    ],
)
def test_a_calendar_that_cannot_serve_is_refused(rt: Runtime, calendar: t.Calendar, facts, of_account, code) -> None:
    room = make.make_resource(rt)
    change(rt, calendar, **facts)
    change(rt, t.Account(id=calendar.account_id), **of_account)
    assert refused(lambda: resources.map_calendar(rt, t.pk(room), t.pk(calendar), by=CLI)) == (code, "calendar")
    assert resources.get(rt, t.pk(room)).calendar_id is None


# --- resources


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": " "}, "name"),
        ({"kind": "car"}, "kind"),
        ({"tz": "Mars/Base"}, "tz"),
        ({"when_unreachable": "hope"}, "when_unreachable"),
        ({"last_known_minutes": 0}, "last_known_minutes"),
        ({"capacity": 0}, "capacity"),
        ({"user_id": 1}, "user_id"),  # a room stands for nobody
    ],
)
def test_a_resource_that_cannot_be_is_refused(rt: Runtime, values, field: str) -> None:
    given = ResourceValues(**{"name": "Room", **values})
    assert refused(lambda: resources.create(rt, given, by=CLI))[1] == field


def test_a_person_has_one_resource(rt: Runtime, cast: factories.Cast) -> None:
    make.make_person(rt, cast.eli)
    assert refused(lambda: make.make_person(rt, cast.eli)) == ("taken", "user_id")


def test_an_edit_on_old_ground_is_refused(rt: Runtime) -> None:
    room = make.make_resource(rt)
    values = ResourceValues("Room 2", capacity=8)
    edited = resources.edit(rt, t.pk(room), values, version=room.row_version, by=CLI)
    assert (edited.name, edited.capacity) == ("Room 2", 8)
    again = lambda: resources.edit(rt, t.pk(room), values, version=room.row_version, by=CLI)  # noqa: E731
    assert refused(again)[0] == "stale"


def test_disabled_resources_can_be_left_out_of_the_list(rt: Runtime) -> None:
    room, other = make.make_resource(rt, "B"), make.make_resource(rt, "a")
    resources.set_active(rt, t.pk(room), False, by=CLI)
    assert [r.id for r in resources.list_resources(rt)] == [other.id, room.id]
    assert [r.id for r in resources.list_resources(rt, with_disabled=False)] == [other.id]


def test_only_admins_manage_resources_and_groups(rt: Runtime, cast: factories.Cast) -> None:
    eli = factories.acting(cast.eli)
    for call in (
        lambda: resources.create(rt, ResourceValues("Room"), by=eli),
        lambda: groups.create(rt, GroupValues("Rooms", resource_ids=[1]), by=eli),
    ):
        with pytest.raises(NotAllowed):
            call()


# --- groups


def test_members_who_stay_keep_their_turn(rt: Runtime) -> None:
    first, second, third = (make.make_resource(rt, name) for name in "abc")
    group = make.make_group(rt, first, second)
    with rt.writing() as session:
        for member in session.exec(select(t.GroupMember)).all():
            member.picked_at = factories.START
    values = GroupValues("Rooms", resource_ids=[t.pk(second), t.pk(third)])
    groups.edit(rt, t.pk(group), values, version=1, by=CLI)
    with rt.reading() as session:
        turns = {m.resource_id: m.picked_at for m in session.exec(select(t.GroupMember)).all()}
    assert turns == {second.id: factories.START, third.id: None}
    assert [r.name for r in groups.get(rt, t.pk(group))[1]] == ["b", "c"]


@pytest.mark.parametrize(
    ("values", "field"), [({"name": ""}, "name"), ({"mode": "some"}, "mode"), ({}, "resource_ids")]
)
def test_a_group_that_cannot_be_is_refused(rt: Runtime, values, field: str) -> None:
    assert refused(lambda: groups.create(rt, GroupValues(**{"name": "Rooms", **values}), by=CLI))[1] == field


def test_a_group_of_unknown_resources_is_refused(rt: Runtime) -> None:
    with pytest.raises(NotFound):
        groups.create(rt, GroupValues("Rooms", resource_ids=[7]), by=CLI)


# --- hours


def test_people_set_their_own_hours_and_admins_everybodys(rt: Runtime, cast: factories.Cast) -> None:
    eli, ada = factories.acting(cast.eli), factories.acting(cast.ada)
    mine, organisation = Owner(user_id=cast.eli.id), Owner()
    assert working_hours.save(rt, mine, Hours(), version=0, by=eli) == 1
    assert working_hours.save(rt, organisation, Hours("Europe/Berlin"), version=0, by=ada) == 1
    assert working_hours.get(rt, organisation) == (Hours("Europe/Berlin"), 1)
    for owner in (organisation, Owner(user_id=cast.sam.id)):
        with pytest.raises(NotAllowed):
            working_hours.save(rt, owner, Hours(), version=0, by=eli)


def test_hours_saved_meanwhile_are_not_overwritten_and_can_be_taken_away(rt: Runtime, cast: factories.Cast) -> None:
    owner = Owner(user_id=cast.eli.id)
    working_hours.save(rt, owner, Hours(), version=0, by=CLI)
    assert refused(lambda: working_hours.save(rt, owner, Hours("Europe/Berlin"), version=0, by=CLI))[0] == "stale"
    assert working_hours.save(rt, owner, None, version=1, by=CLI) == 0
    assert working_hours.get(rt, owner) == (None, 0)


# --- event types


def test_an_event_type_of_a_person_makes_them_a_resource(rt: Runtime, cast: factories.Cast) -> None:
    made = make.make_event_type(rt, cast.eli, name="First meeting")
    assert made.slug == "first-meeting"
    (person,) = resources.list_resources(rt)
    assert (person.kind, person.user_id, person.name) == ("person", cast.eli.id, "Eli")
    make.make_event_type(rt, cast.eli, name="Second meeting")
    assert len(resources.list_resources(rt)) == 1


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": ""}, "name"),
        ({"slug": "No Spaces"}, "slug"),
        ({"slug": "taken"}, "slug"),
        ({"length_minutes": 0}, "length_minutes"),
        ({"length_minutes": 1441}, "length_minutes"),
        ({"buffer_before_minutes": -1}, "buffer_before_minutes"),
        ({"step_minutes": 0}, "step_minutes"),
        ({"horizon_days": 0}, "horizon_days"),
        ({"daily_limit": 0}, "daily_limit"),
        ({"group_id": 1}, "resource_id"),  # of a room and of a group
        ({"location_kind": "moon"}, "location_kind"),
        ({"location_kind": "link", "location": "my room"}, "location"),
        ({"visibility": "secret"}, "visibility"),
        ({"color": "red"}, "color"),
        ({"reminders": [(-1, "popup")]}, "reminders"),
        ({"mail": {"mail_new": "sometimes"}}, "mail"),
        ({"questions": (Question("a", "Why?"), Question("a", "Who?"))}, "questions"),
        ({"questions": (Question("a", "Which?", "choice"),)}, "questions"),
    ],
)
def test_an_event_type_that_cannot_be_is_refused(rt: Runtime, values, field: str) -> None:
    room = make.make_resource(rt)
    make.make_event_type(rt, room, slug="taken")
    given = EventTypeValues(**{"name": "Visit", "resource_id": room.id, **values})
    assert refused(lambda: event_types.create(rt, given, by=CLI))[1] == field


def test_an_event_type_keeps_everything_it_was_given(rt: Runtime) -> None:
    room = make.make_resource(rt)
    values = EventTypeValues(
        "Visit",
        resource_id=room.id,
        reminders=[(10, "popup")],
        questions=(Question("why", "Why?", is_required=True),),
        mail={"mail_new": "all"},
        daily_limit=3,
    )
    made = event_types.create(rt, values, by=CLI)
    edited = event_types.edit(rt, t.pk(made), replace(values, name="Tour", slug="tour"), version=1, by=CLI)
    assert (edited.name, edited.row_version, edited.mail, edited.reminders) == (
        "Tour",
        2,
        {"mail_new": "all"},
        [[10, "popup"]],
    )
    assert [q["label"] for q in edited.questions] == ["Why?"]
    assert refused(lambda: event_types.edit(rt, t.pk(made), values, version=1, by=CLI))[0] == "stale"


def test_staff_set_up_their_own_event_types_only(rt: Runtime, cast: factories.Cast) -> None:
    eli, vic = factories.acting(cast.eli), factories.acting(cast.vic)
    event_types.create(rt, EventTypeValues("Call", owner_id=cast.eli.id), by=eli)
    for by, owner in ((eli, cast.sam), (vic, cast.vic)):
        with pytest.raises(NotAllowed):
            event_types.create(rt, EventTypeValues("Call", owner_id=owner.id), by=by)


def test_a_public_page_is_found_only_while_it_is_public(rt: Runtime) -> None:
    room = make.make_resource(rt)
    made = make.make_event_type(rt, room, is_public=True)
    hidden = make.make_event_type(rt, room, slug="hidden")
    found = event_types.find_public(rt, made.slug)
    assert found is not None
    assert found.id == made.id
    assert event_types.find_public(rt, hidden.slug) is None
    change(rt, made, is_active=False)
    assert event_types.find_public(rt, made.slug) is None


def test_a_longest_booking_with_buffers_stays_inside_one_range_of_the_index(rt: Runtime) -> None:
    made = make.make_event_type(
        rt, make.make_resource(rt), length_minutes=1440, buffer_before_minutes=720, buffer_after_minutes=720
    )
    minutes = made.length_minutes + made.buffer_before_minutes + made.buffer_after_minutes
    assert timedelta(minutes=minutes) < t.LONG
