"""What of series only other rows tell: their changed occurrences, and whether they are over."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from calsync.engine.vocabulary import LinkState
from calsync.store import own_answers
from calsync.store import tables as t
from calsync.store.busy import Row

A, E, L = t.Activity, t.MirrorEvent, t.Link


class Changed(NamedTuple):
    """A changed occurrence: of an activity's series (`place` its owner), or of one in a calendar (`place`).

    Of an activity's series it may be an event alone (`is_event`) that became no activity: a declined one, for example.
    """

    is_activity: bool
    is_event: bool
    place: int
    uid: str
    recurrence_key: str
    content: dict[str, Any]
    takes_time: bool


@dataclass(frozen=True, slots=True)
class Families:
    """The changed occurrences of series, and by owner and uid the series of activities that are over."""

    changed: list[Changed]
    over: set[tuple[int, str]]


def families(session: Session, planned: Collection[Row], mirrored: Collection[Row], loose: Collection[Row]) -> Families:
    """Return the changed occurrences of activities' series and of mirrored ones, far, free and cancelled ones too: they
    take a slot of theirs. And of changed occurrences of activities (`loose`) the series that are over. One question.
    """
    parts = [
        *([_of_activities(planned), _of_links(planned)] if planned else ()),
        *([_of_events(mirrored)] if mirrored else ()),
        *([_over(loose)] if loose else ()),
    ]
    if not parts:
        return Families([], set())
    found = [Changed._make(row) for row in session.connection().execute(sa.union_all(*parts))]
    places = {(True, row.place, row.uid) for row in planned} | {(False, row.place, row.uid) for row in mirrored}
    changed = [c for c in found if c.recurrence_key and (c.is_activity, c.place, c.uid) in places]
    here = {(c.place, c.uid, c.recurrence_key) for c in changed if c.is_activity and not c.is_event}
    return Families(
        [c for c in changed if not (c.is_activity and c.is_event) or (c.place, c.uid, c.recurrence_key) not in here],
        {(c.place, c.uid) for c in found if not c.recurrence_key},
    )


def _select(is_activity: bool, is_event: bool, *columns: Any) -> Any:
    return sa.select(sa.literal(is_activity, sa.Boolean()), sa.literal(is_event, sa.Boolean()), *columns)


def _of_activities(series: Collection[Row]) -> Any:
    columns = (A.owner_id, A.uid, A.recurrence_key, A.content, own_answers.is_accepted())
    query = _select(True, False, *columns)
    return query.where(col(A.uid).in_(_uids(series)), col(A.recurrence_key) != "", col(A.is_dissolved).is_(False))


def _of_events(series: Collection[Row]) -> Any:
    query = _select(False, True, E.calendar_id, E.uid, E.recurrence_key, E.facts, E.is_busy)
    return query.where(col(E.uid).in_(_uids(series)), col(E.recurrence_key) != "", col(E.is_deleted).is_(False))


def _of_links(series: Collection[Row]) -> Any:
    """Return the occurrences that are changed where series stand in calendars, and for which nothing stands here."""
    other = aliased(L)
    return (
        _select(True, True, A.owner_id, A.uid, E.recurrence_key, E.facts, E.is_busy)
        .select_from(L)
        .join(A, col(A.id) == col(L.activity_id))
        # By the uid: a calendar holds thousands of events, and its index looks as good to SQLite.
        .join(E, sa.and_(col(E.uid) == col(L.uid), col(E.calendar_id) + 0 == col(L.calendar_id)))
        .where(
            col(L.activity_id).in_([row.id for row in series]),
            col(L.state) == LinkState.ACTIVE,
            col(E.recurrence_key) != "",
            col(E.is_deleted).is_(False),
            sa.not_(sa.select(col(other.id)).where(col(other.event_id) == col(E.id)).exists()),
        )
    )


def _over(loose: Collection[Row]) -> Any:
    query = _select(True, False, A.owner_id, A.uid, A.recurrence_key, sa.type_coerce(sa.null(), sa.JSON()), sa.false())
    return query.where(col(A.uid).in_(_uids(loose)), col(A.recurrence_key) == "", col(A.status) == "cancelled")


def _uids(rows: Collection[Row]) -> list[str]:
    return sorted({row.uid for row in rows})
