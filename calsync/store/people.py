"""Queries on people, their logins, invites, failed sign-ins and recovery codes. None of them decides anything."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

import sqlalchemy
from sqlalchemy import func, or_, select, update
from sqlmodel import Session, col

from calsync.engine.vocabulary import Role
from calsync.errors import NotFound
from calsync.store import keyset
from calsync.store import tables as t
from calsync.store.keyset import Cut, Slice


def find(session: Session, user_id: int) -> t.User | None:
    return session.get(t.User, user_id)


def get(session: Session, user_id: int) -> t.User:
    """Return the person. Raises NotFound."""
    user = find(session, user_id)
    if user is None:
        raise NotFound("user", user_id)
    return user


def lock(session: Session, user_id: int) -> t.User:
    """Return the person; nobody else changes the row until this transaction ends. Raises NotFound."""
    user = session.get(t.User, user_id, with_for_update=True, populate_existing=True)
    if user is None:
        raise NotFound("user", user_id)
    return user


def find_by_email(session: Session, email: str) -> t.User | None:
    """Return the person with this address, however it is spelled."""
    return session.scalars(select(t.User).where(func.lower(t.User.email) == email.strip().lower())).first()


def get_by_email(session: Session, email: str) -> t.User:
    """Return the person with this address, however it is spelled. Raises NotFound."""
    user = find_by_email(session, email)
    if user is None:
        raise NotFound("user", email)
    return user


def is_empty(session: Session) -> bool:
    """Return whether there is nobody yet."""
    return session.scalars(select(col(t.User.id)).limit(1)).first() is None


def list_users(
    session: Session, *, cut: Cut | None = None, role: str = "", search: str = "", with_disabled: bool = True
) -> Slice:
    """Return people in the order of their addresses; the key of the slice is (lower(email), id)."""
    query = select(t.User)
    if role:
        query = query.where(col(t.User.role) == role)
    if search:
        pattern = search.strip().lower()
        lowered = (func.lower(t.User.email), func.lower(t.User.name))
        query = query.where(or_(*(each.contains(pattern, autoescape=True) for each in lowered)))
    if not with_disabled:
        query = query.where(col(t.User.is_disabled).is_(False))
    columns = [cast(Any, func.lower(t.User.email)), cast(Any, t.User.id)]
    return keyset.fetch(session, query, columns, cut or Cut(), newest_first=False)


def lock_admins(session: Session) -> Sequence[t.User]:
    """Return the admins who can sign in; nobody else changes their rows until this transaction ends."""
    query = (
        select(t.User)
        .where(
            col(t.User.role) == Role.ADMIN,
            col(t.User.is_disabled).is_(False),
            col(t.User.password_hash).is_not(None),
        )
        .order_by(col(t.User.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return session.scalars(query).all()


# --- logins -------------------------------------------------------------------------------------------------


def find_login(session: Session, key_hash: str) -> tuple[t.Login, t.User] | None:
    """Return the login with this key and its person, ended or not."""
    query = (
        select(t.Login, t.User)
        .join(t.User, col(t.User.id) == col(t.Login.user_id))
        .where(col(t.Login.key_hash) == key_hash)
    )
    found = session.execute(query).first()
    return None if found is None else (found[0], found[1])


def list_logins(session: Session, user_id: int, since: datetime) -> list[t.Login]:
    """Return the logins that are not over and were used since then, the latest first."""
    query = (
        select(t.Login)
        .where(
            col(t.Login.user_id) == user_id,
            col(t.Login.ended_at).is_(None),
            col(t.Login.last_seen_at) >= since,
        )
        .order_by(col(t.Login.last_seen_at).desc(), col(t.Login.id).desc())
    )
    return list(session.scalars(query))


def end_logins(session: Session, user_id: int, at: datetime, *, except_hash: str = "") -> int:
    """End every login of a person but the one with this key; return how many that were."""
    ended = session.connection().execute(
        update(t.Login)
        .where(
            col(t.Login.user_id) == user_id,
            col(t.Login.ended_at).is_(None),
            col(t.Login.key_hash) != except_hash,
        )
        .values(ended_at=at)
    )
    return ended.rowcount


# --- failed sign-ins ----------------------------------------------------------------------------------------


def failures(session: Session, since: datetime, *, email: str = "", address: str = "") -> list[datetime]:
    """Return when sign-ins failed since then, for an account or from a network address, oldest first."""
    failure = t.SignInFailure
    query = select(col(failure.at)).where(col(failure.at) > since).order_by(col(failure.at))
    if email:
        query = query.where(col(failure.email) == email)
    if address:
        query = query.where(col(failure.address) == address)
    return list(session.scalars(query))


def forget_failures(session: Session, email: str, address: str) -> None:
    """Forget what failed for this account from this address."""
    _run(
        session,
        sqlalchemy.delete(t.SignInFailure).where(
            col(t.SignInFailure.email) == email, col(t.SignInFailure.address) == address
        ),
    )


def forget_failures_before(session: Session, at: datetime) -> None:
    _run(session, sqlalchemy.delete(t.SignInFailure).where(col(t.SignInFailure.at) < at))


# --- invites and recovery codes -----------------------------------------------------------------------------


def find_invite(session: Session, key_hash: str) -> t.Invite | None:
    """Return the invite with this key, used or not; its row is locked."""
    return session.scalars(select(t.Invite).where(col(t.Invite.key_hash) == key_hash).with_for_update()).one_or_none()


def void_invites(session: Session, user_id: int) -> None:
    """Make the unused links of a person useless."""
    _run(session, sqlalchemy.delete(t.Invite).where(col(t.Invite.user_id) == user_id, col(t.Invite.used_at).is_(None)))


def replace_recovery_codes(session: Session, user_id: int, hashes: Sequence[str]) -> None:
    _run(session, sqlalchemy.delete(t.RecoveryCode).where(col(t.RecoveryCode.user_id) == user_id))
    session.add_all(t.RecoveryCode(user_id=user_id, code_hash=each) for each in hashes)


def use_recovery_code(session: Session, user_id: int, code_hash: str, at: datetime) -> bool:
    """Mark an unused code as used; return whether there was one."""
    used = session.connection().execute(
        update(t.RecoveryCode)
        .where(
            col(t.RecoveryCode.user_id) == user_id,
            col(t.RecoveryCode.code_hash) == code_hash,
            col(t.RecoveryCode.used_at).is_(None),
        )
        .values(used_at=at)
    )
    return used.rowcount == 1


def recovery_codes_left(session: Session, user_id: int) -> int:
    query = select(func.count()).where(col(t.RecoveryCode.user_id) == user_id, col(t.RecoveryCode.used_at).is_(None))
    return session.scalars(query).one()


def take_totp_step(session: Session, user_id: int, step: int) -> bool:
    """Note that the code of this time step was used; return False when it or a later one was used before."""
    taken = session.connection().execute(
        update(t.User)
        .where(
            col(t.User.id) == user_id,
            or_(col(t.User.totp_last_step).is_(None), col(t.User.totp_last_step) < step),
        )
        .values(totp_last_step=step)
    )
    return taken.rowcount == 1


def _run(session: Session, statement: sqlalchemy.Delete) -> None:
    session.connection().execute(statement)
