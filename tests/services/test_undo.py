"""Undo: what a run did goes back on both sides, later edits stay, and nothing comes back by itself."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import col, select

from calsync.engine.event import Attendee
from calsync.engine.vocabulary import MailRule
from calsync.errors import Refused
from calsync.providers.memory import Quirks
from calsync.runtime import Actor
from calsync.services import prune, queued, series_edits, undo
from calsync.services.undo_plan import Why
from calsync.store import tables as t
from tests import factories
from tests.services.office import WORK, Office, open_office

ERASES = Quirks(cancel_is_visible=False)
SHOWS = Quirks(cancel_is_visible=True)


@pytest.fixture(params=[SHOWS, ERASES], ids=["shows-cancelled", "erases"])
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Office:
    return open_office(tmp_path, request.param)


def ada(office: Office) -> Actor:
    return factories.acting(office.cast.ada)


def take_back(office: Office, run: t.Run) -> t.Run:
    """Undo a run, let ordinary runs follow, and return the undoing one."""
    child = undo.undo(office.rt, run.id, by=ada(office))
    office.settle()
    with office.rt.reading() as session:
        return session.get_one(t.Run, child)


def reasons(office: Office, run: t.Run) -> list[Why]:
    return [kept.why for kept in undo.preview(office.rt, run.id).kept]


# --- changes


def test_an_edit_that_came_in_goes_back_on_both_sides(office: Office) -> None:
    handle = office.meeting("Kick-off")
    office.settle()
    office.server.edit(WORK, handle, summary="Wrong", location="Nowhere")
    run = office.sync()
    child = take_back(office, run)
    assert (child.state, child.trigger, child.parent_id, child.updated) == ("succeeded", "undo", run.id, 1)
    assert office.here("Kick-off").content["location"] == ""
    assert (office.there(handle).summary, office.there(handle).location) == ("Kick-off", "")


def test_an_edit_that_went_out_goes_back_on_both_sides(office: Office) -> None:
    office.write("Review")
    office.settle()
    office.edit("Review", summary="Wrong")
    run = office.sync()
    assert office.titles_there() == ["Wrong"]
    take_back(office, run)
    assert office.titles_there() == office.titles_here() == ["Review"]


def test_a_merge_goes_back_in_both_directions(office: Office) -> None:
    handle = office.meeting("Kick-off")
    office.settle()
    office.server.edit(WORK, handle, location="Nowhere")
    office.edit("Kick-off", description="Nonsense")
    run = office.sync()
    assert office.here("Kick-off").content["location"] == "Nowhere"
    take_back(office, run)
    assert (office.there(handle).location, office.there(handle).description) == ("", "")
    assert (office.here("Kick-off").content["location"], office.here("Kick-off").content["description"]) == ("", "")


def test_what_only_the_calendar_shows_differently_goes_back_there_alone(office: Office) -> None:
    office.write("Review")
    office.settle()
    office.rule(show_title=False)
    run = office.sync()
    assert office.titles_there() == ["Busy"]
    office.rule(show_title=True)
    undo.undo(office.rt, run.id, by=ada(office))
    assert office.titles_there() == ["Review"]
    assert office.titles_here() == ["Review"]


def test_fields_edited_since_stay_and_are_listed(office: Office) -> None:
    handle = office.meeting("Kick-off")
    office.settle()
    office.server.edit(WORK, handle, summary="Second title", location="Room 9")
    run = office.sync()
    office.edit("Second title", summary="Third title")
    office.settle()
    shown = undo.preview(office.rt, run.id)
    assert [(kept.why, kept.fields) for kept in shown.kept] == [(Why.EDITED, ("summary",))]
    take_back(office, run)
    assert office.titles_here() == office.titles_there() == ["Third title"]
    assert office.there(handle).location == ""


def test_an_edit_not_yet_synced_stays(office: Office) -> None:
    handle = office.meeting("Kick-off")
    office.settle()
    office.server.edit(WORK, handle, location="Room 9")
    run = office.sync()
    office.edit("Kick-off", location="Room 1")
    assert undo.preview(office.rt, run.id).rows == []
    assert reasons(office, run) == [Why.EDITED]


def test_an_edit_there_that_the_preview_did_not_know_of_stays(office: Office) -> None:
    handle = office.meeting("Kick-off")
    office.settle()
    office.edit("Kick-off", location="Room 9")
    run = office.sync()
    child = undo.ask(office.rt, run.id, digest=undo.preview(office.rt, run.id).digest, by=ada(office))
    office.server.edit(WORK, handle, location="Terrace")
    queued.work(office.rt, child)
    office.settle()
    assert office.there(handle).location == office.here("Kick-off").content["location"] == "Terrace"


# --- creations


def test_an_imported_activity_is_cancelled_and_its_event_is_left_alone(office: Office) -> None:
    office.meeting("Kick-off")
    run = office.sync()
    take_back(office, run)
    assert office.titles_here() == []
    assert office.titles_there() == ["Kick-off"]


def test_a_written_event_is_taken_away_and_its_activity_is_left_alone(office: Office) -> None:
    office.write("Review")
    run = office.sync()
    take_back(office, run)
    assert office.titles_there() == []
    assert office.titles_here() == ["Review"]


def test_what_was_created_and_edited_since_stays(office: Office) -> None:
    office.write("Review")
    run = office.sync()
    office.edit("Review", location="Room 2")
    office.settle()
    assert undo.preview(office.rt, run.id).rows == []
    assert reasons(office, run) == [Why.EDITED]


def test_taking_back_a_creation_counts_whom_it_mails(tmp_path: Path) -> None:
    office = open_office(tmp_path, Quirks(mails_by_choice=True))
    office.rule(mail_cancelled=MailRule.ALL)
    office.write("Review", attendees=(Attendee("bo@example.com"), Attendee("cy@example.com")))
    run = office.sync()
    assert undo.preview(office.rt, run.id).people_mailed == 2


# --- cancellations


def test_a_cancellation_that_came_in_is_taken_back(office: Office) -> None:
    handle = office.meeting("Kick-off")
    office.settle()
    office.server.delete(WORK, handle)
    run = office.sync()
    assert office.titles_here() == []
    take_back(office, run)
    assert office.titles_here() == office.titles_there() == ["Kick-off"]


def test_a_cancellation_that_went_out_is_taken_back(office: Office) -> None:
    office.write("Review")
    office.settle()
    office.cancel("Review")
    run = office.sync()
    assert office.titles_there() == []
    take_back(office, run)
    assert office.titles_here() == office.titles_there() == ["Review"]


# --- access


def test_without_write_access_only_the_crm_goes_back(office: Office) -> None:
    handle = office.meeting("Kick-off")
    office.settle()
    office.server.edit(WORK, handle, location="Room 9")
    run = office.sync()
    office.change_account(can_write=False)
    take_back(office, run)
    assert office.here("Kick-off").content["location"] == ""
    assert office.there(handle).location == "Room 9"


def test_without_write_access_nothing_that_was_written_goes_back(office: Office) -> None:
    office.write("Review")
    run = office.sync()
    office.change_account(can_write=False)
    assert undo.preview(office.rt, run.id).rows == []
    assert reasons(office, run) == [Why.REFUSED]


# --- the run itself


def test_an_undo_can_be_undone(office: Office) -> None:
    handle = office.meeting("Kick-off")
    office.settle()
    office.server.edit(WORK, handle, summary="Second")
    run = office.sync()
    first = take_back(office, run)
    take_back(office, first)
    assert office.titles_here() == office.titles_there() == ["Second"]


@pytest.mark.parametrize("made", ["here", "there"])
def test_an_undone_creation_can_be_created_again(made: str, office: Office) -> None:
    office.write("Review") if made == "here" else office.meeting("Review")
    first = take_back(office, office.sync())
    take_back(office, first)
    assert office.titles_here() == office.titles_there() == ["Review"]


def test_steps_say_that_they_were_taken_back_and_where(office: Office) -> None:
    office.meeting("Kick-off")
    run = office.sync()
    child = take_back(office, run)
    (step,) = office.steps(run)
    assert (step.state, step.retried_in_id) == ("undone", child.id)


def test_a_run_is_taken_back_once(office: Office) -> None:
    office.meeting("Kick-off")
    run = office.sync()
    take_back(office, run)
    with pytest.raises(Refused) as caught:
        undo.undo(office.rt, run.id, by=ada(office))
    assert caught.value.code == "nothing"


def test_a_double_click_asks_once_and_an_old_preview_is_refused(office: Office) -> None:
    office.meeting("Kick-off")
    run = office.sync()
    with pytest.raises(Refused) as caught:
        undo.ask(office.rt, run.id, digest="old", by=ada(office))
    assert caught.value.code == "changed"
    digest = undo.preview(office.rt, run.id).digest
    assert undo.ask(office.rt, run.id, digest=digest, by=ada(office)) == undo.ask(
        office.rt, run.id, digest=digest, by=ada(office)
    )


def test_values_that_were_pruned_cannot_come_back(office: Office) -> None:
    handle = office.meeting("Kick-off", hours=24 * 60)
    office.settle()
    office.server.edit(WORK, handle, location="Room 9")
    run = office.sync()
    office.clock.advance(days=31)
    prune.prune(office.rt)
    assert undo.preview(office.rt, run.id).rows == []
    assert reasons(office, run) == [Why.PRUNED]


def test_more_than_the_brake_allows_goes_back_because_it_was_shown(office: Office) -> None:
    office.rule(brake_deletions=1, brake_deletion_share=0.0)
    for number in range(4):
        office.write(f"Review {number}", hours=30 + number)
    run = office.sync()
    take_back(office, run)
    assert office.titles_there() == []


def test_a_preview_writes_nothing(office: Office) -> None:
    office.meeting("Kick-off")
    run = office.sync()
    before = office.server.requests
    undo.preview(office.rt, run.id)
    with office.rt.reading() as session:
        assert len(session.exec(select(t.Run).where(col(t.Run.trigger) == "undo")).all()) == 0
    assert office.server.requests == before


# --- occurrences


@pytest.fixture(params=[True, False], ids=["one-resource", "apart"])
def weekly(request: pytest.FixtureRequest, tmp_path: Path) -> Office:
    """A weekly series from the calendar, whose second occurrence has a title of its own."""
    made = open_office(tmp_path, Quirks(series_is_one_resource=request.param))
    handle = made.meeting("Weekly", rrule="FREQ=WEEKLY")
    made.settle()
    made.server.override(WORK, handle, SECOND, summary="Weekly, with guests")
    made.settle()
    return made


SECOND = factories.START + timedelta(hours=24, weeks=1)


def own_titles_there(office: Office) -> list[str]:
    """Return the titles of changed occurrences that live in the calendar."""
    return [e.summary for _, e in office.server.all_events(WORK) if e.recurrence_id and not e.is_cancelled]


def cancel_second_there(office: Office) -> None:
    handle = next(h for h, e in office.server.all_events(WORK) if e.rrule)
    office.server.delete_occurrence(WORK, handle, SECOND)


def cancel_second_here(office: Office) -> None:
    by = factories.acting(office.cast.eli)
    series_edits.cancel_occurrence(office.rt, office.here("Weekly").id, SECOND, "this", by=by)


@pytest.mark.parametrize("cancel", [cancel_second_there, cancel_second_here])
def test_a_changed_occurrence_that_was_cancelled_comes_back_as_it_was(
    weekly: Office, cancel: Callable[[Office], None]
) -> None:
    cancel(weekly)
    run = weekly.sync()
    weekly.sync()  # some providers tell only now what became of it
    assert weekly.titles_here() == ["Weekly"]
    assert reasons(weekly, run) == []
    take_back(weekly, run)
    assert weekly.titles_here() == ["Weekly", "Weekly, with guests"]
    assert own_titles_there(weekly) == ["Weekly, with guests"]
    assert weekly.here("Weekly").content["exdates"] == []
    assert len(weekly.links()) == 2


def test_an_occurrence_stays_where_its_series_has_no_place_for_it(weekly: Office) -> None:
    cancel_second_there(weekly)
    run = weekly.sync()
    weekly.edit("Weekly", exdates=["2030-01-15T09:00:00Z", "2030-01-22T09:00:00Z"])
    weekly.settle()
    assert Why.SERIES in reasons(weekly, run)


def test_an_occurrence_of_a_cancelled_series_stays(weekly: Office) -> None:
    cancel_second_there(weekly)
    run = weekly.sync()
    weekly.cancel("Weekly")
    weekly.settle()
    assert Why.SERIES in reasons(weekly, run)
    assert undo.preview(weekly.rt, run.id).rows == []
