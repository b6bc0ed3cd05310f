"""Queries on steps: what is open, what was done lately, and the bulk writes of a plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine.brake import Tally
from calsync.engine.vocabulary import OPEN_STEP_STATES, Action, Direction, ErrorClass, StepState
from calsync.store import keyset
from calsync.store import tables as t
from calsync.store.keyset import Cut, Slice

S, R = t.Step, t.Run

RESOURCE = "resource:"
"""How the subject of a step begins that names a resource which cannot be read."""

BLOCK = "block:"
"""How the subject of a step about a busy block begins; such steps are in `block_steps.py`."""

CHUNK = 200
"""Steps written in one transaction."""


@dataclass(slots=True)
class Open:
    """The open steps of an account, as a new plan must know them.

    `frozen` subjects may not be planned: their last write is under way or in doubt. `waiting` are failed steps whose
    next attempt has not come. `attempts` are those of failed steps that may be tried again. `approved` are digests of
    held steps that a person has approved. `arriving` are keys of creates whose answer never came.
    """

    frozen: set[str] = field(default_factory=set)
    arriving: set[str] = field(default_factory=set)
    waiting: dict[str, t.Step] = field(default_factory=dict)
    attempts: dict[str, tuple[str, int]] = field(default_factory=dict)
    approved: set[str] = field(default_factory=set)
    superseded: list[int] = field(default_factory=list)
    is_quiet: bool = False  # nothing whatever is to be planned
    by_subject: dict[str, t.Step] = field(default_factory=dict)


_IS_RECORD = sa.not_(col(S.subject).startswith(BLOCK))

_OPEN = (
    sa.select(S)
    .where(col(S.account_id) == sa.bindparam("account_id"), col(S.state).in_(list(OPEN_STEP_STATES)), _IS_RECORD)
    .order_by(col(S.id))
)


def open_steps(session: Session, account_id: int, now: datetime, only: frozenset[str] | None) -> Open:
    """Sort the account's open steps into what freezes, what waits and what a new plan supersedes."""
    found = Open()
    for step in session.execute(_OPEN, {"account_id": account_id}).scalars():
        found.by_subject[step.subject] = step
        if step.state in (StepState.APPLYING, StepState.IN_DOUBT) or (only is not None and step.subject not in only):
            found.frozen.add(step.subject)
            if step.state in (StepState.APPLYING, StepState.IN_DOUBT) and step.action == Action.CREATE and step.key:
                found.arriving.add(step.key)
        elif step.state == StepState.FAILED and (_is_of_resource(step) or (only is None and _is_later(step, now))):
            found.waiting[step.subject] = step
        else:
            found.superseded.append(t.pk(step))
            if step.state == StepState.FAILED:
                found.attempts[step.subject] = (step.digest, step.attempts)
            if step.is_approved:
                found.approved.add(step.digest)
    return found


def _is_of_resource(step: t.Step) -> bool:
    """Return whether a step names a resource that cannot be read: it ends with that, and with nothing else."""
    return step.subject.startswith(RESOURCE)


def _is_later(step: t.Step, now: datetime) -> bool:
    return step.next_attempt_at is not None and step.next_attempt_at > now


_FAILING = sa.select(sa.func.count()).where(
    col(S.account_id) == sa.bindparam("account_id"), col(S.state) == StepState.FAILED, _IS_RECORD
)


def failing(session: Session, account_id: int) -> int:
    """Return how many records of an account failed and are to be tried again."""
    return int(session.execute(_FAILING, {"account_id": account_id}).scalar_one())


def failing_by_account(session: Session) -> dict[int, int]:
    """Return the same of every account that has any."""
    query = sa.select(col(S.account_id), sa.func.count()).where(col(S.state) == StepState.FAILED, _IS_RECORD)
    return {int(account): int(count) for account, count in session.execute(query.group_by(col(S.account_id)))}


def without_room(session: Session, account_id: int, now: datetime) -> set[int]:
    """Return the calendars whose storage was full when something was written last, until that is tried again."""
    query = sa.select(col(S.calendar_id)).where(
        col(S.account_id) == account_id,
        col(S.state) == StepState.FAILED,
        col(S.error_class) == ErrorClass.STORAGE,
        col(S.next_attempt_at) > now,
    )
    return {int(calendar_id) for calendar_id in session.scalars(query.distinct()) if calendar_id is not None}


def supersede(session: Session, ids: Sequence[int], now: datetime) -> None:
    """Close steps that a newer plan replaces."""
    session.execute(
        sa.update(S)
        .where(col(S.id).in_(ids), col(S.state).in_([StepState.PLANNED, StepState.HELD, StepState.FAILED]))
        .values(state=StepState.SUPERSEDED, finished_at=now)
        .execution_options(synchronize_session=False)
    )


_DONE = (
    sa.update(S)
    .where(col(S.id) == sa.bindparam("step"))
    .values(
        state=StepState.DONE,
        finished_at=sa.bindparam("now"),
        attempts=col(S.attempts) + 1,
        link_id=sa.bindparam("link"),
        event_id=sa.bindparam("event"),
        error="",
        error_class="",
        next_attempt_at=None,
    )
)


def close_as_done(session: Session, step: t.Step, now: datetime, link_id: int | None, event_id: int | None) -> None:
    """Close a step that had the effect it was planned for, and note what it was on."""
    values = {"step": step.id, "now": now, "link": link_id, "event": event_id}
    session.connection().execute(_DONE, values)


