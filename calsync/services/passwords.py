"""Passwords: argon2id hashes, and which passwords we take."""

from __future__ import annotations

from base64 import b64encode

import argon2

from calsync.errors import Refused

SHORTEST = 10
LONGEST = 500
_hasher = argon2.PasswordHasher()
_GUESSED_FIRST = """
1234567890 0123456789 12345678910 123456789a 1q2w3e4r5t qwertyuiop qwertzuiop qwerty1234 password12 password123
password1234 passwort123 iloveyou12 letmein123 admin12345 changeme123 welcome123
"""


def check(password: str, *, email: str) -> None:
    """Return when the password may be used. Raises Refused with the field `password`."""
    lowered = password.lower()
    if len(password) < SHORTEST:
        reason = f"Use at least {SHORTEST} characters; a few unrelated words make a good password."
    elif len(password) > LONGEST:
        reason = f"Use at most {LONGEST} characters."
    elif lowered in _GUESSED_FIRST.split() or len(set(lowered)) < 4:
        reason = "This is one of the first passwords that are guessed. Use a few unrelated words."
    elif lowered in (email.lower(), email.lower().partition("@")[0]):
        reason = "Your address is not a secret. Use a few unrelated words."
    else:
        return
    raise Refused(reason, code="weak_password", field="password")


def hashed(password: str) -> str:
    """Return the hash to store. Takes about 100 ms: never call it inside a transaction."""
    return _hasher.hash(password)


def matches(password: str, stored: str | None) -> bool:
    """Return whether the password belongs to the stored hash.

    Takes as long when there is no hash, so that the time does not tell whether somebody exists.
    """
    if len(password) > LONGEST:
        return False
    try:
        return _hasher.verify(stored or _nobodys(), password) and stored is not None
    except argon2.exceptions.VerificationError:
        return False
    except argon2.exceptions.InvalidHashError:
        return False


def is_outdated(stored: str) -> bool:
    """Return whether the hash was made with weaker parameters than today's."""
    return _hasher.check_needs_rehash(stored)


def _nobodys() -> str:
    """Return a hash that no password belongs to. It is put together, not computed: comparing alone shall take time."""
    salt, digest = (b64encode(bytes(length)).decode().rstrip("=") for length in (_hasher.salt_len, _hasher.hash_len))
    costs = f"m={_hasher.memory_cost},t={_hasher.time_cost},p={_hasher.parallelism}"
    return f"$argon2id$v={argon2.low_level.ARGON2_VERSION}${costs}${salt}${digest}"
