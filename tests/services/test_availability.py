"""Free slots of event types: what blocks, what does not, how far calendars are believed, and why."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from calsync.engine.event import Attendee, Event
from calsync.engine.hours import Holiday, Hours
from calsync.engine.vocabulary import EventKind, GroupMode
from calsync.errors import NotFound
from calsync.runtime import CLI
from calsync.services import activities, availability, people, resources, slot_reasons
from calsync.store import tables as t
from tests import factories
from tests import scheduling_factories as make
from tests.services.office import HOUR, WORK, Office, open_office

MIDNIGHT = factories.START.replace(hour=0)
DAY = timedelta(days=1)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """Eli's calendar, read a moment ago."""
    opened = open_office(tmp_path)
    opened.settle()
    return opened


@pytest.fixture
def person(office: Office) -> t.Resource:
    """Eli, who works day and night."""
    make.work(office.rt)
    return make.make_person(office.rt, office.cast.eli)


def taken(office: Office, of: Any, days: float = 1, **values: Any) -> list[float]:
    """Return the hours after midnight of the second day at which an event type of `of` is not offered."""
    event_type = of if isinstance(of, t.EventType) else make.make_event_type(office.rt, of, **values)
    start = MIDNIGHT + DAY
    found = availability.slots(office.rt, t.pk(event_type), start, start + days * DAY, now=MIDNIGHT).slots
    offered = {slot.starts_at for slot in found}
    return [n for n in range(int(24 * days)) if start + n * HOUR not in offered]


def plan(office: Office, hours: float = 10, **values: Any) -> t.Activity:
    """Eli plans an hour of the second day."""
    start = MIDNIGHT + DAY + hours * HOUR
    eli = office.cast.eli
    given = {"title": "Review", "start": start, "end": start + HOUR, **values}
    return activities.create(office.rt, t.pk(eli), given, by=factories.acting(eli))


def test_without_hours_it_is_nine_to_five_by_the_resources_own_clock(office: Office) -> None:
    room = make.make_resource(office.rt, tz="Europe/Berlin")
    assert taken(office, room) == [h for h in range(24) if not 8 <= h < 16]


def test_hours_of_a_resource_stand_above_its_persons_and_the_organisations(office: Office, person: t.Resource) -> None:
    def until(hour: int) -> Hours:
        return Hours("UTC", (((0, hour * 60),),) * 7)

    event_type = make.make_event_type(office.rt, person)
    assert taken(office, event_type) == []
    make.work(office.rt, until(20), user_id=t.pk(office.cast.eli))
    assert taken(office, event_type) == [20, 21, 22, 23]
    make.work(office.rt, until(21), resource_id=t.pk(person))
    assert taken(office, event_type) == [21, 22, 23]
    make.work(office.rt, until(3), event_type_id=t.pk(event_type))
    assert taken(office, event_type) == list(range(3, 24))


def test_holidays_of_the_organisation_are_everybodys_but_a_day_that_differs_stands(
    office: Office, person: t.Resource
) -> None:
    day = (MIDNIGHT + DAY).date()
    make.work(office.rt, Hours("UTC", make.ALWAYS.weekly, (), (Holiday(day, day, "Epiphany"),)))
    make.work(office.rt, make.ALWAYS, resource_id=t.pk(person))
    event_type = make.make_event_type(office.rt, person)
    assert taken(office, event_type) == list(range(24))
    make.work(office.rt, Hours("UTC", make.ALWAYS.weekly, ((day, ((0, 120),)),)), resource_id=t.pk(person))
    assert taken(office, event_type) == list(range(2, 24))


@pytest.mark.parametrize(
    ("values", "blocks"),
    [
        ({}, True),
        ({"show_as": "free"}, False),
        ({"status": "tentative"}, True),
        ({"kind": "task", "start": None, "end": None, "due": MIDNIGHT + DAY + 11 * HOUR}, False),
        ({"kind": "task"}, True),
        ({"attendees": ["eli@example.com"], "responses": {"eli@example.com": "declined"}}, False),
        ({"attendees": ["jo@example.org"], "responses": {"jo@example.org": "declined"}}, True),
    ],
)
def test_activities_block_unless_they_say_otherwise(office: Office, person: t.Resource, values, blocks: bool) -> None:
    plan(office, **values)
    assert taken(office, person) == ([10] if blocks else [])


def test_a_cancelled_activity_blocks_nothing(office: Office, person: t.Resource) -> None:
    activities.cancel(office.rt, t.pk(plan(office)), by=CLI)
    assert taken(office, person) == []


def test_activities_of_others_block_nothing(office: Office, person: t.Resource) -> None:
    plan(office)
    assert taken(office, make.make_person(office.rt, office.cast.sam)) == []


