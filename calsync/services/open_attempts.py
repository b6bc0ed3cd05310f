"""Attempts at signing in elsewhere, kept until whoever began them comes back. Each can be taken once."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from calsync.providers.oauth import Attempt
from calsync.runtime import Runtime
from calsync.store import credentials as rows
from calsync.store import tables as t

LASTS = timedelta(minutes=30)
"""How long a person may take on the provider's pages."""


@dataclass(frozen=True, slots=True)
class Bound:
    """What an attempt is bound to: the login session of a browser, or a program's token."""

    login_id: int | None = None
    token_id: int | None = None


def keep(rt: Runtime, attempt: Attempt, **about: Any) -> None:
    """Save an attempt, its verifier sealed, with columns on what it is `about`. Those that are over are forgotten."""
    now = rt.now()
    sealed = rt.secrets.seal(json.dumps([attempt.state, attempt.nonce, attempt.verifier]))
    columns: dict[str, Any] = {"state_hash": _hash(attempt.state), "secret": sealed}
    with rt.writing() as session:
        rows.drop_attempts(session, before=now - LASTS)
        session.add(t.SignInAttempt(**columns, **about, redirect_uri=attempt.redirect_uri, created_at=now))


def find(rt: Runtime, provider: str, state: str, bound: Bound) -> t.SignInAttempt | None:
    """Return the attempt that a state belongs to; None for another browser's, an old one or none."""
    with rt.reading() as session:
        row = rows.find_attempt(session, _hash(state))
    if row is None or row.provider != provider or row.created_at + LASTS < rt.now():
        return None
    return None if bound == Bound() or bound != Bound(row.login_id, row.token_id) else row


def take(rt: Runtime, provider: str, state: str, bound: Bound) -> t.SignInAttempt | None:
    """Return the attempt that a state belongs to, used up; None for another browser's, an old one or none."""
    row = find(rt, provider, state, bound)
    if row is None:
        return None
    with rt.writing() as session:
        return row if rows.take_attempt(session, t.pk(row)) else None


def read(rt: Runtime, row: t.SignInAttempt) -> Attempt:
    """Return the secrets of an attempt."""
    state, nonce, verifier = json.loads(rt.secrets.unseal(row.secret or b""))
    return Attempt(state, nonce, verifier, row.redirect_uri)


def _hash(state: str) -> str:
    return hashlib.sha256(state.encode()).hexdigest()
