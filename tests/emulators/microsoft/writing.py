"""Creating, changing and deleting events (contract A4.3 to A4.5, A6.2)."""

from __future__ import annotations

import copy
from datetime import datetime
from typing import Any

from tests.emulators.microsoft import access, drafts, errors, extensions, guests, items, mail, meetings, people, reading
from tests.emulators.microsoft.access import Call
from tests.emulators.microsoft.items import Item, occurrence_id
from tests.emulators.microsoft.model import Calendar, Event, Resource
from tests.emulators.microsoft.wire import Reply
from tests.emulators.microsoft.world import World

HANDED_DOWN = ("start", "end", "zone", "is_all_day")


def create(call: Call) -> Reply:
    """Store a new event and mail those invited. A transaction id works once (A4.3)."""
    calendar = access.get_calendar(call, writes=True)
    transaction_id = call.body.get("transactionId")
    if transaction_id:
        _check_new(call, str(transaction_id))
    event = make(call.world, calendar, (call.user.email, call.user.name), call.body)
    call.world.save(event, "created")
    mail.after_change(call.world, event, [], set())
    guests.spread(call.world, event)
    item = Item(event)
    location = f"{call.base_url}/v1.0/users/{call.user.oid}/events/{item.id(immutable=call.look.immutable)}"
    return Reply(201, _whole(call, item), {"location": location})


def _check_new(call: Call, transaction_id: str) -> None:
    earlier = reading.find_by_transaction(call, transaction_id)
    if earlier is None:
        return
    settings = call.world.settings
    existing = Item(earlier).id(immutable=call.look.immutable)
    more: dict[str, Any] = {"@event.existingEventId": existing} if settings.tells_existing_id else {}
    message = "Your request can't be completed. The transaction ID of the request was used already."
    raise errors.GraphError(settings.duplicate_status, "ErrorDuplicateTransactionId", message, **more)


def make(world: World, calendar: Calendar, organizer: tuple[str, str], body: Resource) -> Event:
    """Return a checked new event that is not stored yet."""
    drafts.check_names(body)
    if not {"start", "end"} <= body.keys():
        missing = "Event.Start" if "start" not in body else "Event.End"
        raise errors.bad(f"Missing parameters: {missing}", "ErrorInvalidParameter")
    event = people.blank_event(world, calendar, organizer, datetime.min, datetime.min, "UTC")
    drafts.put_times(event, {"isAllDay": False, **body}, world.settings)
    event.fields = drafts.fields(body, event.fields)
    event.properties = drafts.properties(body)
    event.extensions = extensions.of(body)
    event.transaction_id = str(body["transactionId"]) if body.get("transactionId") else None
    meetings.put(world, event, body)
    return event


def update(call: Call) -> Resource:
    item = access.get_item(call, writes=True)
    access.check_match(call, item)
    return _whole(call, change(call.world, item, call.body))


def change(world: World, item: Item, body: Resource) -> Item:
    """Change an event as its owner; an occurrence becomes an exception (A6.2). Return what it is now."""
    drafts.check_names(body)
    # A draft is changed first, so that a refused write leaves nothing behind.
    event = _exception(world, item) if item.day else item.event
    draft = copy.copy(event)
    is_moved = drafts.put_times(draft, body, world.settings)
    draft.fields = drafts.fields(body, event.fields)
    if is_moved:
        draft.fields["attendees"] = guests.asked_anew(world, draft.fields["attendees"])
    properties = {**event.properties, **drafts.properties(body)}
    if event.master:
        _check_between(event, draft)
    if event.recurrence is not None:
        _hand_down(world, event, draft, is_moved=is_moved)
    before = event.fields
    event.fields, event.properties = draft.fields, properties
    for name in (*HANDED_DOWN, "start_zone", "end_zone", "recurrence"):
        setattr(event, name, getattr(draft, name))
    meetings.put(world, event, body)
    _save(world, event)
    if event.response[0] == "organizer":
        changed = {name for name in body if name not in ("singleValueExtendedProperties", "categories")}
        mail.after_change(world, event, before["attendees"], changed)
        guests.spread(world, event)
        guests.uninvite(world, event, before["attendees"])
    return Item(event)


