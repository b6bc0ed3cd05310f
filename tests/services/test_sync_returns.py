"""A run of one account: what leaves scope and returns, previews, restores, copies of guests, crashes."""

from dataclasses import replace
from pathlib import Path

from calsync.engine.event import Attendee, Person
from calsync.services import held
from calsync.store import tables as t
from tests import factories
from tests.services.office import ONE, WORK, Office, open_office

# --- scope


def test_a_calendar_that_stops_syncing_parks_its_links_and_resumes_by_comparing(office: Office):
    handle = office.meeting("Kick-off")
    office.settle()
    office.change_calendar(syncs=False)
    office.server.edit(WORK, handle, location="Room 9")
    office.sync()
    assert office.links()[0].state == "parked"
    assert office.here("Kick-off").status == "confirmed"
    office.change_calendar(syncs=True)
    office.settle()
    assert office.here("Kick-off").content["location"] == "Room 9"
    assert len(office.links()) == 1


def test_what_is_outside_the_window_stays_out_with_a_reason(office: Office):
    office.meeting("Ancient", hours=-24 * 90)
    run = office.sync()
    assert run.skipped == 1
    with office.rt.reading() as session:
        assert session.get_one(t.MirrorEvent, 1).excluded == "too_old"


def test_an_event_moved_to_another_calendar_of_the_account_keeps_its_activity(office: Office):
    office.server.add_calendar("home")
    factories.make_calendar(office.rt, office.account, remote_id="home", is_write_target=False)
    handle = office.meeting("Kick-off")
    office.settle()
    office.server.move(WORK, handle, "home")
    office.settle()
    assert office.titles_here() == ["Kick-off"]
    assert len(office.links()) == 1


# --- previews and restores


def test_a_dry_run_writes_nothing_and_says_the_same_as_the_run(office: Office):
    office.meeting("Kick-off")
    office.write("Review")
    preview = office.sync(dry=True)
    assert preview.state == "preview"
    assert office.server.writes == 0
    assert office.links() == []
    shown = {(s.subject, s.action, s.direction, s.reason) for s in office.steps(preview)}
    done = {(s.subject, s.action, s.direction, s.reason) for s in office.steps(office.sync())}
    assert shown == done


def test_after_a_restore_nothing_missing_is_deleted_or_recreated(office: Office):
    office.meeting("Kick-off")
    office.write("Review")
    office.settle()
    ours = next(h for h, e in office.server.all_events(WORK) if e.summary == "Review")
    office.server.delete(WORK, ours)
    with office.rt.writing() as session:
        session.merge(t.Instance(id=1, epoch=1))
        session.get_one(t.Calendar, office.calendar.id).cursor = None
    office.change_account(hold_next_plan=True)
    office.settle()
    assert office.titles_there() == ["Kick-off"]
    assert office.titles_here() == ["Kick-off", "Review"]


def test_a_plan_held_as_a_whole_lets_through_only_what_was_approved(office: Office):
    handle = office.meeting("Kick-off")
    office.settle()
    office.edit("Kick-off", location="Shown")
    office.change_account(hold_next_plan=True)
    run = office.sync()
    assert run.held == 1
    held.approve(office.rt, run.id, by=factories.acting(office.cast.ada))
    office.write("Not shown")
    assert office.sync().held == 1
    assert office.there(handle).location == "Shown"
    assert office.titles_there() == ["Kick-off"]


# --- copies of guests


def test_a_guests_copy_is_read_but_shared_fields_are_not_written_back(office: Office):
    person, guest = Person("boss@elsewhere.example"), Attendee(office.cast.eli.email)
    handle = office.meeting("Invitation", organizer=person, attendees=(guest,))
    office.settle()
    office.edit("Invitation", summary="Mine now")
    office.sync()
    assert office.there(handle).summary == "Invitation"
    assert office.links()[0].waits_for == "not_owner"


def test_hidden_titles_are_written_as_busy_and_never_read_back(office: Office):
    office.rule(show_title=False)
    office.write("Secret")
    office.settle()
    handle = next(h for h, _ in office.server.all_events(WORK))
    assert office.there(handle).summary == "Busy"
    office.server.edit(WORK, handle, summary="Edited there")
    office.settle()
    assert office.titles_here() == ["Secret"]


def test_showing_titles_again_rewrites_them(office: Office):
    office.rule(show_title=False)
    office.write("Secret")
    office.settle()
    handle = next(h for h, _ in office.server.all_events(WORK))
    office.server.edit(WORK, handle, summary="Edited while it was hidden")
    office.settle()
    office.rule(show_title=True)
    office.settle()
    assert (office.titles_there(), office.titles_here()) == (["Secret"], ["Secret"])


# --- crashes


class Crash(BaseException):
    pass


def boundaries(folder: Path) -> int:
    count = 0

    def note(name: str) -> None:
        nonlocal count
        count += 1

    office = open_office(folder, ONE, note)
    story(office)
    return count


def story(office: Office) -> None:
    handle = office.meeting("Kick-off")
    office.write("Review")
    office.sync()
    office.edit("Kick-off", description="Both")
    office.server.edit(WORK, handle, location="Room 2")
    office.sync()


def test_a_crash_at_any_boundary_loses_and_doubles_nothing(tmp_path: Path):
    (tmp_path / "count").mkdir()
    total = boundaries(tmp_path / "count")
    assert total > 15
    for crash_at in range(1, total + 1):
        folder = tmp_path / str(crash_at)
        folder.mkdir()
        seen = 0

        def crash(name: str, crash_at: int = crash_at) -> None:
            nonlocal seen
            seen += 1
            if seen == crash_at:
                raise Crash(name)

        office = open_office(folder, replace(ONE), crash)
        try:
            story(office)
        except Crash:
            office.clock.advance(minutes=10)
        if "Kick-off" in office.titles_here() and office.here("Kick-off").content["description"] == "":
            office.edit("Kick-off", description="Both")
        office.settle()
        assert office.titles_there() == ["Kick-off", "Review"]
        assert office.titles_here() == ["Kick-off", "Review"]
