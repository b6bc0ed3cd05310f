"""Mirrored resources whose last answer may be older than our own write, or that a later run must ask for again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.store import tables as t

LATE_ANSWERS = timedelta(minutes=2)
"""How long after our own write a provider may still answer with what was there before it."""

AT_ONCE = 500
"""Handles or ids in one statement."""


def written_since(session: Session, calendar_id: int, handles: Sequence[str], since: datetime | None) -> set[str]:
    """Return those of `handles` that we wrote after `since`: a tombstone for them may be older than our write."""
    table = t.MirrorResource
    found: set[str] = set()
    for start in range(0, len(handles), AT_ONCE):
        query = sa.select(col(table.handle)).where(
            col(table.calendar_id) == calendar_id,
            col(table.handle).in_(handles[start : start + AT_ONCE]),
            col(table.written_at).is_not(None),
        )
        if since is not None:
            query = query.where(col(table.written_at) >= since)
        found.update(session.scalars(query))
    return found


def to_recheck(session: Session, calendar_id: int, now: datetime) -> list[str]:
    """Return handles whose last answer looked older than our write, once that can no longer be the reason."""
    values = {"calendar_id": calendar_id, "before": now - LATE_ANSWERS}
    return list(session.connection().execute(_TO_RECHECK, values).scalars())


_TO_RECHECK = sa.select(col(t.MirrorResource.handle)).where(
    col(t.MirrorResource.calendar_id) == sa.bindparam("calendar_id"),
    col(t.MirrorResource.recheck).is_(True),
    sa.or_(col(t.MirrorResource.written_at).is_(None), col(t.MirrorResource.written_at) <= sa.bindparam("before")),
)


def ask_again(session: Session, calendar_id: int, handles: Iterable[str]) -> None:
    """Remember resources that a later run must ask for (see to_recheck)."""
    table = t.MirrorResource
    session.execute(
        sa.update(table)
        .where(col(table.calendar_id) == calendar_id, col(table.handle).in_(sorted(handles)))
        .values(recheck=True)
        .execution_options(synchronize_session=False)
    )


def ask_for(session: Session, ids: Sequence[int]) -> None:
    """Remember resources by their ids, as `ask_again` does by handle."""
    for start in range(0, len(ids), AT_ONCE):
        session.execute(
            sa.update(t.MirrorResource)
            .where(col(t.MirrorResource.id).in_(ids[start : start + AT_ONCE]))
            .values(recheck=True)
            .execution_options(synchronize_session=False)
        )
