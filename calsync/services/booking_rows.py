"""What a booking leaves behind: its activity, the calendars that it is to stand on, and the time that it takes.

For the services that book, move and cancel, inside their transactions. Rules about whether it may stand elsewhere.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from calsync.engine import booking_form, slots
from calsync.engine import event as events
from calsync.engine.event import Event, Moment
from calsync.engine.mapping import ActivityValues
from calsync.engine.openings import Terms
from calsync.engine.rules import Rules
from calsync.engine.vocabulary import BookingState, Kind, ResourceKind
from calsync.errors import Refused
from calsync.runtime import Actor, Runtime
from calsync.services import activity_fields as fields
from calsync.store import accounts, activities, rooms
from calsync.store import scheduling as rows
from calsync.store import tables as t
from calsync.store.tables.columns import public_id

LINK_IS = "link"
"""The kind of place whose text is a link that somebody typed."""


def token(rt: Runtime, booking: t.Booking) -> str:
    """Return what a guest's links move and cancel a booking with: always the same, and known to nobody else."""
    key = rt.settings.secret_key.get_secret_value().encode()
    return hmac.new(key, f"booking {booking.public_id}".encode(), hashlib.sha256).hexdigest()[:40]


def hash_of(token: str) -> str:
    """Return what of a token is stored."""
    return hashlib.sha256(token.encode()).hexdigest()


# --- time


def take(
    session: Session, booking: t.Booking, terms: Terms, resource_ids: Collection[int], expires_at: datetime | None
) -> None:
    """Write down what a booking takes of its resources, buffers included, instead of what it took before."""
    before = {row.resource_id: row for row in rows.taken_by(session, t.pk(booking))}
    for resource_id in before.keys() - set(resource_ids):
        session.delete(before[resource_id])
    for resource_id in sorted(resource_ids):
        row = before.get(resource_id) or t.Taken(
            booking_id=t.pk(booking), resource_id=resource_id, starts_at=booking.starts_at, ends_at=booking.ends_at
        )
        starts_at = booking.starts_at - timedelta(minutes=terms.before_minutes)
        if starts_at != row.starts_at:
            row.room_answer = ""  # what a room said was about the time before
        row.starts_at = starts_at
        row.ends_at = min(booking.ends_at + timedelta(minutes=terms.after_minutes), row.starts_at + t.LONG)
        row.expires_at = expires_at
        session.add(row)
    session.flush()


def let_go(session: Session, booking: t.Booking, now: datetime) -> None:
    """Free what a booking takes; the rows stay, so that it can be brought back."""
    for row in rows.taken_by(session, t.pk(booking)):
        row.expires_at = now


# --- the activity


def make_activity(
    session: Session,
    rt: Runtime,
    booking: t.Booking,
    event_type: t.EventType,
    found: Sequence[t.Resource],
    rules: Rules,
    by: Actor,
) -> t.Activity:
    """Save the activity of a booking, and where it is to stand."""
    found = people_first(found)
    owner_id = _owner(session, found, event_type, by)
    uid = public_id()
    bare = Event(uid, booking.starts_at, booking.ends_at, found[0].tz)
    event = fields.apply(bare, _values(booking, event_type, found), rules)
    row = activities.new(
        ActivityValues(Kind.BOOKING, uid, "", None, events.content(event)),
        owner_id=owner_id,
        created_by_id=by.user_id,
        now=rt.now(),
    )
    row.public_id, row.location_kind = uid, event_type.location_kind
    session.add(row)
    session.flush()
    for calendar_id in calendars_of(session, found):
        session.add(t.Placement(activity_id=t.pk(row), calendar_id=calendar_id))
        session.flush()
    return row


def _values(booking: t.Booking, event_type: t.EventType, found: Sequence[t.Resource]) -> dict[str, Any]:
    is_link = event_type.location_kind == LINK_IS
    names = [resource.name for resource in found if resource.kind == ResourceKind.ROOM]
    guests = {booking.guest_email: booking.guest_name} if booking.guest_email else {}
    return {
        "title": f"{event_type.name}: {booking.guest_name}" if booking.guest_name else event_type.name,
        "description": _description(booking, event_type),
        "location": "" if is_link else event_type.location or ", ".join(names),
        "conference": event_type.location or None if is_link else None,
        "attendees": guests,
        "reminders": [(int(minutes), str(way)) for minutes, way in event_type.reminders],
        "visibility": event_type.visibility,
    }


def _description(booking: t.Booking, event_type: t.EventType) -> str:
    questions = booking_form.from_json(event_type.questions)
    answers = [f"{q.label}\n{_told(booking.answers[q.name])}" for q in questions if booking.answers.get(q.name)]
    return "\n\n".join(part for part in (event_type.description, *answers) if part)


def _told(answer: Any) -> str:
    return "Yes" if answer is True else str(answer)


def _owner(session: Session, found: Sequence[t.Resource], event_type: t.EventType, by: Actor) -> int:
    """Return whose activity a booking is: the person's who is booked, else of whom the calendar is."""
    for resource in found:
        if resource.user_id is not None:
            return resource.user_id
    for resource in found:
        if resource.calendar_id is not None:
            calendar = accounts.get_calendar(session, resource.calendar_id)
            return accounts.get(session, calendar.account_id).user_id
    owner_id = event_type.owner_id or by.user_id or rows.first_admin_id(session)
    if owner_id is None:
        raise Refused("Nobody is there to take this booking.", code="no_owner")
    return owner_id


def people_first(found: Sequence[t.Resource]) -> list[t.Resource]:
    """Return resources in the order in which a booking looks for its owner and its main calendar."""
    return sorted(found, key=lambda resource: (resource.kind != ResourceKind.PERSON, t.pk(resource)))


def calendars_of(session: Session, found: Sequence[t.Resource]) -> list[int]:
    """Return where a booking is to stand: on each resource's calendar, of a person without one on their write target.

    The first is the main one. Rooms that are invited are invited from their account's main calendar.
    """
    ids: list[int] = []
    for resource in found:
        if resource.calendar_id is not None:
            ids.append(resource.calendar_id)
        elif resource.user_id is not None:
            ids += [t.pk(calendar) for calendar in accounts.write_targets(session, resource.user_id)]
    ids += rooms.calendars(session, [t.pk(resource) for resource in found]).values()
    return list(dict.fromkeys(ids))


def move_activity(
    session: Session, activity: t.Activity, starts_at: datetime, ends_at: datetime, now: datetime
) -> None:
    """Write other times into an activity; everything else about it stays."""
    time: Mapping[str, Any] = activity.content["time"]
    moved = {**time, "start": events.moment_text(starts_at), "end": events.moment_text(ends_at)}
    activities.set_content(activity, {**activity.content, "time": moved}, now=now)


def times_of(activity: t.Activity, tz: str) -> tuple[datetime, datetime]:
    """Return when an activity is, of a series its first time; days are read by the clock of `tz`."""
    time, zone = activity.content["time"], slots.zone(tz)
    start: Moment = events.parse_moment(time["start"])
    end: Moment = events.parse_moment(time["end"])
    return slots.instant(start, zone), slots.instant(end, zone)


def is_over(activity: t.Activity) -> bool:
    return activity.status == "cancelled" or activity.is_dissolved


def mark_cancelled(session: Session, booking: t.Booking, now: datetime) -> None:
    """Write down that a booking is cancelled; what it took is free."""
    booking.state, booking.cancelled_at = BookingState.CANCELLED, booking.cancelled_at or now
    booking.moved_from = booking.moved_until = None
    let_go(session, booking, now)
