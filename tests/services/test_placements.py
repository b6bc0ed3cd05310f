"""Activities that are to stand on calendars of their own choice, whoever owns them."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from calsync.engine.event import Event
from calsync.engine.vocabulary import Kind, MailRule
from calsync.providers.memory import Quirks
from calsync.runtime import CLI
from calsync.services import booked_rules, explain, settings, sync
from calsync.store import tables as t
from tests import factories
from tests import scheduling_factories as make
from tests.services.office import HOUR, WORK, Office, open_office

ROOM = "room"


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """Eli has his calendar, Ada has the room's."""
    opened = open_office(tmp_path)
    opened.server.add_calendar(ROOM)
    return opened


@pytest.fixture
def room(office: Office) -> t.Calendar:
    account = factories.make_account(office.rt, office.cast.ada, provider="memory", subject="ada")
    return factories.make_calendar(office.rt, account, "Room", remote_id=ROOM, is_write_target=False)


def place(office: Office, activity: t.Activity, *calendars: t.Calendar, kind: Kind = Kind.BOOKING) -> None:
    with office.rt.writing() as session:
        session.get_one(t.Activity, activity.id).kind = kind
        session.add_all(t.Placement(activity_id=t.pk(activity), calendar_id=t.pk(c)) for c in calendars)


def run(office: Office, calendar: t.Calendar) -> str:
    office.clock.advance(minutes=10)
    run_id = sync.run(office.rt, calendar.account_id)
    with office.rt.reading() as session:
        return session.get_one(t.Run, run_id).state


def written(office: Office) -> list[bool]:
    with office.rt.reading() as session:
        return [row.written_at is not None for row in session.exec(select(t.Placement).order_by(t.Placement.id))]


def titles(office: Office, remote_id: str) -> list[str]:
    return sorted(e.summary for _, e in office.server.all_events(remote_id) if not e.is_cancelled)


def test_it_goes_where_it_is_to_stand_and_not_to_its_owners_write_target(office: Office, room: t.Calendar) -> None:
    activity = office.write("Visit")
    place(office, activity, room)
    assert run(office, office.calendar) == "no_changes"
    assert run(office, room) == "succeeded"
    assert (titles(office, ROOM), titles(office, WORK), written(office)) == (["Visit"], [], [True])
    assert run(office, room) == run(office, office.calendar) == "no_changes"


def test_it_goes_to_every_calendar_where_it_is_to_stand(office: Office, room: t.Calendar) -> None:
    place(office, office.write("Visit"), office.calendar, room)
    assert run(office, office.calendar) == "succeeded"
    assert written(office) == [True, False]
    assert run(office, room) == "succeeded"
    assert (titles(office, ROOM), titles(office, WORK), written(office)) == (["Visit"], ["Visit"], [True, True])
    assert run(office, room) == run(office, office.calendar) == "no_changes"
    assert office.titles_here() == ["Visit"]


@pytest.mark.parametrize("moved_on", [ROOM, WORK])
def test_a_move_on_any_calendar_is_told_to_all(office: Office, room: t.Calendar, moved_on: str) -> None:
    place(office, office.write("Visit"), office.calendar, room)
    run(office, office.calendar)
    run(office, room)
    ((handle, event),) = office.server.all_events(moved_on)
    office.server.edit(moved_on, handle, start=event.start + HOUR, end=event.end + HOUR)
    for calendar in (room, office.calendar, room):
        run(office, calendar)
    starts = {e.start for where in (ROOM, WORK) for _, e in office.server.all_events(where)}
    assert starts == {event.start + HOUR}
    assert office.here("Visit").span_start == event.start + HOUR


def test_a_cancellation_here_is_told_to_all(office: Office, room: t.Calendar) -> None:
    place(office, office.write("Visit"), office.calendar, room)
    for calendar in (room, office.calendar):
        run(office, calendar)
    office.cancel("Visit")
    for calendar in (room, office.calendar):
        run(office, calendar)
    assert titles(office, ROOM) == titles(office, WORK) == []


def test_what_an_earlier_try_wrote_is_found_again_and_not_imported(office: Office, room: t.Calendar) -> None:
    activity = office.write("Visit")
    place(office, activity, room)
    start = factories.START + timedelta(hours=30)
    there = Event(activity.public_id, start, start + HOUR, "Europe/Berlin", summary="Visit", our_id=activity.public_id)
    office.server.put(ROOM, there)
    run(office, room)
    assert office.titles_here() == ["Visit"]
    assert titles(office, ROOM) == ["Visit"]
    assert written(office) == [True]


def test_an_event_with_a_forged_mark_is_not_taken_for_it_elsewhere(office: Office, room: t.Calendar) -> None:
    activity = office.write("Visit")
    place(office, activity, office.calendar)
    start = factories.START + timedelta(hours=50)
    office.server.put(ROOM, Event("other@there", start, start + HOUR, summary="Mine now", our_id=activity.public_id))
    run(office, room)
    assert office.here("Visit").span_start != start
    assert office.titles_here() == ["Mine now", "Visit"]


def test_what_the_rules_keep_back_waits_until_they_change(office: Office, room: t.Calendar) -> None:
    place(office, office.write("Visit"), room)
    office.rule(kinds_out=("meeting",))
    run(office, room)
    assert (titles(office, ROOM), written(office)) == ([], [False])
    assert run(office, room) == "no_changes"
    assert office.here("Visit").excluded == "filtered_type"
    office.rule(kinds_out=("booking",))
    run(office, room)
    assert (titles(office, ROOM), written(office)) == (["Visit"], [True])


