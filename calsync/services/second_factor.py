"""The second factor: codes of an authenticator app (TOTP, RFC 6238) and ten recovery codes.

A secret counts only once a code of it was entered; until then `totp_last_step` is None.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field

import pyotp
import segno

from calsync.errors import NotAllowed, Refused
from calsync.runtime import Actor, Runtime
from calsync.services import settings
from calsync.store import audit
from calsync.store import people as store
from calsync.store import tables as t

STEP_S = 30
TOLERANCE_STEPS = 1
"""How far a telephone's clock may be off, in steps."""
RECOVERY_CODES = 10
_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # 32 letters that are not taken for each other
_GROUPS = 4


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What an authenticator app needs, to be shown once."""

    secret: str = field(repr=False)
    uri: str = field(repr=False)

    @property
    def qr_svg(self) -> str:
        """The uri as a QR code: an SVG element without colours of its own."""
        return str(segno.make(self.uri, error="m").svg_inline(scale=4, border=2))


def is_on(user: t.User) -> bool:
    """Return whether signing in takes a code."""
    return user.totp_secret is not None and user.totp_last_step is not None


def begin(rt: Runtime, *, by: Actor) -> Enrolment:
    """Make a new secret for the asker, which counts once `enable` saw a code of it."""
    secret = pyotp.random_base32()
    org, _ = settings.organisation(rt)
    with rt.writing() as session:
        user = store.lock(session, _own_id(by))
        if is_on(user):
            raise Refused("A second factor is set up already. Remove it first.", code="already_on")
        user.totp_secret, user.totp_last_step = rt.secrets.seal(secret), None
    return Enrolment(secret, pyotp.TOTP(secret).provisioning_uri(name=user.email, issuer_name=org.name))


def enable(rt: Runtime, code: str, *, by: Actor) -> list[str]:
    """Turn the second factor on with the first code of the app; return the recovery codes, shown once."""
    with rt.writing() as session:
        user = store.lock(session, _own_id(by))
        if user.totp_secret is None or is_on(user):
            raise Refused("Start again: there is no code to confirm.", code="not_begun")
        step = _matching_step(rt, user, code)
        if step is None:
            raise _bad_code()
        user.totp_last_step = step
        codes = _new_codes()
        store.replace_recovery_codes(session, user.id or 0, [_hash(each) for each in codes])
        audit.record(session, by, "second_factor.on", user, at=rt.now())
    return codes


def use(rt: Runtime, user: t.User, code: str, *, address: str) -> None:
    """Take a code of the app or a recovery code; each works once. Raises Refused, `bad_code`."""
    step = _matching_step(rt, user, code)
    user_id = user.id or 0
    with rt.writing() as session:
        if step is not None and store.take_totp_step(session, user_id, step):
            return
        if not store.use_recovery_code(session, user_id, _hash(code), rt.now()):
            raise _bad_code()
        left = store.recovery_codes_left(session, user_id)
        by = Actor(user.id, user.email, user.role, address)
        audit.record(session, by, "second_factor.recovery_used", user, at=rt.now(), after={"left": left})


def renew_recovery_codes(rt: Runtime, code: str, *, by: Actor) -> list[str]:
    """Replace all recovery codes, given a code of the app; return the new ones, shown once."""
    with rt.writing() as session:
        user = store.lock(session, _own_id(by))
        step = _matching_step(rt, user, code) if is_on(user) else None
        if step is None or not store.take_totp_step(session, user.id or 0, step):
            raise _bad_code()
        codes = _new_codes()
        store.replace_recovery_codes(session, user.id or 0, [_hash(each) for each in codes])
        audit.record(session, by, "second_factor.codes_renewed", user, at=rt.now())
    return codes


def remove(rt: Runtime, user_id: int, *, by: Actor) -> None:
    """Turn the second factor off: one's own, or as an admin somebody's who lost the telephone."""
    if by.user_id != user_id and not by.is_admin:
        raise NotAllowed("remove somebody else's second factor")
    with rt.writing() as session:
        user = store.lock(session, user_id)
        user.totp_secret = user.totp_last_step = None
        store.replace_recovery_codes(session, user_id, [])
        audit.record(session, by, "second_factor.off", user, at=rt.now())


def recovery_codes_left(rt: Runtime, user_id: int) -> int:
    with rt.reading() as session:
        return store.recovery_codes_left(session, user_id)


def _own_id(by: Actor) -> int:
    if by.user_id is None:
        raise NotAllowed("set up a second factor without a user")
    return by.user_id


def _matching_step(rt: Runtime, user: t.User, code: str) -> int | None:
    """Return the time step whose code this is, never one that was used or is older; None when it is wrong."""
    given = "".join(code.split())
    if user.totp_secret is None or len(given) != 6:
        return None
    totp = pyotp.TOTP(rt.secrets.unseal(user.totp_secret))
    now = int(rt.now().timestamp()) // STEP_S
    for step in range(now - TOLERANCE_STEPS, now + TOLERANCE_STEPS + 1):
        is_new = user.totp_last_step is None or step > user.totp_last_step
        if hmac.compare_digest(totp.generate_otp(step).encode(), given.encode()) and is_new:
            return step
    return None


def _new_codes() -> list[str]:
    """Return recovery codes of 80 random bits, written XXXX-XXXX-XXXX-XXXX."""
    return ["-".join(_group() for _ in range(_GROUPS)) for _ in range(RECOVERY_CODES)]


def _group() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(4))


def _hash(code: str) -> str:
    plain = "".join(c for c in code.upper() if c.isalnum())
    return hashlib.sha256(plain.encode()).hexdigest()


def _bad_code() -> Refused:
    return Refused("This code is wrong, or was used already.", code="bad_code", field="code")
