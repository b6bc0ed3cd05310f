"""An occurrence that is an item of its own at its provider: what it has for itself, and what it is without that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from calsync.engine import slots
from calsync.engine.event import Event, Moment, content, fingerprint

_OWN = ("summary", "time", "description", "location", "status", "transparency", "classification", "attendees")
"""What an occurrence has for itself: alike in these with its series, it is no exception."""


def likeness(event: Event) -> str:
    """Return a fingerprint of what makes an occurrence an exception."""
    values = content(event)
    return fingerprint({name: values[name] for name in _OWN})


def went_back(mark: str, read: Callable[[], Event]) -> bool:
    """Return whether an occurrence still is as it was when it went back to its series; `mark` is its likeness then.

    One that cannot be read has changed.
    """
    try:
        return mark == likeness(read())
    except (ValueError, KeyError, TypeError):
        return False


def at_slot(series: Event, slot: Moment) -> Event:
    """Return the plain occurrence of a series at a slot."""
    end = slots.later(slot, slots.length(series))
    return replace(series, start=slot, end=end, recurrence_id=slot, rrule=None, rdates=(), exdates=())
