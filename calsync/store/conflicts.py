"""Queries on conflicts and on resources that cannot be read."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine.vocabulary import ConflictKind, Reason, StepState
from calsync.errors import NotFound
from calsync.store import steps as step_rows
from calsync.store import tables as t
from calsync.store.links import remote_mark
from calsync.store.tables.columns import plain

K = t.Conflict


def get(session: Session, conflict_id: int) -> t.Conflict:
    """Raises NotFound."""
    row = session.get(K, conflict_id)
    if row is None:
        raise NotFound("conflict", conflict_id)
    return row


def pending(session: Session, subjects: Iterable[str]) -> dict[str, t.Conflict]:
    """Return conflicts that are open, or decided by a person and not yet planned, by subject."""
    wanted = sorted(set(subjects))
    query = sa.select(K).where(
        col(K.subject).in_(wanted),
        sa.or_(col(K.state) == "open", sa.and_(col(K.state) == "resolved", col(K.closed_at).is_(None))),
    )
    return {row.subject: row for row in session.scalars(query.order_by(col(K.id)))}


def is_pending(conflict: t.Conflict) -> bool:
    """Return whether `pending` would have this conflict."""
    return conflict.state == "open" or (conflict.state == "resolved" and conflict.closed_at is None)


def answers(session: Session, subjects: Iterable[str]) -> dict[str, t.Conflict]:
    """Return what was last asked about each subject: an answer stands until something has come of it."""
    wanted = sorted(set(subjects))
    query = sa.select(K).where(col(K.subject).in_(wanted), col(K.state).in_(["open", "resolved"]))
    return {row.subject: row for row in session.scalars(query.order_by(col(K.id)))}


SHIFTED = (
    sa.select(col(K.link_id))
    .join(t.Link, col(t.Link.id) == col(K.link_id))
    .join(t.Activity, col(t.Activity.id) == col(t.Link.activity_id))
    .join(t.MirrorEvent, col(t.MirrorEvent.id) == col(t.Link.event_id))
    .where(
        col(K.account_id) == sa.bindparam("account_id"),
        col(K.state) == plain("open"),
        sa.or_(col(K.local_fp) != col(t.Activity.fingerprint), col(K.remote_fp) != remote_mark()),
    )
)


def shifted_link_ids(session: Session, account_id: int, known: set[int]) -> list[int]:
    """Return links of open conflicts of which a side has changed since the conflict was written down."""
    found = session.execute(SHIFTED, {"account_id": account_id}).scalars()
    return [int(i) for i in found if i is not None and i not in known]


def open_or_refresh(session: Session, values: dict[str, Any], now: datetime) -> None:
    """Write a conflict down, or bring the open one of the same subject up to date."""
    row = pending(session, [values["subject"]]).get(values["subject"])
    if row is None:
        session.add(K(**values, opened_at=now))
        return
    for name, value in values.items():
        setattr(row, name, value)
    row.state, row.choice, row.resolved_by_id = "open", None, None


def close(session: Session, subject: str, now: datetime) -> None:
    """End the conflict of a subject: settled by itself, or resolved and now planned."""
    row = pending(session, [subject]).get(subject)
    if row is not None:
        row.state = "settled" if row.state == "open" else row.state
        row.closed_at = now


def settle_open(session: Session, account_id: int) -> None:
    """End every open conflict of an account: nothing comes of it any more."""
    query = sa.select(K).where(col(K.account_id) == account_id, col(K.state) == "open")
    for row in session.scalars(query):
        row.state = "settled"


def drop_questions(session: Session, event_ids: Collection[int], now: datetime) -> None:
    """End what is being asked about events that are gone or stay out: their activities may be planned again."""
    query = sa.select(K).where(
        col(K.event_id).in_(event_ids),
        col(K.kind) == ConflictKind.DUPLICATE_MATCH,
        col(K.state).in_(["open", "resolved"]),
        col(K.closed_at).is_(None),
    )
    for row in session.scalars(query).all() if event_ids else ():
        row.state, row.closed_at = ("settled" if row.state == "open" else row.state), now
        session.execute(
            sa.update(t.Activity)
            .where(col(t.Activity.id).in_(row.candidates), col(t.Activity.excluded) == Reason.DUPLICATE_MATCH)
            .values(excluded="", considered="")
            .execution_options(synchronize_session=False)
        )


def healed_faults(session: Session, account_id: int) -> list[int]:
    """Return failed steps that name a resource which can be read again or is gone."""
    S, M, C = t.Step, t.MirrorResource, t.Calendar
    query = sa.select(col(S.id), col(S.subject)).where(
        col(S.account_id) == account_id, col(S.state) == StepState.FAILED, col(S.subject).startswith(step_rows.RESOURCE)
    )
    steps = {int(subject.partition(":")[2]): int(i) for i, subject in session.execute(query) if i}
    if not steps:
        return []
    broken = set(
        session.scalars(
            sa.select(col(M.id))
            .join(C, col(C.id) == col(M.calendar_id))
            .where(col(M.id).in_(list(steps)), col(M.fault).is_not(None), col(M.is_deleted).is_(False))
        )
    )
    return [step_id for resource_id, step_id in steps.items() if resource_id not in broken]


def asked_about(session: Session, account_id: int) -> set[int]:
    """Return the activities of which a person is being asked whether an event is one of them."""
    query = sa.select(col(K.candidates)).where(
        col(K.account_id) == account_id, col(K.state) == "open", col(K.kind) == ConflictKind.DUPLICATE_MATCH
    )
    return {int(i) for candidates in session.scalars(query) for i in candidates}


def due_again(session: Session, now: datetime) -> list[int]:
    """Return open conflicts that were put off until a moment that has come."""
    query = sa.select(col(t.Conflict.id)).where(col(t.Conflict.state) == "open", col(t.Conflict.remind_at) <= now)
    return [i for i in session.scalars(query) if i is not None]


def take_up(session: Session, ids: Iterable[int]) -> None:
    """Let conflicts wait again that were put off."""
    session.execute(
        sa.update(t.Conflict)
        .where(col(t.Conflict.id).in_(list(ids)))
        .values(remind_at=None)
        .execution_options(synchronize_session=False)
    )
