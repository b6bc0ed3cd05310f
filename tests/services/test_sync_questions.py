"""A run of one account: what a person is asked, what waits for a person, and what failed."""

from datetime import timedelta

import pytest

from calsync.engine.vocabulary import Policy
from calsync.errors import Refused
from calsync.providers.memory import FaultKind
from calsync.services import conflicts, held, retry
from calsync.store import tables as t
from tests import factories
from tests.services.office import HOUR, WORK, Office

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
