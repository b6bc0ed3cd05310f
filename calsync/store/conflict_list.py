"""Queries of the conflicts pages: the queue, one conflict with everything around it, and which comes next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.errors import NotFound
from calsync.store import keyset
from calsync.store import tables as t
from calsync.store.keyset import Cut, Slice

K, A, U, L, E, C = t.Conflict, t.Activity, t.User, t.Link, t.MirrorEvent, t.Calendar

MOST_COUNTED = 1000


@dataclass(frozen=True, slots=True)
class Filters:
    """Which conflicts are wanted. `viewer_id` limits to one person's accounts; None, "" leave a condition out.

    `is_later` asks for the open ones that somebody put off; they are not among the others.
    """

    viewer_id: int | None = None
    is_open: bool = True
    is_later: bool = False
    account_id: int | None = None
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One conflict with its account, whose it is, and when the record begins (the deadline)."""

    conflict: t.Conflict
    label: str
    provider: str
    owner_id: int
    owner: str
    starts_at: datetime | None


def list_conflicts(session: Session, filters: Filters, cut: Cut | None = None) -> Slice:
    """Return a slice of Lines: open ones oldest first, decided ones newest first. Its key is (id,)."""
    query: Any = (
        sa.select(
            K,
            col(t.Account.label),
            col(t.Account.provider),
            col(U.id),
            sa.func.coalesce(sa.func.nullif(col(U.name), ""), col(U.email)),
            sa.func.coalesce(col(A.span_start), col(E.span_start), type_=A.__table__.c.span_start.type),  # type: ignore[attr-defined]
        )
        .join(t.Account, col(t.Account.id) == col(K.account_id))
        .join(U, col(U.id) == col(t.Account.user_id))
        .outerjoin(A, col(A.id) == col(K.activity_id))
        .outerjoin(E, col(E.id) == col(K.event_id))
        .where(*_conditions(filters))
    )
    found = keyset.fetch(session, query, [cast(Any, K.id)], cut or Cut(), newest_first=not filters.is_open)
    return Slice([Line(*row) for row in found.rows], found.has_next, found.has_previous)


def next_open(session: Session, viewer_id: int | None, after: int) -> int | None:
    """Return the open conflict that comes after this one, else the first of all; None when nothing is left."""
    query = sa.select(col(K.id)).where(*_conditions(Filters(viewer_id))).order_by(col(K.id)).limit(1)
    later = session.scalars(query.where(col(K.id) > after)).first()
    return later if later is not None else session.scalars(query.where(col(K.id) != after)).first()


def count_open(session: Session, viewer_id: int | None, account_id: int | None = None) -> int:
    """Return how many conflicts wait, MOST_COUNTED at most."""
    wanted = sa.select(col(K.id)).where(*_conditions(Filters(viewer_id, account_id=account_id))).limit(MOST_COUNTED)
    return int(session.scalar(sa.select(sa.func.count()).select_from(wanted.subquery())) or 0)


def count_decided(session: Session, viewer_id: int | None, since: datetime) -> int:
    """Return how many conflicts were decided or settled since then, MOST_COUNTED at most."""
    conditions = [*_conditions(Filters(viewer_id, is_open=False)), col(K.closed_at) >= since]
    wanted = sa.select(col(K.id)).where(*conditions).limit(MOST_COUNTED)
    return int(session.scalar(sa.select(sa.func.count()).select_from(wanted.subquery())) or 0)


def _conditions(filters: Filters) -> list[Any]:
    found: list[Any] = [col(K.state) == "open" if filters.is_open else col(K.state).in_(("resolved", "settled"))]
    if filters.is_open:
        found.append(col(K.remind_at).is_not(None) if filters.is_later else col(K.remind_at).is_(None))
    if filters.viewer_id is not None:
        mine = sa.select(col(t.Account.id)).where(col(t.Account.user_id) == filters.viewer_id)
        found.append(col(K.account_id).in_(mine))
    if filters.account_id is not None:
        found.append(col(K.account_id) == filters.account_id)
    if filters.kind:
        found.append(col(K.kind) == filters.kind)
    return found


# --- one conflict


@dataclass(frozen=True, slots=True)
class Around:
    """A conflict with the rows it is about, as they are now; None where a row is gone."""

    conflict: t.Conflict
    account: t.Account
    owner: t.User
    activity: t.Activity | None
    link: t.Link | None
    event: t.MirrorEvent | None
    calendar: t.Calendar | None
    decided_by: str = ""


def around(session: Session, conflict_id: int) -> Around:
    """Return one conflict and everything around it, in one query. Raises NotFound."""
    decider = sa.orm.aliased(U)
    query = (
        sa.select(K, t.Account, U, A, L, E, C, sa.func.coalesce(col(decider.email), ""))
        .join(t.Account, col(t.Account.id) == col(K.account_id))
        .join(U, col(U.id) == col(t.Account.user_id))
        .outerjoin(A, col(A.id) == col(K.activity_id))
        .outerjoin(L, col(L.id) == col(K.link_id))
        .outerjoin(E, col(E.id) == col(K.event_id))
        .outerjoin(C, col(C.id) == col(E.calendar_id))
        .outerjoin(decider, col(decider.id) == col(K.resolved_by_id))
        .where(col(K.id) == conflict_id)
    )
    row = session.execute(query).one_or_none()
    if row is None:
        raise NotFound("conflict", conflict_id)
    return Around(*row)


def accounts_of_same_person(session: Session, account_id: int) -> list[int]:
    """Return the accounts of the person whose account this is, itself included."""
    owner = sa.select(col(t.Account.user_id)).where(col(t.Account.id) == account_id).scalar_subquery()
    query = sa.select(col(t.Account.id)).where(col(t.Account.user_id) == owner).order_by(col(t.Account.id))
    return [i for i in session.scalars(query) if i is not None]


def candidates(session: Session, ids: Sequence[int]) -> list[t.Activity]:
    """Return the activities that an event may be, in their order of creation."""
    query = sa.select(A).where(col(A.id).in_(list(ids))).order_by(col(A.id))
    return list(session.scalars(query)) if ids else []
