"""What Graph's refusals mean, by status and code (contract section A13). Codes are compared without case."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from calsync.errors import (
    CursorExpired,
    ProviderError,
    Rejected,
    SignInNeeded,
    Unavailable,
    VersionMismatch,
)
from calsync.providers.http import Answer, Http

DUPLICATE = "errorduplicatetransactionid"
MALFORMED = "errorinvalididmalformed"

_EXPIRED = {"syncstatenotfound", "syncstateinvalid", "resyncrequired"}
_CHANGED = {"errorirresolvableconflict", "resourcemodified"}
_NO_MAILBOX = {"mailboxnotenabledforrestapi", "resourcenotfound", "request_resourcenotfound", "errorinvaliduser"}
_CROSSING = "erroroccurrencecrossingboundary"
_QUOTA = "errorquotaexceeded"
_NO_TOKENS = "deltatoken' not supported"
"""What a mailbox over its quota says of changes since a moment."""


class TooMuch(Unavailable):
    """The server gives up on so long a page without a word (section A9.2)."""


def read(http: Http, answer: Answer) -> ProviderError | None:
    """Return the error that an answer means; None leaves it to the common reading of its status."""
    codes, said = codes_of(answer), http.describe(answer)
    if codes & _EXPIRED or (answer.status == 410 and "delta" in answer.url):
        return CursorExpired(said)
    if codes & _CHANGED and answer.status in (409, 412):
        return VersionMismatch(answer.url)
    if DUPLICATE in codes:
        return Rejected("duplicate", said)
    if _QUOTA in codes or _NO_TOKENS in answer.text.lower():
        return Rejected("quota", f"the mailbox is full: {said}")
    match answer.status:
        case 401:
            return _sign_in(answer, said)
        case 400 if MALFORMED in codes:
            return Rejected("not_found", said)
        case 400 if _CROSSING in codes:
            return Rejected("unsupported", f"Outlook lets no occurrence move past its neighbours: {said}")
        case 400 if "validationerror" in codes:
            return Rejected("permission", said)  # it is our address that did not answer, not the calendar
        case 400 if "extensionerror" in codes:
            return Rejected("unsupported", said)
        case 404 if codes & _NO_MAILBOX:
            return Rejected("permission", f"this account has no mailbox at Microsoft: {said}")
        case 424:
            return Unavailable(said)
        case 503 if not answer.body.strip() and answer.method == "GET":
            return TooMuch(said, _seconds(http.retry_after(answer)))
    return None


def _sign_in(answer: Answer, said: str) -> SignInNeeded:
    """Return why a token is refused; the organisation may ask for more than a token (section A1.8)."""
    challenge = answer.headers.get("www-authenticate", "")
    return SignInNeeded("reauth_needed" if "insufficient_claims" in challenge else "invalid_grant", said)


def codes_of(answer: Answer) -> set[str]:
    """Return every code of an error, the inner ones too, in lower case; none where the body does not tell."""
    try:
        error: Any = json.loads(answer.text).get("error")
    except (ValueError, AttributeError):
        return set()
    found = set()
    while isinstance(error, dict):
        found.add(str(error.get("code", "")).lower())
        error = error.get("innerError") or error.get("innererror")
    return found - {""}


def existing_id(item: dict[str, Any]) -> str | None:
    """Return the event that a refused create names as the first of its kind, None where it names none."""
    error = item.get("error")
    found = error.get("@event.existingEventId") if isinstance(error, dict) else None
    return str(found) if found else None


def _seconds(wait: timedelta | None) -> float | None:
    return None if wait is None else wait.total_seconds()
