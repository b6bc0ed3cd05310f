"""Delta over a calendar view: tokens, changes, removals, and the ways in which tokens end (contract A9)."""

from __future__ import annotations

import dataclasses
from datetime import date, datetime, timedelta

from tests.emulators.microsoft import access, errors, items, listing, reading, render
from tests.emulators.microsoft import world as worlds
from tests.emulators.microsoft.access import Call
from tests.emulators.microsoft.items import Item
from tests.emulators.microsoft.model import Calendar, DeltaMark, Event, Key, PageMark, Resource
from tests.emulators.microsoft.wire import Reply
from tests.emulators.microsoft.world import World

ENDS = ("SyncStateNotFound", "SyncStateInvalid", "ResyncRequired")
TYPE = "#microsoft.graph.event"


def calendar_view(call: Call) -> Reply:
    """Answer a first round, a later one, or the next page of either."""
    query = call.query
    if query.select or query.tests or query.order or query.expand:
        message = "The query parameters $select, $filter, $orderby and $expand are not supported on this request."
        raise errors.bad(message, "ErrorInvalidUrlQuery")
    call.applied.append("odata.track-changes")
    if query.skip_token:
        return listing.page(call, listing.rest(call), lambda one: _shown(call, one), "Collection(event)")
    calendar = access.get_calendar(call)
    before = _mark(call, calendar) if query.delta_token else None
    window = before.window if before else reading.read_window(call)
    found, mark = _round(call.world, calendar, window, before, call.user.email)
    if call.world.settings.repeats_in_delta:
        found = found + found
    return listing.page(
        call, PageMark("", found, mark, query=query), lambda one: _shown(call, one), "Collection(event)"
    )


def _mark(call: Call, calendar: Calendar) -> DeltaMark:
    """Return what a delta token stands for. Raises 410, or whatever the switchboard made of the token."""
    mark = call.world.marks.get(call.query.delta_token or "")
    if mark is None or (mark.calendar_id, mark.email) != (calendar.id, call.user.email):
        raise _gone(call, "SyncStateNotFound", 410)
    if mark.gone is not None:
        code, _, status = mark.gone.partition(":")
        raise _gone(call, code, int(status or 410))
    return mark


def _gone(call: Call, code: str, status: int) -> errors.GraphError:
    settings = call.world.settings
    headers = {"location": f"{call.base_url}{call.request.path}"} if settings.gone_has_location else {}
    code = code[0].lower() + code[1:] if settings.gone_in_small_letters else code
    return errors.GraphError(status, code, "The sync state generation is not found; generation=149;", headers)


def _round(
    world: World, calendar: Calendar, window: tuple[datetime, datetime], before: DeltaMark | None, email: str
) -> tuple[list[Item | Key], DeltaMark]:
    """Return what changed since `before` (everything in the window when None), and the mark for the next round."""
    if before and before.calendar_revision == calendar.revision and not world.settings.delta_lag_s:
        return [], dataclasses.replace(before, token=worlds.opaque(), made_at=world.now(), revision=world.revision)
    shown = {item.key: item for item in _view(world, calendar, window)}
    known = before.known if before else {}
    late = _too_young(world, calendar)
    changed: list[Item | Key] = [
        item for key, item in shown.items() if known.get(key) != item.etag and item.event.id not in late
    ]
    gone = [key for key in known if key not in shown and key[0] not in late]
    if before:
        changed += [key for key in gone if not _is_hidden(world, key)]
        changed += _outside(calendar, before, shown.keys() | known.keys())
    after = {key: known[key] if item.event.id in late and key in known else item.etag for key, item in shown.items()}
    after = {key: etag for key, etag in after.items() if key in known or key[0] not in late}
    after |= {key: etag for key, etag in known.items() if key not in shown and key[0] in late}
    revision = before.revision if before and late else world.revision
    mark = DeltaMark(worlds.opaque(), calendar.id, window, after, revision, world.now(), email)
    mark.calendar_revision = -1 if late else calendar.revision
    return changed, mark


def _view(world: World, calendar: Calendar, window: tuple[datetime, datetime]) -> list[Item]:
    found = items.view(calendar, window)
    if world.settings.delta_includes_masters:
        ids = {item.event.id for item in found if item.day}
        found += [Item(calendar.events[event_id]) for event_id in sorted(ids)]
    return found


def _too_young(world: World, calendar: Calendar) -> set[str]:
    """Return the events whose latest change has not reached this replica yet (A9.2 no. 5)."""
    lag = world.settings.delta_lag_s
    if not lag:
        return set()
    horizon = world.now() - timedelta(seconds=lag)
    return {event.id for event in calendar.events.values() if event.modified > horizon}


def _is_hidden(world: World, key: Key) -> bool:
    """A deleted occurrence may leave without a word (A9.2 no. 8)."""
    master = world.ids.get(key[0])
    return bool(master and key[1]) and date.fromisoformat(key[1]) in (master.hidden_from_delta if master else ())


def _outside(calendar: Calendar, before: DeltaMark, known: set[Key]) -> list[Item | Key]:
    """Return what changed outside the window: it is told as removed, though nothing was deleted (A9.2 no. 7)."""
    found: list[Item | Key] = []
    for event in calendar.events.values():
        key = Item(event).key
        if event.revision > before.revision and event.recurrence is None and key not in known:
            found.append(key)
    return found


def _shown(call: Call, one: Item | Key) -> Resource:
    """Singles and exceptions are whole, occurrences thin, removals are an id (A9.2)."""
    if not isinstance(one, Item):
        return {"@odata.type": TYPE, "id": _id_of(call, one), "@removed": {"reason": "deleted"}}
    if one.kind == "occurrence":
        return render.thin(one, call.look)
    return {"@odata.type": TYPE, **render.event(one, call.look)}


def _id_of(call: Call, key: Key) -> str:
    stored: Event = call.world.ids[key[0]]
    own = stored.id if call.look.immutable else stored.mutable_id
    return items.occurrence_id(own, date.fromisoformat(key[1])) if key[1] else own
