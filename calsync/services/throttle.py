"""Slowing down guesses: failed sign-ins are counted by account and by network address, in the database.

A try counts as failed before it is checked, so that many tries at once cannot slip past the limit together.
"""

from __future__ import annotations

import ipaddress
import math
from datetime import datetime, timedelta

from sqlmodel import Session

from calsync.errors import Refused
from calsync.runtime import Runtime
from calsync.store import people as store
from calsync.store import tables as t

WINDOW = timedelta(minutes=15)
MOST_OF_ACCOUNT = 10
MOST_FROM_ADDRESS = 20


def begin(rt: Runtime, email: str, address: str) -> int:
    """Count a try, failed until `forgive` says otherwise, and return its id.

    `email` is in lower case and need not belong to anybody. Raises Refused, `throttled`, with the minutes to
    wait, when there were too many; that try is not counted.
    """
    now, network = rt.now(), _network(address)
    with rt.writing() as session:
        store.forget_failures_before(session, now - WINDOW)
        attempt = t.SignInFailure(email=email, address=network, at=now)
        session.add(attempt)
    with rt.reading() as session:
        free_at = _free_at(session, now - WINDOW, email, network)
    if free_at is not None:
        forgive(rt, attempt.id or 0)
        minutes = max(1, math.ceil((free_at - now).total_seconds() / 60))
        span = "a minute" if minutes == 1 else f"{minutes} minutes"
        raise Refused(f"Too many failed attempts. Try again in {span}.", code="throttled")
    return attempt.id or 0


def forgive(rt: Runtime, attempt_id: int) -> None:
    """Take one try back."""
    with rt.writing() as session:
        attempt = session.get(t.SignInFailure, attempt_id)
        if attempt is not None:
            session.delete(attempt)


def clear(rt: Runtime, email: str, address: str) -> None:
    """Forget every try for this account from this address, after a whole sign-in.

    Tries for other accounts stay counted: a guesser's own account is no way out.
    """
    with rt.writing() as session:
        store.forget_failures(session, email, _network(address))


def _free_at(session: Session, since: datetime, email: str, network: str) -> datetime | None:
    """Return when the next try is allowed; None when this one, counted already, is."""
    limits = (
        (store.failures(session, since, email=email), MOST_OF_ACCOUNT),
        (store.failures(session, since, address=network), MOST_FROM_ADDRESS),
    )
    waits = [times[-1 - most] + WINDOW for times, most in limits if len(times) > most]
    return max(waits, default=None)


def _network(address: str) -> str:
    """Return what one person has: an IPv4 address, or the /64 around an IPv6 address."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if parsed.version == 4:
        return str(parsed)
    return str(ipaddress.ip_network(f"{parsed}/64", strict=False))
