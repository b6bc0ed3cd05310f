"""Queries on colleagues: people who log in here, found by the addresses that stand on an event."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine.vocabulary import AccountState, Role
from calsync.store import tables as t

A, U = t.Account, t.User


def by_address(session: Session, addresses: Collection[str]) -> dict[str, t.User]:
    """Return the people of the team who log in under these addresses, in lower case; clients are none of it."""
    if not addresses:
        return {}
    is_named = sa.func.lower(col(U.email)).in_({address.lower() for address in addresses})
    query = sa.select(U).where(is_named, col(U.is_disabled).is_(False), col(U.role) != Role.CLIENT)
    return {user.email.lower(): user for user in session.scalars(query)}


def accounts_of(session: Session, user_id: int, provider: str) -> list[t.Account]:
    """Return somebody's accounts with a provider that are in use."""
    query = sa.select(A).where(
        col(A.user_id) == user_id, col(A.provider) == provider, col(A.state) == AccountState.ACTIVE, col(A.grant_ok)
    )
    return list(session.scalars(query.order_by(col(A.id))))
