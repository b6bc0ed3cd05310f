"""What a change of a series does to its exceptions and to instances that it no longer has (8.4)."""

from __future__ import annotations

from tests.emulators.google import instances, recurrence
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


def follow(world: World, calendar: Calendar, event: Event, before: Resource | None) -> list[tuple[Event, Resource]]:
    """After `event` was saved in place of `before`: retire lost instances, drop exceptions whose place is
    gone, hand on changed fields to exceptions that had not changed them. Return the exceptions that were
    changed with what they were."""
    if before is None or event.series_id:
        return []
    if any(before.get(key) != event.body.get(key) for key in SHAPE):
        _retire(world, event, before)
    if not (before.get("recurrence") or event.is_series):
        return []
    all_exceptions = instances.exceptions(calendar, event.id, with_vanished=True).values()
    told = [(one, one.body) for one in all_exceptions if _follow_one(event, before, one)]
    for one, _ in told:
        world.save(calendar, one)
    return told


def _retire(world: World, event: Event, before: Resource) -> None:
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


def _follow_one(event: Event, before: Resource, exception: Event) -> bool:
    """Change one exception as the series demands; tell whether it is to be reported."""
    slot = recurrence.slot_of(exception.body["originalStartTime"])
    is_placed = event.is_series and recurrence.has(event.body["recurrence"], event.body["start"], slot)
    was_vanished, exception.is_vanished = exception.is_vanished, not is_placed
    old = exception.body
    if not is_placed:
        exception.body = {**old, "status": "cancelled"}
        return not was_vanished
    # A place that is back is an ordinary instance again.
    exception.body = instances.worked_out(event, slot).body if was_vanished else _handed_on(old, before, event.body)
    is_revived = before["status"] == "cancelled" and not event.is_cancelled
    return was_vanished or is_revived or exception.body != old


def _handed_on(mine: Resource, before: Resource, after: Resource) -> Resource:
    body = dict(mine)
    for key in INHERITED:
        if mine.get(key) != before.get(key) or before.get(key) == after.get(key):
            continue
        body.pop(key, None)
        if key in after:
            body[key] = after[key]
    return body