def test_a_series_blocks_where_its_occurrences_are(office: Office, person: t.Resource) -> None:
    series = plan(office, hours=-14, rrule="FREQ=DAILY")
    moved = MIDNIGHT + DAY + 10 * HOUR
    assert taken(office, person) == [10]
    activities.edit_occurrence(
        office.rt, t.pk(series), moved, "this", {"start": moved + 5 * HOUR, "end": moved + 7 * HOUR}, by=CLI
    )
    assert taken(office, person, slug="again") == [15, 16]


def test_an_all_day_event_blocks_the_day_in_its_owners_zone(office: Office) -> None:
    make.work(office.rt)
    person = make.make_person(office.rt, office.cast.eli, tz="America/New_York")
    plan(office, start=date(2030, 1, 8), end=date(2030, 1, 9))
    assert taken(office, person, days=2) == list(range(5, 29))


# --- calendars


def add_calendar(office: Office, remote_id: str = "home", **values: Any) -> t.Calendar:
    office.server.add_calendar(remote_id)
    flags = {"syncs": False, "is_write_target": False, **values}
    return factories.make_calendar(office.rt, office.account, remote_id.title(), remote_id=remote_id, **flags)


def put(office: Office, remote_id: str, hours: float = 10, **values: Any) -> None:
    start = MIDNIGHT + DAY + hours * HOUR
    given = {"uid": f"{remote_id}-{hours}@there", "start": start, "end": start + HOUR, "summary": "Dentist", **values}
    office.server.put(remote_id, Event(**given))


def test_events_that_are_no_activities_block(office: Office, person: t.Resource) -> None:
    add_calendar(office)
    put(office, "home", 10)
    put(office, "home", 12, transparency="transparent")
    put(office, "home", 14, attendees=(Attendee("eli@example.com", partstat="declined"),))
    put(office, "home", 16, status="cancelled")
    put(office, "home", 18 - 48, rrule="FREQ=DAILY")
    office.settle()
    assert taken(office, person) == [10, 18]


def test_events_of_kinds_that_are_left_out_block_nothing(office: Office, person: t.Resource) -> None:
    add_calendar(office)
    put(office, "home", 10, kind=EventKind.BIRTHDAY)
    put(office, "home", 12, kind=EventKind.OUT_OF_OFFICE)
    office.settle()
    assert taken(office, person) == [12]


def test_a_calendar_that_does_not_block_blocks_nothing(office: Office, person: t.Resource) -> None:
    add_calendar(office, blocks=False)
    put(office, "home")
    office.settle()
    assert taken(office, person) == []


def test_what_came_from_a_calendar_and_was_moved_here_blocks_where_it_is_now(
    office: Office, person: t.Resource
) -> None:
    office.meeting("Kick-off", hours=1 + 24)
    office.settle()
    start = MIDNIGHT + DAY + 20 * HOUR
    activities.edit(office.rt, t.pk(office.here("Kick-off")), {"start": start}, by=CLI)
    assert taken(office, person) == [20]


def test_a_room_is_blocked_by_its_own_calendar_alone(office: Office) -> None:
    make.work(office.rt)
    calendar = add_calendar(office, "room", syncs=True, blocks=False)
    room = make.make_resource(office.rt, calendar=calendar)
    put(office, "room", 10)
    office.settle()
    plan(office, 12)
    assert taken(office, room) == [10]
    assert taken(office, make.make_person(office.rt, office.cast.eli), slug="eli") == [10, 12]


def test_external_events_are_no_source_where_that_is_switched_off(office: Office, person: t.Resource) -> None:
    add_calendar(office)
    put(office, "home", 10)
    put(office, WORK, 12)
    office.settle()
    plan(office, 14)
    event_type = make.make_event_type(office.rt, person)
    assert taken(office, event_type) == [10, 12, 14]
    office.rule(block_busy_time=False)
    assert taken(office, event_type) == [14]
    office.rule(block_busy_time=True, account_overrides=("block_busy_time",))
    office.change_account(overrides={"block_busy_time": False})
    assert taken(office, event_type) == [14]


