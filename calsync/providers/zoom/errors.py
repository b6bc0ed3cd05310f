"""What Zoom's refusals mean, by status and code: neither alone decides (contract sections 20 and 21)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from calsync.errors import ProviderError, RateLimited, Rejected, SignInNeeded
from calsync.providers import token_calls
from calsync.providers.http import LONGEST_WAIT, Answer, Http

Json = dict[str, Any]

ONE_SECOND = timedelta(seconds=1)
NO_SCOPE = (4711, 4700, 104)
"""Codes of a token that lacks a scope, the newer one first; all say so in the same words."""


def read(http: Http, answer: Answer) -> ProviderError | None:
    """Return the error that an answer means; None leaves it to the common reading of its status."""
    code, said = code_of(answer), http.describe(answer)
    match answer.status, code:
        case 401, _:
            return SignInNeeded("invalid_grant", said)
        case 429, _:
            return RateLimited(_until(http, answer), said)
        case 400, _ if code in NO_SCOPE and "scopes" in answer.text:
            return SignInNeeded("scope_lost", said)
        case 400, 3161:
            return Rejected("permission", f"this person has no licence to host meetings: {said}")
        case 404, 1001 | 1010:
            return SignInNeeded("host_gone", said)
        case 400, 3000 | 3003:
            return Rejected("permission", said)
        case 400, 3002:
            return Rejected("unsupported", f"the meeting is under way: {said}")
        case 400, 3007:
            return Rejected("not_found", said)
    return None


def code_of(answer: Answer) -> int:
    """Return the code in an error's body, 0 where the body is no error of Zoom's (a gateway's page, XML)."""
    code = token_calls.body_of(answer).get("code")
    return code if isinstance(code, int) else 0


def _until(http: Http, answer: Answer) -> datetime:
    """Return when a limit ends: a moment or seconds in Retry-After; without it the limit is one of a second."""
    text = answer.headers.get("retry-after", "").strip()
    now = http.now()
    if text.isdecimal():
        return now + min(timedelta(seconds=int(text[:6])), LONGEST_WAIT)
    moment = _moment(text)
    if moment is None:
        return now + ONE_SECOND
    # By Zoom's clock, which need not be ours.
    wait = moment - (now + (http.clock_offset or timedelta()))
    return now + min(max(wait, ONE_SECOND), LONGEST_WAIT)


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
