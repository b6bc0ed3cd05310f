"""Busy blocks and what they are about: origins in a person's calendars, and blocks as their calendars hold them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from calsync.engine import busy_blocks as blocks
from calsync.engine.busy_blocks import Block, Origin, There
from calsync.engine.vocabulary import AccountState, LinkState
from calsync.store import placements
from calsync.store import tables as t

A, B, C, E, L = t.Account, t.BusyBlock, t.Calendar, t.MirrorEvent, t.Link

_BUSY: tuple[Any, ...] = (E.id, E.calendar_id, E.uid, E.recurrence_key, E.fingerprint, E.span_end, E.is_series)
_CHANGED: tuple[Any, ...] = (E.calendar_id, E.uid, E.recurrence_key)
_THERE: tuple[Any, ...] = (E.id, E.our_id, E.fingerprint, E.span_end, E.excluded)

KEPT = placements.DISCARDED
"""Stands in `excluded` of a block that a person wants left as it is."""

CONTENT = ("summary", "time", "exdates", "description", "location")
"""What is remembered of a block that is deleted."""


class Busy(NamedTuple):
    """A busy event with what decides whether its account's rules count it."""

    origin: Origin
    account_id: int
    event_kind: str


def targets(session: Session) -> list[tuple[t.Calendar, t.Account]]:
    """Return every calendar that takes blocks, or did until lately, of active accounts, with its account."""
    query = (
        sa.select(C, A)
        .join(A, col(A.id) == col(C.account_id))
        .where(
            sa.or_(col(C.takes_blocks), col(C.clears_blocks)),
            col(C.is_gone).is_(False),
            col(A.state) == AccountState.ACTIVE,
        )
        .order_by(col(C.id))
    )
    return [(calendar, account) for calendar, account in session.execute(query)]


def sources(session: Session, user_id: int, but: int) -> list[tuple[int, t.Account]]:
    """Return the other calendars of a person whose events take their time, with their accounts."""
    query = (
        sa.select(col(C.id), A)
        .join(A, col(A.id) == col(C.account_id))
        .where(
            col(A.user_id) == user_id,
            col(A.state) != AccountState.DISCONNECTED,
            col(C.blocks),
            col(C.is_gone).is_(False),
            col(C.id) != but,
        )
    )
    return [(int(i), account) for i, account in session.execute(query)]


def busy(
    session: Session, calendar_ids: Mapping[int, int], target_id: int, window: tuple[datetime, datetime]
) -> list[Busy]:
    """Return the busy events of calendars (with their accounts' ids) that a calendar does not hold itself.

    What is busy in several of them comes once. Blocks are not among them.
    """
    start, end = window
    query = (
        sa.select(
            *_BUSY,
            col(E.facts)["event_kind"].as_string(),
        )
        .where(
            col(E.calendar_id).in_(calendar_ids),
            col(E.is_deleted).is_(False),
            col(E.is_cancelled).is_(False),
            col(E.is_busy),
            col(E.span_end) > start,
            col(E.span_start) < end,
            sa.or_(col(E.our_id).is_(None), sa.not_(col(E.our_id).startswith(blocks.PREFIX))),
            sa.not_(_stands_in(target_id)),
        )
        .order_by(col(E.id))
    )
    found = list(session.execute(query))
    changed = changed_keys(session, [(row[1], row[2]) for row in found if row[6]])
    first: dict[tuple[str, str], Busy] = {}
    for event_id, calendar_id, uid, key, fingerprint, span_end, _, kind in found:
        stamp = blocks.stamp(fingerprint, () if key else changed.get((calendar_id, uid), ()))
        origin = Origin(event_id, uid, key, stamp, span_end)
        first.setdefault((uid, key), Busy(origin, calendar_ids[calendar_id], kind or "default"))
    return list(first.values())


def _stands_in(target_id: int) -> sa.ColumnElement[bool]:
    """Whether the same event, or the activity behind it, stands in the calendar itself."""
    copy = aliased(E)
    same = (
        sa.select(col(copy.id))
        .where(
            col(copy.calendar_id) == target_id,
            col(copy.uid) == col(E.uid),
            col(copy.recurrence_key) == col(E.recurrence_key),
            col(copy.is_deleted).is_(False),
            col(copy.is_cancelled).is_(False),
        )
        .exists()
    )
    here, there = aliased(L), aliased(L)
    linked = (
        sa.select(col(there.id))
        .join(here, col(here.activity_id) == col(there.activity_id))
        .where(
            col(here.event_id) == col(E.id),
            col(there.calendar_id) == target_id,
            col(there.state) == LinkState.ACTIVE,
        )
        .exists()
    )
    return sa.or_(same, linked)


