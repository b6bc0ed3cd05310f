"""What a change of a series does to its exceptions and to instances that it no longer has (8.4)."""

from __future__ import annotations

from tests.emulators.google import copies, instances, recurrence
from tests.emulators.google.model import Calendar, Event, Resource
from tests.emulators.google.world import World

INHERITED = (
    "summary",
    "description",
    "location",
    "colorId",
    "visibility",
    "transparency",
    "attendees",
    "conferenceData",
    "hangoutLink",
    "attachments",
    "guestsCanInviteOthers",
    "guestsCanModify",
    "guestsCanSeeOtherGuests",
    "organizer",
)
SHAPE = ("start", "end", "recurrence", "status")


def follow(world: World, calendar: Calendar, event: Event, before: Resource | None) -> None:
    """After `event` was saved in place of `before`: retire lost instances, drop exceptions whose place is
    gone, and hand on changed fields to exceptions that had not changed them."""
    if before is None or not (before.get("recurrence") or event.is_series):
        return
    if any(before.get(key) != event.body.get(key) for key in SHAPE):
        _retire(world, calendar, event, before)
    for exception in instances.exceptions(calendar, event.id).values():
        _follow_one(world, calendar, event, before, exception)


def _retire(world: World, calendar: Calendar, event: Event, before: Resource) -> None:
    """Remember instances that went away, for clients that sync instances (`singleEvents=true`)."""
    old, new = _ids(world, event.id, before), _ids(world, event.id, event.body)
    for gone in old.keys() - new.keys():
        event.retired[gone] = (event.revision, old[gone])
    for back in new.keys() & event.retired.keys():
        del event.retired[back]


def _ids(world: World, event_id: str, body: Resource) -> dict[str, Resource]:
    """Return instance ids with their original starts; a single event is its own only instance."""
    if not body.get("recurrence"):
        return {} if body["status"] == "cancelled" else {event_id: {}}
    if body["status"] == "cancelled":
        return {}
    last = instances.horizon(body, world.now())
    start = body["start"]
    slots = recurrence.slots(body["recurrence"], start, instances.START_OF_TIME, last)
    return {instances.instance_id(event_id, slot): recurrence.value_of(slot, start) for slot in slots}


def _follow_one(world: World, calendar: Calendar, event: Event, before: Resource, exception: Event) -> None:
    slot = recurrence.slot_of(exception.body["originalStartTime"])
    if not event.is_series or not recurrence.has(event.body["recurrence"], event.body["start"], slot):
        exception.is_vanished = True
        exception.body = {**exception.body, "status": "cancelled"}
        world.save(calendar, exception)
        return
    old = exception.body
    exception.body = _handed_on(old, before, event.body)
    if exception.body != old:
        world.save(calendar, exception)
        copies.spread(world, calendar, exception, old)


def _handed_on(mine: Resource, before: Resource, after: Resource) -> Resource:
    body = dict(mine)
    for key in INHERITED:
        if mine.get(key) != before.get(key) or before.get(key) == after.get(key):
            continue
        body.pop(key, None)
        if key in after:
            body[key] = after[key]
    return body
