"""Signing in and out: password, second factor, and the list of signed-in browsers.

A sign-in is: `authenticate`, then, when the answer says so, `confirm` with a code, then `start_login`. The browser
keeps the key that `start_login` returns; the database has only its hash.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta

from calsync.errors import NotAllowed, NotFound, Refused
from calsync.runtime import Actor, Runtime
from calsync.services import passwords, second_factor, throttle
from calsync.store import audit
from calsync.store import people as store
from calsync.store import tables as t

TOUCH_EVERY = timedelta(minutes=5)
"""How exact `last_seen_at` is: not every request writes a row."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """A right password. `epoch` must still be the person's when the sign-in goes on."""

    user_id: int
    epoch: int
    needs_code: bool


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who is behind a key."""

    user: t.User
    login_id: int


def authenticate(rt: Runtime, email: str, password: str, *, address: str) -> SignIn:
    """Check a password. `address` is the network address that it came from.

    Raises Refused, `bad_credentials` or `throttled`. Neither the words nor the time tell whether the address
    exists, has a password, or is disabled.
    """
    email = email.strip().lower()[:320]
    attempt = throttle.begin(rt, email, address)
    with rt.reading() as session:
        user = store.find_by_email(session, email)
    usable = user is not None and not user.is_disabled
    stored = user.password_hash if user is not None and usable else None
    if not passwords.matches(password, stored) or user is None:
        raise Refused("The address or the password is wrong.", code="bad_credentials")
    sign_in = SignIn(user.id or 0, user.session_epoch, second_factor.is_on(user))
    if sign_in.needs_code:
        throttle.forgive(rt, attempt)  # but not the wrong codes before: the password alone is not enough
    else:
        throttle.clear(rt, email, address)
    _renew_hash(rt, user, password)
    return sign_in


def confirm(rt: Runtime, sign_in: SignIn, code: str, *, address: str) -> None:
    """Check the second factor: a code of the app or a recovery code, each of which works once.

    Raises Refused, `bad_code`, `throttled`, or `expired` when the person's sessions were ended meanwhile.
    """
    with rt.reading() as session:
        user = store.get(session, sign_in.user_id)
    email = user.email.lower()
    throttle.begin(rt, email, address)
    _still_valid(user, sign_in)
    second_factor.use(rt, user, code, address=address)
    throttle.clear(rt, email, address)


def start_login(rt: Runtime, sign_in: SignIn, *, address: str, agent: str) -> str:
    """Sign a browser in and return its key, which nobody can find out afterwards.

    Raises Refused, `expired`, when the person was disabled or the sessions were ended meanwhile.
    """
    key = secrets.token_urlsafe(32)
    now = rt.now()
    with rt.writing() as session:
        user = store.lock(session, sign_in.user_id)
        _still_valid(user, sign_in)
        user.last_seen_at = now
        login = t.Login(
            user_id=sign_in.user_id,
            key_hash=_hash(key),
            address=address[:64],
            agent=agent[:300],
            created_at=now,
            last_seen_at=now,
        )
        session.add(login)
        by = Actor(user.id, user.email, user.role, address)
        audit.record(session, by, "login.started", user, at=now)
    return key


def find_login(rt: Runtime, key: str) -> SignedIn | None:
    """Return who is signed in with this key; None when the login is over, too old, or never was."""
    now = rt.now()
    with rt.reading() as session:
        found = store.find_login(session, _hash(key))
    if found is None:
        return None
    login, user = found
    idle = now - login.last_seen_at
    if login.ended_at is not None or user.is_disabled or idle > timedelta(days=rt.settings.session_days):
        return None
    if idle >= TOUCH_EVERY:
        _touch(rt, login.id or 0, user.id or 0)
    return SignedIn(user, login.id or 0)


def list_logins(rt: Runtime, user_id: int, *, by: Actor) -> list[t.Login]:
    """Return where a person is signed in, the latest used first."""
    _self_or_admin(by, user_id)
    with rt.reading() as session:
        return store.list_logins(session, user_id, rt.now() - timedelta(days=rt.settings.session_days))


def end_login(rt: Runtime, login_id: int, *, by: Actor) -> None:
    """Sign one browser out. Doing it twice is fine."""
    with rt.writing() as session:
        login = session.get(t.Login, login_id)
        if login is None or (login.user_id != by.user_id and not by.is_admin):
            raise NotFound("login", login_id)
        if login.ended_at is None:
            login.ended_at = rt.now()
            audit.record(session, by, "login.ended", store.get(session, login.user_id), at=rt.now())


def end_all(rt: Runtime, user_id: int, *, by: Actor, except_key: str = "") -> int:
    """Sign a person out everywhere, but for the browser with `except_key`; return from how many browsers."""
    _self_or_admin(by, user_id)
    with rt.writing() as session:
        user = store.lock(session, user_id)
        user.session_epoch += 1
        ended = store.end_logins(session, user_id, rt.now(), except_hash=_hash(except_key) if except_key else "")
        audit.record(session, by, "login.ended_everywhere", user, at=rt.now(), after={"logins": ended})
    return ended


def change_password(rt: Runtime, user_id: int, old: str, new: str, *, by: Actor, except_key: str = "") -> None:
    """Replace one's own password and end every session but the browser with `except_key`.

    Raises Refused with the field `old` or `password`.
    """
    if by.user_id != user_id:
        raise NotAllowed("change somebody else's password")
    with rt.reading() as session:
        user = store.get(session, user_id)
    email = user.email.lower()
    attempt = throttle.begin(rt, email, by.address)
    if not passwords.matches(old, user.password_hash):
        raise Refused("This is not your present password.", code="bad_credentials", field="old")
    throttle.forgive(rt, attempt)
    passwords.check(new, email=user.email)
    new_hash = passwords.hashed(new)
    with rt.writing() as session:
        user = store.lock(session, user_id)
        user.password_hash = new_hash
        user.session_epoch += 1
        store.void_invites(session, user_id)
        store.end_logins(session, user_id, rt.now(), except_hash=_hash(except_key) if except_key else "")
        audit.record(session, by, "password.changed", user, at=rt.now())


def _hash(key: str) -> str:
    # A key has 256 random bits: a plain hash keeps it, no salt or slowness needed.
    return hashlib.sha256(key.encode()).hexdigest()


def _still_valid(user: t.User, sign_in: SignIn) -> None:
    if user.is_disabled or user.session_epoch != sign_in.epoch:
        raise Refused("This sign-in is no longer valid. Sign in again.", code="expired")


def _renew_hash(rt: Runtime, user: t.User, password: str) -> None:
    """Store the password's hash with today's parameters, unless the password changed meanwhile."""
    if not passwords.is_outdated(user.password_hash or ""):
        return
    new_hash = passwords.hashed(password)
    with rt.writing() as session:
        row = store.lock(session, user.id or 0)
        if row.password_hash == user.password_hash:
            row.password_hash = new_hash


def _touch(rt: Runtime, login_id: int, user_id: int) -> None:
    with rt.writing() as session:
        login, user = session.get(t.Login, login_id), store.get(session, user_id)
        if login is not None:
            login.last_seen_at = rt.now()
        user.last_seen_at = rt.now()


def _self_or_admin(by: Actor, user_id: int) -> None:
    if by.user_id != user_id and not by.is_admin:
        raise NotAllowed("see or end somebody else's logins")
