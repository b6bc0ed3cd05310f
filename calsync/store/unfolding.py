"""What of series only other rows tell: their changed occurrences, and whether they are over."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.store import tables as t
from calsync.store.busy import Row

A, E = t.Activity, t.MirrorEvent

_AT_ONCE = 500  # values in one query


class Changed(NamedTuple):
    """A changed occurrence: of an activity's series (`place` its owner), or of one in a calendar (`place`)."""

    is_activity: bool
    place: int
    uid: str
    recurrence_key: str
    content: dict[str, Any]
    takes_time: bool


def changed(session: Session, planned: Collection[Row], mirrored: Collection[Row]) -> list[Changed]:
    """Return the changed occurrences of activities' series and of mirrored ones, by one question.

    Far, free and cancelled ones too: they take a slot of theirs.
    """
    queries = [
        _changed(A, A.owner_id, A.content, sa.true(), col(A.is_dissolved).is_(False), planned),
        _changed(E, E.calendar_id, E.facts, E.is_busy, col(E.is_deleted).is_(False), mirrored),
    ]
    parts = [query for query in queries if query is not None]
    if not parts:
        return []
    places = {
        (is_activity, row.place, row.uid) for is_activity, rows in ((True, planned), (False, mirrored)) for row in rows
    }
    found = session.connection().execute(sa.union_all(*parts))
    return [Changed._make(row) for row in found if (row[0], row[1], row[2]) in places]


def _changed(table: Any, place: Any, content: Any, takes_time: Any, is_there: Any, series: Collection[Row]) -> Any:
    if not series:
        return None
    is_activity = sa.literal(table is A, sa.Boolean()).label("is_activity")
    query = sa.select(is_activity, place, table.uid, table.recurrence_key, content, sa.cast(takes_time, sa.Boolean()))
    return query.where(table.uid.in_(sorted({row.uid for row in series})), table.recurrence_key != "", is_there)


def ended_series(session: Session, rows: Collection[Row]) -> set[tuple[int, str]]:
    """Return owner and uid of the series that are cancelled, of these changed occurrences of activities."""
    columns: tuple[Any, ...] = (A.owner_id, A.uid)
    query = sa.select(*columns).where(col(A.recurrence_key) == "", col(A.status) == "cancelled")
    return {(row[0], row[1]) for row in _by_id(session, query, A.uid, {row.uid for row in rows})}


def _by_id(session: Session, query: Any, column: Any, values: Collection[Any]) -> Iterator[Any]:
    listed = sorted(values)
    for begin in range(0, len(listed), _AT_ONCE):
        yield from session.connection().execute(query.where(column.in_(listed[begin : begin + _AT_ONCE])))
