"""Whose time it is: people with their accounts, and the calendars that block it."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine.vocabulary import AccountState
from calsync.store import tables as t

C, N, U = t.Calendar, t.Account, t.User


class Person(NamedTuple):
    """A person with one of their accounts and one of its calendars that are asked for, None where there is none."""

    user_id: int
    email: str
    account: t.Account | None
    calendar: t.Calendar | None


def find(session: Session, user_ids: Collection[int], calendar_ids: Collection[int]) -> list[Person]:
    """Return these people and those whose these calendars are, with all of their accounts; of the calendars of these
    only those with these ids and those that block their time.
    """
    hosts = sa.select(col(N.user_id)).join(C, col(C.account_id) == col(N.id)).where(col(C.id).in_(calendar_ids))
    blocks = sa.and_(col(C.blocks), col(C.is_gone).is_(False), col(N.state) != AccountState.DISCONNECTED)
    is_asked = sa.or_(blocks, col(C.id).in_(calendar_ids)) if calendar_ids else blocks
    is_one = col(U.id).in_(user_ids)
    query = (
        sa.select(col(U.id), col(U.email), N, C)
        .outerjoin(N, col(N.user_id) == col(U.id))
        .outerjoin(C, sa.and_(col(C.account_id) == col(N.id), is_asked))
        .where(sa.or_(is_one, col(U.id).in_(hosts)) if calendar_ids else is_one)
        .order_by(col(C.id))
    )
    return [Person._make(row) for row in session.execute(query)]
