"""insert, update, patch and delete of events (contract 7), and `commit`, the one way to change an event."""

from __future__ import annotations

import re

from tests.emulators.google import (
    access,
    copies,
    drafts,
    errors,
    event_types,
    instances,
    mail,
    meet,
    quotas,
    render,
)
from tests.emulators.google import world as worlds
from tests.emulators.google.access import Call
from tests.emulators.google.model import Calendar, Event, Resource
from tests.emulators.google.wire import Reply
from tests.emulators.google.world import World

CLIENT_ID = re.compile(r"[a-v0-9]{5,1024}$")

KEPT = ("iCalUID", "organizer", "creator", "recurringEventId", "originalStartTime", "privateCopy")
"""Fields that no write changes."""

MOVES_SEQUENCE = ("start", "end", "recurrence", "location")


def insert(call: Call) -> Resource:
    calendar = access.get_calendar(call, access.WRITES)
    event_id = _new_id(call.world, calendar, call.body)
    options = drafts.Options.of(call.query)
    body = drafts.normal(_gated(call, call.body, {}, options), calendar, options)
    event_types.check_new(body, calendar, call.user, has_own_id="id" in call.body)
    quotas.count_created(call.world, call.user, "events", call.world.settings.events_created_limit)
    body |= copies.identity(calendar, call.user)
    body |= {"iCalUID": call.body.get("iCalUID") or f"{event_id}@google.com"}
    body |= {"sequence": call.body.get("sequence") or 0}
    body |= meet.applied(call.world, calendar, call.body, None, is_patch=False, opens=options.conference)
    now = call.world.now()
    event = Event(event_id, body, now, now, 0)
    commit(call.world, calendar, event, None, mail.mode(call.query))
    return render.shown(event, render.view(call, calendar))


def _new_id(world: World, calendar: Calendar, body: Resource) -> str:
    """Return the id to use; 409 when it is taken, also by a deleted event (7.1)."""
    event_id, uid = body.get("id"), body.get("iCalUID")
    if event_id and uid:
        raise errors.invalid("Only one of id and iCalUID may be specified.", "iCalUID")
    if event_id and not CLIENT_ID.match(event_id):
        raise errors.invalid("Invalid resource id value.")
    if event_id and world.find_stored(calendar, event_id) is not None:
        raise errors.of(409, "duplicate")
    if uid and any(event.body["iCalUID"] == uid for event in world.stored_events(calendar)):
        raise errors.of(409, "duplicate")
    return event_id or worlds.new_event_id()


def update(call: Call) -> Resource:
    """PUT: a full replacement. What is left out is cleared (7.2)."""
    return _change(call, is_patch=False)


def patch(call: Call) -> Resource:
    """PATCH: objects merge, null removes, arrays are replaced (7.2)."""
    return _change(call, is_patch=True)


def _change(call: Call, *, is_patch: bool) -> Resource:
    calendar, event = get_event(call)
    if event.is_vanished:
        raise errors.of(404)
    check_match(call, event)
    before = event.body
    wanted = drafts.merged(before, call.body) if is_patch else drafts.without_nulls(call.body)
    wanted = _with_omitted(calendar, wanted, before, call.body)
    send = mail.mode(call.query)
    if wanted.get("status") == "cancelled" and not event.is_cancelled:
        remove(call.world, calendar, event, send)
    else:
        event.body = _after(call, calendar, before, wanted, is_patch=is_patch)
        _commit_change(call.world, calendar, event, before, send)
    return render.shown(event, render.view(call, calendar))


def get_event(call: Call) -> tuple[Calendar, Event]:
    """Return calendar and event of the path, for writing. Raises 403 and 404."""
    calendar = access.get_calendar(call, access.WRITES)
    event = instances.find(call.world, calendar, call.path["eventId"])
    if event is None:
        raise errors.of(404)
    if access.role_of(call, calendar) == access.WRITES and event.body.get("visibility") in render.PRIVATE:
        raise errors.of(403, "forbidden")
    return calendar, event


def check_match(call: Call, event: Event) -> None:
    """Raise 412 unless `If-Match` is absent, `*` or names the stored etag (7.3)."""
    wanted = call.headers.get("if-match")
    if wanted and event.etag not in [tag.strip() for tag in wanted.split(",")] and wanted.strip() != "*":
        raise errors.of(412)


def _with_omitted(calendar: Calendar, wanted: Resource, before: Resource, body: Resource) -> Resource:
    """`attendeesOmitted: true` with only the own entry means: I change nothing but my answer (10.2)."""
    mine = [guest for guest in body.get("attendees") or [] if guest.get("email") == calendar.id]
    if not body.get("attendeesOmitted") or len(mine) != len(body.get("attendees") or []) or not mine:
        return wanted
    answer = {key: value for key, value in mine[0].items() if key in copies.OWN_ANSWER}
    return {**wanted, **copies.with_answer(before, calendar.id, answer), "attendeesOmitted": False}


