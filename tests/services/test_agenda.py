"""The agenda: what a window shows to whom."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from calsync.engine.event import Attendee, Event
from calsync.engine.vocabulary import EventKind
from calsync.services import activities, agenda, overlap_marks
from calsync.services.agenda import Agenda
from calsync.store import tables as t
from tests import factories
from tests.services.office import HOUR, WORK, Office, open_office
from tests.services.planning import planner

DAY = timedelta(days=1)
START_OF_GYM = factories.START + timedelta(hours=24)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return open_office(tmp_path)


def show(office: Office, viewer: t.User, days: int = 14, **values: Any) -> Agenda:
    start = factories.START.replace(hour=0)
    given = {"owner_ids": [office.cast.eli.id], **values}
    return agenda.show(office.rt, agenda.Asked(start, start + days * DAY, viewer.id or 0, **given))


def seen(office: Office, viewer: t.User, **values: Any) -> list[tuple[str, str, str]]:
    """Return of each entry whether it is an activity or an event, its title inside, and what is hidden of it."""
    return [
        ("activity" if e.activity else "event", e.occurrence.event.summary, e.hides)
        for e in show(office, viewer, **values).entries
    ]


def add_home(office: Office, **values: Any) -> t.Calendar:
    office.server.add_calendar("home")
    flags = {"syncs": False, "is_write_target": False, **values}
    return factories.make_calendar(office.rt, office.account, "Home", remote_id="home", **flags)


def test_linked_events_are_shown_once_as_activities(office: Office) -> None:
    office.meeting("Kick-off")
    office.write("Review")
    office.settle()
    eli = office.cast.eli
    assert seen(office, eli) == [("activity", "Kick-off", ""), ("activity", "Review", "")]
    assert {e.calendar_id for e in show(office, eli).entries} == {office.calendar.id}


def test_events_that_stay_out_are_shown_as_events(office: Office) -> None:
    office.rule(import_all_day=False, import_private="skip")
    office.server.put(WORK, Event("day", date(2030, 1, 9), date(2030, 1, 10), summary="Trade fair"))
    office.meeting("Dentist", hours=30, classification="private")
    office.settle()
    eli, ada = office.cast.eli, office.cast.ada
    assert seen(office, eli) == [("event", "Dentist", ""), ("event", "Trade fair", "")]
    assert seen(office, ada) == [("event", "Dentist", "private"), ("event", "Trade fair", "")]


def kinds_of(office: Office) -> list[str]:
    return [title for _, title, _ in seen(office, office.cast.eli)]


def test_kinds_of_events_that_are_left_out_are_not_shown(office: Office) -> None:
    office.meeting("Focus", kind=EventKind.FOCUS)
    office.meeting("Mum", hours=30, kind=EventKind.BIRTHDAY)
    office.settle()
    assert office.titles_here() == []
    assert kinds_of(office) == ["Focus"]
    office.rule(account_overrides=("import_focus", "import_birthday"))
    office.change_account(overrides={"import_focus": "skip", "import_birthday": "busy"})
    assert kinds_of(office) == ["Mum"]


def test_what_its_owner_declined_is_free_time(office: Office) -> None:
    said_no = (Attendee("eli@example.com", partstat="declined"),)
    office.rule(import_declined=True, import_private="skip")
    office.meeting("Activity", attendees=said_no)
    office.meeting("Event", hours=30, attendees=said_no, classification="private")
    office.meeting("Else", hours=40, attendees=(Attendee("ada@example.com", partstat="declined"),))
    office.settle()
    entries = show(office, office.cast.eli).entries
    assert [(bool(e.activity), e.is_free) for e in entries] == [(True, True), (False, True), (True, False)]


def test_a_calendar_that_only_blocks_is_busy_to_others(office: Office) -> None:
    add_home(office)
    office.server.put("home", Event("gym", factories.START, factories.START + HOUR, summary="Gym"))
    office.settle()
    assert seen(office, office.cast.eli) == [("event", "Gym", "")]
    assert seen(office, office.cast.ada) == [("event", "Gym", "busy")]


def test_of_a_free_busy_calendar_nobody_sees_more(office: Office) -> None:
    add_home(office, access="free_busy")
    office.server.put("home", Event("x", factories.START, factories.START + HOUR, summary="Secret"))
    office.settle()
    assert seen(office, office.cast.eli) == [("event", "Secret", "busy")]


def test_private_activities_are_hidden_from_others(office: Office) -> None:
    office.write("Salary", classification="private")
    assert seen(office, office.cast.eli) == [("activity", "Salary", "")]
    assert seen(office, office.cast.ada) == [("activity", "Salary", "private")]


def test_series_of_both_sorts_are_expanded_with_their_changes(office: Office) -> None:
    add_home(office)
    gym = Event("gym", factories.START, factories.START + HOUR, "UTC", summary="Gym", rrule="FREQ=WEEKLY;COUNT=3")
    handle = office.server.put("home", gym)
    office.server.override("home", handle, factories.START + 7 * DAY, summary="Swimming")
    office.server.delete_occurrence("home", handle, factories.START + 14 * DAY)
    series = office.write("Stand-up", hours=0, rrule="FREQ=WEEKLY;COUNT=3")
    by = factories.acting(office.cast.eli)
    activities.edit_occurrence(office.rt, series.id or 0, factories.START + 7 * DAY, "this", {"title": "Demo"}, by=by)
    office.settle()
    titles = sorted(title for _, title, _ in seen(office, office.cast.eli, days=30))
    assert titles == ["Demo", "Gym", "Stand-up", "Stand-up", "Swimming"]


def test_an_event_shows_again_when_its_activity_is_cancelled_here(office: Office) -> None:
    office.rule(deletions="unlink")
    office.meeting("Kick-off")
    office.settle()
    office.cancel("Kick-off")
    office.settle()
    assert seen(office, office.cast.eli) == [("event", "Kick-off", "")]


def test_copies_of_an_event_in_two_calendars_are_one_entry(office: Office) -> None:
    add_home(office)
    office.meeting("Kick-off")
    start = factories.START + 24 * HOUR
    office.server.put("home", Event("Kick-off@there", start, start + HOUR, summary="Kick-off"))
    office.settle()
    assert seen(office, office.cast.eli) == [("activity", "Kick-off", "")]


def test_people_and_calendars_narrow_it_down(office: Office) -> None:
    home = add_home(office)
    office.server.put("home", Event("gym", factories.START, factories.START + HOUR, summary="Gym"))
    office.write("Review")
    planner(office.rt, office.cast.sam)(title="Sams")
    office.settle()
    ada = office.cast.ada
    everything = {title for _, title, _ in seen(office, ada, owner_ids=None)}
    assert everything == {"Gym", "Review", "Sams"}
    assert [title for _, title, _ in seen(office, ada, owner_ids=[office.cast.sam.id])] == ["Sams"]
    assert [title for _, title, _ in seen(office, ada, calendar_id=home.id)] == ["Gym"]
    assert [title for _, title, _ in seen(office, ada, calendar_id=office.calendar.id)] == ["Review"]


def test_calendars_that_are_not_read_show_nothing(office: Office) -> None:
    home = add_home(office)
    office.server.put("home", Event("gym", factories.START, factories.START + HOUR, summary="Gym"))
    office.settle()
    with office.rt.writing() as session:
        session.get_one(t.Calendar, home.id).blocks = False
    assert seen(office, office.cast.eli) == []


def test_too_much_is_cut_and_says_so(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agenda, "MOST", 3)
    for number in range(5):
        office.write(f"Meeting {number}", hours=number)
    found = show(office, office.cast.eli)
    assert found.is_cut
    assert len(found.entries) == 3
    assert not show(office, office.cast.sam, owner_ids=[office.cast.sam.id]).is_cut


def test_long_and_endless_records_are_found_in_far_windows(office: Office) -> None:
    office.write("Daily", hours=0, rrule="FREQ=DAILY")
    plan = planner(office.rt, office.cast.eli)
    plan(title="Sabbatical", start=date(2030, 1, 1), end=date(2031, 1, 1))
    plan(title="Night", start=datetime(2030, 6, 2, 22, tzinfo=UTC), end=datetime(2030, 6, 3, 6, tzinfo=UTC))
    start = datetime(2030, 6, 3, tzinfo=UTC)
    eli = office.cast.eli.id or 0
    found = agenda.show(office.rt, agenda.Asked(start, start + DAY, eli, owner_ids=[eli]))
    assert sorted(e.occurrence.event.summary for e in found.entries) == ["Daily", "Night", "Sabbatical"]


def marks(office: Office) -> list[str]:
    """Return the titles of what is marked as an overlap."""
    found = show(office, office.cast.eli)
    return sorted(found.entries[place].occurrence.event.summary for place in overlap_marks.in_agenda(found))


def test_overlaps_are_marked_unless_external_events_block_no_time(office: Office) -> None:
    add_home(office)
    office.write("Review", hours=24)
    office.meeting("Kick-off", hours=24.5)
    office.server.put("home", Event("gym", START_OF_GYM, START_OF_GYM + HOUR, summary="Gym"))
    office.settle()
    assert marks(office) == ["Gym", "Kick-off", "Review"]
    office.rule(block_busy_time=False)
    assert marks(office) == []
    office.rule(block_busy_time=True, account_overrides=("block_busy_time",))
    assert marks(office) == ["Gym", "Kick-off", "Review"]
    office.change_account(overrides={"block_busy_time": False})
    assert marks(office) == []
