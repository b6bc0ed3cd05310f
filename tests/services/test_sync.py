"""A run of one account: what reaches the other side, and what never does."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from calsync.services import accounts, claims, retry
from calsync.store import tables as t
from tests import factories
from tests.services.office import HOUR, ONE, WORK, Office, open_office

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
