"""Queries on channels. Each takes a session; none decides anything."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine.vocabulary import AccountState, Trigger
from calsync.store import accounts, keyset
from calsync.store import tables as t
from calsync.store.keyset import Cut, Slice


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of a notice's account. `channel_id` is None where the account has no such channel."""

    account_id: int
    channel_id: int | None


def of_account(session: Session, account_id: int) -> list[t.Channel]:
    """Return an account's channels, the oldest first."""
    query = sa.select(t.Channel).where(col(t.Channel.account_id) == account_id)
    return list(session.scalars(query.order_by(col(t.Channel.id))))


def by_account(session: Session) -> dict[int, list[t.Channel]]:
    """Return every account's channels, the oldest first."""
    found: dict[int, list[t.Channel]] = {}
    for row in session.scalars(sa.select(t.Channel).order_by(col(t.Channel.id))):
        found.setdefault(row.account_id, []).append(row)
    return found


def list_channels(session: Session, cut: Cut) -> Slice:
    """Return a slice of all channels, newest first: channel, account, calendar or None. Its key is a channel's id."""
    query = (
        sa.select(t.Channel, t.Account, t.Calendar)
        .join(t.Account, col(t.Account.id) == col(t.Channel.account_id))
        .outerjoin(t.Calendar, col(t.Calendar.id) == col(t.Channel.calendar_id))
    )
    return keyset.fetch(session, cast(Any, query), [cast(Any, t.Channel.id)], cut)


def watched_accounts(session: Session, providers: Collection[str]) -> list[t.Account]:
    """Return the active accounts of these providers whose grant works."""
    query = sa.select(t.Account).where(
        col(t.Account.provider).in_(providers),
        col(t.Account.state) == AccountState.ACTIVE,
        col(t.Account.grant_ok),
        col(t.Account.secret).is_not(None),
    )
    return list(session.scalars(query.order_by(col(t.Account.id))))


def syncing_calendars(session: Session, account_ids: Collection[int]) -> dict[int, set[int]]:
    """Return the ids of the calendars that sync, by account."""
    query = sa.select(col(t.Calendar.account_id), col(t.Calendar.id)).where(
        col(t.Calendar.account_id).in_(account_ids), col(t.Calendar.syncs), ~col(t.Calendar.is_gone)
    )
    found: dict[int, set[int]] = {}
    for account_id, calendar_id in session.execute(query):
        found.setdefault(account_id, set()).add(calendar_id)
    return found


def find_told(session: Session, provider: str, public_id: str, channel_id: str) -> Told | None:
    """Return the account that a notice names, and its channel; None for an account that is not there, or has left."""
    query = (
        sa.select(col(t.Account.id), col(t.Channel.id))
        .select_from(t.Account)
        .outerjoin(
            t.Channel,
            sa.and_(col(t.Channel.account_id) == col(t.Account.id), col(t.Channel.channel_id) == channel_id),
        )
        .where(
            col(t.Account.public_id) == public_id,
            col(t.Account.provider) == provider,
            col(t.Account.state) != AccountState.DISCONNECTED,
        )
    )
    found = session.execute(query).one_or_none()
    return None if found is None else Told(found[0], found[1])


def outdate(session: Session, channel_id: int) -> None:
    """Have an open channel replaced by the next one as soon as possible."""
    query = sa.update(t.Channel).where(col(t.Channel.id) == channel_id, col(t.Channel.state) == "open")
    session.execute(query.values(opened_at=None))


def may_hurry(account_id: int, now: datetime) -> sa.ColumnElement[bool]:
    """Hold for an account that would sync by itself later than now. One that syncs by hand only stays alone."""
    return sa.and_(
        col(t.Account.id) == account_id,
        col(t.Account.state) == AccountState.ACTIVE,
        col(t.Account.grant_ok),
        col(t.Account.next_sync_at) > now,
    )


def hurry(session: Session, account_id: int, now: datetime) -> bool:
    """Make an account due; return whether it was not. Who asked for a run before stays whom it is told to."""
    asked = col(t.Account.requested_trigger)
    change = (
        sa.update(t.Account)
        .where(may_hurry(account_id, now))
        .values(next_sync_at=now, requested_trigger=sa.case((asked == "", Trigger.PUSH.value), else_=asked))
        .execution_options(synchronize_session=False)
    )
    return accounts.rows_changed(session, change) == 1


def drop_all(session: Session, account_id: int) -> None:
    """Forget an account's channels."""
    session.execute(sa.delete(t.Channel).where(col(t.Channel.account_id) == account_id))
