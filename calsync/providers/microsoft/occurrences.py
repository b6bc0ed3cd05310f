"""Parts of plans about the occurrences of a series, which Graph names by ids of their own (contract section A6.2)."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from calsync.engine import slots
from calsync.engine.event import Event, Moment
from calsync.errors import Rejected, VersionMismatch
from calsync.providers.batching import Outcome, Reply, demand
from calsync.providers.microsoft import codec, events, when
from calsync.providers.microsoft.wire import Call, event_path

Json = dict[str, Any]
Part = Generator[tuple[Call, ...], tuple[Outcome, ...], Json]

NEAR = timedelta(hours=36)
"""How far around a slot an occurrence is looked for: days float, and zones differ by up to 26 hours."""

_MANY = 50


def one(call: Call) -> Generator[tuple[Call, ...], tuple[Outcome, ...], Reply]:
    """Make one call. Raises its error."""
    (outcome,) = yield (call,)
    return demand(outcome)


def read(calendar: str, handle: str, version: str | None, query: Mapping[str, str] = events.WHOLE) -> Part:
    """Return an event as it is. Raises VersionMismatch when that is not `version`."""
    item = events.of((yield (events.get(calendar, handle, query),))[0])
    if item is None:
        raise Rejected("not_found", f"{handle} is deleted")
    if version is not None and codec.version_of(item) != version:
        raise VersionMismatch(handle)
    return item


def rest(page: Json) -> Generator[tuple[Call, ...], tuple[Outcome, ...], list[Json]]:
    """Return the entries of a list from one of its pages to its end; a page may be empty and not be the last."""
    found: list[Json] = list(page.get("value") or [])
    while page.get("@odata.nextLink"):
        page = (yield from one(Call("GET", str(page["@odata.nextLink"]), page=_MANY))).item
        found += page.get("value") or []
    return found


def filling(
    calendar: str, calendar_zone: str, master: str, moments: Sequence[Moment], length: timedelta
) -> Generator[tuple[Call, ...], tuple[Outcome, ...], tuple[Json, list[Json]]]:
    """Return a series as it is, and what fills each of its slots: an occurrence, an exception, or {} for nothing.

    Raises Rejected where there is no such series.
    """
    near = (_instances(calendar, master, moment, length) for moment in moments)
    outcome, *pages = yield (events.get(calendar, master, events.WITH_EXCEPTIONS), *near)
    parent = events.of(outcome)
    if parent is None:
        raise Rejected("not_found", f"{master} is deleted")
    whole, floats = codec.event_of(parent, calendar_zone), codec.floats_in(parent)
    exceptions = events.exceptions_in(parent)
    found = []
    for page, moment in zip(pages, moments, strict=True):
        near_by = yield from rest(demand(page).item)
        found.append(_at([*exceptions, *near_by], whole, moment, floats))
    return parent, found


def _instances(calendar: str, master: str, moment: Moment, length: timedelta) -> Call:
    """Return the call for the occurrences around a slot. An exception may have moved away: it is known otherwise."""
    at = slots.instant(moment)
    window = {"startDateTime": at - NEAR, "endDateTime": at + length + NEAR}
    query = {name: f"{moment:%Y-%m-%dT%H:%M:%SZ}" for name, moment in window.items()}
    return Call("GET", event_path(calendar, master, "instances"), query, handle=master, page=_MANY)


def _at(items: Iterable[Json], whole: Event, moment: Moment, floats: str | None) -> Json:
    """Return the one among occurrences that fills a slot."""
    wanted = slots.key_of(whole, moment)
    for item in items:
        original = item.get("originalStart")
        if not original:
            continue
        slot = when.read_slot(original, is_all_day=whole.is_all_day, floats_in=floats)
        if slots.key_of(whole, slot) == wanted:
            return dict(item)
    return {}


def take_out(calendar: str, calendar_zone: str, item: Json, wanted: Event) -> Part:
    """Take the occurrences out of a series that it shall not have, one by one, as Outlook has it."""
    if not codec.is_master(item):
        return item
    handle, whole = str(item["id"]), codec.event_of(item, calendar_zone)
    gone = slots.removed(whole)
    missing = [moment for moment in wanted.exdates if not slots.is_in(gone, slots.key_of(whole, moment))]
    if not missing:
        return item
    _, found = yield from filling(calendar, calendar_zone, handle, missing, slots.length(whole))
    calls = tuple(_removal(calendar, each) for each in found if each)
    for outcome in (yield calls) if calls else ():
        demand(outcome)
    return (yield from read(calendar, handle, None))


def _removal(calendar: str, occurrence: Json) -> Call:
    handle = str(occurrence["id"])
    return Call("DELETE", event_path(calendar, handle), handle=handle, expect=events.GONE)


def check(
    calendar: str, handle: str, known: Mapping[str, str | None]
) -> Generator[tuple[Call, ...], tuple[Outcome, ...], None]:
    """Ask for the exceptions of a series that is about to move: Outlook drops them all. Raises VersionMismatch for one
    that is not `known` as it is now.
    """
    master = yield from read(calendar, handle, None, events.WITH_EXCEPTIONS)
    changed = [e for e in events.exceptions_in(master) if known.get(e["id"]) != codec.version_of(e)]
    if not changed:
        return
    outcomes = yield tuple(events.get(calendar, str(each["id"])) for each in changed)
    for item in map(events.of, outcomes):
        if item is not None and not codec.is_gone(codec.with_series(item, master)):
            raise VersionMismatch(str(item["id"]))
