"""Overlaps: where somebody, a resource, or anybody an event type is about has two things at the same time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine import overlaps as engine
from calsync.engine.vocabulary import Role
from calsync.errors import NotFound, Refused
from calsync.runtime import Actor, Runtime
from calsync.services import believing, busy
from calsync.services.believing import Subject
from calsync.services.busy import Busy, Times
from calsync.store import people
from calsync.store import scheduling as rows
from calsync.store import tables as t


@dataclass(frozen=True, slots=True)
class Who:
    """Whose time: exactly one."""

    user_id: int | None = None
    resource_id: int | None = None
    event_type_id: int | None = None


@dataclass(frozen=True, slots=True)
class Side:
    """One of two things at the same time; of what the asker may not see, `title` is None and it leads nowhere."""

    starts_at: datetime
    ends_at: datetime
    source: str  # as of busy.Busy
    title: str | None = None
    calendar_id: int | None = None
    activity_id: int | None = None
    booking_id: int | None = None


@dataclass(frozen=True, slots=True)
class Overlap:
    """`starts_at` to before `ends_at` is what both take, of a resource (`resource_id` 0: a person without one)."""

    resource_id: int
    starts_at: datetime
    ends_at: datetime
    first: Side
    second: Side


@dataclass(frozen=True, slots=True)
class Sight:
    """What the viewer may read: owners of calendars by calendar id, of those that sync only, and private events."""

    viewer: Actor
    owners: dict[int, int] = field(default_factory=dict)
    syncing: frozenset[int] = frozenset()
    private: frozenset[int] = frozenset()

    def reads(self, thing: Busy) -> bool:
        """Return whether its title is for the viewer: their own always, others' for admins where it is not private.

        Calendars that only block time are nobody else's business.
        """
        if thing.source == busy.ASKED:
            return False  # there is nothing to read
        owner_id = thing.owner_id if thing.event_id is None else self.owners.get(thing.calendar_id or 0)
        if owner_id is not None and owner_id == self.viewer.user_id:
            return True
        if thing.event_id is not None and (thing.calendar_id not in self.syncing or thing.event_id in self.private):
            return False
        return self.viewer.is_admin and not thing.is_private


def overlaps(rt: Runtime, who: Who, start: datetime, end: datetime, viewer: Actor) -> list[Overlap]:
    """Return every overlap that touches the window, in order.

    Raises NotFound, also for whom the viewer may not ask about: admins ask about everybody, staff about themselves,
    resources and event types, clients about themselves. Refused without exactly one to ask about.
    """
    with rt.reading() as session:
        subjects = _subjects(session, who, viewer)
        found = busy.read(session, subjects, (start, end), rt.now())
        sight = sight_of(session, viewer, found.values())
    return [
        Overlap(subject.resource_id, o.starts_at, o.ends_at, side(sight, o.first), side(sight, o.second))
        for subject, times in found.items()
        for o in pairs(times.things)
        if o.ends_at > start and o.starts_at < end
    ]


def pairs(things: Iterable[Busy]) -> list[engine.Overlap[Busy]]:
    """Return the pairs that take the same time, copies of one thing left out."""
    # What a provider tells of somebody else's time has no identity: it may be the very booking that stands beside it.
    found = [thing for thing in things if not thing.ignored and thing.source != busy.ASKED]
    shown = {thing.activity_id for thing in found if thing.source == busy.CRM}
    # A booking whose activity is there stands for nothing more than its buffers.
    once = [t_ for t_ in found if t_.source != busy.BOOKING or t_.activity_id not in shown]
    return [o for o in engine.find(once) if o.first.identity != o.second.identity]


def side(sight: Sight, thing: Busy) -> Side:
    """Return a thing as the viewer may see it."""
    if not sight.reads(thing):
        return Side(thing.starts_at, thing.ends_at, thing.source)
    return Side(
        thing.starts_at,
        thing.ends_at,
        thing.source,
        thing.title,
        thing.calendar_id,
        thing.activity_id,
        thing.booking_id,
    )


def sight_of(session: Session, viewer: Actor, found: Iterable[Times]) -> Sight:
    """Return what the viewer may read of these times."""
    listed = list(found)
    calendars = {source.calendar_id: source for times in listed for source in times.sources}
    doubtful = {
        thing.event_id for times in listed for thing in times.things if not thing.is_open and thing.event_id is not None
    }
    return Sight(
        viewer,
        {i: source.owner_id for i, source in calendars.items()},
        frozenset(i for i, source in calendars.items() if source.is_shared),
        frozenset(_private(session, doubtful)) if viewer.is_admin else frozenset(),
    )


def _private(session: Session, event_ids: Iterable[int]) -> list[int]:
    listed = sorted(event_ids)
    classification = col(t.MirrorEvent.facts)["classification"].as_string()
    found: list[int] = []
    for begin in range(0, len(listed), 500):
        part = listed[begin : begin + 500]
        query = sa.select(col(t.MirrorEvent.id)).where(col(t.MirrorEvent.id).in_(part), classification != "public")
        found += [i for i in session.scalars(query) if i is not None]
    return found


def _subjects(session: Session, who: Who, viewer: Actor) -> Sequence[Subject]:
    if sum(i is not None for i in (who.user_id, who.resource_id, who.event_type_id)) != 1:
        raise Refused("Ask about one person, resource or event type.", code="invalid")
    if who.user_id is not None:
        return [_of_user(session, who.user_id, viewer)]
    if viewer.role == Role.CLIENT:
        raise NotFound("resource" if who.resource_id else "event type", who.resource_id or who.event_type_id)
    if who.resource_id is not None:
        return [believing.of_resource(rows.get_resource(session, who.resource_id))]
    event_type = rows.get_event_type(session, who.event_type_id or 0)
    return [believing.of_resource(resource) for resource in rows.resources_of(session, event_type)]


def _of_user(session: Session, user_id: int, viewer: Actor) -> Subject:
    if not viewer.is_admin and user_id != viewer.user_id:
        raise NotFound("user", user_id)
    user = people.get(session, user_id)
    resource = rows.resource_of_user(session, user_id)
    return Subject(user_id=user_id, tz=user.tz) if resource is None else believing.of_resource(resource)
