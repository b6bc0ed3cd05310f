"""Queries on the accounts that host conferences. Each takes a session; none decides anything."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine.vocabulary import AccountState
from calsync.store import tables as t


def host_of(session: Session, activity: t.Activity, provider: str) -> t.Account | None:
    """Return the account at a provider that hosts an activity's meeting, None without one.

    That is the one that its event type names, as long as it is connected; else its owner's, the first that is.
    """
    chosen = (
        sa.select(t.Account)
        .join(t.EventType, col(t.EventType.host_account_id) == col(t.Account.id))
        .join(t.Booking, col(t.Booking.event_type_id) == col(t.EventType.id))
        .where(col(t.Booking.activity_id) == activity.id, *can_host(provider))
    )
    theirs = sa.select(t.Account).where(col(t.Account.user_id) == activity.owner_id, *can_host(provider))
    in_turn = (~col(t.Account.grant_ok), col(t.Account.id))
    found = session.scalars(chosen.limit(1)).one_or_none()
    return found or session.scalars(theirs.order_by(*in_turn).limit(1)).one_or_none()


def hosting(session: Session, providers: Collection[str], user_id: int | None = None) -> list[t.Account]:
    """Return the connected accounts that can host meetings at these providers, of one person or all, by label."""
    account = t.Account
    query = sa.select(account).where(col(account.provider).in_(providers), *_is_connected())
    if user_id is not None:
        query = query.where(col(account.user_id) == user_id)
    return list(session.scalars(query.order_by(sa.func.lower(col(account.label)), col(account.id))))


def uncompared(session: Session, providers: Collection[str], before: datetime) -> list[int]:
    """Return accounts whose list was last compared with ours before then, or never, and that have meetings of ours."""
    query = (
        sa.select(col(t.Account.id))
        .outerjoin(t.MeetingHost, col(t.MeetingHost.account_id) == col(t.Account.id))
        .where(
            col(t.Account.provider).in_(providers),
            *works(),
            sa.or_(col(t.MeetingHost.compared_at).is_(None), col(t.MeetingHost.compared_at) <= before),
            sa.exists().where(col(t.Conference.account_id) == col(t.Account.id)),
        )
    )
    return [int(each) for each in session.scalars(query.order_by(col(t.Account.id))) if each is not None]


def host_row(session: Session, account_id: int) -> t.MeetingHost:
    """Return what is kept about an account that hosts, new if nothing is."""
    row = session.get(t.MeetingHost, account_id)
    if row is None:
        row = t.MeetingHost(account_id=account_id)
        session.add(row)
    return row


def can_host(provider: Any) -> tuple[Any, ...]:
    """Return what holds of an account that can host meetings at a provider."""
    return (col(t.Account.provider) == provider, *_is_connected())


def works() -> tuple[Any, ...]:
    """Return what holds of an account whose provider can be asked for something now."""
    return (col(t.Account.state) == AccountState.ACTIVE, col(t.Account.grant_ok), col(t.Account.secret).is_not(None))


def _is_connected() -> tuple[Any, ...]:
    return (col(t.Account.state) != AccountState.DISCONNECTED, col(t.Account.secret).is_not(None))
