"""Marks of overlaps on what a page shows anyway: computed from its entries, by the rules of `services/overlaps.py`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from calsync.engine import overlaps
from calsync.engine.vocabulary import Kind
from calsync.services.agenda import Agenda, Entry


@dataclass(frozen=True, slots=True)
class _Thing:
    place: int
    uid: str
    starts_at: datetime
    ends_at: datetime


def in_agenda(found: Agenda) -> dict[int, list[int]]:
    """Return, by the place of an entry in `found.entries`, the places of those at the same time of the same person.

    What is free, a due time alone, what stands in a calendar that blocks no time, and what came from outside while the
    settings say that such events block none, overlaps with nothing.
    """
    by_owner: dict[int, list[_Thing]] = {}
    for place, entry in enumerate(found.entries):
        if _takes_time(entry, found):
            at = entry.occurrence
            thing = _Thing(place, at.event.uid, at.starts_at, at.ends_at)
            by_owner.setdefault(entry.owner_id, []).append(thing)
    marks: dict[int, list[int]] = {}
    for things in by_owner.values():
        for pair in overlaps.find(things):
            if pair.first.uid != pair.second.uid:
                marks.setdefault(pair.first.place, []).append(pair.second.place)
                marks.setdefault(pair.second.place, []).append(pair.first.place)
    return marks


def _takes_time(entry: Entry, found: Agenda) -> bool:
    if entry.is_free:
        return False
    activity = entry.activity
    if activity is not None:
        if activity.source_account_id in found.silent:
            return False
        return not (activity.kind == Kind.TASK and (activity.due_is is not None or activity.is_done))
    calendar = found.calendars.get(entry.calendar_id or 0)
    return calendar is not None and calendar.blocks and calendar.account_id not in found.silent
