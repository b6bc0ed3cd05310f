"""Event types: the list, the form with everything that can be said of one, hours, and whose they are."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from calsync.engine.booking_form import Question
from calsync.providers.memory import MemoryProvider, MemoryServer
from calsync.runtime import CLI, Runtime
from calsync.services import event_types, working_hours
from calsync.services.event_types import EventTypeValues
from calsync.services.working_hours import Owner
from calsync.store import tables as t
from tests import factories
from tests import scheduling_factories as make
from tests.web import filled
from tests.web.conftest import text_of
from tests.web.queries import count_queries
from tests.web.test_hours import WITH_BREAKS, typed

TERMS: dict[str, Any] = {
    "name": "First meeting",
    "slug": "",
    "length_minutes": "45",
    "location_kind": "phone",
    "location": "+49 30 1234",
    "buffer_before_minutes": "5",
    "buffer_after_minutes": "10",
    "notice": "2",
    "notice_unit": "1440",
    "horizon_days": "30",
    "step_minutes": "20",
    "daily_limit": "3",
    "reminders-0-number": "1",
    "reminders-0-unit": "60",
    "reminders-0-method": "email",
    "reminders-1-number": "",
    "reminders-1-unit": "1",
    "reminders-1-method": "popup",
    "visibility": "private",
    "questions-0-label": "What is it about?",
    "questions-0-kind": "choice",
    "questions-0-answers": "Buying\n\nSelling ",
    "questions-0-is_required": "y",
    "questions-1-label": "",
    "questions-1-kind": "text",
    "mail": "own",
    "mail_new": "all",
    "mail_changed": "external",
    "mail_cancelled": "never",
    "has_color": "y",
    "color": "#0d8a6a",
    "is_public": "y",
    "is_active": "y",
}


def only(rt: Runtime) -> t.EventType:
    [found] = event_types.list_event_types(rt)
    return found


def test_empty_list_says_the_next_step(ada: FlaskClient) -> None:
    page = ada.get("/event-types/").text
    assert "No event types yet" in page
    assert 'href="/event-types/new"' in page


def test_everything_that_is_said_is_stored(ada: FlaskClient, rt: Runtime, cast: factories.Cast) -> None:
    answer = ada.post("/event-types/new", data={**TERMS, "who": f"user:{cast.eli.id}"})
    made = only(rt)
    assert (answer.status_code, answer.location) == (303, f"/event-types/{made.id}")
    assert (made.name, made.slug, made.owner_id, made.length_minutes) == (
        "First meeting",
        "first-meeting",
        cast.eli.id,
        45,
    )
    assert (made.buffer_before_minutes, made.buffer_after_minutes, made.notice_minutes) == (5, 10, 2880)
    assert (made.horizon_days, made.step_minutes, made.daily_limit) == (30, 20, 3)
    assert (made.location_kind, made.location, made.visibility, made.color) == (
        "phone",
        "+49 30 1234",
        "private",
        "#0d8a6a",
    )
    assert made.reminders == [[60, "email"]]
    assert made.mail == {"mail_new": "all", "mail_changed": "external", "mail_cancelled": "never"}
    assert (made.is_public, made.is_active) == (True, True)
    [question] = made.questions
    assert (question["name"], question["choices"], question["is_required"]) == (
        "what_is_it_about",
        ["Buying", "Selling"],
        True,
    )


def test_the_form_shows_what_is_stored_and_saving_it_changes_nothing(ada: FlaskClient, rt: Runtime) -> None:
    room = make.make_resource(rt)
    values = EventTypeValues(
        "Tour",
        slug="tour",
        resource_id=room.id,
        location_kind="link",
        location="https://example.com/join",
        notice_minutes=90,
        reminders=[(10, "popup"), (1440, "email")],
        color="#8a3ffc",
        questions=(Question("why", "Why?", "paragraph"), Question("ok", "Agreed?", "yes_no", True)),
        mail={"mail_new": "all", "mail_changed": "all", "mail_cancelled": "external"},
        is_public=True,
    )
    made = event_types.create(rt, values, by=CLI)
    fields = filled.fields(ada.get(f"/event-types/{made.id}/edit").text)
    assert ada.post(f"/event-types/{made.id}/edit", data=fields).status_code == 303
    after = event_types.get(rt, t.pk(made))
    assert after.row_version == made.row_version
    assert after.model_dump() == made.model_dump()


def test_a_new_form_as_a_browser_sends_it_needs_a_name_alone(ada: FlaskClient, rt: Runtime) -> None:
    fields = filled.fields(ada.get("/event-types/new").text)
    assert ada.post("/event-types/new", data=fields | {"name": "Talk"}).status_code == 303
    made = only(rt)
    assert (made.length_minutes, made.notice_minutes, made.reminders, made.color) == (30, 60, [[15, "popup"]], "")


def test_a_question_keeps_its_name_when_its_text_changes(ada: FlaskClient, rt: Runtime) -> None:
    asked = (Question("why", "Why?"),)
    made = make.make_event_type(rt, make.make_resource(rt), questions=asked)
    fields = filled.fields(ada.get(f"/event-types/{made.id}/edit").text)
    fields |= {"questions-0-label": "What for?", "questions-1-label": "Why?"}
    ada.post(f"/event-types/{made.id}/edit", data=fields)
    assert [(q["name"], q["label"]) for q in only(rt).questions] == [("why", "What for?"), ("why_2", "Why?")]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"name": ""}, "Give it a name."),
        ({"slug": "No Spaces"}, "Use small letters, digits and hyphens"),
        ({"slug": "taken"}, "has this address already"),
        ({"length_minutes": "0"}, "1 minute to 24 hours"),
        ({"length_minutes": ""}, "Give a number of minutes."),
        ({"buffer_after_minutes": "721"}, "A buffer is at most 12 hours."),
        ({"notice": "366"}, "Notice is at most a year."),
        ({"horizon_days": "0"}, "1 to 730 days ahead"),
        ({"daily_limit": "0"}, "1 or more, or none"),
        ({"questions-0-answers": " "}, "Give the answers to choose from"),
        ({"color": "red"}, "six hex digits"),
        ({"who": "resource:99"}, "Not a valid choice"),
    ],
)
def test_a_bad_form_says_what_is_wrong_and_keeps_the_rest(
    ada: FlaskClient, rt: Runtime, cast: factories.Cast, change: dict[str, str], told: str
) -> None:
    make.make_event_type(rt, cast.sam, slug="taken")
    page = ada.post("/event-types/new", data={**TERMS, "who": f"user:{cast.eli.id}", **change})
    assert page.status_code == 422
    assert told in text_of(page.text)
    assert 'value="+49 30 1234"' in page.text
    assert len(event_types.list_event_types(rt)) == 1


def test_staff_set_up_their_own_alone(eli: FlaskClient, rt: Runtime, cast: factories.Cast) -> None:
    eli.post("/event-types/new", data={**TERMS, "who": f"user:{cast.eli.id}"})
    mine = only(rt)
    assert eli.get(f"/event-types/{mine.id}/edit").status_code == 200
    refused = eli.post("/event-types/new", data={**TERMS, "slug": "x", "who": f"user:{cast.sam.id}"})
    assert refused.status_code == 422
    theirs = make.make_event_type(rt, cast.sam, slug="theirs")
    assert eli.get(f"/event-types/{theirs.id}/edit").status_code == 403
    assert eli.post(f"/event-types/{theirs.id}/edit", data=TERMS).status_code == 403
    assert eli.get(f"/event-types/{theirs.id}/hours").status_code == 403
    page = eli.get(f"/event-types/{theirs.id}").text
    assert f"/event-types/{theirs.id}/edit" not in page


def test_list_shows_whom_where_and_the_public_address(ada: FlaskClient, rt: Runtime, cast: factories.Cast) -> None:
    group = make.make_group(rt, make.make_resource(rt, "Ann"), name="Nurses")
    make.make_event_type(rt, group, name="Vaccination", slug="jab", is_public=True, length_minutes=90)
    make.make_event_type(rt, cast.eli, name="Call", slug="call", location_kind="phone", is_active=False)
    page = ada.get("/event-types/").text
    assert "Vaccination 90 minutes Nurses In person /book/jab" in text_of(page)
    assert "Call Disabled 1 hour Eli By phone Off" in text_of(page)
    assert 'data-copy="http://localhost/book/jab"' in page


def test_page_tells_the_terms_and_the_address(ada: FlaskClient, rt: Runtime, cast: factories.Cast) -> None:
    ada.post("/event-types/new", data={**TERMS, "who": f"user:{cast.eli.id}"})
    page = ada.get(f"/event-types/{only(rt).id}")
    text = text_of(page.text)
    assert "5 minutes before, 10 minutes after" in text
    assert "Minimum notice 2 days" in text
    assert "Every 20 minutes" in text
    assert "Mail to guests New: all guests, changed: external guests only, cancelled: never" in text
    assert 'value="http://localhost/book/first-meeting"' in page.text


@pytest.mark.parametrize(
    ("facts", "of_calendar", "said"),
    [
        ({}, {}, "eli@there, when Eli is booked"),
        ({"state": "disconnected"}, {}, "eli@there is disconnected: bookings of Eli get no link"),
        ({}, {"is_gone": True}, "eli@there is disconnected: bookings of Eli get no link"),
        ({"grant_ok": False}, {}, "eli@there must be reconnected: bookings of Eli get their link once it is"),
        ({}, {"access": "reader"}, "eli@there can only be read: bookings of Eli get no link"),
        ({"provider": "plain"}, {}, "stand in a calendar of eli@there, which makes no such links"),
        ({}, {"is_write_target": False}, "Eli has no calendar for new events, so bookings get no link"),
    ],
)
def test_page_says_whose_account_makes_the_link_and_when_nobody_does(
    ada: FlaskClient, rt: Runtime, cast: factories.Cast, facts: dict, of_calendar: dict, said: str
) -> None:
    rt.providers["plain"] = MemoryProvider(MemoryServer(factories.Clock()), "plain")
    made = make.make_event_type(rt, make.make_person(rt, cast.eli), location_kind="meet")
    account = factories.make_account(rt, cast.eli, label="eli@there", **{"provider": "google", **facts})
    factories.make_calendar(rt, account, **of_calendar)
    assert said in text_of(ada.get(f"/event-types/{made.id}").text)


def test_of_a_group_each_member_makes_its_own_link(ada: FlaskClient, rt: Runtime, cast: factories.Cast) -> None:
    people = [make.make_person(rt, cast.eli), make.make_person(rt, cast.ada)]
    made = make.make_event_type(rt, make.make_group(rt, *people), location_kind="meet")
    account = factories.make_account(rt, cast.eli, label="eli@there", provider="google")
    factories.make_calendar(rt, account)
    text = text_of(ada.get(f"/event-types/{made.id}").text)
    assert "eli@there, when Eli is booked" in text
    assert "Nobody: Ada has no calendar for new events" in text


def test_an_event_type_has_hours_of_its_own(ada: FlaskClient, rt: Runtime, cast: factories.Cast) -> None:
    made = make.make_event_type(rt, cast.eli)
    ada.post(f"/event-types/{made.id}/hours", data=typed(WITH_BREAKS))
    assert working_hours.get(rt, Owner(event_type_id=made.id))[0] == WITH_BREAKS
    assert "Mon–Thu 08:00–12:00 and 13:00–17:00" in text_of(ada.get(f"/event-types/{made.id}").text)


def test_an_edit_on_old_ground_is_refused(ada: FlaskClient, rt: Runtime, cast: factories.Cast) -> None:
    made = make.make_event_type(rt, cast.eli)
    data = {**TERMS, "who": f"user:{cast.eli.id}", "version": "1"}
    ada.post(f"/event-types/{made.id}/edit", data=data)
    stale = ada.post(f"/event-types/{made.id}/edit", data={**data, "name": "Late"})
    assert stale.status_code == 422
    assert "Somebody changed this meanwhile" in stale.text
    assert only(rt).name == "First meeting"


def test_a_long_list_asks_no_more_than_a_short_one(ada: FlaskClient, rt: Runtime, cast: factories.Cast) -> None:
    def asked() -> int:
        with count_queries(rt) as queries:
            ada.get("/event-types/")
        return len(queries)

    room = make.make_resource(rt)
    make.make_event_type(rt, room, slug="a", is_public=True)
    ada.get("/event-types/")
    short = asked()
    for number in range(8):
        make.make_event_type(rt, room, slug=f"b-{number}", is_public=True)
    assert asked() == short <= 12


def test_nothing_of_that_number_is_a_404(ada: FlaskClient) -> None:
    assert ada.get("/event-types/99").status_code == 404
    assert ada.post("/event-types/99/edit", data=TERMS).status_code == 404
