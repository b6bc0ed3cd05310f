"""Queries on conferences. Each takes a session; none decides anything."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine.vocabulary import AccountState
from calsync.errors import NotFound
from calsync.store import tables as t

C, A = t.Conference, t.Activity

LIVE = ("wanted", "pending", "made", "failed", "gone")
"""States of a conference that an activity counts on."""


@dataclass(frozen=True, slots=True)
class Line:
    """A conference with its activity and its account, as far as they are there."""

    conference: t.Conference
    activity: t.Activity | None
    account: t.Account | None


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
    theirs = sa.exists().where(col(t.Account.user_id) == col(A.owner_id), *_hosts(col(C.provider)))
    chosen = sa.exists().where(
        col(t.Booking.activity_id) == col(A.id),
        col(t.EventType.id) == col(t.Booking.event_type_id),
        col(t.Account.id) == col(t.EventType.host_account_id),
        *_hosts(col(C.provider)),
    )
    query = (
        sa.select(C, A)
        .join(A, col(A.id) == col(C.activity_id))
        .where(col(C.state) == "wanted", col(C.account_id).is_(None), sa.or_(theirs, chosen))
        .order_by(col(C.id))
        .limit(limit)
    )
    return [(conference, activity) for conference, activity in session.execute(query)]


def _hosts(provider: Any) -> tuple[Any, ...]:
    """Return what holds of an account that can host meetings at a provider."""
    account = t.Account
    return (
        col(account.provider) == provider,
        col(account.state) != AccountState.DISCONNECTED,
        col(account.secret).is_not(None),
    )


def abandoned(session: Session) -> list[t.Conference]:
    """Return conferences whose activity is no more."""
    query = sa.select(C).where(col(C.activity_id).is_(None), col(C.state).in_(LIVE))
    return list(session.scalars(query.order_by(col(C.id))))


def is_known_link(session: Session, link: str) -> bool:
    """Return whether a link to join is that of a meeting of ours."""
    query = sa.select(col(C.id)).where(col(C.join_url) == link).limit(1)
    return bool(link) and session.scalars(query).first() is not None


def host_of(session: Session, activity: t.Activity, provider: str) -> t.Account | None:
    """Return the account at a provider that hosts an activity's meeting, None without one.

    That is the one that its event type names, as long as it is connected; else its owner's, the first that is.
    """
    chosen = (
        sa.select(t.Account)
        .join(t.EventType, col(t.EventType.host_account_id) == col(t.Account.id))
        .join(t.Booking, col(t.Booking.event_type_id) == col(t.EventType.id))
        .where(col(t.Booking.activity_id) == activity.id, *_hosts(provider))
    )
    theirs = sa.select(t.Account).where(col(t.Account.user_id) == activity.owner_id, *_hosts(provider))
    in_turn = (~col(t.Account.grant_ok), col(t.Account.id))
    found = session.scalars(chosen.limit(1)).one_or_none()
    return found or session.scalars(theirs.order_by(*in_turn).limit(1)).one_or_none()


def hosting(session: Session, providers: Collection[str], user_id: int | None = None) -> list[t.Account]:
    """Return the connected accounts that can host meetings at these providers, of one person or all, by label."""
    account = t.Account
    query = sa.select(account).where(
        col(account.provider).in_(providers),
        col(account.state) != AccountState.DISCONNECTED,
        col(account.secret).is_not(None),
    )
    if user_id is not None:
        query = query.where(col(account.user_id) == user_id)
    return list(session.scalars(query.order_by(sa.func.lower(col(account.label)), col(account.id))))


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


# --- what is to be done


def _due(now: datetime) -> list[Any]:
    return [
        col(C.next_try_at) <= now,
        sa.or_(col(C.claimed_until).is_(None), col(C.claimed_until) <= now),
        col(t.Account.state) == AccountState.ACTIVE,
        col(t.Account.grant_ok),
        col(t.Account.secret).is_not(None),
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


def uncompared(session: Session, providers: Collection[str], before: datetime) -> list[int]:
    """Return accounts whose list was last compared with ours before then, or never, and that have meetings of ours."""
    query = (
        sa.select(col(t.Account.id))
        .outerjoin(t.MeetingHost, col(t.MeetingHost.account_id) == col(t.Account.id))
        .where(
            col(t.Account.provider).in_(providers),
            col(t.Account.state) == AccountState.ACTIVE,
            col(t.Account.grant_ok),
            col(t.Account.secret).is_not(None),
            sa.or_(col(t.MeetingHost.compared_at).is_(None), col(t.MeetingHost.compared_at) <= before),
            sa.exists().where(col(C.account_id) == col(t.Account.id)),
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


# --- for the ledger


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


def count_by_state(session: Session, owner_id: int | None = None) -> dict[str, int]:
    """Return how many conferences there are in each state, of one person's or of all."""
    query = sa.select(col(C.state), sa.func.count()).group_by(col(C.state))
    if owner_id is not None:
        query = (
            query.outerjoin(A, col(A.id) == col(C.activity_id))
            .outerjoin(t.Account, col(t.Account.id) == col(C.account_id))
            .where(sa.or_(col(A.owner_id) == owner_id, col(t.Account.user_id) == owner_id))
        )
    return dict(session.execute(query).tuples().all())


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
