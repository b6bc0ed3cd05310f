"""Queries on the credentials of providers and on attempts at signing in with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine.vocabulary import AccountState
from calsync.errors import NotFound
from calsync.store import tables as t

C, A = t.ProviderCredential, t.Account


def find(session: Session, provider: str, state: str = "current") -> t.ProviderCredential | None:
    """Return the newest credentials of a provider in a state, or None."""
    query = sa.select(C).where(col(C.provider) == provider, col(C.state) == state)
    return session.scalars(query.order_by(col(C.id).desc()).limit(1)).first()


def get(session: Session, credential_id: int) -> t.ProviderCredential:
    """Return credentials, whatever their state. Raises NotFound."""
    row = session.get(C, credential_id)
    if row is None:
        raise NotFound("credentials", credential_id)
    return row


def all_in_use(session: Session) -> dict[tuple[str, str], tuple[t.ProviderCredential, str]]:
    """Return every provider's current and candidate credentials by (provider, state), with the name of who saved them.

    The name is "" where that person is gone.
    """
    name = sa.func.coalesce(sa.func.nullif(col(t.User.name), ""), col(t.User.email), "")
    query = sa.select(C, name).outerjoin(t.User, col(t.User.id) == col(C.created_by_id))
    found = session.execute(query.where(col(C.state) != "retired").order_by(col(C.id)))
    return {(row.provider, row.state): (row, saved_by) for row, saved_by in found}


def connected(session: Session, provider: str) -> Sequence[t.Account]:
    """Return the accounts of a provider that hold a grant."""
    query = sa.select(A).where(col(A.provider) == provider, col(A.secret).is_not(None))
    return session.scalars(query.order_by(col(A.id))).all()


@dataclass(frozen=True, slots=True)
class Holders:
    """Who holds grants at a provider. `ending` accounts have one that ends by itself, the first of them at `ends_at`;
    `read_at` is when calendars of any were last read to the end.
    """

    accounts: int = 0
    people: int = 0
    ending: int = 0
    ends_at: datetime | None = None
    read_at: datetime | None = None


def holders(session: Session) -> dict[str, Holders]:
    """Return who holds grants at each provider, by one query."""
    ends = sa.case((col(A.grant_ok), col(A.grant_ends_at)))
    people, read = sa.func.count(sa.distinct(col(A.user_id))), sa.func.max(col(A.last_complete_read_at))
    query = sa.select(col(A.provider), sa.func.count(), people, sa.func.count(ends), sa.func.min(ends), read).where(
        col(A.secret).is_not(None), col(A.state) != AccountState.DISCONNECTED
    )
    return {name: Holders(*numbers) for name, *numbers in session.execute(query.group_by(A.provider))}


def list_current(session: Session) -> list[t.ProviderCredential]:
    """Return the credentials in use of every provider that has some."""
    return list(session.scalars(sa.select(C).where(col(C.state) == "current").order_by(col(C.id))))


def refused(session: Session) -> list[t.ProviderCredential]:
    """Return the credentials in use that their provider does not accept, the longest refused first."""
    query = sa.select(C).where(col(C.state) == "current", col(C.refused_at).is_not(None))
    return list(session.scalars(query.order_by(col(C.refused_at), col(C.id))))


def ending_secrets(session: Session, before: datetime) -> list[t.ProviderCredential]:
    """Return the credentials in use whose secret runs out before a moment, the first to end first."""
    query = sa.select(C).where(col(C.state) == "current", col(C.secret_expires_at) <= before)
    return list(session.scalars(query.order_by(col(C.secret_expires_at), col(C.id))))


def accept(session: Session, credential_id: int, now: datetime) -> None:
    """Note that credentials are accepted; accounts that failed meanwhile are due now."""
    row = get(session, credential_id)
    row.refused_at, row.refused_why = None, ""
    due = sa.update(A).where(
        col(A.credential_id) == credential_id,
        col(A.state) == AccountState.ACTIVE,
        col(A.grant_ok),
        col(A.failed_runs) > 0,
        col(A.next_sync_at) > now,
    )
    session.execute(due.values(next_sync_at=now).execution_options(synchronize_session=False))


def note_heard(session: Session, account_id: int, now: datetime) -> None:
    """Note on an account's credentials that a notice of the provider has reached us."""
    query = sa.select(C).join(A, col(A.credential_id) == col(C.id)).where(col(A.id) == account_id)
    row = session.scalars(query).one_or_none()
    if row is not None:
        row.extra = {**row.extra, "heard_at": now.isoformat()}


def drop_unused(session: Session, provider: str) -> None:
    """Delete retired credentials that no account was connected with."""
    used = sa.select(col(A.id)).where(col(A.credential_id) == col(C.id)).exists()
    retired = sa.delete(C).where(col(C.provider) == provider, col(C.state) == "retired", ~used)
    session.connection().execute(retired)


# --- attempts


def find_attempt(session: Session, state_hash: str) -> t.SignInAttempt | None:
    query = sa.select(t.SignInAttempt).where(col(t.SignInAttempt.state_hash) == state_hash)
    return session.scalars(query).first()


def take_attempt(session: Session, attempt_id: int) -> bool:
    """Delete an attempt and return whether it was there: of two who come with it, one is let through."""
    gone = session.connection().execute(sa.delete(t.SignInAttempt).where(col(t.SignInAttempt.id) == attempt_id))
    return gone.rowcount == 1


def drop_attempts(session: Session, *, before: datetime) -> None:
    """Delete attempts that were begun before a moment."""
    session.connection().execute(sa.delete(t.SignInAttempt).where(col(t.SignInAttempt.created_at) < before))


def drop_attempts_of(session: Session, credential_ids: Sequence[int]) -> None:
    """Delete attempts at signing in with these credentials."""
    gone = sa.delete(t.SignInAttempt).where(col(t.SignInAttempt.credential_id).in_(credential_ids))
    session.connection().execute(gone)
