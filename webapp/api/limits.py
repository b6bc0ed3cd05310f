"""Request rates by token, told with every answer, and by address for tokens that nobody has.

Counted in this process: several processes allow several times as much.
"""

from __future__ import annotations

import time

from flask import Response, current_app, g
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from calsync.services.tokens import Caller
from webapp.api.problems import Refusal

PER_MINUTE = 1200
"""Requests of one token. A bulk upsert of a thousand records is one request."""

GUESSES = RateLimitItemPerMinute(30)
SETTING = "API_REQUESTS_PER_MINUTE"

_storage = MemoryStorage()
_counter = FixedWindowRateLimiter(_storage)


def take(who: Caller) -> None:
    """Count a request of a token. Raises Refusal 429 when that was one too many; `tell` says how many are left."""
    item = _allowance()
    key = f"token:{who.token.id}"
    is_in = _counter.hit(item, key)
    ends_at, left = _counter.get_window_stats(item, key)
    wait_s = max(1, round(ends_at - time.time()))
    g.rate = (item.amount, max(0, left), wait_s)
    if not is_in:
        detail = f"This token may send {item.amount} requests a minute. Wait {wait_s} seconds."
        raise Refusal(429, "too_many_requests", detail, {"Retry-After": str(wait_s)})


def tell(response: Response) -> None:
    """Write what is left of the allowance on an answer."""
    if "rate" in g:
        limit, left, wait_s = g.rate
        response.headers["RateLimit-Limit"] = str(limit)
        response.headers["RateLimit-Remaining"] = str(left)
        response.headers["RateLimit-Reset"] = str(wait_s)


def check_guesses(address: str) -> None:
    """Raise Refusal 429 for an address that sent too many tokens that nobody has."""
    if not _counter.test(GUESSES, f"guess:{address}"):
        detail = "Too many tokens that nobody has came from this address. Wait a minute."
        raise Refusal(429, "too_many_requests", detail, {"Retry-After": "60"})


def count_guess(address: str) -> None:
    """Count a token that nobody has."""
    _counter.hit(GUESSES, f"guess:{address}")


def reset() -> None:
    """Forget every count, for tests."""
    _storage.reset()


def _allowance() -> RateLimitItem:
    return RateLimitItemPerMinute(int(current_app.config.get(SETTING, PER_MINUTE)))