def _after(call: Call, calendar: Calendar, before: Resource, wanted: Resource, *, is_patch: bool) -> Resource:
    """Return the body that replaces `before`, fully checked."""
    options = drafts.Options.of(call.query)
    wanted = {**_gated(call, wanted, before, options), "eventType": wanted.get("eventType", before["eventType"])}
    after = drafts.normal(wanted, calendar, options, is_instance="recurringEventId" in before)
    after |= {key: before[key] for key in KEPT if key in before}
    after |= meet.applied(call.world, calendar, call.body, before, is_patch=is_patch, opens=options.conference)
    after["sequence"] = _sequence(call.body, before, after)
    event_types.check_change(before, after, calendar, call.user)
    return after


def _gated(call: Call, wanted: Resource, before: Resource, options: drafts.Options) -> Resource:
    """Keep what the query did not unlock, and what only the creator may set, as it was."""
    wanted = dict(wanted)
    locked = [] if options.attachments else ["attachments"]
    if before and before["creator"]["email"] != call.user.email:
        locked.append("source")
    for key in locked:
        wanted.pop(key, None)
        if key in before:
            wanted[key] = before[key]
    return wanted


def _sequence(body: Resource, before: Resource, after: Resource) -> int:
    stored, given = before["sequence"], body.get("sequence")
    if given is not None and given < stored:
        raise errors.invalid(
            "Invalid sequence value. The specified sequence number is below the current sequence number of "
            "the resource. Re-fetch the resource and use its sequence number on the following request."
        )
    if given is not None and given > stored:
        return given
    moved = any(before.get(key) != after.get(key) for key in MOVES_SEQUENCE)
    return stored + 1 if moved and after.get("attendees") else stored


def _commit_change(world: World, calendar: Calendar, event: Event, before: Resource, send: str) -> None:
    after = event.body
    if copies.may_edit_shared(calendar, before):
        commit(world, calendar, event, before, send)
        if not copies.is_original(calendar, after):
            _carry_home(world, event, send)
        return
    answer = copies.check_guest_change(calendar, before, after)
    commit(world, calendar, event, before, "none")
    if answer:
        copies.tell_organizer(world, calendar, event, answer, send)


def _carry_home(world: World, event: Event, send: str) -> None:
    """A guest with `guestsCanModify` changed the event for everybody: the organizer's copy first."""
    home = world.find_calendar(event.body["organizer"]["email"])
    original = instances.find(world, home, event.id) if home else None
    if home is None or original is None:
        return
    before = original.body
    own = {key: before[key] for key in copies.OWN if key in before}
    original.body = {**copies.shared(event.body), **own}
    commit(world, home, original, before, send)


def commit(world: World, calendar: Calendar, event: Event, before: Resource | None, send: str) -> None:
    """Store a changed or new event and everything that follows from it: series, copies, mail, watchers."""
    changed = {key for key in {**(before or {}), **event.body} if (before or {}).get(key) != event.body.get(key)}
    world.save(calendar, event, keeps_updated=changed == {"reminders"})
    place = (calendar.id, event.id)
    if "promise" in event.body.get("conferenceData", {}) and place not in world.meet_waiting:
        world.meet_waiting.append(place)
    copies.settle(world, calendar, event, before)
    if copies.is_original(calendar, event.body):
        mail.note_change(world, calendar, event, before, send)


def delete(call: Call) -> Reply:
    """204; 410 when it is deleted already, 404 when it never was (7.5)."""
    calendar, event = get_event(call)
    if event.is_cancelled:
        raise errors.of(410, "deleted")
    check_match(call, event)
    remove(call.world, calendar, event, mail.mode(call.query))
    return Reply(204)


def remove(world: World, calendar: Calendar, event: Event, send: str) -> None:
    """Cancel an event, one instance or a whole series. A guest's deletion declines for that guest only."""
    before = event.body
    event.body = {**before, "status": "cancelled"}
    if copies.is_original(calendar, before):
        commit(world, calendar, event, before, send)
        return
    answer = {"responseStatus": "declined"}
    event.body = copies.with_answer(event.body, calendar.id, answer)
    commit(world, calendar, event, before, "none")
    copies.tell_organizer(world, calendar, event, answer, send)


def settle_meet(world: World, pairs: list[tuple[Calendar, Event]], outcome: str | None = None) -> None:
    """Decide pending conferences; the change reaches copies and watchers like any other."""
    for calendar, event in pairs:
        before, event.body = event.body, meet.settled(event, outcome)
        world.meet_waiting.remove((calendar.id, event.id))
        commit(world, calendar, event, before, "none")