def _exception(world: World, item: Item) -> Event:
    """Return a new exception for one occurrence, a copy of what the series says; not stored yet."""
    master, day = item.event, item.day
    assert day is not None
    event = people.blank_event(world, master.calendar, master.organizer, item.start, item.end, master.zone)
    event.master, event.original = master.id, day
    event.id, event.mutable_id = occurrence_id(master.id, day), occurrence_id(master.mutable_id, day)
    event.uid, event.response, event.is_all_day = master.uid, master.response, master.is_all_day
    event.start_zone, event.end_zone, event.online = master.start_zone, master.end_zone, master.online
    event.fields = copy.deepcopy(master.fields)
    return event


def _check_between(event: Event, draft: Event) -> None:
    """Raise 400 for an exception on or beyond the day of its neighbour, even a deleted one (A6.2)."""
    master = items.master_of(event)
    assert master.recurrence is not None
    assert event.original is not None
    days = dict.fromkeys(_near(master, event))
    replaced = items.exceptions(master)
    for day in days:
        own_day = replaced[day].start.date() if day in replaced else day
        crosses = draft.start.date() <= own_day if day < event.original else draft.start.date() >= own_day
        if day != event.original and crosses:
            message = "Modified occurrence is crossing or overlapping adjacent occurrence."
            raise errors.bad(message, "ErrorOccurrenceCrossingBoundary")


def _near(master: Event, event: Event) -> list[Any]:
    """Return the days of the series just before and after the exception's own."""
    assert master.recurrence is not None
    assert event.original is not None
    before, after = None, None
    for day in items.recurrence.days(master.recurrence):
        if day < event.original:
            before = day
        elif day > event.original:
            after = day
            break
    return [day for day in (before, after) if day is not None]


def _hand_down(world: World, master: Event, draft: Event, *, is_moved: bool) -> None:
    """Bring exceptions in line with a changed series: a new time or pattern drops them all (A6.2)."""
    for day, event in items.exceptions(master).items():
        if is_moved:
            event.is_deleted = True
            world.save(event, "deleted")
            continue
        for name, value in draft.fields.items():
            if event.fields.get(name) == master.fields.get(name):
                event.fields[name] = copy.deepcopy(value)
        world.save(event)
        assert day == event.original
    if is_moved:
        master.cancelled = set()
        draft.cancelled = set()


def _save(world: World, event: Event) -> None:
    """Store an event; an exception is part of its master, which changes with it."""
    world.save(event)
    if event.master:
        world.save(items.master_of(event))


def delete(call: Call) -> Reply:
    item = access.get_item(call, writes=True)
    access.check_match(call, item)
    remove(call.world, item)
    return Reply(204)


def remove(world: World, item: Item, comment: str = "") -> None:
    """Delete an event as its owner would: the organizer's guests are mailed a cancellation (A4.5)."""
    if item.event.response[0] == "organizer":
        mail.about_cancelling(world, item, comment)
        if not item.day and not item.event.master:
            guests.call_off(world, item.event)
    _take_out(world, item)
    if item.event.response[0] == "organizer" and (item.day or item.event.master):
        guests.spread(world, items.master_of(item.event))


def _take_out(world: World, item: Item) -> None:
    event = item.event
    day = item.day or event.original
    if item.day is None:
        event.is_deleted = True
        world.save(event, "deleted", touches=False)
    if day is not None:
        master = items.master_of(event)
        master.cancelled.add(day)
        if world.settings.hides_cancelled_days:
            master.hidden_from_delta.add(day)
        world.save(master)
    if event.recurrence is not None and item.day is None:
        for exception in items.exceptions(event).values():
            exception.is_deleted = True
            world.save(exception, "deleted", touches=False)


def _whole(call: Call, item: Item) -> Resource:
    context = f"{call.base_url}/v1.0/$metadata#users('{call.user.oid}')/events/$entity"
    return {"@odata.context": context, **reading.shown(call, item, call.query)}
