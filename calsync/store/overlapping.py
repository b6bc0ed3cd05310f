"""Activities at the same time as others of the same person: one query for a page of a list.

Looks at what can be read off columns: timed, single things and changed occurrences. Where a series meets something is
seen on the calendar, which unfolds it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine import clock
from calsync.engine.vocabulary import Kind
from calsync.store import tables as t

A = t.Activity
LONGEST = timedelta(hours=25)
"""Days and floating times have spans of at least 26 hours, because they are bounded in every zone of the world."""


class Near(NamedTuple):
    """One timed activity, with what decides how its title may be shown."""

    id: int
    owner_id: int
    uid: str
    title: str
    is_private: bool
    starts_at: datetime
    ends_at: datetime


def find(session: Session, page: Sequence[t.Activity]) -> dict[int, list[Near]]:
    """Return what takes the same time as each activity of a page, by its id; those without are left out."""
    timed = [row for row in page if _is_timed(row)]
    if not timed:
        return {}
    by_owner: dict[int, list[Near]] = {}
    for near in _near(session, timed):
        by_owner.setdefault(near.owner_id, []).append(near)
    found = {t.pk(row): _meeting(row, by_owner.get(row.owner_id, [])) for row in timed}
    return {activity_id: others for activity_id, others in found.items() if others}


def _is_timed(row: t.Activity) -> bool:
    takes = row.content.get("transparency") == "opaque" and row.status != "cancelled" and not row.is_dissolved
    is_task = row.kind == Kind.TASK and (row.due_is is not None or row.is_done)
    is_timed = not (row.is_series or row.is_all_day) and _is_short(row.span_end - row.span_start)
    return takes and is_timed and not is_task


def _meeting(row: t.Activity, others: Sequence[Near]) -> list[Near]:
    is_known = any(near.id == row.id for near in others)  # else it was declined, and takes no time
    return [
        near
        for near in others
        if is_known and near.uid != row.uid and near.starts_at < row.span_end and near.ends_at > row.span_start
    ]


def _ranges(timed: Sequence[t.Activity]) -> list[tuple[datetime, datetime]]:
    """Return between which starts everything lies that could meet one of them."""
    spans = (clock.span(row.span_start - LONGEST, row.span_end) for row in timed)
    return [(clock.moment(first), clock.moment(last)) for first, last in clock.merged(spans)]


def _near(session: Session, timed: Sequence[t.Activity]) -> list[Near]:
    # Ranges of the index, so that a page which spans years reads no more than one that spans a day.
    touching = [
        sa.and_(
            col(A.owner_id) == owner_id,
            col(A.span_start) >= first,
            col(A.span_start) < last,
            col(A.span_end) > first + LONGEST,
        )
        for owner_id in sorted({row.owner_id for row in timed})
        for first, last in _ranges([row for row in timed if row.owner_id == owner_id])
    ]
    columns: tuple[Any, ...] = (A.id, A.owner_id, A.uid, A.title, A.is_private, A.span_start, A.span_end)
    query = sa.select(*columns).where(
        sa.or_(*touching),
        col(A.status) != "cancelled",
        col(A.is_dissolved).is_(False),
        col(A.is_series).is_(False),
        col(A.is_all_day).is_(False),
        sa.not_(sa.and_(col(A.kind) == Kind.TASK, sa.or_(col(A.due_is).is_not(None), col(A.is_done)))),
        col(A.content)["transparency"].as_string() == "opaque",
        # Who declined is read from the whole content elsewhere; here one that anybody declined is left out.
        sa.not_(sa.cast(A.content, sa.Text).contains('"declined"')),
    )
    rows = session.execute(query.order_by(col(A.span_start), col(A.id)))
    return [near for near in map(Near._make, rows) if _is_short(near.ends_at - near.starts_at)]


def _is_short(length: timedelta) -> bool:
    """Return whether something is timed; what has no length overlaps with nothing."""
    return timedelta() < length <= LONGEST
