"""Bookings as the pages of the team show them: what this viewer may read of the guest, and how each stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import url_for
from sqlmodel import Session

from calsync.engine.vocabulary import RoomAnswer
from calsync.services import booking_rows, bookings, guest_facts
from calsync.services.bookings import Booked
from calsync.services.in_the_way import Met
from calsync.store import booking_list, rooms, scheduling, whereabouts
from calsync.store import tables as t
from calsync.store.booking_list import Line
from webapp import activity_view, guest_pages, moments, words
from webapp.access import actor, runtime
from webapp.activity_view import Told
from webapp.forms.bookings import PAGE_KEY
from webapp.words.states import Word


@dataclass(frozen=True, slots=True)
class Row:
    """A booking of a list. Of one that is private and somebody else's the guest is not told."""

    line: Line
    hides: bool

    @property
    def guest(self) -> str:
        if self.hides:
            return words.PRIVATE_TITLE
        return self.line.booking.guest_name or self.line.booking.guest_email or "No name"

    @property
    def what(self) -> str:
        return self.line.event_type.name if self.line.event_type else guest_facts.NAMELESS

    @property
    def when(self) -> str:
        return moments.span(self.line.booking.starts_at, self.line.booking.ends_at)

    @property
    def word(self) -> Word:
        return words.booking_state(self.line.state)

    @property
    def behind(self) -> Word | None:
        """What its calendar does not know yet, where the badge of its state does not say so already."""
        if self.line.is_written or self.line.state == "unwritten":
            return None
        return words.booking_state("undeleted" if self.line.state == "cancelled" else "unwritten")

    @property
    def url(self) -> str:
        """Where it leads, "" for a hold, which is gone in a moment."""
        return url_for("bookings.show", booking_id=self.line.booking.id) if self.line.activity else ""


@dataclass(frozen=True, slots=True)
class InTheWay:
    """What a moved booking meets; `url` is "" where it leads nowhere for this viewer."""

    when: str
    label: str
    url: str


@dataclass(frozen=True, slots=True)
class RoomSaid:
    """A room that the booking invites, and what it said."""

    name: str
    answer: str

    @property
    def word(self) -> Word:
        return words.room_answer(self.answer)

    @property
    def is_refusal(self) -> bool:
        return self.answer in (RoomAnswer.DECLINED, RoomAnswer.OFF)


@dataclass(frozen=True, slots=True)
class Shown:
    """One booking with everything its page says. `told` says why it is not written, where it is not."""

    row: Row
    resources: Sequence[t.Resource]
    answers: Sequence[tuple[str, str]]
    told: Sequence[Told]
    meets: Sequence[InTheWay]
    rooms: Sequence[RoomSaid] = ()
    is_new_there: bool = False

    @property
    def refusing(self) -> Sequence[RoomSaid]:
        """The rooms that this booking goes without."""
        return [each for each in self.rooms if each.is_refusal and self.is_open]

    @property
    def booking(self) -> t.Booking:
        return self.row.line.booking

    @property
    def moved_from(self) -> str:
        """When it was before a calendar moved it, "" where none did."""
        before, until = self.booking.moved_from, self.booking.moved_until
        return moments.span(before, until) if before and until else ""

    @property
    def guest_url(self) -> str:
        """The link by which the guest moves and cancels it."""
        return guest_pages.address("guest.show", token=booking_rows.token(runtime(), self.booking))

    @property
    def is_by_guest(self) -> bool:
        """Whether the guest booked it, on the public page."""
        return self.booking.booked_by_id is None and (self.booking.key or "").startswith(PAGE_KEY)

    @property
    def told_title(self) -> str:
        """What its calendar does not know yet."""
        if self.booking.state == "cancelled":
            return "Still on its calendar"
        return "Not on its calendar yet" if self.is_new_there else "Its calendar does not have the change yet"

    @property
    def is_open(self) -> bool:
        """Whether it can still be moved or cancelled."""
        return self.booking.state == "booked"


def row(line: Line) -> Row:
    return Row(line, line.activity is not None and activity_view.hides(line.activity))


def may_see(line: Line) -> bool:
    """Return whether the viewer may see a booking that was made."""
    if line.activity is None:
        return False
    return bookings.may_see(Booked(line.booking, line.activity, (), line.is_written), actor())


def shown(session: Session, line: Line, meets: Sequence[Met]) -> Shown:
    """Return what the page of a booking says."""
    made = row(line)
    resources = booking_list.resources(session, t.pk(line.booking))
    answers = () if made.hides else guest_facts.answers(line.booking, line.event_type)
    told = () if line.is_written else _told(session, line)
    is_new_there = not line.is_written and scheduling.is_new_there(session, line.booking.activity_id or 0)
    said = [RoomSaid(room.name, answer) for room, answer in rooms.answers(session, t.pk(line.booking))]
    return Shown(made, resources, answers, told, [_in_the_way(each) for each in meets], said, is_new_there)


def _in_the_way(met: Met) -> InTheWay:
    when = moments.span(met.side.starts_at, met.side.ends_at)
    if met.line is not None:
        other = row(met.line)
        return InTheWay(when, f"{other.what}: {other.guest}", other.url)
    if met.side.activity_id is not None and met.side.title:
        return InTheWay(when, met.side.title, url_for("activities.show", activity_id=met.side.activity_id))
    return InTheWay(when, met.side.title or "Busy", "")


def _told(session: Session, line: Line) -> Sequence[Told]:
    activity = line.activity
    return activity_view.told(activity, whereabouts.of(session, [activity])[t.pk(activity)]) if activity else ()
