"""Busy blocks: what stands in one calendar of a person so that others see the time taken by another one.

A block is an event of ours without details. It carries a mark that names its calendar, so that it is known as ours
wherever it is read: it becomes no activity, takes no time by itself, and is never the reason for another block.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from calsync.engine import event as events
from calsync.engine import series
from calsync.engine.event import Event
from calsync.engine.projection import BUSY

PREFIX = "block-"
AHEAD = timedelta(days=90)
"""How far ahead blocks are written."""

REWRITES = 3
"""How often a day a block is put right that somebody, or the server, keeps changing."""

PENDING = "asked"
"""Stands in place of a fingerprint while it is not known whether a change arrived."""

A_DAY = timedelta(days=1)
_OF_CALENDAR = 16
"""Digits of a calendar's public id in a mark."""


@dataclass(frozen=True, slots=True)
class Origin:
    """A busy event: what it holds as a stamp, where it ends, and which of its occurrences are events of their own."""

    event_id: int
    uid: str
    recurrence_key: str
    stamp: str
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Block:
    """What is remembered of one block. `is_asked` says that it may have been created, `is_made` that it was; `stamp` is
    that of its origin when it was last asked for, "" when it was to go.
    """

    id: int
    key: str
    event_id: int | None
    stamp: str
    remote_fp: str
    is_asked: bool
    is_made: bool
    ends_at: datetime
    next_try_at: datetime | None = None
    rewrites: int = 0


@dataclass(frozen=True, slots=True)
class There:
    """A block as the calendar holds it, by the mirror. `is_kept`: a person wants it to stay without its origin."""

    event_id: int
    fingerprint: str
    ends_at: datetime
    key: str = ""
    is_kept: bool = False


class Do(StrEnum):
    """What is to be done about one block."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    FORGET = "forget"  # it is gone on both sides


@dataclass(frozen=True, slots=True)
class Wanted:
    """One thing to do. A create of an origin without a block yet has no `block`; a stray event has no `block` either.

    `is_anew`: it was deleted there, and what is created now needs a key of its own.
    """

    do: Do
    block: Block | None = None
    origin: Origin | None = None
    there: There | None = None
    is_anew: bool = False

    @property
    def key(self) -> str:
        """The key of the block; "" for one that has no row yet."""
        if self.block is not None:
            return self.block.key
        return "" if self.there is None else self.there.key


# --- marks and contents


def mark(calendar_public_id: str, key: str) -> str:
    """Return what a block carries: at most 64 characters."""
    return f"{prefix(calendar_public_id)}{key}"


def prefix(calendar_public_id: str) -> str:
    """Return how the marks of blocks begin that were made for a calendar."""
    return f"{PREFIX}{calendar_public_id[:_OF_CALENDAR]}-"


def is_block(our_id: str | None) -> bool:
    """Return whether a mark is that of a block, of whatever calendar and installation."""
    return our_id is not None and our_id.startswith(PREFIX)


def stamp(fingerprint: str, changed: Iterable[str]) -> str:
    """Return what changes when a block has to: the content of its origin, or which occurrences stand alone."""
    text = "\n".join([fingerprint, *sorted(changed)])
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def block_of(origin: Event, changed: Collection[str], our_id: str, uid: str) -> Event:
    """Return the block of an event: its times and nothing else of it.

    `changed` are the recurrence keys of a series' occurrences that are events of their own: they have blocks of their
    own, or take no time. The block of such an occurrence is an event by itself.
    """
    bare = Event(
        uid,
        origin.start,
        origin.end,
        origin.tz,
        summary=BUSY,
        rrule=None if origin.recurrence_id is not None else origin.rrule,
        rdates=() if origin.recurrence_id is not None else origin.rdates,
        exdates=() if origin.recurrence_id is not None else origin.exdates,
        classification="private",
        our_id=our_id,
    )
    for key in sorted(changed) if bare.is_series else ():
        bare = series.removing(bare, events.parse_moment(key))
    return bare


# --- what is to be done


def plan(
    origins: Iterable[Origin], blocks: Iterable[Block], there: Mapping[str, There], now: datetime, *, is_on: bool
) -> Iterator[Wanted]:
    """Yield what makes the blocks of one calendar those of its origins.

    `there` are the blocks that stand in the calendar, by their keys. Not `is_on`: every one of them goes, past ones
    too; else what is over stays as it is. What waits for another try is left out, unless its origin has changed since.
    """
    wanted = {origin.event_id: origin for origin in origins} if is_on else {}
    known: set[str] = set()
    for block in sorted(blocks, key=lambda each: each.id):
        known.add(block.key)
        origin = wanted.pop(block.event_id or 0, None)
        found = _of_block(block, origin, there.get(block.key), now, is_on)
        if found is not None and not _waits(block, origin, now):
            yield found
    for origin in sorted(wanted.values(), key=lambda each: each.event_id):
        yield Wanted(Do.CREATE, origin=origin)
    for key in sorted(there.keys() - known):
        if not is_on or (there[key].ends_at > now and not there[key].is_kept):
            yield Wanted(Do.DELETE, there=there[key])


def _waits(block: Block, origin: Origin | None, now: datetime) -> bool:
    is_same = block.stamp == ("" if origin is None else origin.stamp)
    return is_same and block.next_try_at is not None and block.next_try_at > now


def _of_block(block: Block, origin: Origin | None, there: There | None, now: datetime, is_on: bool) -> Wanted | None:
    if origin is None:
        return _over(block, there, now, is_on)
    if there is None:
        return Wanted(Do.CREATE, block, origin, is_anew=block.is_made)
    if not block.is_made:
        return Wanted(Do.UPDATE, block, origin, there)
    may_rewrite = block.rewrites < REWRITES or block.remote_fp == PENDING
    is_touched = there.fingerprint != block.remote_fp and may_rewrite
    return Wanted(Do.UPDATE, block, origin, there) if is_touched or origin.stamp != block.stamp else None


def _over(block: Block, there: There | None, now: datetime, is_on: bool) -> Wanted | None:
    """Return how a block goes whose origin is gone. One that is past stays, and one that a person wants to stay."""
    if is_on and (block.ends_at <= now or (there is not None and there.is_kept)):
        return None
    if there is not None:
        return Wanted(Do.DELETE, block, there=there)
    if block.is_asked and not block.is_made:
        return Wanted(Do.CREATE, block)  # whether it is there is known once it is asked for again
    return Wanted(Do.FORGET, block)
