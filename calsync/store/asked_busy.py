"""What providers told of when resources are busy that have no calendar here."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine.vocabulary import AccountState
from calsync.store import tables as t

A, Q, R = t.Account, t.AskedBusy, t.Resource


def of_resources(session: Session, resource_ids: Collection[int]) -> list[tuple[t.AskedBusy, t.Account]]:
    """Return the last answers about resources, each with the account that asked."""
    if not resource_ids:
        return []
    query = sa.select(Q, A).join(A, col(A.id) == col(Q.account_id)).where(col(Q.resource_id).in_(resource_ids))
    return [(row, account) for row, account in session.execute(query.order_by(col(Q.resource_id)))]


def of_account(session: Session, account_id: int) -> list[t.AskedBusy]:
    """Return everything that is asked through an account, by resource."""
    return list(session.scalars(sa.select(Q).where(col(Q.account_id) == account_id).order_by(col(Q.resource_id))))


def due_accounts(session: Session, now: datetime) -> list[int]:
    """Return the accounts through which something is to be asked again and can be, of resources in use."""
    query = (
        sa.select(col(A.id))
        .join(Q, col(Q.account_id) == col(A.id))
        .join(R, col(R.id) == col(Q.resource_id))
        .where(
            col(Q.next_ask_at) <= now,
            col(R.is_active),
            col(A.state) == AccountState.ACTIVE,
            col(A.grant_ok),
            sa.or_(col(A.rate_limited_until).is_(None), col(A.rate_limited_until) <= now),
        )
        .distinct()
        .order_by(col(A.id))
    )
    return [int(i) for i in session.scalars(query) if i is not None]


def accounts(session: Session, providers: Collection[str]) -> list[t.Account]:
    """Return the connected accounts at these providers, by label."""
    query = sa.select(A).where(col(A.provider).in_(providers), col(A.state) != AccountState.DISCONNECTED)
    return list(session.scalars(query.order_by(sa.func.lower(col(A.label)), col(A.id))))


def forget(session: Session, resource_id: int) -> None:
    """Remove what was told of a resource."""
    session.execute(sa.delete(Q).where(col(Q.resource_id) == resource_id))
