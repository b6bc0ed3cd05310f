"""What can be booked in the large organisation of `town.py`, and what has been."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine import hours as engine_hours
from calsync.engine.hours import Hours
from calsync.runtime import Runtime
from calsync.services import booking_rows
from calsync.store import tables as t

ROOMS, PEOPLE, EVENT_TYPES = 40, 40, 30
IN_GROUP = 10
SHARE = 20
"""One activity in so many is a booking."""

DAY = Hours("Europe/Berlin", (((8 * 60, 12 * 60), (13 * 60, 18 * 60)),) * 5 + ((),) * 2)


def build(rt: Runtime, activities: int, people: Sequence[int], now: datetime) -> None:
    """Add rooms and people, a group, event types, working hours, and a booking for one activity in SHARE."""
    with rt.writing() as session:
        persons = list(_people(people, now))
        resources = [*_rooms(session, now), *persons]
        session.add_all(resources)
        session.flush()
        group = _group(session, persons[:IN_GROUP], now)
        session.add(t.Hours(owner="organisation", value=engine_hours.to_json(DAY), changed_at=now))
        event_types = list(_event_types(resources, t.pk(group), now))
        session.add_all(event_types)
    for start in range(0, activities, 5_000):
        with rt.writing() as session:
            _book(session, rt, range(start + 1, min(start + 5_000, activities) + 1), resources, event_types, now)


def _rooms(session: Session, now: datetime) -> Iterator[t.Resource]:
    """Yield rooms, each with a calendar of its own: the second of an account."""
    query = sa.select(col(t.Calendar.id)).where(t.Calendar.name == "Team").order_by(col(t.Calendar.id)).limit(ROOMS)
    for number, calendar_id in enumerate(session.scalars(query)):
        yield t.Resource(name=f"Room {number + 1}", tz="Europe/Berlin", calendar_id=calendar_id, created_at=now)


def _people(people: Sequence[int], now: datetime) -> Iterator[t.Resource]:
    for number, user_id in enumerate(people[:PEOPLE]):
        yield t.Resource(
            name=f"Doctor {number + 1}", kind="person", tz="Europe/Berlin", user_id=user_id, created_at=now
        )


def _group(session: Session, members: Sequence[t.Resource], now: datetime) -> t.ResourceGroup:
    group = t.ResourceGroup(name="Doctors", created_at=now)
    session.add(group)
    session.flush()
    session.add_all(t.GroupMember(group_id=t.pk(group), resource_id=t.pk(member)) for member in members)
    return group


def _event_types(resources: Sequence[t.Resource], group_id: int, now: datetime) -> Iterator[t.EventType]:
    """Yield event types: the first is about the group of ten, the others about one resource each."""
    for number in range(EVENT_TYPES):
        of: dict[str, Any] = (
            {"group_id": group_id} if number == 0 else {"resource_id": resources[number % len(resources)].id}
        )
        yield t.EventType(
            name=f"Appointment {number + 1}",
            slug=f"appointment-{number + 1}",
            length_minutes=30,
            is_public=True,
            created_at=now,
            **of,
        )


def _book(
    session: Session,
    rt: Runtime,
    ids: range,
    resources: Sequence[t.Resource],
    event_types: Sequence[t.EventType],
    now: datetime,
) -> None:
    A = t.Activity
    query = sa.select(col(A.id), col(A.span_start), col(A.row_version)).where(
        col(A.id).between(ids.start, ids.stop - 1), col(A.is_series).is_(False)
    )
    for activity_id, start, version in session.execute(query).all():
        if activity_id % SHARE == 1:
            number = activity_id // SHARE
            booking = t.Booking(
                activity_id=activity_id,
                event_type_id=event_types[number % EVENT_TYPES].id,
                state="cancelled" if number % 10 == 3 else "booked",
                starts_at=start,
                ends_at=start + timedelta(minutes=30),
                guest_name=f"Guest {number}",
                guest_email=f"guest{number}@customer.example",
                followed_version=version,
                public_id=uuid.uuid4().hex,
                created_at=now,
            )
            booking.token_hash = booking_rows.hash_of(booking_rows.token(rt, booking))
            session.add(booking)
            session.flush()
            resource_id = t.pk(resources[number % len(resources)])
            ends_at = now if booking.state == "cancelled" else None
            taken = {"starts_at": booking.starts_at, "ends_at": booking.ends_at, "expires_at": ends_at}
            session.add(t.Taken(booking_id=t.pk(booking), resource_id=resource_id, **taken))
