"""What was read of a resource as the column values of its events. No queries."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from calsync.engine import busy_blocks, projection, scope, series
from calsync.engine import event as events
from calsync.engine.event import Event
from calsync.engine.resource import Resource
from calsync.engine.vocabulary import EventKind
from calsync.store.tables.columns import LONG

Read = tuple[Resource, list[dict[str, Any]]]
"""A resource, and the column values of the events in it."""


def readable(resource: Resource, own_addresses: frozenset[str], folds: bool) -> Read:
    """Return the resource and the column values of its events; one that we cannot compute with gets a fault."""
    if resource.fault is not None:
        return resource, []
    try:
        folded = series.fold_cancelled(resource.events) if folds else resource.events
        return resource, [_columns(_as_ours(_without_block(event)), own_addresses) for event in folded]
    except (ValueError, OverflowError) as error:
        title = resource.events[0].summary if resource.events else resource.handle
        return replace(resource, events=(), fault=f"{title}: {error}"[:500]), []


def _without_block(event: Event) -> Event:
    """Drop our own block of guests from the description: it is a projection, never read inward."""
    description = projection.strip_block(event.description)
    return event if description == event.description else replace(event, description=description)


def _as_ours(event: Event) -> Event:
    """A busy block is known by our mark; it would come in as a meeting otherwise, and be blocked for in its turn."""
    return replace(event, kind=EventKind.BLOCK) if busy_blocks.is_block(event.our_id) else event


def _columns(event: Event, own_addresses: frozenset[str]) -> dict[str, Any]:
    content = events.content(event)
    start, end = series.span(event)
    key, is_busy = events.recurrence_key(event), scope.takes_time(event, own_addresses)
    return {
        "uid": event.uid,
        "recurrence_key": key,
        "facts": events.to_json(event, content),
        "fingerprint": events.fingerprint(content),
        "organizer": event.organizer.address if event.organizer else None,
        "our_id": event.our_id,
        "title": event.summary,
        "is_deleted": False,
        "is_cancelled": event.is_cancelled,
        "is_busy": is_busy,
        "is_all_day": event.is_all_day,
        "is_series": event.is_series,
        "is_long": end - start > LONG,
        "taking": scope.taking(event, key, says_busy=is_busy),
        "span_start": start,
        "span_end": end,
        "excluded": "",
        "considered": "",
    }
