"""Copies of a meeting in the mailboxes of those invited, and their answers (contract A4.1, A4.2)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from tests.emulators.microsoft import items, mail, people, times, zones
from tests.emulators.microsoft.items import occurrence_id
from tests.emulators.microsoft.model import Event, Resource, User
from tests.emulators.microsoft.world import World

OWN = ("showAs", "isReminderOn", "reminderMinutesBeforeStart", "categories", "sensitivity")
"""What every guest sets for themselves."""


def spread(world: World, event: Event) -> None:
    """Bring the copies of those invited up to date with the organizer's event; plan the answers of rooms."""
    for attendee in event.fields["attendees"]:
        user = world.find_user(attendee["emailAddress"]["address"])
        if user is None or not user.has_mailbox or user.email == event.organizer[0]:
            continue
        if user.kind == "room":
            event.rooms_at = world.now() + timedelta(seconds=world.settings.room_delay_s)
            world.note_due(event)
        copy = _find_copy(world, user, event)
        if copy is None:
            _make_copy(world, user, event)
        else:
            _fill(copy, event)
            world.save(copy)


def copies(world: World, event: Event) -> Iterator[tuple[User, Event]]:
    for user in list(world.users.values()):
        copy = _find_copy(world, user, event)
        if copy is not None and copy is not event:
            yield user, copy


def _find_copy(world: World, user: User, event: Event) -> Event | None:
    for calendar in world.calendars_of(user.email):
        for one in calendar.events.values():
            if (one.uid, one.original) == (event.uid, event.original) and not one.is_deleted and one is not event:
                return one
    return None


def _make_copy(world: World, user: User, event: Event) -> None:
    home = world.default_calendar(user.email)
    copy = people.blank_event(world, home, event.organizer, event.start, event.end, event.zone)
    copy.uid, copy.response = event.uid, ("notResponded", None)
    if event.original:
        masters = (one for one in home.events.values() if one.uid == event.uid and one.recurrence)
        master = next(masters, None)
        if master is None:
            return
        copy.master, copy.original = master.id, event.original
        copy.id = occurrence_id(master.id, event.original)
        copy.mutable_id = occurrence_id(master.mutable_id, event.original)
    copy.fields = {**event.fields, "categories": [], "showAs": "tentative"}
    _fill(copy, event)
    world.save(copy, "created")


def _fill(copy: Event, event: Event) -> None:
    kept = {name: copy.fields[name] for name in OWN}
    copy.fields = {**event.fields, **kept}
    copy.start, copy.end, copy.zone, copy.is_all_day = event.start, event.end, event.zone, event.is_all_day
    copy.recurrence, copy.cancelled, copy.online = event.recurrence, set(event.cancelled), event.online
    copy.is_cancelled = event.is_cancelled


def call_off(world: World, event: Event) -> None:
    """Mark the guests' copies as cancelled; they stay until removed (A4.2)."""
    for _, copy in copies(world, event):
        copy.is_cancelled = True
        world.save(copy)


def uninvite(world: World, event: Event, before: list[Resource]) -> None:
    gone = {one.lower() for one in mail.addresses(before)} - {
        one.lower() for one in mail.addresses(event.fields["attendees"])
    }
    for user, copy in copies(world, event):
        if user.email.lower() in gone:
            copy.is_cancelled = True
            world.save(copy)


def answer(world: World, event: Event, user: User, response: str, *, sends: bool, comment: str) -> None:
    """Record a guest's answer in their copy and in the organizer's event, and mail the organizer if told so."""
    event.response = (response, world.now())
    event.fields["showAs"] = {"accepted": "busy", "declined": "free"}.get(response, "tentative")
    world.save(event)
    organizer = world.find_user(event.organizer[0])
    if sends:
        mail.send(world, "answer", event, [event.organizer[0]], comment)
        original = _find_copy(world, organizer, event) if organizer else None
        if original is not None:
            note_answer(world, original, user.email, response)


def note_answer(world: World, event: Event, address: str, response: str) -> None:
    for attendee in event.fields["attendees"]:
        if attendee["emailAddress"]["address"].lower() == address.lower():
            attendee["status"] = {"response": response, "time": times.stamp(world.now())}
    world.save(event)


def asked_anew(world: World, attendees: list[Resource]) -> list[Resource]:
    """Return attendees of a meeting that moved: what a room said of the time before counts no more."""
    none = {"response": "none", "time": times.NEVER}
    found = []
    for one in attendees:
        user = world.find_user(one["emailAddress"]["address"])
        found.append({**one, "status": none} if user is not None and user.kind == "room" else one)
    return found


def let_rooms_answer(world: World, event: Event) -> None:
    """Rooms answer by themselves, some time after they are invited (A14)."""
    event.rooms_at = None
    for attendee in event.fields["attendees"]:
        room = world.find_user(attendee["emailAddress"]["address"])
        if room is not None and room.kind == "room" and attendee["status"]["response"] == "none":
            _answer_as_room(world, event, room)


def _answer_as_room(world: World, event: Event, room: User) -> None:
    """Take the time if it is free, decline it otherwise; `answers` set to anything else than auto is what it says."""
    copy = _find_copy(world, room, event)
    response = room.answers
    if response == "auto":
        response = "declined" if copy is None or _collides(world, room, copy) else "accepted"
    if copy is not None:
        copy.response = (response, world.now())
        copy.fields["showAs"] = "busy" if response == "accepted" else "free"
        world.save(copy)
    # Answers are tallied in the organizer's default calendar only (A3).
    if event.calendar.is_default:
        note_answer(world, event, room.email, response)


def _collides(world: World, room: User, copy: Event) -> bool:
    """Tell whether something else that takes time is in a room's calendar when a meeting is."""
    begin, end = (zones.instant(wall, copy.zone) for wall in (copy.start, copy.end))
    others = items.view(world.default_calendar(room.email), (begin, end))
    return any(
        other.event.uid != copy.uid
        and not other.event.is_cancelled
        and other.event.fields["showAs"] != "free"
        and other.event.response[0] in ("organizer", "accepted")
        and other.moments[0] < end
        and other.moments[1] > begin
        for other in others
    )
