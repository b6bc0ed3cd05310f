"""Mapping: events to activities and back, due times, and private events that come in without details."""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calsync.engine import event as events
from calsync.engine import mapping
from calsync.engine.event import Attendee, Event, Floating, Moment, Person, Reminder
from calsync.engine.rules import Rules
from calsync.engine.vocabulary import Kind

NOW = datetime(2030, 1, 7, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
RULES = Rules()
TASKS = Rules(import_kind=Kind.TASK)


@dataclass
class Row:
    """The columns of an activity that make its event."""

    content: dict[str, Any]
    uid: str = "u"
    recurrence_key: str = ""
    organizer: str | None = None
    public_id: str = "p"
    extra: dict[str, Any] = field(default_factory=dict)


FULL = Event(
    uid="u",
    start=NOW,
    end=NOW + HOUR,
    tz="Europe/Berlin",
    summary="Review",
    description="Numbers",
    location="Room 1",
    rrule="FREQ=WEEKLY",
    rdates=(NOW + 25 * HOUR,),
    exdates=(NOW + 7 * 24 * HOUR,),
    status="tentative",
    transparency="transparent",
    organizer=Person("ada@example.com"),
    attendees=(Attendee("bo@example.org", "Bo", "opt-participant", "accepted"),),
    reminders=(Reminder(10), Reminder(30, "email")),
    conference="https://meet.example.com/x",
    url="https://crm.example.com/7",
    our_id="p",
)


def written(event: Event, rules: Rules = RULES) -> Event:
    """Return what goes out again of an imported event."""
    values = mapping.imported(event, rules)
    return mapping.event_of(Row(values.content, values.uid, values.recurrence_key, values.organizer))


@pytest.mark.parametrize(
    "event",
    [
        FULL,
        Event("u", date(2030, 1, 7), date(2030, 1, 9), our_id="p"),
        Event("u", Floating(datetime(2030, 1, 7, 9)), Floating(datetime(2030, 1, 7, 9)), our_id="p"),
        replace(FULL, rrule=None, rdates=(), exdates=(), recurrence_id=NOW),
        replace(FULL, rrule=None, rdates=(), exdates=(), recurrence_id=date(2030, 1, 7)),
    ],
)
@pytest.mark.parametrize("kind", Kind)
def test_what_was_read_is_written_back_as_it_was(event: Event, kind: Kind) -> None:
    for due_is in ("start", "end"):
        assert written(event, Rules(import_kind=kind, due_is=due_is)) == event


def test_an_import_takes_its_kind_and_due_time_from_the_rules() -> None:
    values = mapping.imported(FULL, RULES)
    assert (values.kind, values.due_is, values.organizer) == (Kind.MEETING, None, "ada@example.com")
    assert mapping.imported(FULL, TASKS).due_is == "start"
    assert mapping.imported(FULL, replace(TASKS, due_is="end")).due_is == "end"


@pytest.mark.parametrize("classification", ["private", "confidential"])
def test_a_private_event_comes_in_as_a_block_without_details(classification: str) -> None:
    private = replace(FULL, classification=classification)
    content = mapping.imported(private, RULES).content
    assert content["summary"] == "Busy"
    told = {name for name, value in content.items() if value != events.content(private)[name]}
    assert told == {"summary", "description", "location", "attendees", "responses", "conference", "url"}
    assert content["classification"] == classification
    assert mapping.concealed(events.content(private), RULES) == told
    assert mapping.imported(private, replace(RULES, import_private="full")).content == events.content(private)


def test_nothing_of_a_public_event_is_concealed() -> None:
    assert mapping.concealed(events.content(FULL), RULES) == frozenset()


# Due times


@pytest.mark.parametrize(
    ("due", "span"),
    [
        (NOW, (NOW - HOUR / 2, NOW)),  # ends at the due time, 30 minutes long
        (Floating(datetime(2030, 1, 7, 9)), (Floating(datetime(2030, 1, 7, 8, 30)), Floating(datetime(2030, 1, 7, 9)))),
        (date(2030, 1, 7), (date(2030, 1, 7), date(2030, 1, 8))),
    ],
)
def test_a_task_with_a_due_time_only_becomes_an_event_that_ends_then(due: Moment, span: tuple[Moment, Moment]) -> None:
    assert mapping.due_span(due, RULES) == span
    event = Event("t", *span)
    assert mapping.due_of(event, "end") == due
    assert mapping.with_due(event, "end", due, RULES) == event


def test_task_minutes_is_a_setting() -> None:
    assert mapping.due_span(NOW, Rules(task_minutes=60)) == (NOW - HOUR, NOW)


def test_an_imported_task_is_due_at_the_end_the_rules_name() -> None:
    days = Event("t", date(2030, 1, 7), date(2030, 1, 10))
    assert mapping.due_of(FULL, "start") == NOW
    assert mapping.due_of(FULL, "end") == NOW + HOUR
    assert mapping.due_of(days, "start") == date(2030, 1, 7)
    assert mapping.due_of(days, "end") == date(2030, 1, 9)


@given(st.sampled_from(("start", "end")), st.integers(-1000, 1000), st.integers(0, 100), st.booleans())
def test_moving_a_due_time_moves_the_whole_event(due_is: str, hours: int, length: int, is_all_day: bool) -> None:
    if is_all_day:
        event = Event("t", date(2030, 1, 7), date(2030, 1, 8) + length * timedelta(days=1))
        due: Moment = date(2030, 1, 7) + hours * timedelta(days=1)
    else:
        event, due = Event("t", NOW, NOW + length * HOUR), NOW + hours * HOUR
    moved = mapping.with_due(event, due_is, due, RULES)
    assert mapping.due_of(moved, due_is) == due
    assert moved.end - moved.start == event.end - event.start


def test_a_due_time_of_another_form_changes_the_form_of_the_event() -> None:
    whole_day = mapping.with_due(FULL, "start", date(2030, 2, 1), RULES)
    assert (whole_day.start, whole_day.end) == (date(2030, 2, 1), date(2030, 2, 2))
    timed = mapping.with_due(whole_day, "end", NOW, RULES)
    assert (timed.start, timed.end) == (NOW - HOUR / 2, NOW)


def test_guests_keep_role_and_response() -> None:
    people = mapping.guests({"BO@example.org": "", "new@example.org": "New"}, FULL.attendees)
    assert people == (FULL.attendees[0], Attendee("new@example.org", "New"))
