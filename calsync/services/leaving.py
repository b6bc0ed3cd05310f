"""What an account leaves when it goes: events and activities by their links, and the steps that delete them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from calsync.engine.pair import Decision
from calsync.engine.vocabulary import Action, LinkState, Reason, StepState
from calsync.services import drafts
from calsync.services.context import Context
from calsync.services.drafts import Row
from calsync.store import links
from calsync.store import steps as step_rows
from calsync.store import tables as t
from calsync.store.links import Pair

BATCH = 200


def ours(account_id: int) -> sa.Select[Any]:
    """Return links to events that we created and that are still there."""
    query = _links(account_id).join(t.MirrorEvent, col(t.MirrorEvent.id) == col(t.Link.event_id))
    return query.where(col(t.Link.is_ours).is_(True), sa.not_(col(t.MirrorEvent.is_deleted)))


def theirs(account_id: int) -> sa.Select[Any]:
    """Return links to activities that came from this account's calendars and from nowhere else."""
    elsewhere = aliased(t.Link)
    other = sa.select(col(elsewhere.id)).where(
        col(elsewhere.activity_id) == col(t.Activity.id),
        col(elsewhere.account_id) != account_id,
        col(elsewhere.state) != LinkState.CANCELLED,
    )
    query = _links(account_id).join(t.Activity, col(t.Activity.id) == col(t.Link.activity_id))
    came_from_here = col(t.Activity.source_account_id) == account_id
    return query.where(came_from_here, col(t.Activity.status) != "cancelled", ~other.exists())


def _links(account_id: int) -> sa.Select[Any]:
    return sa.select(col(t.Link.id)).where(
        col(t.Link.account_id) == account_id, col(t.Link.state) != LinkState.CANCELLED
    )


def _ids(session: Session, query: sa.Select[Any]) -> list[int]:
    return [i for i in session.scalars(query.order_by(col(t.Link.id))) if i is not None]


def count(session: Session, query: sa.Select[Any]) -> int:
    return int(session.scalar(sa.select(sa.func.count()).select_from(query.subquery())) or 0)


def steps(ctx: Context, *, remote: bool, local: bool) -> list[Row]:
    """Return the steps that delete what is still there; what a write in doubt concerns is left out."""
    there = Decision(Reason.DISCONNECTED, remote_action=Action.DELETE)
    here = Decision(Reason.DISCONNECTED, local_action=Action.CANCEL, inward={"status": "cancelled"})
    found = _drafted(ctx, ours, there) if remote else []
    found += _drafted(ctx, theirs, here) if local else []
    with ctx.rt.reading() as session:
        frozen = step_rows.open_steps(session, ctx.account_id, ctx.now(), None).frozen
    return [row for row in found if row["subject"] not in frozen]


def _drafted(ctx: Context, which: Callable[[int], sa.Select[Any]], decision: Decision) -> list[Row]:
    drafted: list[Row] = []
    with ctx.rt.reading() as session:
        ids = _ids(session, which(ctx.account_id))
        for start in range(0, len(ids), BATCH):
            pairs = links.pairs(session, ids[start : start + BATCH])
            drafted += [_agreed_to(drafts.for_pair(ctx, pair, decision)) for pair in pairs if _is_there(pair)]
    return drafted


def _is_there(pair: Pair) -> bool:
    return not pair.event.is_deleted


def _agreed_to(row: Row) -> Row:
    """The counts were shown and chosen, so the brake is not asked; what would mail guests stays as it is."""
    row["is_approved"] = True
    if row["state"] == StepState.HELD:
        row["state"] = StepState.SKIPPED
    return row
