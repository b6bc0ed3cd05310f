"""People: who may be here, in which role, and what happens to their things when they leave.

Signing in is in `logins.py`, the second factor in `second_factor.py`.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import zoneinfo
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import sqlalchemy
from sqlmodel import Session

from calsync.engine.vocabulary import Role
from calsync.errors import NotAllowed, Refused
from calsync.runtime import Actor, Runtime
from calsync.services import passwords, settings
from calsync.store import audit
from calsync.store import people as store
from calsync.store import tables as t

INVITE_LASTS = timedelta(days=7)
_EMAIL = re.compile(r"[^@\s<>,;]+@[^@\s<>,;]+")


@dataclass(frozen=True, slots=True)
class Invited:
    """A person and the key for the link that sets the password. The key is shown once and stored nowhere."""

    user: t.User
    key: str = field(repr=False)


def nobody_yet(rt: Runtime) -> bool:
    """Return whether set-up is still to be done: there is no person at all."""
    with rt.reading() as session:
        return store.is_empty(session)


def create_first_admin(rt: Runtime, email: str, name: str, password: str, *, by: Actor) -> t.User:
    """Create the admin that set-up asks for. Raises Refused, `already_set_up`, once there is anybody."""
    user = _new_user(rt, email, name, Role.ADMIN)
    passwords.check(password, email=email)
    user.password_hash = passwords.hashed(password)
    with rt.writing() as session:
        _lock_table(session)
        if not store.is_empty(session):
            raise Refused("This installation is set up already. Sign in.", code="already_set_up")
        _add(session, user)
        audit.record(session, by, "user.created", user, at=rt.now(), after=_facts(user))
    return user


def create_user(
    rt: Runtime, email: str, role: str, *, name: str = "", password: str | None = None, by: Actor
) -> t.User:
    """Create a person; without a password they need an invite. Raises Refused with the field."""
    _admin(by, "add people")
    user = _new_user(rt, email, name, role)
    if password is not None:
        passwords.check(password, email=email)
        user.password_hash = passwords.hashed(password)
    with rt.writing() as session:
        _add(session, user)
        audit.record(session, by, "user.created", user, at=rt.now(), after=_facts(user))
    return user


def invite(rt: Runtime, email: str, role: str, *, name: str = "", by: Actor) -> Invited:
    """Create a person without a password and a link to set one."""
    _admin(by, "invite people")
    user = _new_user(rt, email, name, role)
    with rt.writing() as session:
        _add(session, user)
        key = _new_invite(session, rt, user, by)
        audit.record(session, by, "user.invited", user, at=rt.now(), after=_facts(user))
    return Invited(user, key)


def renew_invite(rt: Runtime, user_id: int, *, by: Actor) -> Invited:
    """Make a new link for somebody who lost theirs or forgot the password; older links stop working."""
    _admin(by, "make links for others")
    with rt.writing() as session:
        user = store.lock(session, user_id)
        if user.is_disabled:
            raise Refused(f"{user.email} is disabled. Enable them first.", code="disabled")
        key = _new_invite(session, rt, user, by)
        audit.record(session, by, "user.link_made", user, at=rt.now())
    return Invited(user, key)


def invited(rt: Runtime, key: str) -> t.User:
    """Return whom a link was made for. Raises Refused, `bad_link`, when it is used, too old or unknown."""
    with rt.reading() as session:
        return _invited(session, rt, key)[1]


def accept_invite(rt: Runtime, key: str, password: str, *, name: str = "", address: str = "") -> t.User:
    """Set the password that a link was made for, once, and end the person's sessions."""
    passwords.check(password, email=invited(rt, key).email)
    password_hash = passwords.hashed(password)
    with rt.writing() as session:
        found, user = _invited(session, rt, key)
        found.used_at = rt.now()
        user.password_hash = password_hash
        user.name = name.strip()[:200] or user.name
        _end_sessions(session, rt, user)
        by = Actor(user.id, user.email, user.role, address)
        audit.record(session, by, "user.link_used", user, at=rt.now())
    return user


def set_role(rt: Runtime, user_id: int, role: str, *, by: Actor) -> t.User:
    """Give a person another role. Raises Refused, `last_admin`, when nobody could administer afterwards."""
    _admin(by, "change roles")
    role = _role(role)
    with rt.writing() as session:
        _keep_an_admin(session, user_id, unless=role == Role.ADMIN)
        user = store.lock(session, user_id)
        before, user.role = user.role, role
        if before != role:
            facts: dict[str, Any] = {"before": {"role": before}, "after": {"role": role}}
            audit.record(session, by, "user.role_changed", user, at=rt.now(), **facts)
    return user


