"""What of series and days can only be known by unfolding them: their contents, and their changed occurrences."""

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

    place: int
    uid: str
    recurrence_key: str
    content: dict[str, Any]
    takes_time: bool


def activity_contents(session: Session, ids: Collection[int]) -> dict[int, dict[str, Any]]:
    """Return the content of activities by id."""
    return {row[0]: row[1] for row in _by_id(session, sa.select(A.id, A.content), A.id, ids)}  # type: ignore[call-overload]


def event_contents(session: Session, ids: Collection[int]) -> dict[int, dict[str, Any]]:
    """Return the facts of mirrored events by id."""
    return {row[0]: row[1] for row in _by_id(session, sa.select(E.id, E.facts), E.id, ids)}  # type: ignore[call-overload]


def changed_activities(session: Session, series: Collection[Row]) -> list[Changed]:
    """Return the changed occurrences of series, far, free and cancelled ones too: they take a slot of theirs."""
    columns: tuple[Any, ...] = (A.owner_id, A.uid, A.recurrence_key, A.content)
    query = sa.select(*columns).where(col(A.recurrence_key) != "", col(A.is_dissolved).is_(False))
    found = _by_id(session, query, A.uid, {row.uid for row in series})
    places = {(row.place, row.uid) for row in series}
    return [Changed._make((*row, True)) for row in found if (row[0], row[1]) in places]


def changed_events(session: Session, series: Collection[Row]) -> list[Changed]:
    """Return the changed occurrences of mirrored series, as changed_activities does."""
    columns: tuple[Any, ...] = (E.calendar_id, E.uid, E.recurrence_key, E.facts, E.is_busy)
    query = sa.select(*columns).where(col(E.recurrence_key) != "", col(E.is_deleted).is_(False))
    found = _by_id(session, query, E.uid, {row.uid for row in series})
    places = {(row.place, row.uid) for row in series}
    return [Changed._make(row) for row in found if (row[0], row[1]) in places]


def ended_series(session: Session, rows: Collection[Row]) -> set[tuple[int, str]]:
    """Return owner and uid of the series that are cancelled, of these changed occurrences of activities."""
    columns: tuple[Any, ...] = (A.owner_id, A.uid)
    query = sa.select(*columns).where(col(A.recurrence_key) == "", col(A.status) == "cancelled")
    return {(row[0], row[1]) for row in _by_id(session, query, A.uid, {row.uid for row in rows})}


def _by_id(session: Session, query: Any, column: Any, values: Collection[Any]) -> Iterator[Any]:
    listed = sorted(values)
    for begin in range(0, len(listed), _AT_ONCE):
        yield from session.connection().execute(query.where(column.in_(listed[begin : begin + _AT_ONCE])))
