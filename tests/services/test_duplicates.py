"""Duplicates and orphans: found by a search, merged or cleaned up without mail, and taken back."""

from pathlib import Path

import pytest

from calsync.engine.event import Attendee
from calsync.engine.vocabulary import MailRule
from calsync.errors import NotFound, Refused
from calsync.providers.memory import Quirks
from calsync.runtime import Actor
from calsync.services import duplicates, queued
from calsync.store import tables as t
from tests import factories
from tests.services.office import Office, open_office


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return open_office(tmp_path)


def ada(office: Office) -> Actor:
    return factories.acting(office.cast.ada)


def twice(office: Office) -> tuple[int, int]:
    """Return two activities of the same title and start, each with an event of its own in the calendar."""
    office.meeting("Review", hours=30, uid="one@there")
    office.meeting("Review", hours=30, uid="two@there", location="Room 2")
    office.settle()
    (pair,) = duplicates.search(office.rt).pairs
    return pair


def carry_out(office: Office) -> None:
    for run_id in queued.list_waiting(office.rt):
        queued.work(office.rt, run_id)
    office.settle()


# --- the search


def test_same_title_start_and_owner_is_a_duplicate_whatever_the_case(office: Office) -> None:
    for title, hours in (("Review", 30), (" review ", 30), ("Review", 31), ("Demo", 30)):
        office.write(title, hours=hours)
    assert [len(pair) for pair in duplicates.search(office.rt).pairs] == [2]


def test_what_is_cancelled_or_of_others_is_no_duplicate(office: Office) -> None:
    office.write("Review", hours=30)
    other = office.write("Review2", hours=30)
    office.edit("Review2", summary="Review")
    with office.rt.writing() as session:
        session.get_one(t.Activity, other.id).owner_id = office.cast.sam.id
    assert duplicates.search(office.rt).pairs == ()


def test_what_people_called_different_is_not_shown_again(office: Office) -> None:
    pair = twice(office)
    duplicates.dismiss(office.rt, *pair, by=ada(office))
    duplicates.search(office.rt)
    assert duplicates.found(office.rt).pairs == ()


# --- merging


def test_merging_leaves_one_of_it_on_both_sides(office: Office) -> None:
    keep, drop = twice(office)
    assert [fate for _, fate in duplicates.fates(office.rt, keep, drop)[drop]] == ["goes"]
    duplicates.merge(office.rt, keep, drop, by=ada(office))
    carry_out(office)
    assert office.titles_here() == office.titles_there() == ["Review"]
    assert duplicates.search(office.rt).pairs == ()


def test_a_merge_mails_nobody(tmp_path: Path) -> None:
    office = open_office(tmp_path, Quirks(mails_by_choice=True))
    office.rule(mail_new=MailRule.ALL, mail_changed=MailRule.ALL, mail_cancelled=MailRule.ALL)
    guests = (Attendee("bo@example.com"),)
    office.meeting("Review", hours=30, uid="one@there", attendees=guests)
    office.meeting("Review", hours=30, uid="two@there", attendees=guests)
    office.settle()
    keep, drop = duplicates.search(office.rt).pairs[0]
    mails = len(office.server.mails)
    duplicates.merge(office.rt, keep, drop, by=ada(office))
    carry_out(office)
    assert office.titles_there() == ["Review"]
    assert len(office.server.mails) == mails


def test_an_event_that_the_kept_one_lacks_goes_on_with_it(office: Office) -> None:
    office.write("Review", hours=30)
    office.settle()
    office.rule(kinds_out=())
    office.write("Review2", hours=30)
    office.edit("Review2", summary="Review")
    drop, keep = duplicates.search(office.rt).pairs[0]
    assert [fate for _, fate in duplicates.fates(office.rt, keep, drop)[drop]] == ["moves"]
    office.rule(kinds_out=("meeting",))
    duplicates.merge(office.rt, keep, drop, by=ada(office))
    carry_out(office)
    assert [link.activity_id for link in office.links()] == [keep]
    assert office.titles_here() == office.titles_there() == ["Review"]


