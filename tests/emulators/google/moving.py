"""The three rarer ways to put an event on a calendar: import, move, quickAdd (contract 7.6, 7.7)."""

from __future__ import annotations

from datetime import timedelta

from tests.emulators.google import (
    access,
    copies,
    drafts,
    errors,
    event_types,
    instances,
    mail,
    meet,
    render,
    series,
    times,
    writing,
)
from tests.emulators.google import world as worlds
from tests.emulators.google.access import Call
from tests.emulators.google.model import Calendar, Event, Resource
from tests.emulators.google.world import World


def import_event(call: Call) -> Resource:
    """Add a private copy by `iCalUID`; importing it again replaces it fully and keeps its id."""
    calendar = access.get_calendar(call, access.WRITES)
    uid = call.body.get("iCalUID")
    if call.body.get("id"):
        raise errors.invalid("Invalid resource id value.")
    if not uid:
        raise errors.required("Missing iCalUID.", "iCalUID")
    body = _imported(call, calendar)
    previous = _find_by_uid(call.world, calendar, uid)
    now = call.world.now()
    event = previous or Event(worlds.new_event_id(), {}, now, now, 0)
    before, event.body = event.body or None, body
    call.world.save(calendar, event)
    series.follow(call.world, calendar, event, before)
    return render.shown(event, render.view(call, calendar))


def _imported(call: Call, calendar: Calendar) -> Resource:
    options = drafts.Options.of(call.query)
    wanted = {key: value for key, value in call.body.items() if key not in event_types.PROPERTIES.values()}
    # Only default events are imported; others are converted (7.6).
    body = drafts.normal({**wanted, "eventType": "default"}, calendar, options)
    if not options.attachments:
        body.pop("attachments", None)
    body |= copies.identity(calendar, call.user)
    organizer = call.body.get("organizer") or {}
    if organizer.get("email") and organizer["email"].lower() != calendar.id:
        if calendar.id not in copies.guests(body):
            raise errors.restricted(
                "participantIsNeitherOrganizerNorAttendee",
                "The owner of the calendar must either be the organizer or an attendee of an event that is imported.",
            )
        name = {"displayName": organizer["displayName"]} if organizer.get("displayName") else {}
        body |= {"organizer": {"email": organizer["email"].lower(), **name}, "privateCopy": True}
    body |= {"iCalUID": call.body["iCalUID"], "sequence": call.body.get("sequence") or 0}
    opens = options.conference
    return body | meet.applied(call.world, calendar, call.body, None, is_patch=False, opens=opens)


def _find_by_uid(world: World, calendar: Calendar, uid: str) -> Event | None:
    found = (event for event in world.stored_events(calendar) if event.body["iCalUID"] == uid)
    return next((event for event in found if event.series_id is None), None)


def move(call: Call) -> Resource:
    """Make the destination calendar the organizer; the old calendar keeps a bare cancelled stub."""
    calendar, event = writing.get_event(call)
    target = access.get_calendar(call, access.WRITES, call.query["destination"])
    _check_movable(calendar, event)
    moved = [event, *instances.exceptions(calendar, event.id).values()]
    send = mail.mode(call.query)
    organizer = copies.identity(target, call.user)["organizer"]
    for one in moved:
        before = one.body
        body = {**before, "organizer": organizer}
        copy = Event(one.id, body, one.created, one.updated, 0, retired=dict(one.retired))
        writing.commit(call.world, target, copy, before, send)
        if calendar.id not in copies.guests(body):
            one.body = {**body, "status": "cancelled"}
            call.world.save(calendar, one)
    return render.shown(target.events[event.id], render.view(call, target))


def _check_movable(calendar: Calendar, event: Event) -> None:
    if event.is_cancelled:
        raise errors.of(410, "deleted")
    if event.series_id:
        raise errors.restricted(
            "cannotChangeOrganizerOfInstance", "Cannot change the organizer of an instance of a series."
        )
    if event.body["eventType"] != "default":
        raise errors.restricted("eventTypeRestriction", "Only default events can be moved.")
    if event.body["organizer"]["email"] != calendar.id:
        raise errors.restricted("cannotChangeOrganizer", "Only the organizer's copy can be moved.")


def quick_add(call: Call) -> Resource:
    """Make an event of one hour from the next full hour with the text as its name.

    Google reads times out of the text; the emulator does not.
    """
    calendar = access.get_calendar(call, access.WRITES)
    start = call.world.now().replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    zone = calendar.time_zone
    call.body = {
        "summary": call.query["text"],
        "start": {"dateTime": times.seconds(start), "timeZone": zone},
        "end": {"dateTime": times.seconds(start + timedelta(hours=1)), "timeZone": zone},
    }
    return writing.insert(call)
