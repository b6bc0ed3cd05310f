"""What a window of time may show: activities, and mirrored events that no activity stands for.

What is short is found by its start, the few that are long by their end; each way has an index.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from calsync.store import activities as rows
from calsync.store import tables as t
from calsync.store.tables.columns import LONG

A, E, L = t.Activity, t.MirrorEvent, t.Link

_AT_ONCE = 500  # values in one query


def list_activities(
    session: Session,
    start: datetime,
    end: datetime,
    owner_ids: Collection[int] | None = None,
    limit: int | None = None,
) -> list[t.Activity]:
    """Return activities that may have an occurrence in the window, neither cancelled nor dissolved.

    A series comes with all of its changed occurrences, cancelled and far ones too: they take its slots. With `limit`
    there are at most so many beside these, those that begin last.
    """
    found = {t.pk(a): a for a in _touching(session, start, end, owner_ids, limit)}
    masters = [a for a in found.values() if a.is_series]
    found |= {t.pk(a): a for a in rows.overrides_of(session, masters)}
    over = cancelled_series(session, found.values())
    return [a for a in found.values() if (a.owner_id, a.uid) not in over]


def _touching(
    session: Session, start: datetime, end: datetime, owner_ids: Collection[int] | None, limit: int | None
) -> list[t.Activity]:
    alive = [col(A.is_dissolved).is_(False), col(A.status) != "cancelled"]
    if owner_ids is not None:
        alive.append(col(A.owner_id).in_(owner_ids))
    return _both(session, sa.select(A).where(*alive), A, (start, end), limit)


def _both(
    session: Session, query: sa.Select[Any], table: Any, window: tuple[datetime, datetime], limit: int | None
) -> list[Any]:
    """Run a query on what touches the window, short and long apart; return its rows by start."""
    start, end = window
    within = query.where(table.span_end >= start)
    parts = (
        within.where(table.span_start >= start - LONG, table.span_start < end),
        within.where(table.span_start < start - LONG, table.is_long.is_(True)),
    )
    newest = (table.span_start.desc(), table.id.desc())
    cut = [sa.select(part.order_by(*newest).limit(limit).subquery()) for part in parts]
    entity = aliased(table, sa.union_all(*cut).subquery())
    return sorted(session.scalars(sa.select(entity)), key=lambda row: (row.span_start, row.id))


def cancelled_series(session: Session, rows: Collection[t.Activity]) -> set[tuple[int, str]]:
    """Return owner and uid of the changed occurrences whose series is cancelled, and they with it."""
    known = {(a.owner_id, a.uid) for a in rows if not a.recurrence_key}
    loose = sorted({a.uid for a in rows if a.recurrence_key and (a.owner_id, a.uid) not in known})
    found: set[tuple[int, str]] = set()
    for begin in range(0, len(loose), _AT_ONCE):
        query = sa.select(col(A.owner_id), col(A.uid)).where(
            col(A.uid).in_(loose[begin : begin + _AT_ONCE]), col(A.recurrence_key) == "", col(A.status) == "cancelled"
        )
        found |= {(int(owner), uid) for owner, uid in session.execute(query)}
    return found - known


def list_events(
    session: Session, start: datetime, end: datetime, calendar_ids: Collection[int], limit: int | None = None
) -> list[t.MirrorEvent]:
    """Return living events of these calendars that may have an occurrence in the window and that no activity shows.

    An event whose activity is cancelled here shows again; a series comes with its changed occurrences. With `limit`
    as for activities.
    """
    shown = (
        sa.select(col(L.id))
        .join(A, col(A.id) == col(L.activity_id))
        .where(col(L.event_id) == col(E.id), sa.or_(col(A.status) != "cancelled", col(A.is_dissolved)))
        .exists()
    )
    query = sa.select(E).where(
        col(E.calendar_id).in_(calendar_ids),
        col(E.is_deleted).is_(False),
        col(E.is_cancelled).is_(False),
        sa.not_(shown),
    )
    found = {t.pk(e): e for e in _both(session, query, E, (start, end), limit)}
    found |= {t.pk(e): e for e in _changed_occurrences(session, [e for e in found.values() if e.is_series])}
    return list(found.values())


def _changed_occurrences(session: Session, masters: Sequence[t.MirrorEvent]) -> list[t.MirrorEvent]:
    uids = sorted({m.uid for m in masters})
    calendar_ids = {m.calendar_id for m in masters}
    found: list[t.MirrorEvent] = []
    for begin in range(0, len(uids), _AT_ONCE):
        query = sa.select(E).where(
            col(E.uid).in_(uids[begin : begin + _AT_ONCE]),
            col(E.calendar_id).in_(calendar_ids),
            col(E.recurrence_key) != "",
            col(E.is_deleted).is_(False),
        )
        found += session.scalars(query)
    return found


def linked_series(session: Session, events: Collection[t.MirrorEvent]) -> set[tuple[int, str]]:
    """Return calendar and uid of those changed occurrences among `events` whose series an activity stands for."""
    uids = sorted({e.uid for e in events if e.recurrence_key})
    query = sa.select(col(L.calendar_id), col(L.uid)).where(
        col(L.calendar_id).in_({e.calendar_id for e in events}), col(L.uid).in_(uids), col(L.recurrence_key) == ""
    )
    return {(int(calendar), uid) for calendar, uid in session.execute(query)} if uids else set()
