"""Scope: what syncs, what does not and why, and when that is looked at again."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from calsync.engine import scope, series
from calsync.engine.event import Attendee, Event
from calsync.engine.rules import EVENT_KIND_RULES, Rules
from calsync.engine.vocabulary import EventKind, Kind, Policy, Reason

NOW = datetime(2030, 1, 7, 9, tzinfo=UTC)
DAY = timedelta(days=1)
RULES = Rules()  # 30 days back, 365 ahead
ME = frozenset({"eli@example.com"})


def event(start: datetime = NOW, **values: object) -> Event:
    return Event(**{"uid": "e", "start": start, "end": start + timedelta(hours=1), **values})


def remote(value: Event, rules: Rules = RULES, **more: object) -> Reason | None:
    return scope.remote_exclusion(value, series.span(value), rules, NOW, owner_addresses=ME, **more)


def local(kind: Kind = Kind.MEETING, start: datetime = NOW, *, is_over: bool = False, **more: object) -> Reason | None:
    facts = scope.LocalFacts(kind, (start, start + timedelta(hours=1)), is_over)
    return scope.local_exclusion(facts, RULES, NOW, **more)


ANSWERED = (Attendee("ada@example.com", partstat="declined"), Attendee("eli@example.com", partstat="declined"))


@pytest.mark.parametrize(
    ("value", "rules", "reason"),
    [
        (event(), {}, None),
        (event(NOW - 40 * DAY), {}, Reason.TOO_OLD),
        (event(NOW + 400 * DAY), {}, Reason.OUTSIDE_WINDOW),
        (event(NOW + 400 * DAY), {"window_future_days": 500}, None),
        # a series is inside if any occurrence is
        (event(NOW - 400 * DAY, rrule="FREQ=WEEKLY"), {}, None),
        (event(NOW - 400 * DAY, rrule="FREQ=WEEKLY;COUNT=3"), {}, Reason.TOO_OLD),
        (event(status="cancelled"), {}, Reason.CANCELLED_BEFORE_FIRST_SYNC),
        (event(), {"import_events": False}, Reason.FILTERED_TYPE),
        (event(classification="private"), {"import_private": "skip"}, Reason.PRIVATE_POLICY),
        (event(classification="confidential"), {"import_private": "skip"}, Reason.PRIVATE_POLICY),
        (event(classification="private"), {"import_private": "busy"}, None),
        (event(attendees=ANSWERED), {}, Reason.DECLINED),
        (event(attendees=ANSWERED), {"import_declined": True}, None),
        (event(attendees=ANSWERED[:1]), {}, None),  # somebody else said no
        (event(start=date(2030, 1, 8), end=date(2030, 1, 9)), {"import_all_day": False}, Reason.ALL_DAY_EXCLUDED),
        (event(start=date(2030, 1, 8), end=date(2030, 1, 9)), {}, None),
    ],
)
def test_which_events_become_activities(value: Event, rules: dict, reason: Reason | None) -> None:
    assert remote(value, replace(RULES, **rules)) == reason


@pytest.mark.parametrize(
    ("kind", "rules", "reason"),
    [
        (EventKind.DEFAULT, {}, None),
        (EventKind.OUT_OF_OFFICE, {}, Reason.ONLY_BLOCKS),
        (EventKind.FOCUS, {}, Reason.ONLY_BLOCKS),
        (EventKind.WORK_PLACE, {}, Reason.LEFT_OUT),
        (EventKind.BIRTHDAY, {}, Reason.LEFT_OUT),
        (EventKind.FROM_MAIL, {}, Reason.LEFT_OUT),
        (EventKind.OTHER, {}, Reason.ONLY_BLOCKS),  # nobody could have set a rule for it
        (EventKind.BIRTHDAY, {"import_birthday": "sync"}, None),
        (EventKind.FROM_MAIL, {"import_from_mail": "busy"}, Reason.ONLY_BLOCKS),
        (EventKind.OUT_OF_OFFICE, {"import_out_of_office": "skip"}, Reason.LEFT_OUT),
        (EventKind.BLOCK, {}, Reason.BUSY_BLOCK),  # by no rule at all: it would come back as a meeting
        (EventKind.FOCUS, {"import_focus": "sync", "import_events": False}, Reason.FILTERED_TYPE),
    ],
)
def test_what_becomes_of_each_kind_of_event(kind: EventKind, rules: dict, reason: Reason | None) -> None:
    assert remote(event(kind=kind), replace(RULES, **rules)) == reason


def test_every_kind_of_event_that_we_know_has_a_rule() -> None:
    assert set(EVENT_KIND_RULES) == set(EventKind) - {EventKind.DEFAULT, EventKind.OTHER, EventKind.BLOCK}


def test_what_is_linked_goes_on_whatever_its_kind() -> None:
    assert remote(event(kind=EventKind.FOCUS), is_linked=True) is None


def test_only_what_is_left_out_is_as_if_it_were_not_there() -> None:
    left_out = {kind for kind in EventKind if scope.is_left_out(kind, RULES)}
    assert left_out == {EventKind.WORK_PLACE, EventKind.BIRTHDAY, EventKind.FROM_MAIL, EventKind.BLOCK}


@pytest.mark.parametrize(
    ("values", "takes"),
    [
        ({}, True),
        ({"transparency": "transparent"}, False),
        ({"status": "cancelled"}, False),
        ({"attendees": ANSWERED}, False),  # the owner said no
        ({"attendees": ANSWERED[:1]}, True),  # somebody else did
        ({"status": "tentative"}, True),
        ({"is_declined": True}, False),
    ],
)
def test_which_events_take_their_owners_time(values: dict, takes: bool) -> None:
    assert scope.takes_time(event(**values), ME) is takes


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({}, None),
        ({"kind": Kind.TASK}, Reason.FILTERED_TYPE),
        ({"is_over": True}, Reason.CANCELLED_BEFORE_FIRST_SYNC),
        ({"start": NOW - 40 * DAY}, Reason.TOO_OLD),
        ({"start": NOW + 400 * DAY}, Reason.OUTSIDE_WINDOW),
        # what syncs already goes on: its cancellation has to travel
        ({"kind": Kind.TASK, "is_linked": True}, None),
        ({"is_over": True, "is_linked": True}, None),
        ({"start": NOW + 400 * DAY, "is_linked": True}, Reason.OUTSIDE_WINDOW),
    ],
)
def test_which_activities_go_out(given: dict, reason: Reason | None) -> None:
    assert local(**given) == reason


def test_the_window_is_counted_in_whole_days() -> None:
    early, late = NOW.replace(hour=0), NOW.replace(hour=23, minute=59)
    assert scope.window(RULES, early) == scope.window(RULES, late)
    assert scope.window(RULES, NOW) == (datetime(2029, 12, 8, tzinfo=UTC), datetime(2031, 1, 8, tzinfo=UTC))


def test_a_linked_record_stays_until_a_day_past_the_edge() -> None:
    start, end = scope.window(RULES, NOW)
    for just_out, gone in ((start - DAY / 2, start - 3 * DAY), (end + DAY / 2, end + 2 * DAY)):
        assert local(start=just_out) is not None
        assert local(start=just_out, is_linked=True) is None
        assert local(start=gone, is_linked=True) is not None


def test_what_touches_the_edge_only_is_out_unless_it_has_no_length() -> None:
    start, end = scope.window(RULES, NOW)
    assert scope.outside((start - DAY, start), RULES, NOW) is Reason.TOO_OLD
    assert scope.outside((start, start), RULES, NOW) is None
    assert scope.outside((end, end + DAY), RULES, NOW) is Reason.OUTSIDE_WINDOW


def test_facts_of_reads_an_activity() -> None:
    class Row:
        kind, status, is_dissolved, span_start, span_end = "call", "confirmed", True, NOW, NOW + DAY

    assert scope.facts_of(Row()) == scope.LocalFacts(Kind.CALL, (NOW, NOW + DAY), is_over=True)


def test_the_digest_changes_with_the_day_and_with_rules_about_syncing() -> None:
    digest = scope.digest(RULES, NOW)
    assert digest == scope.digest(Rules(), NOW + timedelta(hours=10))
    assert digest != scope.digest(RULES, NOW + DAY)
    assert digest != scope.digest(RULES, NOW, [1])
    assert scope.digest(RULES, NOW, [1, 2]) == scope.digest(RULES, NOW, [2, 1])
    for changed in ({"window_past_days": 31}, {"policy": Policy.MANUAL}, {"kinds_out": ("call",)}):
        assert digest != scope.digest(replace(RULES, **changed), NOW)
    for other in ({"keep_runs_days": 1}, {"brake_mails": 1}, {"frequency": "5"}):
        assert digest == scope.digest(replace(RULES, **other), NOW)
    assert len(digest) == 32