def test_an_event_of_somebody_else_stays_but_its_activity_does_not(office: Office) -> None:
    keep, drop = twice(office)
    office.change_account(can_write=False)
    assert [fate for _, fate in duplicates.fates(office.rt, keep, drop)[drop]] == ["stays"]
    duplicates.merge(office.rt, keep, drop, by=ada(office))
    carry_out(office)
    assert office.titles_here() == ["Review"]
    assert office.titles_there() == ["Review", "Review"]


@pytest.mark.parametrize("waits", [True, False], ids=["before it was carried out", "after"])
def test_a_merge_is_taken_back(waits: bool, office: Office) -> None:
    keep, drop = twice(office)
    entry = duplicates.merge(office.rt, keep, drop, by=ada(office))
    if not waits:
        carry_out(office)
    duplicates.undo(office.rt, entry, by=ada(office))
    carry_out(office)
    assert office.titles_here() == office.titles_there() == ["Review", "Review"]
    assert len({link.activity_id for link in office.links()}) == 2


def test_a_merge_is_taken_back_once(office: Office) -> None:
    entry = duplicates.merge(office.rt, *twice(office), by=ada(office))
    duplicates.undo(office.rt, entry, by=ada(office))
    with pytest.raises(Refused):
        duplicates.undo(office.rt, entry, by=ada(office))
    with pytest.raises(NotFound):
        duplicates.undo(office.rt, 99_999, by=ada(office))


def test_ordinary_runs_do_nothing_about_what_waits_to_go(office: Office) -> None:
    keep, drop = twice(office)
    duplicates.merge(office.rt, keep, drop, by=ada(office))
    office.settle()
    assert office.titles_there() == ["Review", "Review"]
    carry_out(office)
    assert office.titles_there() == ["Review"]


@pytest.mark.parametrize("change", [{"state": "paused"}, {"grant_ok": False}])
def test_nothing_is_merged_while_an_account_cannot_be_run(change: dict[str, object], office: Office) -> None:
    keep, drop = twice(office)
    office.change_account(**change)
    with pytest.raises(Refused):
        duplicates.merge(office.rt, keep, drop, by=ada(office))
    assert office.titles_here() == ["Review", "Review"]


def test_activities_of_different_people_are_not_merged(office: Office) -> None:
    keep, drop = twice(office)
    with office.rt.writing() as session:
        session.get_one(t.Activity, drop).owner_id = office.cast.sam.id
    with pytest.raises(Refused) as caught:
        duplicates.merge(office.rt, keep, drop, by=ada(office))
    assert caught.value.code == "strangers"


# --- orphans


def orphan(office: Office) -> int:
    """Return an event with our mark whose link was lost."""
    office.write("Review")
    office.settle()
    with office.rt.writing() as session:
        session.delete(session.get_one(t.Link, office.links()[0].id))
        session.delete(session.get_one(t.Activity, office.here("Review").id))
    (event_id,) = duplicates.search(office.rt).orphans
    return event_id


def test_an_orphan_is_cleaned_up_and_kept_here_as_cancelled(office: Office) -> None:
    duplicates.clean_up(office.rt, orphan(office), by=ada(office))
    carry_out(office)
    assert (office.titles_there(), office.titles_here()) == ([], [])
    assert office.here("Review").status == "cancelled"
    assert duplicates.search(office.rt).orphans == ()


def test_a_clean_up_is_taken_back(office: Office) -> None:
    entry = duplicates.clean_up(office.rt, orphan(office), by=ada(office))
    carry_out(office)
    duplicates.undo(office.rt, entry, by=ada(office))
    carry_out(office)
    assert office.titles_there() == office.titles_here() == ["Review"]


def test_an_orphan_in_a_calendar_that_cannot_be_written_stays(office: Office) -> None:
    event_id = orphan(office)
    office.change_account(can_write=False)
    with pytest.raises(Refused) as caught:
        duplicates.clean_up(office.rt, event_id, by=ada(office))
    assert caught.value.code == "read_only"
    with pytest.raises(NotFound):
        duplicates.clean_up(office.rt, 99_999, by=ada(office))