@pytest.mark.parametrize(
    ("policy", "age_minutes", "blocked"),
    [
        ("fail_closed", 5, list(range(24))),
        ("last_known", 5, [10]),
        ("last_known", 500, list(range(24))),
        ("ignore", 5, []),
    ],
)
def test_an_unreachable_calendar_counts_as_was_chosen(office: Office, policy: str, age_minutes: int, blocked) -> None:
    make.work(office.rt)
    add_calendar(office)
    put(office, "home")
    office.settle()
    person = make.make_person(office.rt, office.cast.eli, when_unreachable=policy, last_known_minutes=120)
    office.change_account(failed_runs=1)
    event_type = make.make_event_type(office.rt, person)
    start = MIDNIGHT + DAY
    now = office.clock.advance(minutes=age_minutes)
    answer = availability.slots(office.rt, t.pk(event_type), start, start + DAY, now=now)
    offered = {slot.starts_at for slot in answer.slots}
    assert [n for n in range(24) if start + n * HOUR not in offered] == blocked
    (source,) = (s for s in answer.sources[t.pk(person)] if s.name == "Home")
    assert source.why == "failing"
    assert source.read_at is not None


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"state": "paused"}, "paused"),
        ({"grant_ok": False}, "reconnect"),
        ({}, ""),
    ],
)
def test_each_answer_says_what_its_calendars_are_worth(office: Office, person: t.Resource, facts, why: str) -> None:
    office.settle()
    office.change_account(**facts)
    event_type = make.make_event_type(office.rt, person)
    answer = availability.slots(office.rt, t.pk(event_type), MIDNIGHT + DAY, MIDNIGHT + 2 * DAY, now=office.clock())
    assert [s.why for s in answer.sources[t.pk(person)]] == [why]
    assert bool(answer.slots) is not bool(why)


def test_a_calendar_that_was_not_read_for_two_polls_is_late(office: Office, person: t.Resource) -> None:
    office.settle()
    office.clock.advance(hours=2)
    event_type = make.make_event_type(office.rt, person)
    answer = availability.slots(office.rt, t.pk(event_type), MIDNIGHT + DAY, MIDNIGHT + 2 * DAY)
    assert [s.why for s in answer.sources[t.pk(person)]] == ["late"]


# --- groups


@pytest.fixture
def rooms(office: Office) -> list[t.Resource]:
    """Two people: Eli is busy at ten, Sam at twelve."""
    make.work(office.rt)
    plan(office, 10)
    sam = office.cast.sam
    start = MIDNIGHT + DAY + 12 * HOUR
    values = {"title": "Lunch", "start": start, "end": start + HOUR}
    activities.create(office.rt, t.pk(sam), values, by=factories.acting(sam))
    return [make.make_person(office.rt, office.cast.eli), make.make_person(office.rt, sam)]


@pytest.mark.parametrize(("mode", "blocked"), [(GroupMode.ALL_OF, [10, 12]), (GroupMode.ANY_OF, [])])
def test_groups_need_all_or_any(office: Office, rooms: list[t.Resource], mode: GroupMode, blocked) -> None:
    assert taken(office, make.make_group(office.rt, *rooms, mode=mode)) == blocked


@pytest.mark.parametrize(("mode", "blocked"), [(GroupMode.ALL_OF, list(range(24))), (GroupMode.ANY_OF, [12])])
def test_a_disabled_member_is_missing(office: Office, rooms: list[t.Resource], mode: GroupMode, blocked) -> None:
    resources.set_active(office.rt, t.pk(rooms[0]), False, by=CLI)
    assert taken(office, make.make_group(office.rt, *rooms, mode=mode)) == blocked


def test_whoever_has_left_takes_no_bookings(office: Office, rooms: list[t.Resource]) -> None:
    event_type = make.make_event_type(office.rt, make.make_group(office.rt, *rooms))
    people.disable(office.rt, t.pk(office.cast.eli), by=CLI)
    assert taken(office, event_type) == [12]
    people.disable(office.rt, t.pk(office.cast.sam), by=CLI)
    assert taken(office, event_type) == list(range(24))


def test_a_disabled_event_type_is_not_offered(office: Office, person: t.Resource) -> None:
    assert taken(office, person, is_active=False) == list(range(24))


def test_an_unknown_event_type_is_not_found(office: Office) -> None:
    with pytest.raises(NotFound):
        availability.slots(office.rt, 99, MIDNIGHT, MIDNIGHT + DAY)


# --- overlaps


def overlaps(office: Office, viewer: t.User, **who: int) -> list[tuple[Any, ...]]:
    found = availability.overlaps(
        office.rt, availability.Who(**who), MIDNIGHT, MIDNIGHT + 3 * DAY, factories.acting(viewer)
    )
    return [((o.starts_at - MIDNIGHT - DAY) / HOUR, o.first.title, o.second.title) for o in found]


