"""What of series only other rows tell: their changed occurrences, and whether they are over."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.store import tables as t
from calsync.store.busy import Row

A, E = t.Activity, t.MirrorEvent


class Changed(NamedTuple):
    """A changed occurrence: of an activity's series (`place` its owner), or of one in a calendar (`place`)."""

    is_activity: bool
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
        *([_changed(A, A.owner_id, A.content, sa.true(), col(A.is_dissolved).is_(False), planned)] if planned else ()),
        *([_changed(E, E.calendar_id, E.facts, E.is_busy, col(E.is_deleted).is_(False), mirrored)] if mirrored else ()),
        *([_over(loose)] if loose else ()),
    ]
    if not parts:
        return Families([], set())
    found = [Changed._make(row) for row in session.connection().execute(sa.union_all(*parts))]
    places = {(True, row.place, row.uid) for row in planned} | {(False, row.place, row.uid) for row in mirrored}
    return Families(
        [each for each in found if each.recurrence_key and (each.is_activity, each.place, each.uid) in places],
        {(each.place, each.uid) for each in found if not each.recurrence_key},
    )


def _changed(table: Any, place: Any, content: Any, takes_time: Any, is_there: Any, series: Collection[Row]) -> Any:
    columns = (place, table.uid, table.recurrence_key, content, takes_time)
    query = sa.select(sa.literal(table is A, sa.Boolean()), *columns)
    return query.where(table.uid.in_(_uids(series)), table.recurrence_key != "", is_there)


def _over(loose: Collection[Row]) -> Any:
    columns: tuple[Any, ...] = (A.owner_id, A.uid, A.recurrence_key, sa.type_coerce(sa.null(), sa.JSON()), sa.false())
    query = sa.select(sa.true(), *columns)
    return query.where(col(A.uid).in_(_uids(loose)), col(A.recurrence_key) == "", col(A.status) == "cancelled")


def _uids(rows: Collection[Row]) -> list[str]:
    return sorted({row.uid for row in rows})
