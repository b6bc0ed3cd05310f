"""Queries for the ledger of conferences, and for what tells people of those that need them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.store import tables as t

C, A = t.Conference, t.Activity


@dataclass(frozen=True, slots=True)
class Line:
    """A conference with its activity and its account, as far as they are there."""

    conference: t.Conference
    activity: t.Activity | None
    account: t.Account | None


def lines(
    session: Session, *, states: Sequence[str], owner_id: int | None = None, account_id: int | None = None, limit: int
) -> list[Line]:
    """Return conferences in these states, the newest first, of one person's activities or accounts or of all."""
    query = (
        sa.select(C, A, t.Account)
        .outerjoin(A, col(A.id) == col(C.activity_id))
        .outerjoin(t.Account, col(t.Account.id) == col(C.account_id))
        .where(col(C.state).in_(states))
        .order_by(col(C.id).desc())
        .limit(limit)
    )
    if owner_id is not None:
        query = query.where(sa.or_(col(A.owner_id) == owner_id, col(t.Account.user_id) == owner_id))
    if account_id is not None:
        query = query.where(col(C.account_id) == account_id)
    return [Line(*found) for found in session.execute(query)]


def made_with_events(
    session: Session, kinds: Collection[str], now: datetime, *, owner_id: int | None = None, limit: int
) -> list[tuple[t.Activity, t.Account]]:
    """Return activities to come whose link comes with their event, and the account whose provider makes it."""
    query = (
        sa.select(A, t.Account)
        .join(t.Link, col(t.Link.activity_id) == col(A.id))
        .join(t.Account, col(t.Account.id) == col(t.Link.account_id))
        .where(
            col(A.location_kind).in_(kinds),
            col(A.span_end) > now,
            col(A.status) != "cancelled",
            ~col(A.is_dissolved),
            col(t.Link.is_ours),
        )
        .order_by(col(A.span_start), col(A.id))
        .limit(limit)
    )
    if owner_id is not None:
        query = query.where(col(A.owner_id) == owner_id)
    return [(activity, account) for activity, account in session.execute(query)]


def troubled(session: Session, now: datetime, soon: datetime) -> list[tuple[t.Conference, t.Activity]]:
    """Return meetings ahead that somebody has to look after, with their activities: refused, deleted there, or, where
    they begin before `soon`, still without anybody who could host them.
    """
    is_homeless = sa.and_(col(C.state) == "wanted", col(C.account_id).is_(None), col(A.span_start) < soon)
    query = (
        sa.select(C, A)
        .join(A, col(A.id) == col(C.activity_id))
        .where(col(A.span_end) > now, sa.or_(col(C.state).in_(("failed", "gone")), is_homeless))
        .order_by(col(C.id))
    )
    return [(conference, activity) for conference, activity in session.execute(query)]


def count_left_over(session: Session) -> int:
    """Return how many meetings carry our mark and belong to nothing."""
    return int(session.scalar(sa.select(sa.func.count()).where(col(C.state) == "orphan")) or 0)
