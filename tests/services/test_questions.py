"""A question about which activity an event is ends with the event, however it goes; its activities are free again."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlmodel import select

from calsync.errors import Refused
from calsync.services import conflicts, explain
from calsync.store import tables as t
from tests import factories
from tests.services.office import WORK, Office, open_office


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """Two activities that look like one event, and the question which it is."""
    made = open_office(tmp_path)
    made.rule(direction="outbound")
    for number in (1, 2):
        activity = made.write("Review")
        with made.rt.writing() as session:
            session.get_one(t.Activity, activity.id).uid = f"review-{number}@here"
    made.meeting("Review", hours=30)
    made.sync()
    assert [c.kind for c in made.conflicts()] == ["duplicate_match"]
    return made


def handle(office: Office) -> str:
    return next(h for h, e in office.server.all_events(WORK) if e.uid == "Review@there")


def delete(office: Office) -> None:
    office.server.delete(WORK, handle(office))


def cancel(office: Office) -> None:
    office.rule(direction="both")
    office.server.edit(WORK, handle(office), status="cancelled")


@pytest.mark.parametrize("end", [delete, cancel])
def test_a_question_about_an_event_that_is_gone_is_asked_no_more(office: Office, end: Callable[[Office], None]) -> None:
    (asked,) = office.conflicts()
    end(office)
    office.settle()
    assert office.conflicts() == []
    with office.rt.reading() as session:
        row = session.get_one(t.Conflict, asked.id)
        assert (row.state, row.closed_at is not None) == ("settled", True)
    with pytest.raises(Refused) as refused:
        conflicts.resolve(office.rt, row.id or 0, {"*": "new"}, by=factories.acting(office.cast.ada))
    assert refused.value.code == "closed"
    assert office.titles_there().count("Review") == 2  # both activities go out now


def test_explain_asks_what_the_run_asks_of_an_account_that_only_writes(office: Office) -> None:
    with office.rt.reading() as session:
        event = session.exec(select(t.MirrorEvent)).one()
    answer = explain.event(office.rt, event.id or 0)
    assert answer is not None
    assert answer.reason == "duplicate_match"
    assert answer.conflict is not None


def test_explain_links_what_the_run_would_link_of_an_account_that_only_writes(tmp_path: Path) -> None:
    made = open_office(tmp_path)
    made.rule(direction="outbound")
    made.meeting("Review", hours=30)
    made.sync()
    activity = made.write("Review")
    with made.rt.reading() as session:
        event = session.exec(select(t.MirrorEvent)).one()
    (from_here,), from_there = explain.activity(made.rt, activity.id or 0), explain.event(made.rt, event.id or 0)
    assert from_there is not None
    assert (from_here.reason, from_there.reason) == ("matched_content", "matched_content")
    made.settle()
    assert [link.activity_id for link in made.links()] == [activity.id]
    assert made.titles_there() == ["Review"]


def test_explain_says_one_way_of_what_is_only_there(tmp_path: Path) -> None:
    made = open_office(tmp_path)
    made.rule(direction="outbound")
    made.meeting("Dentist")
    made.sync()
    with made.rt.reading() as session:
        event = session.exec(select(t.MirrorEvent)).one()
    answer = explain.event(made.rt, event.id or 0)
    assert answer is not None
    assert (answer.reason, answer.steps) == ("one_way", ())