def insert(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        # By the connection: a session would send every shape of row by itself.
        session.connection().execute(sa.insert(S), list(rows))


def tallies(session: Session, account_id: int, now: datetime, links: dict[int, int]) -> dict[int | None, Tally]:
    """Return what was deleted, created and mailed in the last 24 hours, by calendar and (None) in all.

    First runs and approved steps do not count: the one is expected, the other was agreed to. Busy blocks are counted
    by themselves.
    """
    query = (
        sa.select(col(S.calendar_id), col(S.action), sa.func.count(), sa.func.sum(col(S.people_mailed)))
        .join(R, col(R.id) == col(S.run_id))
        .where(
            col(S.account_id) == account_id,
            col(S.state) == StepState.DONE,
            col(S.finished_at) > now - timedelta(hours=24),
            col(S.is_approved).is_(False),
            col(R.is_first).is_(False),
            _IS_RECORD,
            col(S.action).in_([Action.CREATE, Action.CANCEL, Action.DELETE, Action.UPDATE]),
        )
        .group_by(col(S.calendar_id), col(S.action))
    )
    deleted, created, mailed = Counter[int | None](), Counter[int | None](), Counter[int | None]()
    for calendar_id, action, count, people in session.execute(query):
        for key in (calendar_id, None):
            created[key] += count if action == Action.CREATE else 0
            deleted[key] += count if action in (Action.CANCEL, Action.DELETE) else 0
            mailed[key] += int(people or 0)
    linked = Counter[int | None](links)
    linked[None] = sum(links.values())
    # What was deleted today was linked yesterday: the share is of what there was.
    return {
        key: Tally(linked[key] + deleted[key], deleted[key], created[key], mailed[key]) for key in {*linked, *created}
    }


def planned(session: Session, run_id: int, *, direction: str, after: int = 0, limit: int = CHUNK) -> list[t.Step]:
    """Return the next planned steps of a run in one direction, by id."""
    return list(session.scalars(_planned((S,), run_id, direction, after, limit)))


def planned_inward(session: Session, run_id: int, *, direction: str, after: int) -> list[tuple[int, bool]]:
    """Return the next planned steps of a run in one direction, by id, and whether each writes an activity.

    Every inbound step does; an outbound one where it also takes fields over (a merge).
    """
    is_inbound = direction == Direction.INBOUND
    columns = [col(S.id)] if is_inbound else [col(S.id), col(S.detail)]
    found = session.execute(_planned(columns, run_id, direction, after, CHUNK))
    return [(int(row[0]), is_inbound or bool(row[1].get("inward"))) for row in found]


def _planned(columns: Sequence[Any], run_id: int, direction: str, after: int, limit: int) -> sa.Select[Any]:
    return (
        sa.select(*columns)
        .where(
            col(S.run_id) == run_id,
            col(S.state) == StepState.PLANNED,
            col(S.direction) == direction,
            col(S.id) > after,
        )
        .order_by(col(S.id))
        .limit(limit)
    )


def hold(session: Session, ids: Sequence[int], reason: str) -> None:
    """Hold planned steps until a person approves them."""
    session.execute(
        sa.update(S)
        .where(col(S.id).in_(ids), col(S.state) == StepState.PLANNED)
        .values(state=StepState.HELD, reason=reason)
        .execution_options(synchronize_session=False)
    )


def counts(session: Session, run_id: int) -> dict[tuple[str, str], int]:
    """Return the number of a run's steps by state and action."""
    query = (
        sa.select(col(S.state), col(S.action), sa.func.count())
        .where(col(S.run_id) == run_id)
        .group_by(col(S.state), col(S.action))
    )
    return {(state, action): int(n) for state, action, n in session.execute(query)}


def sides(session: Session, run_id: int) -> dict[str, int]:
    """Return the number of a run's changes by direction."""
    query = (
        sa.select(col(S.direction), sa.func.count())
        .where(col(S.run_id) == run_id, col(S.state) == StepState.DONE, col(S.action).in_(_CHANGES))
        .group_by(col(S.direction))
    )
    return {str(direction): int(n) for direction, n in session.execute(query)}


_CHANGES = (Action.CREATE, Action.UPDATE, Action.CANCEL, Action.DELETE)


def in_doubt(session: Session, account_id: int) -> list[t.Step]:
    """Return steps whose write got no answer, and those that were being written when their run died."""
    query = sa.select(S).where(
        col(S.account_id) == account_id, col(S.state).in_([StepState.APPLYING, StepState.IN_DOUBT]), _IS_RECORD
    )
    return list(session.scalars(query.order_by(col(S.id))))


def list_of_run(session: Session, run_id: int, cut: Cut, *, state: str = "") -> Slice:
    """Return a slice of a run's steps, each with the public id of its activity; its key is (id,)."""
    query: Any = sa.select(S, col(t.Activity.public_id)).outerjoin(t.Activity, col(t.Activity.id) == col(S.activity_id))
    query = query.where(col(S.run_id) == run_id)
    if state:
        query = query.where(col(S.state) == state)
    return keyset.fetch(session, query, [cast(Any, S.id)], cut, newest_first=False)


def by_ids(session: Session, ids: Iterable[int]) -> list[t.Step]:
    return list(session.scalars(sa.select(S).where(col(S.id).in_(list(ids))).order_by(col(S.id))))
