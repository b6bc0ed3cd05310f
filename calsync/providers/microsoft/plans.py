"""A write as a sequence of calls. Many plans advance together, so that the writes of a run share batches.

What makes a repeat harmless is in here: transaction ids made of keys, If-Match, and what a duplicate or a gone event
means (contract sections A4.3 to A4.5 and A6.2).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from calsync.engine import series, slots
from calsync.engine.event import FIELDS, Event, Moment
from calsync.engine.vocabulary import MailRule
from calsync.errors import Rejected, VersionMismatch
from calsync.providers import occurrence, together
from calsync.providers.base import Edit, Resource, Write
from calsync.providers.batching import Outcome
from calsync.providers.microsoft import bodies, codec, errors, events, marks, occurrences, people
from calsync.providers.microsoft.wire import Call, calendar_path, event_path

Json = dict[str, Any]
Plan = together.Plan[Call, Outcome]

TAKEN_OUT = "Outlook cannot bring back an occurrence that was taken out of its series"
MOST_ATTEMPTS = 5
"""Events of one key that were deleted again, at most."""


def plan(calendar: str, calendar_zone: str, write: Write, person: str = "") -> Plan:
    """Return the plan of one write. `person` is the address of whose mailbox it is, as far as it is known."""
    try:
        if write.is_delete:
            return (yield from _delete(calendar, calendar_zone, write))
        if write.handle is not None:
            return (yield from _update(calendar, calendar_zone, write, write.handle, person))
        if write.series is not None:
            return (yield from _create_exception(calendar, calendar_zone, write, write.series))
        return (yield from _create(calendar, calendar_zone, write))
    except (ValueError, KeyError, TypeError) as error:
        return Rejected("unsupported", str(error) or "this cannot be written to Outlook")


def _patch(calendar: str, item: Json, body: Json) -> occurrences.Part:
    """Change an event as it was at its version, and return it as it is then, with what the answer leaves out."""
    handle = str(item["id"])
    call = Call("PATCH", event_path(calendar, handle), body=body, version=codec.version_of(item), handle=handle)
    return _after(item, body, (yield from occurrences.one(call)).item)


def _after(before: Json, sent: Json, answer: Json) -> Json:
    kept = {name: before[name] for name in (codec.SERIES, "cancelledOccurrences") if name in before}
    if {"start", "recurrence"} & sent.keys():
        kept.pop("cancelledOccurrences", None)  # a series that moves has all of its occurrences again
    return {**kept, **_plain(answer), "singleValueExtendedProperties": marks.changed(before, sent)}


def _plain(answer: Json) -> Json:
    return {name: value for name, value in answer.items() if name != "@odata.context"}


# New events


def _create(calendar: str, calendar_zone: str, write: Write) -> Plan:
    """Create under a transaction id of our own. Where it is taken, an earlier try of the same write came through, or
    made an event that was deleted since.
    """
    edit = _only_edit(write)
    for attempt in range(MOST_ATTEMPTS):
        body = bodies.insert(edit.event, write.key, calendar_zone, attempt, edit.rooms)
        body = bodies.with_link(body, edit.link, {})
        call = Call("POST", calendar_path(calendar, "events"), body=body, excused=(errors.DUPLICATE,))
        reply = yield from occurrences.one(call)
        if reply.status < 400:
            made = _after({}, body, reply.item)
            return codec.resource_of((yield from occurrences.take_out(calendar, calendar_zone, made, edit.event)))
        stored = yield from _find(calendar, write.key, errors.existing_id(reply.item))
        if stored:
            return _adopted(stored, edit.event)
    raise Rejected("duplicate", "Outlook takes every create of this event for one that was made before")


def _only_edit(write: Write) -> Edit:
    if len(write.edits) != 1:
        raise ValueError("one event at a time")
    return write.edits[0]


def _find(calendar: str, key: str, handle: str | None) -> occurrences.Part:
    """Return the event that was created under a key, {} where it is not there any more."""
    if handle is None:
        query = {"$filter": marks.find_by_key(key), "$select": "id"}
        page = (yield from occurrences.one(Call("GET", calendar_path(calendar, "events"), query))).item
        found = yield from occurrences.rest(page)
        handle = str(found[0]["id"]) if found else None
    if handle is None:
        return {}
    return events.of((yield (events.get(calendar, handle),))[0]) or {}


def _adopted(item: Json, event: Event) -> Resource:
    there = marks.facts(item).get(marks.ID)
    if event.our_id is not None and there not in (None, event.our_id):
        raise Rejected("duplicate", f"{item['id']} belongs to another event")
    found = codec.resource_of(item)
    return Resource(found.handle, found.version, found.body, found.events, found.fault, is_adopted=True)


# Occurrences


def _create_exception(calendar: str, calendar_zone: str, write: Write, master: str) -> Plan:
    """Change an occurrence for the first time: a PATCH of what is there without having been made.

    One that somebody else made an exception of meanwhile has changed since it was read.
    """
    edit = _only_edit(write)
    if edit.event.recurrence_id is None:
        raise ValueError("an occurrence names its slot")
    slot, length = edit.event.recurrence_id, slots.length(edit.event)
    parent, (found,) = yield from occurrences.filling(calendar, calendar_zone, master, [slot], length)
    if found.get("type") == "exception":
        found = events.of((yield (events.get(calendar, str(found["id"])),))[0]) or {}
    if not found:
        _check_taken_out(codec.event_of(parent, calendar_zone), slot)
        raise VersionMismatch(master)  # the series is not, or not yet, what it was taken for
    item = codec.with_series(found, parent)
    if marks.facts(item).get(marks.WRITE) == write.key:
        return _adopted(item, edit.event)
    if item.get("type") == "exception" and not codec.is_gone(item):
        raise VersionMismatch(str(item["id"]))
    body = bodies.patch(edit.event, frozenset(FIELDS) - {"exdates"}, item, calendar_zone, write.key)
    body = bodies.with_link(body, edit.link, item)
    return codec.resource_of((yield from _patch(calendar, item, body)))


# Stored events


def _update(calendar: str, calendar_zone: str, write: Write, handle: str, person: str) -> Plan:
    """PATCH what differs. Where nothing does, the version alone is looked at."""
    item = codec.item_of(write.body) if write.body else (yield from occurrences.read(calendar, handle, write.version))
    item["@odata.etag"] = write.version
    edit = _only_edit(write)
    answer = _answer(item, edit, person)
    body = bodies.patch(edit.event, edit.fields, item, calendar_zone, rooms=edit.rooms)
    body = bodies.with_link(body, edit.link, item)
    is_moved = codec.is_master(item) and bool({"start", "recurrence"} & body.keys())
    if not is_moved:
        _check_restored(item, edit, calendar_zone)
    if write.occurrences is not None and is_moved:
        yield from occurrences.check(calendar, handle, write.occurrences)
    if body:
        item = yield from _patch(calendar, item, body)
    else:
        item = _whole(item, (yield from occurrences.read(calendar, handle, write.version)))
    if answer:
        item = yield from _answered(calendar, item, answer, write.mail)
    if edit.event.is_series and (is_moved or "exdates" in edit.fields):
        wanted = _wanted(codec.item_of(write.body or "{}"), edit, item, calendar_zone)
        item = yield from occurrences.take_out(calendar, calendar_zone, item, wanted)
    return codec.resource_of(item, calendar_zone)


def _whole(before: Json, item: Json) -> Json:
    return {**item, codec.SERIES: before[codec.SERIES]} if codec.SERIES in before else item


def _check_restored(item: Json, edit: Edit, calendar_zone: str) -> None:
    """Raise Rejected where an occurrence shall come back that was taken out: Graph has no way (section A6.2), but for
    a series that moves, which has all of its occurrences again.
    """
    if "exdates" not in edit.fields or not codec.is_master(item):
        return
    before = codec.event_of(item, calendar_zone)
    wanted = {slots.key_of(before, moment) for moment in edit.event.exdates}
    if any(slots.key_of(before, moment) not in wanted for moment in before.exdates):
        raise Rejected("unsupported", TAKEN_OUT)


def _check_taken_out(whole: Event, slot: Moment) -> None:
    if slots.is_in(slots.removed(whole), slots.key_of(whole, slot)):
        raise Rejected("unsupported", TAKEN_OUT)


def _wanted(before: Json, edit: Edit, item: Json, calendar_zone: str) -> Event:
    """Return a series as it is, with the occurrences out of it that shall be: those that were, where none are named.

    Whoever moves a series says what becomes of them.
    """
    now = codec.event_of(item, calendar_zone)
    if "exdates" in edit.fields or not before:
        return edit.event
    return replace(now, exdates=codec.event_of(before, calendar_zone).exdates)


# Answers to invitations


def _answer(item: Json, edit: Edit, person: str) -> str:
    """Return what the person whose calendar it is shall do to an invitation; "" for nothing that can be done.

    Answers of others are theirs alone.
    """
    if "responses" not in edit.fields or not people.is_guest(item):
        return ""
    before = {guest.address: guest.partstat for guest in people.read_attendees(item)}
    changed = {g.address: g.partstat for g in edit.event.attendees if before.get(g.address, g.partstat) != g.partstat}
    answer = changed.get(person.lower()) if person else next(iter(changed.values()), None)
    return people.ACTIONS.get(answer or "", "")


def _answered(calendar: str, item: Json, answer: str, mail: MailRule) -> occurrences.Part:
    handle = str(item["id"])
    body = {"sendResponse": mail is not MailRule.NEVER}
    yield from occurrences.one(
        Call("POST", event_path(calendar, handle, answer), body=body, handle=handle, expect=events.GONE)
    )
    return _whole(item, (yield from occurrences.read(calendar, handle, None)))


# Deleting


def _delete(calendar: str, calendar_zone: str, write: Write) -> Plan:
    """Delete an event; an exception goes back to its series instead, which is what taking it away means."""
    item = codec.item_of(write.body) if write.body else {}
    master = codec.series_of(item)
    if master is not None:
        return (yield from _send_back(calendar, calendar_zone, write, item, master))
    return (yield from _erase(calendar, write))


def _erase(calendar: str, write: Write) -> Plan:
    handle = write.handle or ""
    call = Call("DELETE", event_path(calendar, handle), version=write.version, handle=handle, expect=events.GONE)
    if (yield from occurrences.one(call)).status in events.GONE:
        # A calendar that we may no longer see denies its events in the same words.
        yield from occurrences.one(Call("GET", calendar_path(calendar), {"$select": "id"}))
    return None


def _send_back(calendar: str, calendar_zone: str, write: Write, item: Json, master: str) -> Plan:
    """Give an exception the values of its series again and note that it counts no longer; Outlook has no other way.

    Where its series is gone, or yields the slot no more, the exception is deleted.
    """
    parent = events.of((yield (events.get(calendar, master),))[0])
    if parent is None:
        return (yield from _erase(calendar, write))
    whole, slot = codec.event_of(parent, calendar_zone), codec.event_of(item, calendar_zone).recurrence_id
    if slot is None or not series.yields(whole, slot):
        return (yield from _erase(calendar, write))
    plain = occurrence.at_slot(whole, slot)
    item["@odata.etag"] = write.version
    body = bodies.patch(plain, frozenset(FIELDS) - {"responses", "reminders", "exdates"}, item, calendar_zone)
    yield from _patch(calendar, item, body | bodies.noting({}, **{marks.BACK: occurrence.likeness(plain)}))
    return None
