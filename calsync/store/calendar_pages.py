"""Queries on the calendars of one account as pages show them: how much is in each, and what else reads the same."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from calsync.engine.vocabulary import AccountState, LinkState
from calsync.store import tables as t

A, C, E, L = t.Account, t.Calendar, t.MirrorEvent, t.Link

MOST_COUNTED = 2000
"""Beyond this many events a page says "more than"."""


@dataclass(frozen=True, slots=True)
class Count:
    """How many events a calendar holds; `is_capped`: there are more."""

    events: int

    @property
    def is_capped(self) -> bool:
        return self.events >= MOST_COUNTED


@dataclass(frozen=True, slots=True)
class Twin:
    """The same remote calendar in another account. `syncs` there: its events come in a second time."""

    owner: str
    label: str
    syncs: bool


def event_counts(session: Session, calendar_ids: list[int]) -> dict[int, Count]:
    """Return the number of living events of each calendar in the mirror, in one query."""
    parts = [_counted(i) for i in calendar_ids]
    if not parts:
        return {}
    row = session.execute(sa.select(*parts)).one()
    return {i: Count(int(n)) for i, n in zip(calendar_ids, row, strict=True)}


def _counted(calendar_id: int) -> sa.ScalarSelect[int]:
    some = sa.select(col(E.id)).where(col(E.calendar_id) == calendar_id, ~col(E.is_deleted)).limit(MOST_COUNTED)
    return sa.select(sa.func.count()).select_from(some.subquery()).scalar_subquery()


def twins(session: Session, account_id: int) -> dict[int, list[Twin]]:
    """Return, by calendar of this account, where else the same remote calendar is connected."""
    mine, other, theirs = aliased(C), aliased(C), aliased(A)
    owner = sa.func.coalesce(sa.func.nullif(col(t.User.name), ""), col(t.User.email))
    query = (
        sa.select(col(mine.id), owner, col(theirs.label), col(other.syncs))
        .join(A, col(A.id) == col(mine.account_id))
        .join(other, sa.and_(col(other.remote_id) == col(mine.remote_id), col(other.account_id) != account_id))
        .join(theirs, col(theirs.id) == col(other.account_id))
        .join(t.User, col(t.User.id) == col(theirs.user_id))
        .where(
            col(mine.account_id) == account_id,
            col(theirs.provider) == col(A.provider),
            col(theirs.server_url) == col(A.server_url),
            col(theirs.state) != AccountState.DISCONNECTED,
            sa.or_(col(other.syncs), col(other.blocks)),
        )
    )
    found: dict[int, list[Twin]] = {}
    for calendar_id, *facts in session.execute(query):
        found.setdefault(calendar_id, []).append(Twin(*facts))
    return found


def ours_alive(session: Session, calendar_id: int) -> int:
    """Return how many events in a calendar we created and still sync."""
    query = (
        sa.select(sa.func.count())
        .select_from(L)
        .join(E, col(E.id) == col(L.event_id))
        .where(
            col(L.calendar_id) == calendar_id,
            col(L.is_ours),
            col(L.state) == LinkState.ACTIVE,
            ~col(E.is_deleted),
        )
    )
    return int(session.scalar(query) or 0)
