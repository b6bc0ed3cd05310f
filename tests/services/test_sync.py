"""A run of one account: what reaches the other side, and what never does."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from calsync.engine.event import Attendee, Person
from calsync.engine.vocabulary import Policy
from calsync.errors import Refused
from calsync.providers.memory import FaultKind, Quirks
from calsync.services import accounts, claims, conflicts, held, retry
from calsync.store import tables as t
from tests import factories
from tests.services.office import HOUR, WORK, Office, open_office

ONE = Quirks(series_is_one_resource=True)
APART = Quirks(series_is_one_resource=False)


@pytest.fixture(params=[ONE, APART], ids=["one-resource", "apart"])
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Office:
    return open_office(tmp_path, request.param)


# --- both ways


def test_an_event_becomes_an_activity_once(office: Office):
    office.meeting("Kick-off")
    first, second = office.sync(), office.sync()
    assert (first.state, first.created) == ("succeeded", 1)
    assert (second.state, second.processed) == ("no_changes", 0)
    assert office.titles_here() == ["Kick-off"]


def test_a_poll_that_finds_nothing_is_one_request(office: Office):
    office.meeting()
    office.settle()
    before = office.server.requests
    office.sync()
    assert office.server.requests == before + 1


def test_an_activity_becomes_an_event_once(office: Office):
    office.write("Review")
    office.settle()
    assert office.titles_there() == ["Review"]
    assert office.links()[0].is_ours


def test_an_edit_on_either_side_reaches_the_other_and_does_not_echo(office: Office):
    handle = office.meeting("Kick-off")
    office.settle()
    office.server.edit(WORK, handle, summary="Kick-off, moved")
    office.settle()
    assert office.titles_here() == ["Kick-off, moved"]
    office.edit("Kick-off, moved", location="Room 2")
    assert [r.updated for r in office.settle()] == [1, 0]
    assert office.there(handle).location == "Room 2"


@pytest.mark.parametrize("is_known", [False, True], ids=["new", "known"])
def test_a_record_that_the_database_refuses_fails_alone_and_can_be_retried(office: Office, is_known: bool):
    handles = [office.meeting(f"Day {n}", hours=24 * n) for n in (1, 2, 3)]
    if is_known:
        office.settle()
    with office.rt.writing() as session:
        session.execute(sa.text("CREATE UNIQUE INDEX refusing ON activity (title) WHERE title = 'Twice'"))
    for handle, title in zip(handles, ("Twice", "Twice", "Other"), strict=True):
        office.server.edit(WORK, handle, summary=title)
    run = office.sync()
    assert (run.state, run.failed) == ("partial", 1)
    assert sorted(set(office.titles_here())) == (["Day 2", "Other", "Twice"] if is_known else ["Other", "Twice"])
    assert "database cannot keep" in next(step.error for step in office.steps(run) if step.state == "failed")
    with office.rt.writing() as session:
        session.execute(sa.text("DROP INDEX refusing"))
    retry.retry(office.rt, t.pk(run), by=factories.acting(office.cast.eli))
    assert sorted(office.titles_here()) == ["Other", "Twice", "Twice"]
    assert office.sync().state == "no_changes"


def test_different_fields_changed_on_both_sides_both_stand(office: Office):
    handle = office.meeting("Kick-off")
    office.settle()
    office.edit("Kick-off", description="Bring the contract")
    office.server.edit(WORK, handle, location="Room 2")
    run = office.sync()
    assert (run.merged, run.conflicts) == (1, 0)
    assert office.there(handle).description == "Bring the contract"
    assert office.here("Kick-off").content["location"] == "Room 2"
    assert office.sync().state == "no_changes"


def test_the_later_edit_wins_and_the_loser_is_kept_on_the_step(office: Office):
    handle = office.meeting("Kick-off")
    office.settle()
    office.edit("Kick-off", summary="Ours")
    office.clock.advance(minutes=1)
    office.server.edit(WORK, handle, summary="Theirs")
    run = office.sync()
    assert office.titles_here() == ["Theirs"]
    assert office.steps(run)[0].losing == {"summary": {"side": "local", "value": "Ours"}}


def test_cancelling_here_cancels_there_and_deleting_there_cancels_here(office: Office):
    handle = office.meeting("Kick-off")
    office.write("Review")
    office.settle()
    office.cancel("Review")
    office.server.delete(WORK, handle)
    office.settle()
    assert office.titles_there() == []
    assert office.here("Kick-off").status == "cancelled"  # never erased


def test_unknown_content_of_an_event_survives_our_edit(office: Office):
    start = factories.START + HOUR
    from calsync.engine.event import Event

    handle = office.server.put(WORK, Event("u", start, start + HOUR, summary="Mixed"), travel="20 min")
    office.settle()
    office.edit("Mixed", summary="Mixed, edited")
    office.settle()
    assert office.server.unknown(WORK, handle) == {"travel": "20 min"}


def test_a_run_knows_why_it_takes_place_and_who_asked(office: Office):
    eli = factories.acting(office.cast.eli)
    accounts.sync_now(office.rt, t.pk(office.account), by=eli)
    asked, regular = office.sync(trigger=None), office.sync(trigger=None)
    assert (asked.trigger, asked.requested_by_id) == ("manual", eli.user_id)
    assert (regular.trigger, regular.requested_by_id) == ("schedule", None)


def test_a_provider_may_take_minutes_for_its_first_answer(tmp_path: Path):
    def dawdle(name: str) -> None:
        if name == "fetch.request":
            office.clock.advance(minutes=5)

    office = open_office(tmp_path, ONE, checkpoint=dawdle)
    office.meeting("Kick-off")
    assert (office.sync().state, office.titles_here()) == ("succeeded", ["Kick-off"])


def test_a_long_listing_may_come_in_many_slow_pages(tmp_path: Path):
    def dawdle(name: str) -> None:
        if name == "fetch.page":
            office.clock.advance(minutes=1)

    office = open_office(tmp_path, replace(ONE, page_size=1), checkpoint=dawdle)
    titles = [office.meeting(f"Day {n:02}", hours=24 * n) and f"Day {n:02}" for n in range(1, 16)]
    assert (office.sync().state, sorted(office.titles_here())) == ("succeeded", titles)


def test_once_a_listing_is_read_a_killed_run_keeps_others_out_no_longer_than_usual(tmp_path: Path):
    leases: list[timedelta] = []

    def look(name: str) -> None:
        if name in ("fetch.request", "fetch.cursor"):
            with office.rt.reading() as session:
                until = session.get_one(t.Account, office.account.id).lease_until
            assert until is not None
            leases.append(until - office.clock())

    office = open_office(tmp_path, ONE, checkpoint=look)
    office.meeting("Kick-off")
    office.sync()
    assert leases[0] > claims.LEASE >= leases[-1]


# --- series


def series(office: Office) -> str:
    return office.meeting("Weekly", rrule="FREQ=WEEKLY")


def second_week(office: Office):
    return factories.START + timedelta(hours=24, weeks=1)


def test_a_moved_occurrence_becomes_an_activity_of_its_own(office: Office):
    handle = series(office)
    office.settle()
    office.server.override(WORK, handle, second_week(office), summary="Weekly, later")
    office.settle()
    assert office.titles_here() == ["Weekly", "Weekly, later"]
    assert office.here("Weekly, later").uid == office.here("Weekly").uid


def test_a_removed_occurrence_is_an_exdate_in_both_forms(office: Office):
    handle = series(office)
    office.settle()
    office.server.delete_occurrence(WORK, handle, second_week(office))
    office.settle()
    assert office.here("Weekly").content["exdates"] == ["2030-01-15T09:00:00Z"]


def test_an_override_made_here_is_written_into_its_series(office: Office):
    handle = series(office)
    office.settle()
    master = office.here("Weekly")
    moment = second_week(office)
    made = office.write("Weekly, elsewhere", hours=24 + 7 * 24 + 2, recurrence_id=moment)
    with office.rt.writing() as session:
        session.get_one(t.Activity, made.id).uid = master.uid
    office.settle()
    found = [e for _, e in office.server.all_events(WORK) if e.recurrence_id == moment]
    assert [e.summary for e in found] == ["Weekly, elsewhere"]
    assert office.there(handle).uid == found[0].uid


# --- who may write


def test_inbound_writes_nothing_and_says_why(office: Office):
    office.rule(direction="inbound")
    office.write("Review")
    handle = office.meeting("Kick-off")
    office.sync()
    office.edit("Kick-off", location="Room 2")
    office.sync()
    assert office.server.writes == 0
    assert office.there(handle).location == ""
    assert office.here("Review").excluded == "one_way"
    assert office.links()[0].waits_for == "one_way"


def test_waiting_edits_go_out_when_writing_becomes_possible(office: Office):
    office.change_account(can_write=False)
    handle = office.meeting("Kick-off")
    office.sync()
    office.edit("Kick-off", location="Room 2")
    office.sync()
    office.write("Review")
    office.settle()
    office.change_account(can_write=True)
    office.settle()
    assert office.there(handle).location == "Room 2"
    assert office.titles_there() == ["Kick-off", "Review"]


def test_waiting_edits_go_out_when_a_calendar_may_be_written_to(office: Office):
    office.change_calendar(access="reader")
    handle = office.meeting("Kick-off")
    office.sync()
    office.edit("Kick-off", location="Room 2")
    office.settle()
    office.change_calendar(access="owner")
    office.settle()
    assert office.there(handle).location == "Room 2"


def test_outbound_leaves_remote_edits_alone(office: Office):
    office.write("Review")
    office.settle()
    office.rule(direction="outbound")
    office.meeting("Foreign")
    handle = next(h for h, e in office.server.all_events(WORK) if e.summary == "Review")
    office.server.edit(WORK, handle, location="There")
    office.sync()
    assert office.titles_here() == ["Review"]
    assert office.here("Review").content["location"] == ""
    office.edit("Review", location="Here")
    office.settle()
    assert office.there(handle).location == "Here"


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


# --- matching


def test_the_same_meeting_already_here_is_linked_and_not_doubled(office: Office):
    start = factories.START + timedelta(hours=24)
    office.write("Kick-off", hours=24)
    office.rule(direction="inbound")
    office.sync()
    from calsync.engine.event import Event

    office.server.put(WORK, Event("other", start, start + HOUR, "Europe/Berlin", summary="Kick-off"))
    office.settle()
    assert office.titles_here() == ["Kick-off"]
    assert len(office.links()) == 1


def test_several_candidates_become_a_question_and_the_answer_is_done(office: Office):
    office.rule(direction="inbound")
    office.write("Kick-off", hours=24)
    twin = office.write("Kick-off", hours=24)
    from calsync.engine.event import Event

    start = factories.START + timedelta(hours=24)
    office.server.put(WORK, Event("other", start, start + HOUR, "Europe/Berlin", summary="Kick-off"))
    asked = office.sync()
    assert (asked.state, asked.conflicts) == ("succeeded", 1)
    assert [(step.state, step.reason, step.title) for step in office.steps(asked)] == [
        ("conflict", "duplicate_match", "Kick-off")
    ]
    (conflict,) = office.conflicts()
    assert conflict.kind == "duplicate_match"
    conflicts.resolve(office.rt, conflict.id, {"*": str(twin.id)}, by=factories.acting(office.cast.eli))
    office.settle()
    assert [link.activity_id for link in office.links()] == [twin.id]
    assert office.conflicts() == []


# --- conflicts


def disputed(office: Office) -> str:
    handle = office.meeting("Kick-off")
    office.settle()
    office.rule(policy=Policy.MANUAL)
    office.edit("Kick-off", summary="Ours", location="Here")
    office.server.edit(WORK, handle, summary="Theirs", location="There")
    office.sync()
    return handle


def test_a_manual_conflict_writes_nothing_until_a_person_chooses(office: Office):
    handle = disputed(office)
    (conflict,) = office.conflicts()
    assert office.titles_here() == ["Ours"]
    assert office.there(handle).summary == "Theirs"
    choice = {"summary": "crm", "location": "external"}
    conflicts.resolve(office.rt, conflict.id, choice, by=factories.acting(office.cast.eli))
    office.settle()
    assert (office.there(handle).summary, office.there(handle).location) == ("Ours", "There")
    assert office.here("Ours").content["location"] == "There"


def test_a_choice_made_on_old_values_is_refused(office: Office):
    handle = disputed(office)
    (conflict,) = office.conflicts()
    office.server.edit(WORK, handle, summary="Theirs again")
    office.sync()
    with pytest.raises(Refused) as refused:
        conflicts.resolve(
            office.rt,
            conflict.id,
            {"*": "crm"},
            local_fp=conflict.local_fp,
            remote_fp=conflict.remote_fp,
            by=factories.acting(office.cast.eli),
        )
    assert refused.value.code == "changed"
    assert office.conflicts()[0].fields["summary"]["remote"] == "Theirs again"


def test_a_conflict_settles_itself_when_no_clash_remains(office: Office):
    handle = disputed(office)
    office.server.edit(WORK, handle, summary="Ours", location="Here")
    office.settle()
    assert office.conflicts() == []


# --- failures


def test_a_write_whose_answer_was_lost_is_not_done_twice(office: Office):
    office.write("Review")
    office.server.faults.arm(FaultKind.LOST_AFTER)
    office.settle()
    assert office.titles_there() == ["Review"]
    handle = next(h for h, _ in office.server.all_events(WORK))
    office.edit("Review", location="Room 2")
    office.server.faults.arm(FaultKind.LOST_AFTER)
    office.settle()
    assert office.there(handle).location == "Room 2"


@pytest.mark.parametrize("fault", [FaultKind.TRUNCATED, FaultKind.EMPTY, FaultKind.HOLLOW, FaultKind.CURSOR_EXPIRED])
def test_a_bad_listing_deletes_nothing(office: Office, fault: FaultKind):
    for number in range(30):
        office.meeting(f"Meeting {number}", hours=24 + number)
    office.settle()
    office.server.faults.arm(fault)
    office.sync(full=fault is FaultKind.HOLLOW)
    office.settle()
    assert len(office.titles_here()) == 30


def test_a_rate_limit_stops_the_run_and_loses_nothing(office: Office):
    office.write("Review")
    office.server.faults.arm(FaultKind.RATE_LIMITED)
    run = office.sync()
    assert run.error_class == "rate_limit"
    with office.rt.reading() as session:
        assert session.get_one(t.Account, office.account.id).rate_limited_until is not None
    office.settle()
    assert office.titles_there() == ["Review"]


def test_a_broken_event_is_one_failed_step_that_names_it(office: Office):
    office.meeting("Fine")
    office.server.put_raw(WORK, "not an event", handle="broken")
    run = office.sync()
    assert (run.state, run.created, run.failed) == ("partial", 1, 1)
    assert office.steps(run)[-1].title == "broken"
    office.server.delete(WORK, "broken")
    assert office.sync().failed == 0


def test_retry_tries_only_what_failed(office: Office):
    office.write("Review")
    office.write("Other", hours=40)
    office.server.set_access(WORK, "reader")
    failed = office.sync()
    assert failed.failed == 2
    office.server.set_access(WORK, "owner")
    one = office.steps(failed)[0]
    child = retry.retry(office.rt, failed.id, step_ids=[one.id], by=factories.acting(office.cast.eli))
    with office.rt.reading() as session:
        run = session.get_one(t.Run, child)
    assert (run.parent_id, run.created) == (failed.id, 1)
    assert office.titles_there() == ["Review"]


# --- the brake


def many(office: Office, count: int = 20) -> list[str]:
    handles = [office.meeting(f"Meeting {n}", hours=24 + n) for n in range(count)]
    office.settle()
    return handles


def test_mass_deletion_is_held_until_approved(office: Office):
    for handle in many(office)[:15]:
        office.server.delete(WORK, handle)
    run = office.sync()
    assert (run.state, run.held) == ("held", 15)
    assert len(office.titles_here()) == 20
    held.approve(office.rt, run.id, digest=held.digest(office.rt, run.id), by=factories.acting(office.cast.ada))
    office.settle()
    assert len(office.titles_here()) == 5


def test_discarded_deletions_leave_both_sides_and_do_not_come_back(office: Office):
    for handle in many(office)[:15]:
        office.server.delete(WORK, handle)
    run = office.sync()
    held.discard(office.rt, run.id, by=factories.acting(office.cast.ada))
    office.settle()
    assert len(office.titles_here()) == 20


def test_an_approval_does_not_cover_what_came_later(office: Office):
    handles = many(office, 40)
    for handle in handles[:15]:
        office.server.delete(WORK, handle)
    run = office.sync()
    held.approve(office.rt, run.id, by=factories.acting(office.cast.ada))
    for handle in handles[15:27]:
        office.server.delete(WORK, handle)
    assert office.sync().held == 12
    assert len(office.titles_here()) == 25


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
