"""The feed of changes: what became of activities, in one order without gaps, for programs that follow along.

Whatever writes an activity enters the feed by itself (`store/changes.py`). `record` is for what no row shows. Who
fans changes out to others reads them here, from a position it keeps: `store.changes.after(session, position, limit)`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session

from calsync.engine.vocabulary import ChangeKind
from calsync.errors import CalsyncError, Refused
from calsync.runtime import Actor, Runtime
from calsync.store import changes, instance
from calsync.store import tables as t
from calsync.store.changes import Bounds, By, Note, Told

__all__ = ["By", "CursorTooOld", "Part", "Told", "read", "record"]

LARGEST = 1000
"""Changes in one answer at most."""

_CURSOR = re.compile(r"(\d{1,9})\.(\d{1,18})\Z")


class CursorTooOld(CalsyncError):
    """What follows the cursor was thrown away, or a backup was restored: list everything anew, then follow `newest`."""

    def __init__(self, newest: str) -> None:
        self.newest = newest
        super().__init__("the changes after this cursor are no longer kept")


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the feed. `cursor` stands behind its last change; with `has_more` others follow already."""

    told: Sequence[Told]
    cursor: str
    has_more: bool


def read(rt: Runtime, cursor: str | None, limit: int, *, by: Actor) -> Part:
    """Return the changes after a cursor of an earlier answer; None: from the first one that is kept.

    `latest` gives no changes and the cursor that stands at the end now. Who is no admin is told of activities of
    their own. Raises CursorTooOld, and Refused for what is no cursor.
    """
    owner_id = None if by.is_admin else by.user_id
    limit = max(1, min(limit, LARGEST))
    with rt.reading() as session:
        epoch, bounds = instance.epoch(session), changes.bounds(session)
        position = _position(cursor, epoch, bounds)
        found = changes.after(session, position, limit + 1, owner_id)
    told = found[:limit]
    # Of somebody else's changes nothing is told, but they need not be looked at again.
    last = told[-1].change.position if len(found) > limit else max(bounds.newest, _last(told))
    return Part(told, f"{epoch}.{last}", len(found) > limit)


def record(session: Session, activity: t.Activity, what: ChangeKind, fields: Sequence[str], *, by: Actor) -> None:
    """Enter a change that no column of the activity shows, in the transaction that makes it."""
    changes.made_by(session, changes.by_actor(by))
    changes.note(session, [Note(t.pk(activity), activity.owner_id, what, activity.updated_at, tuple(fields))])


def _last(told: Sequence[Told]) -> int:
    return told[-1].change.position if told else 0


def _position(cursor: str | None, epoch: int, bounds: Bounds) -> int:
    if cursor is None:
        return bounds.oldest
    if cursor == "latest":
        return bounds.newest
    match = _CURSOR.match(cursor)
    if match is None:
        raise Refused("This is no cursor of the feed.", code="invalid", field="cursor")
    position = int(match[2])
    if int(match[1]) != epoch or not bounds.oldest <= position <= bounds.newest:
        raise CursorTooOld(f"{epoch}.{bounds.newest}")
    return position
