"""Activities near others of the same people in time: what overlaps on a page of a list are looked for among.

One question for a page, by ranges of an index, so that one which spans years reads no more than one of a day. What is a
day, a floating time or a series comes with its content: its times have to be unfolded (`services/overlap_marks.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine.vocabulary import Kind
from calsync.store import tables as t
from calsync.store.tables.columns import LONG

A = t.Activity
Window = tuple[datetime, datetime]


class Near(NamedTuple):
    """One activity with what decides how its title may be shown. `content` is None where its span is its time; `tz`
    is by whose clock its owner's days are.
    """

    id: int
    owner_id: int
    uid: str
    recurrence_key: str
    title: str
    is_private: bool
    starts_at: datetime
    ends_at: datetime
    is_series: bool
    source_account_id: int | None
    tz: str
    content: dict[str, Any] | None


def near(session: Session, windows: Mapping[int, Sequence[Window]]) -> list[Near]:
    """Return what takes people's time and may touch their windows, by owner's id."""
    ranges = [(owner_id, start, end) for owner_id, listed in sorted(windows.items()) for start, end in listed]
    if not ranges:
        return []
    within = sa.select(*_COLUMNS).join(t.User, col(t.User.id) == col(A.owner_id)).where(*_TAKES_TIME)
    short = [
        sa.and_(
            col(A.owner_id) == owner_id,
            col(A.span_start) >= start - LONG,
            col(A.span_start) < end,
            col(A.span_end) > start,
        )
        for owner_id, start, end in ranges
    ]
    # The flag stands inside each part: in front of them all it would be taken for the index to use.
    long = [
        sa.and_(
            col(A.owner_id) == owner_id,
            col(A.is_long).is_(True),
            col(A.span_end) > min(start for start, _ in listed),
            col(A.span_start) < max(end for _, end in listed),
        )
        for owner_id, listed in sorted(windows.items())
    ]
    both = sa.union_all(within.where(sa.or_(*short)), within.where(sa.or_(*long)))
    found = {row.id: row for row in map(Near._make, session.execute(both))}  # a long one may be found by both
    return list(found.values())


_IS_FOLDED = sa.or_(
    col(A.is_series), col(A.is_all_day), sa.not_(col(A.content)[("time", "start")].as_string().endswith("Z"))
)
_COLUMNS: tuple[Any, ...] = (
    A.id,
    A.owner_id,
    A.uid,
    A.recurrence_key,
    A.title,
    A.is_private,
    A.span_start,
    A.span_end,
    A.is_series,
    A.source_account_id,
    t.User.tz,
    sa.case((_IS_FOLDED, A.content)),
)
_TAKES_TIME = (
    col(A.status) != "cancelled",
    col(A.is_dissolved).is_(False),
    sa.not_(sa.and_(col(A.kind) == Kind.TASK, sa.or_(col(A.due_is).is_not(None), col(A.is_done)))),
    col(A.content)["transparency"].as_string() == "opaque",
    # Who declined is read from the whole content elsewhere; here one that anybody declined is left out.
    sa.not_(sa.cast(A.content, sa.Text).contains('"declined"')),
)


def changed_keys(session: Session, series: Collection[Near]) -> dict[tuple[int, str], list[str]]:
    """Return which occurrences of series are activities of their own, by owner's id and uid."""
    if not series:
        return {}
    columns: tuple[Any, ...] = (A.owner_id, A.uid, A.recurrence_key)
    query = sa.select(*columns).where(
        col(A.owner_id).in_({row.owner_id for row in series}),
        col(A.uid).in_({row.uid for row in series}),
        col(A.recurrence_key) != "",
        col(A.is_dissolved).is_(False),
    )
    found: dict[tuple[int, str], list[str]] = {}
    for owner_id, uid, key in session.execute(query):
        found.setdefault((owner_id, uid), []).append(key)
    return found
