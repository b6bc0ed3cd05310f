"""Queries on conferences. Each takes a session; none decides anything."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.errors import NotFound
from calsync.store import conference_hosts
from calsync.store import tables as t

C, A = t.Conference, t.Activity

LIVE = ("wanted", "pending", "made", "failed", "gone")
"""States of a conference that an activity counts on."""


def get(session: Session, conference_id: int, *, lock: bool = False) -> t.Conference:
    """Return the conference. Raises NotFound."""
    query = sa.select(C).where(col(C.id) == conference_id)
    row = session.scalars(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NotFound("conference", conference_id)
    return row


def of_activity(session: Session, activity_id: int) -> t.Conference | None:
    """Return the conference of an activity, None while there is none."""
    return session.scalars(sa.select(C).where(col(C.activity_id) == activity_id)).one_or_none()


# --- what differs from how it should be


def unplanned(session: Session, kinds: Collection[str], now: datetime, limit: int) -> list[t.Activity]:
    """Return activities that take place at a meeting of these kinds and have no conference. One that is over, cancelled
    or a single occurrence of a series needs none.
    """
    query = (
        sa.select(A)
        .outerjoin(C, col(C.activity_id) == col(A.id))
        .where(
            col(A.location_kind).in_(kinds),
            col(A.span_end) > now,
            col(A.status) != "cancelled",
            col(A.recurrence_key) == "",
            ~col(A.is_dissolved),
            col(C.id).is_(None),
        )
        .order_by(col(A.id))
        .limit(limit)
    )
    return list(session.scalars(query))


def changed(session: Session, limit: int) -> list[tuple[t.Conference, t.Activity]]:
    """Return conferences whose activity was edited since it was last looked at, with it."""
    query = (
        sa.select(C, A)
        .join(A, col(A.id) == col(C.activity_id))
        .where(col(C.seen_version) != col(A.row_version))
        .order_by(col(C.id))
        .limit(limit)
    )
    return [(conference, activity) for conference, activity in session.execute(query)]


def homeless(session: Session, limit: int) -> list[tuple[t.Conference, t.Activity]]:
    """Return wanted conferences that nobody could host so far and somebody can now, with their activities."""
    theirs = sa.exists().where(col(t.Account.user_id) == col(A.owner_id), *conference_hosts.can_host(col(C.provider)))
    chosen = sa.exists().where(
        col(t.Booking.activity_id) == col(A.id),
        col(t.EventType.id) == col(t.Booking.event_type_id),
        col(t.Account.id) == col(t.EventType.host_account_id),
        *conference_hosts.can_host(col(C.provider)),
    )
    query = (
        sa.select(C, A)
        .join(A, col(A.id) == col(C.activity_id))
        .where(col(C.state) == "wanted", col(C.account_id).is_(None), sa.or_(theirs, chosen))
        .order_by(col(C.id))
        .limit(limit)
    )
    return [(conference, activity) for conference, activity in session.execute(query)]


def abandoned(session: Session) -> list[t.Conference]:
    """Return conferences whose activity is no more."""
    query = sa.select(C).where(col(C.activity_id).is_(None), col(C.state).in_(LIVE))
    return list(session.scalars(query.order_by(col(C.id))))


def is_known_link(session: Session, link: str) -> bool:
    """Return whether a link to join is that of a meeting of ours."""
    query = sa.select(col(C.id)).where(col(C.join_url) == link).limit(1)
    return bool(link) and session.scalars(query).first() is not None


# --- what is to be done


def _due(now: datetime) -> list[Any]:
    return [
        col(C.next_try_at) <= now,
        sa.or_(col(C.claimed_until).is_(None), col(C.claimed_until) <= now),
        *conference_hosts.works(),
    ]


def due_accounts(session: Session, now: datetime) -> list[int]:
    """Return the accounts at whose provider something is to be done for a conference now."""
    query = sa.select(col(t.Account.id)).join(C, col(C.account_id) == col(t.Account.id)).where(*_due(now)).distinct()
    return [int(each) for each in session.scalars(query.order_by(col(t.Account.id))) if each is not None]


def next_due(session: Session, account_id: int, now: datetime) -> t.Conference | None:
    """Return and lock the conference of an account whose turn it is, the longest waiting first."""
    query = (
        sa.select(C)
        .join(t.Account, col(C.account_id) == col(t.Account.id))
        .where(col(C.account_id) == account_id, *_due(now))
        .order_by(col(C.next_try_at), col(C.id))
        .limit(1)
        .with_for_update(of=C)
    )
    return session.scalars(query).one_or_none()


def postpone(session: Session, account_id: int, until: datetime, error: str, error_class: str) -> None:
    """Let everything that is to be made or changed with an account wait until then."""
    session.flush()
    change = (
        sa.update(C)
        .where(
            col(C.account_id) == account_id,
            col(C.next_try_at) < until,
            col(C.state).in_(("wanted", "pending", "made")),
        )
        .values(next_try_at=until, error=error[:300], error_class=error_class)
        .execution_options(synchronize_session=False)
    )
    session.execute(change)


# --- what a provider told, or its list shows


def by_remote_id(session: Session, provider: str, remote_id: str) -> list[t.Conference]:
    """Return the conferences that stand for a meeting at a provider; more than one only after a mistake."""
    query = sa.select(C).where(col(C.provider) == provider, col(C.remote_id) == remote_id)
    return list(session.scalars(query.with_for_update()))


def of_account(session: Session, account_id: int) -> list[t.Conference]:
    """Return everything that is known of an account's meetings."""
    query = sa.select(C).where(col(C.account_id) == account_id)
    return list(session.scalars(query.order_by(col(C.id))))