def set_profile(
    rt: Runtime,
    user_id: int,
    *,
    name: str | None = None,
    tz: str | None = None,
    notice_choices: dict[str, bool] | None = None,
    by: Actor,
) -> t.User:
    """Change what a person says about themselves; None leaves a value as it is."""
    if by.user_id != user_id and not by.is_admin:
        raise NotAllowed("change somebody else's profile")
    if tz is not None and tz not in zoneinfo.available_timezones():
        raise Refused(f"There is no time zone called {tz}. Choose one like Europe/Berlin.", field="tz")
    given = {"name": name and name.strip()[:200], "tz": tz, "notice_choices": notice_choices}
    wanted = {field_name: value for field_name, value in given.items() if value is not None}
    with rt.writing() as session:
        user = store.lock(session, user_id)
        before, after = audit.changes({each: getattr(user, each) for each in wanted}, wanted)
        for field_name, value in after.items():
            setattr(user, field_name, value)
        if after:
            audit.record(session, by, "user.profile_changed", user, at=rt.now(), before=before, after=after)
    return user


def disable(rt: Runtime, user_id: int, *, by: Actor) -> t.User:
    """Keep a person out from now on. Raises Refused, `last_admin`. Doing it twice is fine.

    What they own stays, and their calendars go on syncing until handed over, paused or disconnected.
    """
    _admin(by, "disable people")
    with rt.writing() as session:
        _keep_an_admin(session, user_id)
        user = store.lock(session, user_id)
        if not user.is_disabled:
            user.is_disabled = True
            store.void_invites(session, user_id)
            _end_sessions(session, rt, user)
            audit.record(session, by, "user.disabled", user, at=rt.now())
    return user


def enable(rt: Runtime, user_id: int, *, by: Actor) -> t.User:
    """Let a person in again, with the password they had."""
    _admin(by, "enable people")
    with rt.writing() as session:
        user = store.lock(session, user_id)
        if user.is_disabled:
            user.is_disabled = False
            audit.record(session, by, "user.enabled", user, at=rt.now())
    return user


def _new_user(rt: Runtime, email: str, name: str, role: str) -> t.User:
    email = email.strip()
    if not _EMAIL.fullmatch(email) or len(email) > 320:
        raise Refused("Give an e-mail address like ada@example.com.", code="invalid", field="email")
    tz = settings.organisation(rt)[0].tz
    return t.User(email=email, name=name.strip()[:200], role=_role(role), tz=tz, created_at=rt.now())


def _add(session: Session, user: t.User) -> None:
    reason = f"There is somebody with the address {user.email} already."
    refusal = Refused(reason, code="duplicate", field="email")
    if store.find_by_email(session, user.email) is not None:
        raise refusal
    try:
        session.add(user)
        session.flush()
    except sqlalchemy.exc.IntegrityError as error:
        raise refusal from error


def _new_invite(session: Session, rt: Runtime, user: t.User, by: Actor) -> str:
    key = secrets.token_urlsafe(32)
    store.void_invites(session, user.id or 0)
    session.add(
        t.Invite(
            user_id=user.id or 0,
            key_hash=_hash(key),
            created_by_id=by.user_id,
            created_at=rt.now(),
            expires_at=rt.now() + INVITE_LASTS,
        )
    )
    return key


def _invited(session: Session, rt: Runtime, key: str) -> tuple[t.Invite, t.User]:
    found = store.find_invite(session, _hash(key))
    user = None if found is None else store.get(session, found.user_id)
    if found is None or user is None or found.used_at or found.expires_at <= rt.now() or user.is_disabled:
        reason = "This link was used already, is too old, or was replaced. Ask your admin for a new one."
        raise Refused(reason, code="bad_link")
    return found, user


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _keep_an_admin(session: Session, user_id: int, *, unless: bool = False) -> None:
    """Refuse to take the last admin who can sign in away."""
    admins = [user.id for user in store.lock_admins(session)]
    if admins == [user_id] and not unless:
        reason = "This is the last admin who can sign in. Make somebody else an admin first."
        raise Refused(reason, code="last_admin")


def _end_sessions(session: Session, rt: Runtime, user: t.User) -> None:
    user.session_epoch += 1
    store.end_logins(session, user.id or 0, rt.now())


def _role(role: str) -> Role:
    try:
        return Role(role)
    except ValueError as error:
        raise Refused(f"A role is one of {', '.join(Role)}.", code="invalid", field="role") from error


def _admin(by: Actor, action: str) -> None:
    if not by.is_admin:
        raise NotAllowed(action)


def _facts(user: t.User) -> dict[str, Any]:
    return {"email": user.email, "name": user.name, "role": user.role}


def _lock_table(session: Session) -> None:
    """Let nobody else add a person until this transaction ends; SQLite's writers are alone anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.connection().exec_driver_sql('LOCK TABLE "user" IN SHARE ROW EXCLUSIVE MODE')
