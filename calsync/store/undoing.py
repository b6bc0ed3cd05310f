"""Queries for taking a run back: its done steps, what later runs did to the same records, and where else they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from calsync.engine.vocabulary import Action, LinkState, StepState
from calsync.errors import NotFound
from calsync.store import tables as t

S, L = t.Step, t.Link

CHANGES = (Action.CREATE, Action.UPDATE, Action.CANCEL, Action.DELETE)


@dataclass(slots=True)
class Around:
    """What the undoing of some links depends on: fields that later runs wrote, by link (the key is there for any later
    change); activities that are on calendars of other accounts, too; series with changed occurrences beside them.
    """

    touched: dict[int, set[str]] = field(default_factory=dict)
    elsewhere: set[int] = field(default_factory=set)
    series: set[int] = field(default_factory=set)


def account_of(session: Session, run_id: int) -> t.Account:
    """Return the account of a run, with what a context needs of its owner and this installation. Raises NotFound."""
    query = (
        sa.select(t.Account, t.User, t.Instance)
        .join(t.Run, col(t.Run.account_id) == col(t.Account.id))
        .join(t.User, col(t.User.id) == col(t.Account.user_id))
        .outerjoin(t.Instance, sa.true())
        .where(col(t.Run.id) == run_id)
    )
    row = session.execute(query).one_or_none()
    if row is None:
        raise NotFound("run", run_id)
    session.info["undoing"] = row  # a session forgets rows that nothing holds
    account: t.Account = row[0]
    return account


def done_steps(session: Session, run_id: int) -> dict[int, list[t.Step]]:
    """Return a run's changes by link, in the order of the links' ids, each in the order in which they were done."""
    query = sa.select(S).where(
        col(S.run_id) == run_id,
        col(S.state) == StepState.DONE,
        col(S.action).in_(CHANGES),
        col(S.link_id).is_not(None),
    )
    found: dict[int, list[t.Step]] = {}
    for step in session.scalars(query.order_by(col(S.id))):
        found.setdefault(step.link_id or 0, []).append(step)
    return dict(sorted(found.items()))


def around(session: Session, run_id: int, account_id: int, link_ids: Sequence[int]) -> Around:
    """Return what surrounds these links, in one query."""
    nothing = sa.cast(sa.null(), sa.JSON)
    every = sa.union_all(
        sa.select(sa.literal("touched").label("kind"), col(S.link_id), col(S.fields)).where(
            col(S.link_id).in_(link_ids),
            col(S.run_id) > run_id,
            col(S.state) == StepState.DONE,
            col(S.action).in_(CHANGES),
        ),
        sa.select(sa.literal("elsewhere"), col(L.activity_id), nothing).where(*_elsewhere(account_id, link_ids)),
        sa.select(sa.literal("series"), col(L.id), nothing).join(_other, _same_series()).where(*_series(link_ids)),
    )
    found = Around()
    for kind, id_, fields in session.execute(every):
        match kind:
            case "touched":
                found.touched.setdefault(int(id_), set()).update(fields or ())
            case "elsewhere":
                found.elsewhere.add(int(id_))
            case _:
                found.series.add(int(id_))
    return found


_other = aliased(L)


def _elsewhere(account_id: int, link_ids: Sequence[int]) -> tuple[Any, ...]:
    mine = sa.select(col(_other.activity_id)).where(col(_other.id).in_(link_ids))
    return col(L.activity_id).in_(mine), col(L.account_id) != account_id, col(L.state) == LinkState.ACTIVE


def _same_series() -> Any:
    return sa.and_(col(_other.calendar_id) == col(L.calendar_id), col(_other.uid) == col(L.uid))


def _series(link_ids: Sequence[int]) -> tuple[Any, ...]:
    is_master = sa.and_(col(L.id).in_(link_ids), col(L.recurrence_key) == "")
    return is_master, col(_other.recurrence_key) != "", col(_other.state) == LinkState.ACTIVE


def preview_digests(session: Session, run_id: int) -> list[str]:
    """Return what the steps of a preview would do, as their digests."""
    query = sa.select(col(S.digest)).where(
        col(S.run_id) == run_id, col(S.state) == StepState.PREVIEW, col(S.action).in_(CHANGES)
    )
    return list(session.scalars(query.order_by(col(S.id))))


def mark_undone(session: Session, run_id: int) -> int:
    """Close the steps that an undoing run has taken back, and return how many they are."""
    query = sa.select(col(S.detail)).where(col(S.run_id) == run_id, col(S.state) == StepState.DONE)
    ids = [int(i) for detail in session.scalars(query) for i in detail.get("undoes", ())]
    _set(session, ids, state=StepState.UNDONE, retried_in_id=run_id)
    return len(ids)


def _set(session: Session, ids: Sequence[int], **values: object) -> None:
    for start in range(0, len(ids), 500):
        session.execute(
            sa.update(S)
            .where(col(S.id).in_(list(ids[start : start + 500])))
            .values(**values)
            .execution_options(synchronize_session=False)
        )
