"""Pushing what exists already: the preview writes nothing, and what is carried out is what was shown."""

from pathlib import Path

import pytest

from calsync.errors import Refused
from calsync.services import approvals, disconnect, push_existing, queued
from calsync.store import tables as t
from tests import factories
from tests.services.office import Office, open_office


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """Eli's calendar does not take new activities yet, so nothing planned here is in it."""
    made = open_office(tmp_path)
    made.change_calendar(is_write_target=False)
    return made


def eli(office: Office):
    return factories.acting(office.cast.eli)


def run_of(office: Office, run_id: int) -> t.Run:
    with office.rt.reading() as session:
        return session.get_one(t.Run, run_id)


def preview(office: Office) -> t.Run:
    run_id = push_existing.preview(office.rt, office.calendar.id, by=eli(office))
    queued.work(office.rt, run_id)
    return run_of(office, run_id)


def push(office: Office, shown: t.Run) -> t.Run:
    with office.rt.reading() as session:
        digest = approvals.digest(session, shown.id)
    run_id = push_existing.ask(office.rt, shown.id, digest=digest, by=eli(office))
    queued.work(office.rt, run_id)
    return run_of(office, run_id)


def test_a_preview_says_what_would_be_written_and_writes_nothing(office: Office) -> None:
    office.write("Review")
    office.write("Demo", hours=40)
    office.write("Long gone", hours=-2000)
    shown = preview(office)
    assert (shown.state, shown.created) == ("preview", 2)
    assert office.titles_there() == []
    reasons = {s.title: s.reason for s in office.steps(shown) if s.action == "none"}
    assert reasons == {"Long gone": "too_old"}


def test_what_was_shown_is_written_and_stays_in_sync(office: Office) -> None:
    office.write("Review")
    done = push(office, preview(office))
    assert (done.state, done.created, done.progress_done) == ("succeeded", 1, 1)
    assert office.titles_there() == ["Review"]
    assert office.sync().state == "no_changes"
    office.edit("Review", summary="Review, moved")
    office.settle()
    assert office.titles_there() == ["Review, moved"]


def test_what_came_after_the_preview_is_left_out(office: Office) -> None:
    office.write("Review")
    office.write("Demo", hours=40)
    shown = preview(office)
    office.edit("Demo", summary="Demo for Acme")
    office.write("Late", hours=50)
    push(office, shown)
    assert office.titles_there() == ["Review"]


def test_what_is_in_the_calendar_already_is_not_created_again(office: Office) -> None:
    office.write("Kick-off", hours=24)
    office.meeting("Kick-off", hours=24)
    shown = preview(office)
    assert shown.created == 0
    office.settle()
    assert office.titles_there() == ["Kick-off"]
    assert len(office.links()) == 1


def test_pushing_again_finds_nothing_to_do(office: Office) -> None:
    office.write("Review")
    push(office, preview(office))
    assert preview(office).created == 0


def test_a_double_click_asks_for_one_run(office: Office) -> None:
    office.write("Review")
    shown = preview(office)
    with office.rt.reading() as session:
        digest = approvals.digest(session, shown.id)
    first = push_existing.ask(office.rt, shown.id, digest=digest, by=eli(office))
    assert push_existing.ask(office.rt, shown.id, digest=digest, by=eli(office)) == first


def test_an_approval_of_something_else_is_refused(office: Office) -> None:
    office.write("Review")
    shown = preview(office)
    with pytest.raises(Refused, match="changed since") as caught:
        push_existing.ask(office.rt, shown.id, digest="other", by=eli(office))
    assert caught.value.code == "changed"


def test_a_calendar_that_does_not_sync_is_refused(office: Office) -> None:
    office.change_calendar(syncs=False)
    with pytest.raises(Refused) as caught:
        push_existing.preview(office.rt, office.calendar.id, by=eli(office))
    assert (caught.value.code, caught.value.field) == ("not_syncing", "calendar")


def test_more_than_the_brake_allows_goes_through_once_approved(office: Office) -> None:
    office.rule(brake_creates=3)
    office.sync()
    for number in range(6):
        office.write(f"Visit {number}", hours=24 + number)
    assert push(office, preview(office)).created == 6
    assert len(office.titles_there()) == 6


def test_what_a_disconnected_account_held_can_go_to_another(office: Office, tmp_path: Path) -> None:
    office.change_calendar(is_write_target=True)
    office.write("Review")
    office.settle()
    disconnect.disconnect(office.rt, office.account.id, "delete_remote", by=eli(office))
    office.server.add_calendar("second")
    account = factories.make_account(office.rt, office.cast.eli, provider="memory", subject="another login")
    calendar = factories.make_calendar(office.rt, account, "second", remote_id="second")
    run_id = push_existing.preview(office.rt, calendar.id, by=eli(office))
    queued.work(office.rt, run_id)
    push(office, run_of(office, run_id))
    assert [e.summary for _, e in office.server.all_events("second")] == ["Review"]


def test_a_busy_account_leaves_the_request_waiting(office: Office) -> None:
    office.write("Review")
    office.change_account(lease_owner="another", lease_until=office.clock.advance(minutes=1))
    office.clock.advance(seconds=-30)
    run_id = push_existing.preview(office.rt, office.calendar.id, by=eli(office))
    queued.work(office.rt, run_id)
    assert run_of(office, run_id).state == "queued"