def changed_keys(session: Session, series: Sequence[tuple[int, str]]) -> dict[tuple[int, str], list[str]]:
    """Return which occurrences of series, given by calendar and uid, are events of their own."""
    if not series:
        return {}
    query = sa.select(*_CHANGED).where(
        col(E.calendar_id).in_({i for i, _ in series}),
        col(E.uid).in_({uid for _, uid in series}),
        col(E.recurrence_key) != "",
        col(E.is_deleted).is_(False),
    )
    found: dict[tuple[int, str], list[str]] = {}
    for calendar_id, uid, key in session.execute(query):
        found.setdefault((calendar_id, uid), []).append(key)
    return found


def of_calendar(session: Session, calendar_id: int) -> list[t.BusyBlock]:
    return list(session.scalars(sa.select(B).where(col(B.calendar_id) == calendar_id).order_by(col(B.id))))


def find(session: Session, key: str) -> t.BusyBlock | None:
    return session.scalars(sa.select(B).where(col(B.key) == key)).one_or_none()


def wait_no_longer(session: Session, calendar_id: int, keys: Collection[str] | None) -> None:
    """Let blocks of a calendar, those with these keys or all, be tried again at once."""
    change = sa.update(B).where(col(B.calendar_id) == calendar_id).values(next_try_at=None)
    change = change if keys is None else change.where(col(B.key).in_(list(keys)))
    session.execute(change.execution_options(synchronize_session=False))


def as_value(row: t.BusyBlock) -> Block:
    """Return what planning needs of a row."""
    return Block(
        t.pk(row),
        row.key,
        row.event_id,
        row.stamp,
        row.remote_fp,
        row.asked_at is not None,
        bool(row.remote_fp),
        row.ends_at,
        row.next_try_at,
        row.rewrites,
    )


def there(session: Session, calendar: t.Calendar) -> dict[str, There]:
    """Return the living blocks that were made for a calendar and stand in it, by their keys."""
    begin = blocks.prefix(calendar.public_id)
    query = sa.select(*_THERE).where(
        col(E.calendar_id) == calendar.id,
        col(E.our_id).startswith(begin),
        col(E.is_deleted).is_(False),
        col(E.is_cancelled).is_(False),
        col(E.recurrence_key) == "",
    )
    found = ((mark.removeprefix(begin), row) for row in session.execute(query) for mark in [row[1]])
    return {key: There(row[0], row[2], row[3], key, row[4] == KEPT) for key, row in found}


def events(session: Session, ids: Collection[int]) -> dict[int, t.MirrorEvent]:
    found = session.scalars(sa.select(E).where(col(E.id).in_(ids))) if ids else ()
    return {t.pk(row): row for row in found}


def resources(session: Session, event_ids: Collection[int]) -> dict[int, t.MirrorResource]:
    """Return the mirrored resources of events, by the events' ids."""
    if not event_ids:
        return {}
    query = (
        sa.select(col(E.id), t.MirrorResource)
        .join(t.MirrorResource, col(t.MirrorResource.id) == col(E.resource_id))
        .where(col(E.id).in_(event_ids))
    )
    return {int(i): resource for i, resource in session.execute(query)}


class Sum(NamedTuple):
    """How many blocks stand in a calendar, how many could not be written, and the newest reason."""

    blocks: int
    failed: int
    error: str


def sums(session: Session, calendar_ids: Collection[int]) -> dict[int, Sum]:
    """Return what is known of the blocks of calendars, for pages."""
    if not calendar_ids:
        return {}
    failed = sa.func.sum(sa.case((col(B.error) != "", 1), else_=0))
    query = (
        sa.select(col(B.calendar_id), sa.func.count(), failed, sa.func.max(col(B.error)))
        .where(col(B.calendar_id).in_(calendar_ids))
        .group_by(col(B.calendar_id))
    )
    return {int(row[0]): Sum(int(row[1]), int(row[2]), str(row[3])) for row in session.execute(query)}
