"""Tokens of the API: made for oneself or, by admins, for a program; looked up on every request; revoked.

A person's token acts as that person, whatever role they have then. A service token is nobody's: its scope alone says
what it may do, and it sees everything.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine.vocabulary import Role, Scope
from calsync.errors import NotAllowed, NotFound, Refused
from calsync.runtime import Actor, Runtime
from calsync.store import audit
from calsync.store import tables as t

PREFIX = "cal_"
"""Begins every token, so that people and scanners recognise one where it should not be."""

USED_EVERY = timedelta(minutes=1)
LONGEST_LIFE = timedelta(days=3650)
MOST_OF_ONE = 50
VIA = "api"


@dataclass(frozen=True, slots=True)
class Made:
    """A new token. `secret` is shown once and stored nowhere."""

    token: t.ApiToken
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sends a request: the token, and the person it belongs to (None: a service token)."""

    token: t.ApiToken
    user: t.User | None

    @property
    def scope(self) -> Scope:
        return Scope(self.token.scope)

    def actor(self, address: str) -> Actor:
        """Return the one who asks, as services and the audit log know them."""
        if self.user is None:
            return Actor(None, f"token {self.token.name}", Role.ADMIN, address, VIA)
        return Actor(self.user.id, self.user.email, self.user.role, address, VIA)


def create(
    rt: Runtime, name: str, scope: str, *, expires_at: datetime | None = None, is_service: bool = False, by: Actor
) -> Made:
    """Make a token for oneself, or as an admin a service token. Raises Refused naming the field, and NotAllowed."""
    if is_service and not by.is_admin:
        raise NotAllowed("make service tokens")
    if not is_service and by.user_id is None:
        raise Refused("Only a person has tokens of their own. Make a service token.", code="no_person")
    values = _checked(rt, name, scope, expires_at, by)
    secret = PREFIX + secrets.token_urlsafe(32)
    row = t.ApiToken(
        **values,
        token_hash=_hash(secret),
        hint=secret[-4:],
        user_id=None if is_service else by.user_id,
        created_by_id=by.user_id,
        created_at=rt.now(),
    )
    with rt.writing() as session:
        _check_room(session, row.user_id)
        session.add(row)
        session.flush()
        audit.record(session, by, "token.created", _thing(row), at=rt.now(), after=_facts(row))
    return Made(row, secret)


def revoke(rt: Runtime, public_id: str, *, by: Actor) -> t.ApiToken:
    """End a token at once. People end their own, admins any. Revoking twice is fine. Raises NotFound."""
    with rt.writing() as session:
        row = session.scalars(sa.select(t.ApiToken).where(col(t.ApiToken.public_id) == public_id)).one_or_none()
        if row is None or not _may(row, by):
            raise NotFound("token", public_id)
        if row.revoked_at is None:
            row.revoked_at = rt.now()
            audit.record(session, by, "token.revoked", _thing(row), at=rt.now())
        return row


def list_own(rt: Runtime, user_id: int) -> list[t.ApiToken]:
    """Return a person's tokens that were not revoked, the newest first; expired ones too, for they explain a 401."""
    return _listed(rt, col(t.ApiToken.user_id) == user_id)


def list_service(rt: Runtime, *, by: Actor) -> list[t.ApiToken]:
    """Return the service tokens that were not revoked, the newest first. Raises NotAllowed."""
    if not by.is_admin:
        raise NotAllowed("see service tokens")
    return _listed(rt, col(t.ApiToken.user_id).is_(None))


def find(rt: Runtime, secret: str) -> Caller | None:
    """Return who sends this token; None when it is unknown, expired, revoked, or of somebody who is disabled.

    What is looked up is a hash of 256 random bits, so how long that takes tells nothing of other tokens.
    """
    with rt.reading() as session:
        query = sa.select(t.ApiToken, t.User).outerjoin(t.User, col(t.User.id) == col(t.ApiToken.user_id))
        found = session.execute(query.where(col(t.ApiToken.token_hash) == _hash(secret))).one_or_none()
    if found is None:
        return None
    caller = Caller(*found)
    if not is_living(caller.token, rt.now()) or (caller.user is not None and caller.user.is_disabled):
        return None
    _note_use(rt, caller.token)
    return caller


def is_living(token: t.ApiToken, now: datetime) -> bool:
    """Return whether a token may still be used."""
    return token.revoked_at is None and (token.expires_at is None or token.expires_at > now)


def _note_use(rt: Runtime, token: t.ApiToken) -> None:
    """Write down when a token was used, once a minute at most: a busy program must not write on every read."""
    now = rt.now()
    if token.last_used_at is not None and now - token.last_used_at < USED_EVERY:
        return
    change = sa.update(t.ApiToken).where(col(t.ApiToken.id) == token.id).values(last_used_at=now)
    with rt.writing() as session:
        session.execute(change.execution_options(synchronize_session=False))


def _checked(rt: Runtime, name: str, scope: str, expires_at: datetime | None, by: Actor) -> dict[str, Any]:
    name = " ".join(name.replace("\0", "").split())
    if not 1 <= len(name) <= 100:
        raise Refused("Give the token a name of at most 100 characters.", code="invalid", field="name")
    if scope not in list(Scope):
        raise Refused("Choose read, write or admin.", code="invalid", field="scope")
    if scope == Scope.ADMIN and not by.is_admin:
        raise Refused("Only admins can make a token that administers.", code="invalid", field="scope")
    if expires_at is not None and not rt.now() < expires_at <= rt.now() + LONGEST_LIFE:
        raise Refused("Choose a day within the next ten years.", code="invalid", field="expires_at")
    return {"name": name, "scope": scope, "expires_at": expires_at}


def _check_room(session: Session, user_id: int | None) -> None:
    whose = col(t.ApiToken.user_id).is_(None) if user_id is None else col(t.ApiToken.user_id) == user_id
    query = sa.select(sa.func.count()).where(whose, col(t.ApiToken.revoked_at).is_(None))
    if session.scalars(query).one() >= MOST_OF_ONE:
        raise Refused(f"At most {MOST_OF_ONE} tokens can be in use. Revoke one first.", code="too_many")


def _listed(rt: Runtime, whose: sa.ColumnElement[bool]) -> list[t.ApiToken]:
    query = sa.select(t.ApiToken).where(whose, col(t.ApiToken.revoked_at).is_(None))
    with rt.reading() as session:
        return list(session.scalars(query.order_by(col(t.ApiToken.id).desc())))


def _may(row: t.ApiToken, by: Actor) -> bool:
    return by.is_admin or (row.user_id is not None and row.user_id == by.user_id)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def _thing(row: t.ApiToken) -> tuple[str, str, str]:
    return ("token", row.public_id, row.name)


def _facts(row: t.ApiToken) -> dict[str, Any]:
    expires = None if row.expires_at is None else row.expires_at.isoformat()
    return {"scope": row.scope, "is_service": row.user_id is None, "expires_at": expires}
