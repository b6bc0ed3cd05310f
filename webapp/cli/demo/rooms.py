"""What can be booked in the demo: a meeting room with a calendar of its own, calls, a workshop; and some guests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from calsync.engine.booking_form import Question
from calsync.engine.vocabulary import GroupMode, Trigger
from calsync.store import accounts as account_rows
from calsync.store import tables as t
from webapp.cli.demo import calendars as shelves

if TYPE_CHECKING:
    from webapp.cli.demo.story import Person, Stage

ROOM = "Room Elbe"
GUESTS = (
    ("Noor Fenwick", "noor@fenwick.example"),
    ("Jonas Hale", "j.hale@brightwater.example"),
    ("Mercy Osei", "m.osei@castellan.example"),
)


def open_for_bookings(stage: Stage, admin: Person, consultant: Person, seller: Person) -> None:
    """Connect the room's calendar as the admin, make what can be booked, and let the guests book it."""
    room = _room(stage, admin)
    call = _call(stage, admin, consultant)
    workshop = _workshop(stage, admin, room, seller)
    for number, (name, email) in enumerate(GUESTS):
        _book(stage, admin, workshop if number == 1 else call, 7 + number, name, email)
    stage.sync(admin, consultant, seller)


def _room(stage: Stage, admin: Person) -> int:
    from calsync.services import resources
    from calsync.services.resources import ResourceValues

    calendar = _calendar(stage, admin)
    values = ResourceValues(ROOM, tz=shelves.TZ, description="Second floor, screen and whiteboard", capacity=8)
    made = resources.create(stage.rt, values, by=stage.by(admin))
    resources.map_calendar(stage.rt, t.pk(made), t.pk(calendar), by=stage.by(admin))
    return t.pk(made)


def _calendar(stage: Stage, admin: Person) -> t.Calendar:
    from calsync.services import accounts

    stage.connect(admin)
    with stage.rt.reading() as session:
        calendar = account_rows.list_calendars(session, stage.accounts[admin.user])[0]
    flags = {"syncs": True, "blocks": False, "is_write_target": False}
    accounts.set_calendar(stage.rt, t.pk(calendar), **flags, by=stage.by(admin))
    stage.sync(admin, trigger=Trigger.FIRST)
    return calendar


def _call(stage: Stage, admin: Person, consultant: Person) -> int:
    from calsync.services import event_types
    from calsync.services.event_types import EventTypeValues

    values = EventTypeValues(
        "Introductory call",
        slug="intro",
        description="Half an hour to see whether we can help, and how.",
        owner_id=stage.users[consultant.user].id,
        location_kind="phone",
        location="We call you",
        buffer_after_minutes=10,
        questions=(
            Question("phone", "Where do we reach you?", is_required=True),
            Question("topic", "What is it about?"),
        ),
        is_public=True,
    )
    return t.pk(event_types.create(stage.rt, values, by=stage.by(admin)))


def _workshop(stage: Stage, admin: Person, room: int, seller: Person) -> int:
    from calsync.services import event_types, groups, resources
    from calsync.services.event_types import EventTypeValues
    from calsync.services.groups import GroupValues

    with stage.rt.writing() as session:
        person = t.pk(resources.ensure_person(session, stage.users[seller.user].id or 0, stage.rt))
    group = GroupValues(f"{seller.name} in {ROOM}", GroupMode.ALL_OF, resource_ids=(room, person))
    made = groups.create(stage.rt, group, by=stage.by(admin))
    values = EventTypeValues(
        "Workshop in our house",
        length_minutes=90,
        group_id=t.pk(made),
        location=f"Harbour & Hill, {ROOM}",
        buffer_before_minutes=15,
        notice_minutes=24 * 60,
        step_minutes=30,
    )
    return t.pk(event_types.create(stage.rt, values, by=stage.by(admin)))


def _book(stage: Stage, admin: Person, event_type_id: int, day: int, name: str, email: str) -> None:
    """Book the first free slot from that day on."""
    from calsync.services import availability, bookings
    from calsync.services.bookings import Request

    free = availability.slots(stage.rt, event_type_id, stage.wall(day, "09:00"), stage.wall(day + 7, "18:00")).slots
    answers = {"phone": "+49 40 5550100"}
    request = Request(event_type_id, free[0].starts_at, name, email, shelves.TZ, answers)
    bookings.book(stage.rt, request, by=stage.by(admin))