def test_overlaps_are_shown_once_with_the_titles_that_may_be_seen(office: Office, person: t.Resource) -> None:
    add_calendar(office)
    put(office, "home", 10.5)
    put(office, WORK, 15, summary="Kick-off")
    office.settle()
    plan(office, 10)
    plan(office, 15, title="Secret", visibility="private")
    plan(office, 20, show_as="free")
    plan(office, 20)
    eli, ada = office.cast.eli, office.cast.ada
    assert overlaps(office, eli, user_id=t.pk(eli)) == [(10.5, "Review", "Dentist"), (15, "Kick-off", "Secret")]
    assert overlaps(office, ada, user_id=t.pk(eli)) == [(10.5, "Review", None), (15, "Kick-off", None)]
    assert overlaps(office, office.cast.sam, resource_id=t.pk(person)) == [(10.5, None, None), (15, None, None)]


def test_an_event_in_two_calendars_does_not_overlap_with_itself(office: Office, person: t.Resource) -> None:
    add_calendar(office)
    put(office, "home", 10, uid="same@there")
    put(office, WORK, 10, uid="same@there")
    office.settle()
    eli = office.cast.eli
    assert overlaps(office, eli, user_id=t.pk(eli)) == []


def test_strangers_and_clients_may_not_ask(office: Office, person: t.Resource) -> None:
    for viewer, who in (
        (office.cast.sam, {"user_id": t.pk(office.cast.eli)}),
        (office.cast.vic, {"resource_id": t.pk(person)}),
    ):
        with pytest.raises(NotFound):
            overlaps(office, viewer, **who)


# --- why


Explain = Callable[..., slot_reasons.Explanation]


@pytest.fixture
def explain(office: Office) -> Explain:
    def explain(event_type: t.EventType, hours: float, viewer: t.User | None = None, now: datetime = MIDNIGHT) -> Any:
        asker = factories.acting(viewer or office.cast.eli)
        return slot_reasons.explain_slot(office.rt, t.pk(event_type), MIDNIGHT + DAY + hours * HOUR, asker, now)

    return explain


def test_the_explanation_agrees_with_what_is_offered(office: Office, explain: Explain) -> None:
    day = (MIDNIGHT + 2 * DAY).date()
    make.work(office.rt, Hours("Europe/Berlin", (((480, 720), (780, 1080)),) * 7, (), (Holiday(day, day, "Off"),)))
    add_calendar(office)
    put(office, "home", 9.2)
    put(office, "home", 11, transparency="transparent")
    office.settle()
    plan(office, 13.5)
    event_type = make.make_event_type(
        office.rt,
        office.cast.eli,
        length_minutes=45,
        step_minutes=20,
        buffer_after_minutes=10,
        notice_minutes=60 * 32,
        horizon_days=2,
    )
    window = (MIDNIGHT + DAY, MIDNIGHT + 3 * DAY)
    offered = {s.starts_at for s in availability.slots(office.rt, t.pk(event_type), *window, now=MIDNIGHT).slots}
    moments = [10 / 60 * n for n in range(48 * 6)]
    explained = {MIDNIGHT + DAY + h * HOUR for h in moments if explain(event_type, h).is_offered}
    assert explained == offered
    assert offered


def codes(found: slot_reasons.Explanation) -> list[tuple[str, bool]]:
    return [(reason.code, reason.is_against) for reason in found.reasons]


def test_every_reason_is_told(office: Office, person: t.Resource, explain: Explain) -> None:
    office.rule(frequency="manual")
    plan(office, 10, title="Review")
    plan(office, 2, show_as="free")
    event_type = make.make_event_type(office.rt, person, horizon_days=1)
    assert codes(explain(event_type, 10)) == [("too_far", True), ("busy", True)]
    assert codes(explain(event_type, 2.5, now=MIDNIGHT + DAY + 3 * HOUR)) == [
        ("off_grid", True),
        ("too_soon", True),
        ("free", False),
    ]
    (busy,) = (r for r in explain(event_type, 10).reasons if r.code == "busy")
    assert busy.thing is not None
    assert busy.thing.title == "Review"
    (hidden,) = (r for r in explain(event_type, 10, office.cast.sam).reasons if r.code == "busy")
    assert hidden.thing is not None
    assert hidden.thing.title is None
    office.change_account(failed_runs=1)
    assert ("not_believed", True) in codes(explain(event_type, 14))


def test_hours_and_holidays_are_told_apart(office: Office, explain: Explain) -> None:
    day = (MIDNIGHT + DAY).date()
    make.work(office.rt, Hours("UTC", (((0, 720),),) * 7, (), (Holiday(day, day, "Epiphany"),)))
    event_type = make.make_event_type(office.rt, make.make_resource(office.rt))
    (holiday,) = explain(event_type, 10).reasons
    assert (holiday.code, holiday.holiday) == ("holiday", "Epiphany")
    assert codes(explain(event_type, 24 + 13)) == [("outside_hours", True)]
