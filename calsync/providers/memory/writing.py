"""Writing: one Write of a client, applied to the world in the manner of its quirks."""

from __future__ import annotations

from dataclasses import dataclass

from calsync.errors import Rejected, VersionMismatch
from calsync.providers.base import Write
from calsync.providers.memory import body as bodies
from calsync.providers.memory.server import recurrence_handle
from calsync.providers.memory.shelves import Stored
from calsync.providers.memory.world import World


@dataclass(frozen=True, slots=True)
class Applied:
    """What a write left behind. `stored` is None when the resource is gone now."""

    stored: Stored | None
    is_adopted: bool = False  # a create found its key already there


def apply(world: World, calendar: str, write: Write) -> Applied:
    """Apply a write and return what it left behind. Raises Rejected, VersionMismatch.

    Deleting what is gone already is done. A change without a version is refused: this server gives one with every
    answer, so a caller without one has not read what it overwrites.
    """
    demand_writable(world, calendar)
    if write.handle is None:
        applied = _create(world, calendar, write)
    else:
        applied = Applied(_change(world, calendar, write, write.handle))
    if world.quirks.bumps_versions:
        world.touch_another(calendar, applied.stored.handle if applied.stored else "")
    return applied


def demand_writable(world: World, *calendars: str) -> None:
    """Raise Rejected unless all of these calendars may be written."""
    for calendar in calendars:
        if not world.shelf(calendar).facts.is_writable:
            raise Rejected("permission", f"{calendar} is read-only")


def _create(world: World, calendar: str, write: Write) -> Applied:
    items = [edit.event for edit in write.edits]
    if not world.quirks.series_is_one_resource and len(items) > 1:
        raise Rejected("invalid", "one event at a time")
    handle = f"{write.key}.json"
    if write.series is not None and not world.quirks.series_is_one_resource:
        world.demand(calendar, write.series, None)
        handle = recurrence_handle(write.series, items[0])
    shelf = world.shelf(calendar)
    hole = shelf.now(handle)
    if write.key not in shelf.keys and hole is not None and _is_hole(hole):
        filled = world.replace(calendar, handle, None, lambda _: bodies.new(items), mail=write.mail)
        shelf.keys[write.key] = handle
        world.writes += 1
        return Applied(filled)
    if write.key not in shelf.keys and shelf.now(handle) is not None:
        raise VersionMismatch(handle)
    known = shelf.now(shelf.keys.get(write.key, ""))
    if known is not None:
        return Applied(known, is_adopted=True)
    stored = world.create(calendar, bodies.new(items), key=write.key, handle=handle, mail=write.mail)
    world.writes += 1
    return Applied(stored)


def _is_hole(stored: Stored) -> bool:
    """Return whether a resource is a cancelled occurrence: changing it for the first time is changing it again."""
    found = bodies.load(stored.body)["events"]
    return all(bodies.key_of(values) and values["status"] == "cancelled" for values in found)


def _change(world: World, calendar: str, write: Write, handle: str) -> Stored | None:
    if write.is_delete and world.shelf(calendar).now(handle) is None:
        return None
    if write.version is None:
        raise Rejected("invalid", "a change names the version that it was planned against")
    stored = None
    if write.is_delete:
        world.erase(calendar, handle, write.version, mail=write.mail)
    else:
        stored = world.replace(calendar, handle, write.version, lambda now: _edited(world, now, write), mail=write.mail)
    world.writes += 1
    return stored


def _edited(world: World, now: bodies.Body, write: Write) -> bodies.Body:
    """Return the body after a write: the whole text replaced (PUT), or the stored one patched (PATCH)."""
    is_put = world.quirks.series_is_one_resource and write.body is not None
    try:
        return bodies.edited(bodies.load(write.body or "") if is_put else now, write.edits)
    except ValueError as error:
        raise Rejected("invalid", "the text of this write cannot be read") from error
