"""Imports: activities made of events, and their links, many at once.

A first read brings tens of thousands. As objects each would cost a millisecond, so these are columns and Core
statements; activities one by one are written in `store/activities.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine.vocabulary import Action, ChangeKind, Direction, StepState
from calsync.store import changes
from calsync.store import tables as t

S, E = t.Step, t.MirrorEvent

Columns = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Create:
    """A planned step that makes an activity of an event. `remote_fp` is the event's mark when it was planned."""

    step_id: int
    event_id: int
    remote_fp: str


@dataclass(frozen=True, slots=True)
class Source:
    """What of a mirrored event goes into its activity and its link."""

    id: int
    calendar_id: int
    uid: str
    recurrence_key: str
    organizer: str | None
    facts: dict[str, Any]
    fingerprint: str
    excluded: str
    is_deleted: bool
    is_cancelled: bool
    is_series: bool


@dataclass(frozen=True, slots=True)
class Made:
    """An activity and its link as they shall be saved; the link's activity_id is known only then."""

    create: Create
    activity: Columns
    link: Columns


_SOURCE = [getattr(E, name) for name in Source.__slots__]


def planned(session: Session, step_ids: Sequence[int]) -> list[Create]:
    """Return those of the steps that are still planned and make an activity, in order."""
    query = (
        sa.select(col(S.id), col(S.event_id), col(S.detail))
        .where(
            col(S.id).in_(step_ids),
            col(S.state) == StepState.PLANNED,
            col(S.action) == Action.CREATE,
            col(S.direction) == Direction.INBOUND,
        )
        .order_by(col(S.id))
    )
    return [Create(int(i), event_id or 0, detail["remote_fp"]) for i, event_id, detail in session.execute(query)]


def sources(session: Session, creates: Sequence[Create]) -> dict[int, Source]:
    """Return the events of these steps by id."""
    query = sa.select(*_SOURCE).where(col(E.id).in_([c.event_id for c in creates]))
    found = (Source(*row) for row in session.execute(query))
    return {source.id: source for source in found}


def save(session: Session, made: Sequence[Made], now: datetime) -> None:
    """Insert activities and links and close their steps as done."""
    if not made:
        return
    activity_ids = _insert(session, t.Activity, "public_id", [m.activity for m in made])
    changes.note(session, (_note(m.activity, activity_ids) for m in made))
    links = [m.link | {"activity_id": activity_ids[m.activity["public_id"]]} for m in made]
    link_ids = _insert(session, t.Link, "activity_id", links)
    done = [
        {"step": m.create.step_id, "activity": link["activity_id"], "link": link_ids[link["activity_id"]]}
        for m, link in zip(made, links, strict=True)
    ]
    change = (
        sa.update(S)
        .where(col(S.id) == sa.bindparam("step"))
        .values(
            state=StepState.DONE,
            finished_at=now,
            attempts=col(S.attempts) + 1,
            activity_id=sa.bindparam("activity"),
            link_id=sa.bindparam("link"),
        )
    )
    session.connection().execute(change, done)
    _include(session, [m.create.event_id for m in made])


def _note(activity: Columns, ids: dict[Any, int]) -> changes.Note:
    id = ids[activity["public_id"]]
    return changes.Note(id, activity["owner_id"], ChangeKind.CREATED, activity["created_at"])


def miss(session: Session, step_ids: Sequence[int], now: datetime) -> None:
    """Close steps whose event is no longer what they were planned on."""
    if step_ids:
        change = sa.update(S).where(col(S.id).in_(step_ids)).values(state=StepState.SUPERSEDED, finished_at=now)
        session.execute(change.execution_options(synchronize_session=False))


def _insert(session: Session, table: Any, key: str, rows: Sequence[Columns]) -> dict[Any, int]:
    """Insert rows and return their ids by a column that tells them apart."""
    insert = sa.insert(table).returning(table.id, getattr(table, key))
    return {value: int(id) for id, value in session.connection().execute(insert, list(rows))}


def _include(session: Session, event_ids: Sequence[int]) -> None:
    """An event that became an activity is left out no longer."""
    change = sa.update(E).where(col(E.id).in_(event_ids), col(E.excluded) != "").values(excluded="")
    session.execute(change.execution_options(synchronize_session=False))
