"""What waits for a person, as numbers for the frame of every page: one statement, however large the tables are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, and_, func, select
from sqlmodel import Session, col

from calsync.engine.vocabulary import AccountState, RunState
from calsync.store import accounts
from calsync.store import tables as t

CEILING = 1000
"""No count goes further: beyond it "many" is all that anyone needs to know."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Open conflicts that nobody put off, held runs, accounts whose sign-in was lost, or that fail again and again, and
    meetings that a person has to mend.
    """

    conflicts: int = 0
    held: int = 0
    reconnect: int = 0
    failing: int = 0
    meetings: int = 0


def waiting(session: Session, user_id: int | None = None) -> Waiting:
    """Return the counts over the accounts of one person, or of everyone (None)."""
    conflict, run, account, meeting = t.Conflict, t.Run, t.Account, t.Conference
    live = col(account.state) != AccountState.DISCONNECTED
    found = session.execute(
        select(
            _count(
                col(conflict.id),
                col(conflict.account_id),
                and_(col(conflict.state) == "open", col(conflict.remind_at).is_(None)),
                user_id=user_id,
            ),
            _count(col(run.id), col(run.account_id), col(run.state) == RunState.HELD, user_id=user_id),
            _count(col(account.id), col(account.id), and_(live, accounts.LOST_GRANT), user_id=user_id),
            _count(
                col(account.id),
                col(account.id),
                and_(live, col(account.grant_ok), accounts.KEEPS_FAILING),
                user_id=user_id,
            ),
            _count(
                col(meeting.id),
                col(meeting.account_id),
                col(meeting.state).in_(("failed", "gone", "orphan")),
                user_id=user_id,
            ),
        )
    ).one()
    return Waiting(*found)


def accounts_by_owner(session: Session, user_ids: Sequence[int]) -> dict[int, int]:
    """Return how many accounts each of these people has connected; who has none is left out."""
    account = t.Account
    live = and_(col(account.user_id).in_(user_ids), col(account.state) != AccountState.DISCONNECTED)
    query = select(col(account.user_id), func.count()).where(live).group_by(col(account.user_id))
    return {row[0]: row[1] for row in session.execute(query)}


def _count(
    id_column: Any, account_id: Any, condition: ColumnElement[bool], *, user_id: int | None
) -> ScalarSelect[int]:
    query = select(id_column).where(condition).limit(CEILING)
    if user_id is not None:
        mine = select(col(t.Account.id)).where(col(t.Account.user_id) == user_id)
        query = query.where(account_id.in_(mine))
    return select(func.count()).select_from(query.subquery()).scalar_subquery()
