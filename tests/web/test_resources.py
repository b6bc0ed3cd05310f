"""Resources: the list, the form, giving them a calendar, disabling, and groups."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from calsync.errors import Refused
from calsync.runtime import CLI, Runtime
from calsync.services import groups, mappable, resources
from calsync.store import tables as t
from tests import factories
from tests import scheduling_factories as make
from tests.web import filled
from tests.web.conftest import text_of
from tests.web.queries import count_queries

ROOM = {
    "name": "Room 1",
    "kind": "room",
    "tz": "Europe/Berlin",
    "capacity": "8",
    "when_unreachable": "last_known",
    "last_known_minutes": "120",
}


@pytest.fixture
def account(rt: Runtime, cast: factories.Cast) -> t.Account:
    return factories.make_account(rt, cast.ada, last_read_at=rt.now())


@pytest.fixture
def calendar(rt: Runtime, account: t.Account) -> t.Calendar:
    return factories.make_calendar(rt, account, "Room calendar", last_read_at=rt.now())


def only(rt: Runtime) -> t.Resource:
    [found] = resources.list_resources(rt)
    return found


def test_empty_list_says_the_next_step(ada: FlaskClient, eli: FlaskClient) -> None:
    assert 'href="/resources/new"' in ada.get("/resources/").text
    theirs = eli.get("/resources/")
    assert "An admin creates rooms" in theirs.text
    assert "/resources/new" not in theirs.text


def test_list_shows_calendar_hours_and_what_happens_while_unreachable(
    ada: FlaskClient, rt: Runtime, calendar: t.Calendar
) -> None:
    make.make_resource(rt, "Room 1", calendar, tz="Europe/Berlin", capacity=8)
    disabled = make.make_resource(rt, "Projector", kind="equipment")
    resources.set_active(rt, t.pk(disabled), False, by=CLI)
    page = text_of(ada.get("/resources/").text)
    assert "Room 1 Room for 8 Room calendar Up to date ada@example.com" in page
    assert "Mon–Fri 09:00–17:00 (Europe/Berlin) Offer nothing" in page
    assert "Projector Disabled Equipment No calendar" in page


def test_list_says_which_calendar_is_not_believed(ada: FlaskClient, rt: Runtime, calendar: t.Calendar, clock) -> None:
    make.make_resource(rt, "Room 1", calendar)
    make.make_resource(rt, "Room 2", when_unreachable="ignore")
    clock.advance(days=3)
    assert "Offers nothing" in text_of(ada.get("/resources/").text)


def test_a_resource_is_created_from_the_form(ada: FlaskClient, rt: Runtime) -> None:
    answer = ada.post("/resources/new", data=ROOM)
    made = only(rt)
    assert (answer.status_code, answer.location) == (303, f"/resources/{made.id}")
    assert (made.name, made.tz, made.capacity, made.when_unreachable, made.last_known_minutes) == (
        "Room 1",
        "Europe/Berlin",
        8,
        "last_known",
        120,
    )


@pytest.mark.parametrize(("path", "name"), [("/resources/new", "Room 2"), ("/resources/groups/new", "Rooms")])
def test_a_new_form_as_a_browser_sends_it_is_taken(ada: FlaskClient, rt: Runtime, path: str, name: str) -> None:
    room = make.make_resource(rt)
    fields = filled.fields(ada.get(path).text) | {"name": name}
    fields |= {"resource_ids": str(room.id)} if "groups" in path else {}
    assert ada.post(path, data=fields).status_code == 303
    assert name in ada.get(path.removesuffix("new")).text


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"name": " "}, "Give it a name."),
        ({"capacity": "0"}, "Give 1 or more"),
        ({"tz": "Mars/Base"}, "Choose a time zone"),
        ({"last_known_minutes": "99999"}, "1 minute to 7 days"),
    ],
)
def test_a_bad_form_keeps_what_was_typed(ada: FlaskClient, rt: Runtime, change: dict[str, str], told: str) -> None:
    page = ada.post("/resources/new", data={**ROOM, "description": "By the lift", **change})
    assert page.status_code == 422
    assert told in text_of(page.text)
    assert "By the lift" in page.text
    assert resources.list_resources(rt) == []


def test_a_persons_resource_stands_for_one_person_only(ada: FlaskClient, rt: Runtime, cast: factories.Cast) -> None:
    person = {**ROOM, "name": "Eli", "kind": "person", "user_id": str(cast.eli.id)}
    ada.post("/resources/new", data=person)
    assert only(rt).user_id == cast.eli.id
    again = ada.post("/resources/new", data={**person, "name": "Eli again"})
    assert again.status_code == 422
    assert "stands for eli@example.com already" in text_of(again.text)


def test_an_edit_on_old_ground_is_refused(ada: FlaskClient, rt: Runtime) -> None:
    room = make.make_resource(rt)
    ada.post(f"/resources/{room.id}/edit", data={**ROOM, "name": "Atrium", "version": "1"})
    stale = ada.post(f"/resources/{room.id}/edit", data={**ROOM, "name": "Cellar", "version": "1"})
    assert stale.status_code == 422
    assert "Somebody changed this meanwhile" in stale.text
    assert only(rt).name == "Atrium"


# --- its calendar


def test_a_calendar_is_given_and_taken(ada: FlaskClient, rt: Runtime, calendar: t.Calendar) -> None:
    room = make.make_resource(rt)
    assert "Room calendar (ada@example.com)" in ada.get(f"/resources/{room.id}").text
    ada.post(f"/resources/{room.id}/calendar", data={"calendar": calendar.id})
    assert only(rt).calendar_id == calendar.id
    assert "Mapped to Room calendar Up to date" in text_of(ada.get(f"/resources/{room.id}").text)
    ada.post(f"/resources/{room.id}/calendar/remove")
    assert only(rt).calendar_id is None


def test_a_refused_mapping_says_why_at_the_field(ada: FlaskClient, rt: Runtime, calendar: t.Calendar) -> None:
    make.make_resource(rt, "Room 1", calendar)
    other = make.make_resource(rt, "Room 2")
    page = ada.post(f"/resources/{other.id}/calendar", data={"calendar": calendar.id})
    assert page.status_code == 422
    assert "Room calendar is already the calendar of Room 1" in page.text
    assert 'aria-describedby="calendar-about"' in page.text


@pytest.mark.parametrize(
    ("facts", "of_account"),
    [
        ({}, {}),
        ({"access": "reader"}, {}),
        ({"syncs": False}, {}),
        ({"is_gone": True}, {}),
        ({}, {"can_write": False}),
        ({}, {"state": "disconnected"}),
        ({}, {"overrides": {"direction": "inbound"}}),
        ({}, {"overrides": {"direction": "outbound"}}),
    ],
)
def test_the_choices_are_those_that_would_not_be_refused(
    rt: Runtime, cast: factories.Cast, facts: dict[str, Any], of_account: dict[str, Any]
) -> None:
    room = make.make_resource(rt)
    calendar = factories.make_calendar(rt, factories.make_account(rt, cast.eli, **of_account), **facts)
    with rt.reading() as session:
        offered = [t.pk(c) for c, _ in mappable.calendars_for(session, room)]
    try:
        resources.map_calendar(rt, t.pk(room), t.pk(calendar), by=CLI)
        accepted = [t.pk(calendar)]
    except Refused:
        accepted = []
    assert offered == accepted


def test_a_calendar_of_another_resource_is_no_choice_and_its_own_is(rt: Runtime, calendar: t.Calendar) -> None:
    mine, other = make.make_resource(rt, "Room 1", calendar), make.make_resource(rt, "Room 2")
    with rt.reading() as session:
        assert [t.pk(c) for c, _ in mappable.calendars_for(session, mine)] == [calendar.id]
        assert mappable.calendars_for(session, other) == []


def test_disabling_and_enabling(ada: FlaskClient, rt: Runtime) -> None:
    room = make.make_resource(rt)
    ada.post(f"/resources/{room.id}/disable")
    assert not only(rt).is_active
    ada.post(f"/resources/{room.id}/enable")
    assert only(rt).is_active


def test_staff_see_a_resource_without_its_buttons(eli: FlaskClient, rt: Runtime, calendar: t.Calendar) -> None:
    room = make.make_resource(rt, "Room 1", calendar)
    page = eli.get(f"/resources/{room.id}").text
    assert "Mapped to" in text_of(page)
    assert f"/resources/{room.id}/" not in page


def test_a_page_says_what_the_resource_belongs_to(ada: FlaskClient, rt: Runtime, cast: factories.Cast) -> None:
    person = make.make_person(rt, cast.eli)
    group = make.make_group(rt, person, name="Nurses")
    make.make_event_type(rt, group, name="Vaccination")
    make.make_event_type(rt, cast.eli, name="Phone call")
    page = text_of(ada.get(f"/resources/{person.id}").text).replace(" ,", ",")
    assert "Groups Nurses Event types Phone call, Vaccination" in page


def test_nothing_of_that_number_is_a_404(ada: FlaskClient) -> None:
    assert ada.get("/resources/99").status_code == 404
    assert ada.post("/resources/99/calendar", data={"calendar": 1}).status_code == 404
    assert ada.get("/resources/groups/99").status_code == 404


# --- groups


def test_a_group_is_made_and_changed(ada: FlaskClient, rt: Runtime) -> None:
    first, second = make.make_resource(rt, "Ann"), make.make_resource(rt, "Bea")
    nurses = {"name": "Nurses", "mode": "any_of", "pick": "fewest", "resource_ids": [first.id, second.id]}
    ada.post("/resources/groups/new", data={**nurses, "is_active": "y"})
    [made] = groups.list_groups(rt)
    page = text_of(ada.get("/resources/groups/").text)
    assert "Nurses Any one that is free Whoever has the fewest bookings ahead Ann Bea" in page
    changed = {"name": "Pair", "mode": "all_of", "pick": "fewest", "resource_ids": [second.id], "version": 1}
    ada.post(f"/resources/groups/{made.id}", data=changed)
    group, members = groups.get(rt, t.pk(made))
    assert (group.name, group.mode, group.is_active, [m.name for m in members]) == ("Pair", "all_of", False, ["Bea"])


def test_a_group_without_members_is_refused_at_the_field(ada: FlaskClient, rt: Runtime) -> None:
    make.make_resource(rt, "Ann")
    page = ada.post("/resources/groups/new", data={"name": "Nurses", "mode": "any_of", "pick": "fewest"})
    assert page.status_code == 422
    assert "Choose at least one resource." in page.text
    assert 'value="Nurses"' in page.text


def test_a_group_needs_resources_first(ada: FlaskClient) -> None:
    page = ada.get("/resources/groups/").text
    assert "/resources/new" in page
    assert "/resources/groups/new" not in page


# --- cost


def test_a_long_list_asks_no_more_than_a_short_one(ada: FlaskClient, rt: Runtime, account: t.Account) -> None:
    def asked() -> int:
        with count_queries(rt) as queries:
            ada.get("/resources/")
        return len(queries)

    def room(number: int) -> None:
        make.make_resource(rt, f"Room {number}", factories.make_calendar(rt, account, f"Calendar {number}"))

    room(0)
    ada.get("/resources/")
    short = asked()
    for number in range(1, 9):
        room(number)
    assert asked() == short <= 12


# --- busy time that is asked for


def test_without_an_account_that_could_ask_nothing_is_offered(ada: FlaskClient, rt: Runtime) -> None:
    room = make.make_resource(rt)
    assert "Busy time that is asked for" not in ada.get(f"/resources/{room.id}").text


def test_the_page_says_what_was_told_and_when(ada: FlaskClient, rt: Runtime, account: t.Account) -> None:
    room = make.make_resource(rt)
    given = {"account_id": account.id, "address": "room@example.com", "starts_at": rt.now(), "ends_at": rt.now()}
    with rt.writing() as session:
        row = session.get_one(t.Resource, room.id)
        row.asked_account_id, row.asked_address = account.id, "room@example.com"
        session.add(t.AskedBusy(resource_id=t.pk(room), why="not_found", **given))
    page = text_of(ada.get(f"/resources/{room.id}").text)
    assert "Address room@example.com Offers nothing" in page
    assert "knows nobody under this address" in page
    assert ada.post(f"/resources/{room.id}/asked/remove").status_code == 303
    assert only(rt).asked_address == ""


def test_an_account_that_cannot_ask_is_refused(ada: FlaskClient, rt: Runtime, account: t.Account) -> None:
    room = make.make_resource(rt)
    answer = ada.post(f"/resources/{room.id}/asked", data={"address": "r@example.com", "account": account.id})
    assert answer.status_code == 422
    assert "does not tell when others are busy" in answer.text


def test_a_calendar_that_was_switched_off_since_is_said_on_the_page(
    ada: FlaskClient, rt: Runtime, calendar: t.Calendar
) -> None:
    room = make.make_resource(rt, "Room 1", calendar)
    with rt.writing() as session:
        session.get_one(t.Calendar, calendar.id).syncs = False
    assert "does not sync. Switch Sync on for it first." in text_of(ada.get(f"/resources/{room.id}").text)
