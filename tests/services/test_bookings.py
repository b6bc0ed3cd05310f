"""Bookings: one slot is taken once, whoever clicks; what is booked stands where it belongs; moving and cancelling."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlmodel import select

from calsync.engine.booking_form import Question
from calsync.engine.event import Event, Floating
from calsync.engine.resource import Resource
from calsync.engine.vocabulary import BookingState, EventKind, GroupMode, Pick
from calsync.errors import NotFound, Refused
from calsync.runtime import CLI, Runtime
from calsync.services import activities, availability, booking_rows, bookings, following, rebooking, resources
from calsync.services.bookings import Booked, Request
from calsync.services.taking import HOLD, SlotTaken
from calsync.store import mirror
from calsync.store import tables as t
from tests import factories
from tests import scheduling_factories as make

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TEN = factories.START.replace(hour=10) + DAY


@pytest.fixture
def cast(rt: Runtime) -> factories.Cast:
    make.work(rt)
    return factories.make_cast(rt)


@pytest.fixture
def room(rt: Runtime, cast: factories.Cast) -> t.Resource:
    return make.make_resource(rt)


def book(rt: Runtime, event_type: t.EventType, starts_at: datetime = TEN, **values: Any) -> Booked:
    return bookings.book(rt, Request(t.pk(event_type), starts_at, **values), by=CLI)


def all_of(rt: Runtime, table: Any) -> list[Any]:
    with rt.reading() as session:
        return list(session.exec(select(table).order_by(table.id)))


def offered(rt: Runtime, event_type: t.EventType, at: datetime = TEN) -> bool:
    return bool(availability.slots(rt, t.pk(event_type), at, at + timedelta(minutes=1)).slots)


# --- one slot, many clicks


def click(count: int, act: Callable[[int], object]) -> list[object]:
    """Let so many threads begin at once; return what each came to, an exception included."""
    outcomes: list[object] = [None] * count
    gate = threading.Barrier(count)

    def run(number: int) -> None:
        gate.wait()
        try:
            outcomes[number] = act(number)
        except Exception as error:
            outcomes[number] = error

    threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


@pytest.mark.postgres
def test_of_fifty_who_click_exactly_one_gets_the_slot(rt: Runtime, room: t.Resource) -> None:
    event_type = make.make_event_type(rt, room)
    outcomes = click(50, lambda n: book(rt, event_type, guest_email=f"guest-{n}@example.com", key=f"key-{n}"))
    won = [o for o in outcomes if isinstance(o, Booked)]
    lost = [o for o in outcomes if isinstance(o, SlotTaken)]
    assert (len(won), len(lost)) == (1, 49)
    assert all(o.slots[0].starts_at == TEN + HOUR for o in lost)
    assert [a.content["attendees"].keys() for a in all_of(rt, t.Activity)] == [{won[0].booking.guest_email}]
    assert len(all_of(rt, t.Booking)) == len(all_of(rt, t.Taken)) == 1


@pytest.mark.postgres
def test_bookings_that_share_one_of_two_resources_do_not_both_win(rt: Runtime, room: t.Resource) -> None:
    others = [make.make_resource(rt, f"Device {n}") for n in range(2)]
    types = [
        make.make_event_type(rt, make.make_group(rt, *pair, mode=GroupMode.ALL_OF), slug=f"s{n}")
        for n, pair in enumerate([(room, others[0]), (others[1], room)])
    ]
    outcomes = click(16, lambda n: book(rt, types[n % 2]))
    assert sum(isinstance(o, Booked) for o in outcomes) == 1
    assert sum(isinstance(o, SlotTaken) for o in outcomes) == 15
    assert len(all_of(rt, t.Taken)) == 2


@pytest.mark.postgres
def test_any_of_three_takes_three(rt: Runtime, cast: factories.Cast) -> None:
    members = [make.make_resource(rt, name) for name in "abc"]
    event_type = make.make_event_type(rt, make.make_group(rt, *members))
    outcomes = click(20, lambda n: book(rt, event_type))
    won = [o for o in outcomes if isinstance(o, Booked)]
    assert sorted(o.resource_ids for o in won) == [(t.pk(m),) for m in members]
    assert sum(isinstance(o, SlotTaken) for o in outcomes) == 17


@pytest.mark.postgres
def test_a_request_that_is_sent_several_times_books_once(rt: Runtime, room: t.Resource) -> None:
    event_type = make.make_event_type(rt, room)
    outcomes = click(8, lambda n: book(rt, event_type, key="same"))
    assert {o.booking.id if isinstance(o, Booked) else repr(o) for o in outcomes} == {1}
    assert len(all_of(rt, t.Activity)) == 1


def test_a_key_that_booked_something_else_is_refused(rt: Runtime, room: t.Resource) -> None:
    book(rt, make.make_event_type(rt, room), key="same")
    with pytest.raises(Refused) as caught:
        book(rt, make.make_event_type(rt, room, slug="other"), TEN + DAY, key="same")
    assert caught.value.code == "key_reused"


@pytest.mark.postgres
def test_one_key_sent_for_several_things_at_once_books_one_of_them(rt: Runtime, cast: factories.Cast) -> None:
    rooms = [make.make_resource(rt, name) for name in "abcdef"]
    types = [make.make_event_type(rt, room, slug=room.name) for room in rooms]
    outcomes = click(len(types), lambda n: book(rt, types[n], key="same"))
    others = [o for o in outcomes if not isinstance(o, Booked)]
    assert [getattr(o, "code", repr(o)) for o in others] == ["key_reused"] * 5
    assert len(all_of(rt, t.Booking)) == len(all_of(rt, t.Activity)) == len(all_of(rt, t.Taken)) == 1


def test_two_event_types_of_one_room_share_its_time(rt: Runtime, room: t.Resource) -> None:
    book(rt, make.make_event_type(rt, room, length_minutes=90))
    other = make.make_event_type(rt, room, slug="other", step_minutes=30)
    assert [offered(rt, other, TEN + n * HOUR / 2) for n in range(-2, 4)] == [True, False, False, False, False, True]


def test_buffers_keep_their_distance(rt: Runtime, room: t.Resource) -> None:
    event_type = make.make_event_type(rt, room, step_minutes=15, buffer_after_minutes=15)
    book(rt, event_type)
    quarters = [n for n in range(-6, 7) if offered(rt, event_type, TEN + n * HOUR / 4)]
    assert quarters == [-6, -5, 5, 6]


def test_a_daily_limit_is_of_one_event_type(rt: Runtime, room: t.Resource) -> None:
    event_type = make.make_event_type(rt, room, daily_limit=2)
    book(rt, event_type)
    assert offered(rt, event_type, TEN + HOUR)
    book(rt, event_type, TEN + HOUR)
    assert not offered(rt, event_type, TEN + 2 * HOUR)
    assert offered(rt, event_type, TEN + DAY)
    assert offered(rt, make.make_event_type(rt, room, slug="other"), TEN + 2 * HOUR)


def test_members_are_picked_in_turn(rt: Runtime, cast: factories.Cast, clock: factories.Clock) -> None:
    members = [make.make_resource(rt, name) for name in "abc"]
    event_type = make.make_event_type(rt, make.make_group(rt, *members))
    picked = []
    for n in range(4):
        clock.advance(minutes=1)
        picked.append(book(rt, event_type, TEN + n * HOUR).resource_ids[0])
    assert picked == [members[0].id, members[1].id, members[2].id, members[0].id]


def test_whoever_has_the_fewest_bookings_is_picked(rt: Runtime, cast: factories.Cast) -> None:
    members = [make.make_resource(rt, name) for name in "ab"]
    for n in range(2):
        book(rt, make.make_event_type(rt, members[0], slug=f"own-{n}"), TEN + DAY + n * HOUR)
    event_type = make.make_event_type(rt, make.make_group(rt, *members, pick=Pick.FEWEST))
    assert [book(rt, event_type, TEN + n * HOUR).resource_ids[0] for n in range(3)] == [
        members[1].id,
        members[1].id,
        members[0].id,
    ]


@pytest.mark.parametrize(
    ("starts_at", "values"),
    [
        (TEN + HOUR / 2, {}),  # off the grid
        (factories.START - HOUR, {}),
        (factories.START + 90 * DAY, {}),
    ],
)
def test_what_is_not_offered_cannot_be_booked(rt: Runtime, room: t.Resource, starts_at, values) -> None:
    with pytest.raises(SlotTaken):
        book(rt, make.make_event_type(rt, room), starts_at, **values)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"guest_email": "nobody"}, "guest_email"),
        ({"guest_tz": "Mars/Base"}, "guest_tz"),
        ({"starts_at": TEN.replace(tzinfo=None)}, "starts_at"),
        ({"key": "k" * 101}, "key"),
        ({"answers": {}}, "why"),
        ({"answers": {"why": "Pain", "where": "Elsewhere"}}, "where"),
    ],
)
def test_a_request_that_cannot_be_is_refused(rt: Runtime, room: t.Resource, values, field: str) -> None:
    questions = (Question("why", "Why?", is_required=True), Question("where", "Where?", "choice", choices=("Here",)))
    event_type = make.make_event_type(rt, room, questions=questions)
    given = {"answers": {"why": "Pain"}, **values}
    with pytest.raises(Refused) as caught:
        book(rt, event_type, **given)
    assert caught.value.field == field
    assert all_of(rt, t.Booking) == []


def test_a_disabled_resource_takes_no_bookings(rt: Runtime, room: t.Resource) -> None:
    event_type = make.make_event_type(rt, room)
    resources.set_active(rt, t.pk(room), False, by=CLI)
    with pytest.raises(Refused) as caught:
        book(rt, event_type)
    assert caught.value.code == "closed"


# --- what is booked


def test_the_activity_says_what_was_booked(rt: Runtime, cast: factories.Cast) -> None:
    event_type = make.make_event_type(
        rt,
        cast.eli,
        description="Bring your papers.",
        questions=(Question("why", "Why?"), Question("ok", "Agreed?", "yes_no")),
        reminders=[(10, "popup")],
        visibility="private",
        location_kind="link",
        location="https://meet.example.com/eli",
    )
    made = book(
        rt, event_type, guest_name="Jo Miller", guest_email="Jo@example.org", answers={"why": "Teeth", "ok": "on"}
    )
    content = made.activity.content
    assert (made.activity.kind, made.activity.owner_id, made.activity.title) == (
        "booking",
        cast.eli.id,
        "Visit: Jo Miller",
    )
    assert content["description"] == "Bring your papers.\n\nWhy?\nTeeth\n\nAgreed?\nYes"
    assert content["attendees"]["jo@example.org"]["name"] == "Jo Miller"
    assert content["reminders"] == [[10, "popup"]]
    assert (content["classification"], content["conference"]) == ("private", "https://meet.example.com/eli")
    assert (made.activity.span_start, made.activity.span_end) == (TEN, TEN + HOUR)


def test_it_stands_on_the_calendars_of_its_resources_and_says_what_is_not_written_yet(
    rt: Runtime, cast: factories.Cast
) -> None:
    account = factories.make_account(rt, cast.ada)
    with rt.writing() as session:
        session.get_one(t.Account, account.id).state = "active"
    calendar = factories.make_calendar(rt, account, "Room", last_read_at=rt.now())
    target = factories.make_calendar(rt, factories.make_account(rt, cast.eli), "Eli", last_read_at=rt.now())
    person, room = make.make_person(rt, cast.eli), make.make_resource(rt, calendar=calendar)
    made = book(rt, make.make_event_type(rt, make.make_group(rt, room, person, mode=GroupMode.ALL_OF)))
    assert [p.calendar_id for p in all_of(rt, t.Placement)] == [target.id, calendar.id]
    assert (made.activity.owner_id, made.is_written) == (cast.eli.id, False)
    assert made.activity.content["location"] == "Room 1"
    with rt.writing() as session:
        for placement in session.exec(select(t.Placement)):
            placement.written_at = rt.now()
    assert bookings.get(rt, t.pk(made.booking)).is_written


def test_people_see_the_bookings_that_concern_them(rt: Runtime, cast: factories.Cast) -> None:
    made = book(rt, make.make_event_type(rt, cast.eli))
    window = (TEN - DAY, TEN + DAY)
    for viewer, count in ((cast.ada, 1), (cast.eli, 1), (cast.sam, 0)):
        assert len(bookings.list_bookings(rt, *window, by=factories.acting(viewer))) == count
    with pytest.raises(NotFound):
        rebooking.cancel(rt, t.pk(made.booking), by=factories.acting(cast.sam))


@pytest.mark.postgres
def test_everything_that_takes_time_is_seen_on_both_databases(rt: Runtime, cast: factories.Cast) -> None:
    account = factories.make_account(rt, cast.eli)
    given = {"last_read_at": rt.now(), "is_write_target": False}
    calendar = factories.make_calendar(rt, account, "Home", syncs=False, **given)
    day, hour = TEN.replace(hour=0), timedelta(hours=1)
    told = [
        Event("single", TEN, TEN + hour),
        Event("series", TEN - 7 * DAY + 2 * hour, TEN - 7 * DAY + 3 * hour, rrule="FREQ=WEEKLY"),
        Event("free", TEN + 3 * hour, TEN + 4 * hour, transparency="transparent"),
        Event("left out", TEN + 3 * hour, TEN + 4 * hour, kind=EventKind.BIRTHDAY),
        Event("floating", Floating(day.replace(hour=14, tzinfo=None)), Floating(day.replace(hour=15, tzinfo=None))),
        Event("day", (day + DAY).date(), (day + 2 * DAY).date()),
    ]
    read = [Resource(f"{event.uid}.ics", "1", "", (event,)) for event in told]
    with rt.writing() as session:
        mirror.save(session, calendar, read, rt.now(), own_addresses=frozenset(), folds=True)
    event_type = make.make_event_type(rt, cast.eli)
    for hours, rule in ((16, None), (-150, "FREQ=DAILY;COUNT=30")):
        start = day + hours * hour
        values = {"title": "Planned", "start": start, "end": start + hour, "rrule": rule}
        activities.create(rt, t.pk(cast.eli), values, by=CLI)
    found = availability.slots(rt, t.pk(event_type), day, day + 2 * DAY).slots
    taken = [n for n in range(10, 48) if day + n * hour not in {s.starts_at for s in found}]
    assert taken == [10, 12, 14, 16, 18, *range(24, 48)]
    who = availability.Who(user_id=cast.eli.id)
    (overlap,) = availability.overlaps(rt, who, day, day + 2 * DAY, factories.acting(cast.ada))
    assert (overlap.first.title, overlap.second.title) == (None, "Planned")


# --- moving and cancelling


def test_a_booking_moves_with_its_activity_and_its_own_time_is_no_obstacle(rt: Runtime, room: t.Resource) -> None:
    event_type = make.make_event_type(rt, room, length_minutes=120)
    made = book(rt, event_type)
    moved = rebooking.reschedule(rt, t.pk(made.booking), TEN + HOUR, by=CLI)
    assert moved.activity.id == made.activity.id
    assert (moved.activity.span_start, moved.booking.starts_at) == (TEN + HOUR, TEN + HOUR)
    assert not offered(rt, event_type, TEN)
    assert offered(rt, event_type, TEN - HOUR)
    assert rebooking.reschedule(rt, t.pk(made.booking), TEN + HOUR, by=CLI).booking.starts_at == TEN + HOUR


def test_a_booking_does_not_move_onto_another_one(rt: Runtime, room: t.Resource) -> None:
    event_type = make.make_event_type(rt, room)
    made = book(rt, event_type)
    book(rt, event_type, TEN + HOUR)
    with pytest.raises(SlotTaken) as caught:
        rebooking.reschedule(rt, t.pk(made.booking), TEN + HOUR, by=CLI)
    assert caught.value.slots[0].starts_at == TEN + 2 * HOUR
    assert bookings.get(rt, t.pk(made.booking)).activity.span_start == TEN


def test_a_cancelled_booking_frees_its_time_and_cannot_move(rt: Runtime, room: t.Resource) -> None:
    event_type = make.make_event_type(rt, room)
    made = book(rt, event_type)
    for _ in range(2):
        cancelled = rebooking.cancel(rt, t.pk(made.booking), by=CLI)
    assert (cancelled.activity.status, cancelled.booking.state) == ("cancelled", BookingState.CANCELLED)
    assert offered(rt, event_type)
    with pytest.raises(Refused) as caught:
        rebooking.reschedule(rt, t.pk(made.booking), TEN + HOUR, by=CLI)
    assert caught.value.code == "cancelled"


def test_a_guest_moves_and_cancels_by_their_link_alone(rt: Runtime, room: t.Resource) -> None:
    made = book(rt, make.make_event_type(rt, room), guest_email="jo@example.org")
    token = booking_rows.token(rt, made.booking)
    assert rebooking.reschedule_by_token(rt, token, TEN + HOUR).booking.starts_at == TEN + HOUR
    assert rebooking.cancel_by_token(rt, token).booking.state == BookingState.CANCELLED
    for wrong in ("", token[:-1], made.booking.public_id, made.booking.token_hash or ""):
        with pytest.raises(NotFound):
            rebooking.by_token(rt, wrong)


# --- following the activity


def test_a_booking_follows_its_activity(rt: Runtime, room: t.Resource) -> None:
    event_type = make.make_event_type(rt, room)
    made = book(rt, event_type)
    activities.edit(rt, t.pk(made.activity), {"start": TEN + 3 * HOUR}, by=CLI)
    assert following.follow(rt) == 1
    assert following.follow(rt) == 0
    followed = bookings.get(rt, t.pk(made.booking)).booking
    assert (followed.starts_at, followed.moved_from) == (TEN + 3 * HOUR, None)
    assert offered(rt, event_type, TEN)
    assert not offered(rt, event_type, TEN + 3 * HOUR)


def test_a_cancelled_and_revived_activity_takes_its_booking_along(rt: Runtime, room: t.Resource) -> None:
    event_type = make.make_event_type(rt, room)
    made = book(rt, event_type)
    activities.cancel(rt, t.pk(made.activity), by=CLI)
    following.follow(rt)
    assert bookings.get(rt, t.pk(made.booking)).booking.state == BookingState.CANCELLED
    assert offered(rt, event_type)
    activities.revive(rt, t.pk(made.activity), by=CLI)
    following.follow(rt)
    assert bookings.get(rt, t.pk(made.booking)).booking.state == BookingState.BOOKED
    assert not offered(rt, event_type)


@pytest.fixture
def moved(rt: Runtime, room: t.Resource) -> Booked:
    """A booking that was dragged onto another one."""
    event_type = make.make_event_type(rt, room)
    made = book(rt, event_type)
    book(rt, event_type, TEN + HOUR)
    activities.edit(rt, t.pk(made.activity), {"start": TEN + HOUR}, by=CLI)
    following.follow(rt)
    return bookings.get(rt, t.pk(made.booking))


def test_a_move_onto_something_else_is_shown_and_kept(rt: Runtime, moved: Booked) -> None:
    assert (moved.booking.moved_from, moved.booking.starts_at) == (TEN, TEN + HOUR)
    kept = rebooking.resolve(rt, t.pk(moved.booking), "keep", by=CLI)
    assert (kept.booking.starts_at, kept.booking.moved_from) == (TEN + HOUR, None)
    with pytest.raises(Refused) as caught:
        rebooking.resolve(rt, t.pk(moved.booking), "keep", by=CLI)
    assert caught.value.code == "settled"


def test_a_move_onto_something_else_can_be_taken_back(rt: Runtime, moved: Booked) -> None:
    back = rebooking.resolve(rt, t.pk(moved.booking), "move_back", by=CLI)
    assert (back.activity.span_start, back.booking.moved_from) == (TEN, None)
    assert following.follow(rt) == 0


def test_it_cannot_go_back_where_somebody_else_is_by_now(rt: Runtime, moved: Booked) -> None:
    with rt.reading() as session:
        event_type = session.get_one(t.EventType, moved.booking.event_type_id)
    book(rt, event_type, TEN)
    with pytest.raises(Refused) as caught:
        rebooking.resolve(rt, t.pk(moved.booking), "move_back", by=CLI)
    assert caught.value.code == "taken"
    cancelled = rebooking.resolve(rt, t.pk(moved.booking), "cancel", by=CLI)
    assert (cancelled.booking.state, cancelled.booking.moved_from) == (BookingState.CANCELLED, None)


# --- holds


def test_a_hold_keeps_its_time_until_it_expires(rt: Runtime, room: t.Resource, clock: factories.Clock) -> None:
    event_type = make.make_event_type(rt, room)
    with rt.writing() as session:
        held = t.Booking(
            event_type_id=event_type.id,
            starts_at=TEN,
            ends_at=TEN + HOUR,
            expires_at=rt.now() + HOLD,
            created_at=rt.now(),
        )
        session.add(held)
        session.flush()
        booking_rows.take(session, held, availability.terms_of(event_type, "UTC"), [t.pk(room)], held.expires_at)
    assert not offered(rt, event_type)
    assert following.remove_expired(rt) == 0
    clock.advance(minutes=4)
    assert offered(rt, event_type)
    assert following.remove_expired(rt) == 1
    assert all_of(rt, t.Taken) == []
