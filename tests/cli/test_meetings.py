"""`calsync meetings`: the ledger, and mending what is in it."""

from datetime import timedelta

from calsync.engine import event as events
from calsync.engine.event import Event
from calsync.engine.mapping import ActivityValues
from calsync.engine.vocabulary import Kind
from calsync.store import activities
from calsync.store import tables as t
from tests.cli.conftest import Shell


def meeting(office: Shell, title: str, state: str, **values: object) -> int:
    rt = office.rt
    start = rt.now() + timedelta(days=1)
    event = Event(title, start, start + timedelta(hours=1), "Europe/Berlin", summary=title)
    with rt.writing() as session:
        made = ActivityValues(Kind.MEETING, event.uid, "", None, events.content(event))
        activity = activities.new(made, owner_id=1, now=rt.now())
        session.add(activity)
        session.flush()
        times = {"created_at": rt.now(), "updated_at": rt.now()}
        row = t.Conference(activity_id=activity.id, provider="zoom", kind="zoom", mark=title, state=state, **times)
        for name, value in values.items():
            setattr(row, name, value)
        session.add(row)
        session.flush()
        return t.pk(row)


def test_meetings_are_listed_with_what_is_wrong_first(office: Shell) -> None:
    meeting(office, "Fine", "made", join_url="https://zoom.example/j/1")
    meeting(office, "Gone", "gone")
    found = office.done("meetings", "list", "--json").json
    assert [(m["title"], m["standing"]) for m in found] == [("Gone", "missing"), ("Fine", "ready")]
    assert found[1]["join_url"] == "https://zoom.example/j/1"
    assert [m["title"] for m in office.done("meetings", "list", "--trouble", "--json").json] == ["Gone"]


def test_a_missing_meeting_is_asked_for_anew(office: Shell) -> None:
    number = meeting(office, "Gone", "gone", remote_id="1")
    office.done("meetings", "repair", str(number))
    with office.rt.reading() as session:
        row = session.get_one(t.Conference, number)
    assert (row.state, row.remote_id) == ("wanted", "")


def test_a_meeting_that_is_fine_and_one_that_is_not_there_are_refused(office: Shell) -> None:
    number = meeting(office, "Fine", "made")
    refused = office("meetings", "repair", str(number))
    assert refused.code == 2
    assert "nothing to repair" in refused.err
    assert "calsync meetings list" in office("meetings", "repair", "99").err


def test_an_empty_list_says_so(office: Shell) -> None:
    assert "No activity takes place" in office.done("meetings", "list").out
