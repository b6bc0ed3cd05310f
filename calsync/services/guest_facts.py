"""What a guest is told about their own booking, on the page of their link, in the calendar file and by mail.

Nothing else of the CRM is in it: not the title of the activity, nor what the team wrote into its description.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from calsync.engine import booking_form
from calsync.engine.vocabulary import BookingState, ResourceKind
from calsync.errors import NotFound
from calsync.runtime import Runtime
from calsync.services import booking_rows
from calsync.store import activities
from calsync.store import scheduling as rows
from calsync.store import tables as t

NAMELESS = "Booking"
"""What a booking is called whose event type is gone."""

HAVE_NO_LINK = ("in_person", "phone", "")
"""Kinds of place that have no link to join."""


@dataclass(frozen=True, slots=True)
class Found:
    """A booking with its event type, None where that is gone, and what it takes."""

    booking: t.Booking
    event_type: t.EventType | None
    resource_ids: tuple[int, ...]

    @property
    def title(self) -> str:
        return self.event_type.name if self.event_type else NAMELESS


@dataclass(frozen=True, slots=True)
class Facts:
    """`join_url` is None where there is no link, or none yet: then `awaits_link`. `people` are whom it is with;
    `uid`, `sequence` and `changed_at` are the activity's, for calendar files.
    """

    title: str
    description: str
    starts_at: datetime
    ends_at: datetime
    guest_name: str
    guest_email: str
    place_kind: str
    place: str
    join_url: str | None
    people: tuple[str, ...]
    answers: tuple[tuple[str, str], ...]
    is_cancelled: bool
    uid: str
    sequence: int
    changed_at: datetime

    @property
    def awaits_link(self) -> bool:
        return self.join_url is None and self.place_kind not in HAVE_NO_LINK and not self.is_cancelled


def by_token(rt: Runtime, token: str) -> Found:
    """Return the booking that a guest's link is about (booking_rows.token). Raises NotFound, also for a mere hold."""
    with rt.reading() as session:
        booking = rows.find_by_token(session, booking_rows.hash_of(token))
        if booking is None or booking.state == BookingState.HELD:
            raise NotFound("booking", "link")
        return find(session, booking)


def find(session: Session, booking: t.Booking) -> Found:
    """Return a booking with what belongs to it."""
    event_type = None if booking.event_type_id is None else session.get(t.EventType, booking.event_type_id)
    return Found(booking, event_type, tuple(row.resource_id for row in rows.taken_by(session, t.pk(booking))))


def read(rt: Runtime, found: Found) -> Facts:
    """Return what the guest of a booking is told."""
    with rt.reading() as session:
        return of(session, found, activities.get(session, found.booking.activity_id or 0))


def of(session: Session, found: Found, activity: t.Activity) -> Facts:
    """Return what the guest is told, inside a transaction."""
    booking, event_type = found.booking, found.event_type
    taken = rows.resources(session, found.resource_ids)
    return Facts(
        title=found.title,
        description=event_type.description if event_type else "",
        starts_at=booking.starts_at,
        ends_at=booking.ends_at,
        guest_name=booking.guest_name,
        guest_email=booking.guest_email,
        place_kind=activity.location_kind or "",
        place=str(activity.content.get("location") or ""),
        join_url=activity.content.get("conference") or None,
        people=tuple(resource.name for resource in taken if resource.kind == ResourceKind.PERSON),
        answers=answers(booking, event_type),
        is_cancelled=booking.state == BookingState.CANCELLED,
        uid=activity.uid,
        sequence=activity.row_version,
        changed_at=activity.updated_at,
    )


def answers(booking: t.Booking, event_type: t.EventType | None) -> tuple[tuple[str, str], ...]:
    """Return the questions that were answered, each with its answer; of a question that is gone its own name."""
    asked = booking_form.from_json(event_type.questions) if event_type else ()
    labels = {question.name: question.label for question in asked}
    return tuple((labels.get(name, name), _told(value)) for name, value in booking.answers.items() if value)


def _told(answer: object) -> str:
    return "Yes" if answer is True else str(answer)
