"""A write as a sequence of calls. Many plans advance together, so that the writes of a run share batches.

What makes a repeat harmless is in here: event ids made of keys, If-Match, and what a duplicate or a gone event means
(contract sections 4.4, 7 and 8.4).
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Mapping, Sequence
from typing import Any

from calsync.engine import event as events
from calsync.engine import series
from calsync.engine.event import FIELDS, Event
from calsync.engine.vocabulary import MailRule
from calsync.errors import Rejected, Unavailable, VersionMismatch
from calsync.providers import occurrence, together
from calsync.providers.base import Edit, Resource, Write, Written
from calsync.providers.batching import Outcome, Reply, demand
from calsync.providers.google import bodies, codec, when
from calsync.providers.google.wire import Call, Wire, events_path

Json = dict[str, Any]
Plan = together.Plan[Call, Outcome]

SEND_UPDATES = {MailRule.NEVER: "none", MailRule.EXTERNAL: "externalOnly", MailRule.ALL: "all"}
_GONE = (404, 410)


def carry_out(wire: Wire, plans: Sequence[Plan]) -> list[Written]:
    """Run plans side by side and return their outcomes, in order. Never raises for a single plan."""
    return together.carry_out(wire.send_all, plans)


def plan(calendar: str, calendar_zone: str, write: Write) -> Plan:
    """Return the plan of one write."""
    try:
        if write.is_delete:
            return (yield from _delete(calendar, calendar_zone, write))
        if write.handle is not None:
            return (yield from _update(calendar, calendar_zone, write, write.handle))
        if write.series is not None:
            return (yield from _create_exception(calendar, calendar_zone, write, write.series))
        return (yield from _create(calendar, calendar_zone, write))
    except (ValueError, KeyError, TypeError) as error:
        return Rejected("invalid", f"this cannot be written to Google: {error}")


def event_id(key: str) -> str:
    """Return the id of an event that is created under a key: base32hex, as clients may choose (section 7.1)."""
    return hashlib.blake2b(f"calsync {key}".encode(), digest_size=16).hexdigest()


def _one(call: Call) -> Generator[tuple[Call, ...], tuple[Outcome, ...], Reply]:
    """Make one call. Raises its error."""
    (outcome,) = yield (call,)
    return demand(outcome)


def _patch(calendar: str, item: Json, body: Json, mail: MailRule) -> Call:
    handle = str(item["id"])
    query = _query(body, mail)
    return Call("PATCH", events_path(calendar, handle), query, body, version=item.get("etag"), handle=handle)


def _query(body: Json, mail: MailRule) -> Json:
    """Return who is told, and that the conference is meant where the body speaks of it (section 11)."""
    return {"sendUpdates": SEND_UPDATES[mail], "conferenceDataVersion": 1 if bodies.needs_conference(body) else None}


# New events


def _create(calendar: str, calendar_zone: str, write: Write) -> Plan:
    """Insert under an id of our own. Where it is taken, an earlier try of the same write came through."""
    edit, handle = _only_edit(write), event_id(write.key)
    event = edit.event
    body = bodies.with_link(bodies.insert(event, handle, write.key, calendar_zone), edit.link, {}, write.key)
    insert = Call("POST", events_path(calendar), _query(body, write.mail), body, handle=handle, expect=(409,))
    reply = yield from _one(insert)
    if reply.status != 409:
        return codec.resource_of(reply.item)
    if "duplicate" not in str(reply.item):
        raise Unavailable("Google was busy with the same event")
    stored = (yield from _one(Call("GET", events_path(calendar, handle), handle=handle))).item
    there = codec.private(stored).get(codec.MARK)
    if event.our_id is not None and there not in (None, event.our_id):
        raise Rejected("duplicate", f"{handle} belongs to another event")
    if not codec.is_cancelled(stored):
        return _adopted(stored)
    again = bodies.revival(event, write.key, calendar_zone)
    again = bodies.with_link(again, edit.link, {"etag": stored.get("etag")}, write.key)
    revived = yield from _one(_patch(calendar, stored, again, write.mail))
    return codec.resource_of(revived.item)


def _adopted(item: Json) -> Resource:
    found = codec.resource_of(item)
    return Resource(found.handle, found.version, found.body, found.events, found.fault, is_adopted=True)


def _only_edit(write: Write) -> Edit:
    if len(write.edits) != 1:
        raise ValueError("one event at a time")
    return write.edits[0]


def _create_exception(calendar: str, calendar_zone: str, write: Write, master: str) -> Plan:
    """Change an occurrence for the first time: a PATCH of the instance, which is there without having been made.

    One that somebody else made an exception of meanwhile has changed since it was read.
    """
    edit = _only_edit(write)
    event = edit.event
    if event.recurrence_id is None:
        raise ValueError("an occurrence names its slot")
    instance, parent = yield from _instance(calendar, calendar_zone, master, event)
    if codec.private(instance).get(codec.KEY) == write.key:
        return _adopted(instance)
    if not codec.is_gone(instance) and not _is_plain(instance, parent):
        raise VersionMismatch(str(instance["id"]))
    body = bodies.patch(event, frozenset(FIELDS), instance, calendar_zone, key=write.key)
    body = bodies.with_link(body, edit.link, instance, write.key)
    reply = yield from _one(_patch(calendar, instance, body | {"status": event.status}, write.mail))
    return codec.resource_of(reply.item, uid=codec.uid_of(parent))


def _instance(
    calendar: str, calendar_zone: str, master: str, event: Event
) -> Generator[tuple[Call, ...], tuple[Outcome, ...], tuple[Json, Json]]:
    """Return the JSON of an instance and of its series. Raises VersionMismatch where the series has no such slot."""
    zone = calendar_zone if event.recurrence_id is None else when.zone_of(event, calendar_zone)
    slot = when.slot_text(event.recurrence_id or event.start, zone)
    handles = (f"{master}_{slot}", master)
    instance, parent = yield tuple(Call("GET", events_path(calendar, h), handle=h, expect=_GONE) for h in handles)
    if demand(parent).status in _GONE or codec.is_cancelled(demand(parent).item):
        raise Rejected("not_found", f"{master} is deleted")
    if demand(instance).status in _GONE:
        raise VersionMismatch(handles[0])  # the series is not, or not yet, what it was taken for
    return demand(instance).item, demand(parent).item


def _is_plain(instance: Json, parent: Json) -> bool:
    """Return whether an instance shows what its series says."""
    event = codec.event_of(instance)
    if event.recurrence_id is None:
        raise ValueError("an instance without its slot")
    plain = occurrence.at_slot(codec.event_of(parent), event.recurrence_id)
    return occurrence.likeness(event) == occurrence.likeness(plain)


# Stored events


def _update(calendar: str, calendar_zone: str, write: Write, handle: str) -> Plan:
    """PATCH what differs. Where nothing does, the version alone is looked at."""
    item = codec.item_of(write.body) if write.body else (yield from _read(calendar, handle, write.version))
    item["etag"] = write.version
    body = _edited(write, item, calendar_zone)
    if write.occurrences is not None and {"start", "end", "recurrence"} & set(body):
        yield from _check_occurrences(calendar, item, write.occurrences)
    if body:
        after = (yield from _one(_patch(calendar, item, body, write.mail))).item
    else:
        after = yield from _read(calendar, handle, write.version)
    if codec.is_cancelled(after) and not codec.series_of(after):
        return None
    for edit in write.edits:
        if "exdates" in edit.fields and edit.event.is_series:
            yield from _restore(calendar, after, edit.event)
    return codec.resource_of(after, uid=codec.uid_of(item))


def _check_occurrences(
    calendar: str, item: Json, known: Mapping[str, str | None]
) -> Generator[tuple[Call, ...], tuple[Outcome, ...], None]:
    """Ask for the exceptions of a series that is about to move: Google drops those whose slot goes, and says nothing
    of them in the version of the series. Raises VersionMismatch for one that is not `known` as it is now.
    """
    query = {"iCalUID": codec.uid_of(item), "singleEvents": "false", "maxResults": 2500}
    listed = (yield from _one(Call("GET", events_path(calendar), query))).item.get("items") or []
    for other in listed:
        is_exception = codec.series_of(other) == item["id"] and not codec.is_gone(other)
        if is_exception and (other["id"] not in known or known[other["id"]] != other.get("etag")):
            raise VersionMismatch(str(other["id"]))


def _read(calendar: str, handle: str, version: str | None) -> Generator[tuple[Call, ...], tuple[Outcome, ...], Json]:
    """Return an event as it is. Raises VersionMismatch when that is not `version`."""
    item = (yield from _one(Call("GET", events_path(calendar, handle), handle=handle))).item
    if codec.is_cancelled(item):
        raise Rejected("not_found", f"{handle} is deleted")
    if version is not None and item.get("etag") != version:
        raise VersionMismatch(handle)
    return item


def _edited(write: Write, item: Json, calendar_zone: str) -> Json:
    body: Json = {}
    for edit in write.edits:
        body |= bodies.patch(edit.event, edit.fields, item, calendar_zone)
        body = bodies.with_link(body, edit.link, item, write.key)
    return body


def _restore(calendar: str, master: Json, event: Event) -> Generator[tuple[Call, ...], tuple[Outcome, ...], None]:
    """Bring back instances that were cancelled one by one and that the series shall have again.

    Where nothing else had changed in one, it counts as what its series says, like before.
    """
    handle, whole = str(master["id"]), codec.event_of(master)
    query = {"iCalUID": event.uid, "showDeleted": "true", "singleEvents": "false", "maxResults": 2500}
    listed = (yield from _one(Call("GET", events_path(calendar), query))).item.get("items") or []
    back = [item for item in listed if codec.series_of(item) == handle and _is_wanted(item, event)]
    if back:
        patches = (_patch(calendar, item, _alive(item, whole), MailRule.NEVER) for item in back)
        for outcome in (yield tuple(patches)):
            demand(outcome)


def _alive(item: Json, whole: Event) -> Json:
    slot = when.read_moment(item["originalStartTime"], is_floating=isinstance(whole.start, events.Floating))
    plain = occurrence.likeness(occurrence.at_slot(whole, slot))
    return {"status": "confirmed", "extendedProperties": {"private": {codec.BACK: plain}}}


def _is_wanted(item: Json, event: Event) -> bool:
    if not codec.is_cancelled(item):
        return False
    slot = when.read_moment(item["originalStartTime"], is_floating=isinstance(event.start, events.Floating))
    return series.yields(event, slot)


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
    query = {"sendUpdates": SEND_UPDATES[write.mail]}
    call = Call("DELETE", events_path(calendar, handle), query, version=write.version, handle=handle, expect=_GONE)
    reply = yield from _one(call)
    if reply.status == 404:
        # A calendar that we may no longer see denies its events in the same words (section 15).
        yield from _one(Call("GET", events_path(calendar), {"maxResults": 1}))
    return None


def _send_back(calendar: str, calendar_zone: str, write: Write, item: Json, master: str) -> Plan:
    """Give an exception the values of its series again and note that it counts no longer; Google has no other way.

    Where its series is gone, or yields the slot no more, the exception is deleted.
    """
    (outcome,) = yield (Call("GET", events_path(calendar, master), handle=master, expect=_GONE),)
    parent = demand(outcome).item
    slot = codec.event_of(item).recurrence_id
    if demand(outcome).status in _GONE or codec.is_cancelled(parent) or slot is None:
        return (yield from _erase(calendar, write))
    whole = codec.event_of(parent)
    if not series.yields(whole, slot):
        return (yield from _erase(calendar, write))
    plain = occurrence.at_slot(whole, slot)
    item["etag"] = write.version
    body = bodies.patch(plain, frozenset(FIELDS) - {"responses", "reminders"}, item, calendar_zone)
    body["extendedProperties"] = {
        "private": {codec.BACK: occurrence.likeness(plain), codec.KEY: None, codec.SLOT: None}
    }
    yield from _one(_patch(calendar, item, body, write.mail))
    return None