def test_it_is_explained_by_the_calendar_where_it_is_to_stand(office: Office, room: t.Calendar) -> None:
    activity = office.write("Visit")
    place(office, activity, room)
    (answer,) = explain.activity(office.rt, t.pk(activity))
    assert answer.calendar is not None
    assert answer.calendar.id == room.id


# --- several calendars, one of them the guests'


GUESTS = {"attendees": {"jo@example.org": {"name": "Jo", "role": "req-participant", "kind": "individual"}}}


def there(office: Office, remote_id: str) -> Event:
    ((_, event),) = office.server.all_events(remote_id)
    return event


def test_guests_and_the_meeting_online_belong_to_the_main_calendar(office: Office, room: t.Calendar) -> None:
    activity = office.write("Visit")
    office.edit("Visit", **GUESTS, responses={"jo@example.org": "needs-action"})
    place(office, activity, office.calendar, room)
    for calendar in (room, office.calendar, room, office.calendar):
        run(office, calendar)
    assert [a.address for a in there(office, WORK).attendees] == ["jo@example.org"]
    assert there(office, ROOM).attendees == ()
    assert office.here("Visit").content["attendees"] == GUESTS["attendees"]
    row, booked_on = office.here("Visit"), (t.pk(office.calendar), t.pk(room))
    with office.rt.reading() as session:
        ctx = explain.offline_context(office.rt, session, session.get_one(t.Account, room.account_id))
    assert [booked_rules.is_main(ctx, row, calendar_id) for calendar_id in booked_on] == [True, False]
    assert run(office, room) == run(office, office.calendar) == "no_changes"


@pytest.mark.parametrize("deleted_on", [ROOM, WORK])
def test_a_deletion_on_any_calendar_cancels_it(office: Office, room: t.Calendar, deleted_on: str) -> None:
    place(office, office.write("Visit"), office.calendar, room)
    for calendar in (room, office.calendar):
        run(office, calendar)
    ((handle, _),) = office.server.all_events(deleted_on)
    office.server.delete(deleted_on, handle)
    for calendar in (room, office.calendar, room):
        run(office, calendar)
    assert office.titles_here() == titles(office, ROOM) == titles(office, WORK) == []


def test_a_deletion_on_one_of_two_calendars_of_one_account_is_no_move(office: Office) -> None:
    second = factories.make_calendar(office.rt, office.account, "Room", remote_id=ROOM, is_write_target=False)
    place(office, office.write("Visit"), office.calendar, second)
    run(office, second)
    ((handle, _),) = office.server.all_events(WORK)
    office.server.delete(WORK, handle)
    for _ in range(2):
        run(office, second)
    assert office.titles_here() == titles(office, ROOM) == []


def mailed(office: Office, calendar: t.Calendar) -> list[int]:
    with office.rt.reading() as session:
        query = select(t.Step).where(t.Step.calendar_id == calendar.id, t.Step.action == "create")
        return [step.people_mailed for step in session.exec(query)]


@pytest.mark.parametrize(
    ("organisation", "of_type", "count"),
    [("never", None, 0), ("never", {"mail_new": "all"}, 1), ("all", {"mail_new": "never"}, 0), ("all", {}, 1)],
)
def test_an_event_types_own_mail_settings_count(tmp_path: Path, organisation: str, of_type, count: int) -> None:
    office = open_office(tmp_path, Quirks(mails_by_choice=True))
    office.rule(mail_new=MailRule(organisation), mail_changed=MailRule(organisation))
    activity = office.write("Visit")
    office.edit("Visit", **GUESTS, responses={"jo@example.org": "needs-action"})
    event_type = make.make_event_type(office.rt, make.make_resource(office.rt), mail=of_type)
    with office.rt.writing() as session:
        values = {"starts_at": activity.span_start, "ends_at": activity.span_end, "created_at": office.clock()}
        booking = t.Booking(activity_id=activity.id, event_type_id=event_type.id, state="booked", **values)
        session.add(booking)
    place(office, activity, office.calendar)
    run(office, office.calendar)
    assert mailed(office, office.calendar) == [count]


@pytest.mark.parametrize(
    ("has_server", "address", "count"), [(True, "jo@example.org", 0), (True, "", 1), (False, "jo@example.org", 1)]
)
def test_a_guest_who_hears_from_us_is_not_mailed_by_the_calendar(
    tmp_path: Path, has_server: bool, address: str, count: int
) -> None:
    office = open_office(tmp_path, Quirks(mails_by_choice=True))
    office.rule(mail_new=MailRule.ALL, mail_changed=MailRule.ALL)
    if has_server:
        server = settings.MailServer("mail.example.com", 587, sender="hello@example.com")
        settings.save_mail_server(office.rt, server, 0, by=CLI)
    activity = office.write("Visit")
    office.edit("Visit", **GUESTS, responses={"jo@example.org": "needs-action"})
    with office.rt.writing() as session:
        values = {"starts_at": activity.span_start, "ends_at": activity.span_end, "created_at": office.clock()}
        session.add(t.Booking(activity_id=activity.id, guest_email=address, state="booked", **values))
    place(office, activity, office.calendar)
    run(office, office.calendar)
    assert mailed(office, office.calendar) == [count]
