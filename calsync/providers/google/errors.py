"""What Google's refusals mean, by status and reason: the number alone never decides (contract section 4)."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from calsync.errors import CursorExpired, ProviderError, RateLimited, Rejected, SignInNeeded, Unavailable
from calsync.providers.http import Answer, Http

LONG_PAUSE = timedelta(hours=1)
"""The least wait where a use limit of hours or days is spent (section 4.4)."""

SHORT_PAUSE = timedelta(seconds=60)
"""The wait where a quota per minute is spent and Google does not say how long."""

_PER_MINUTE = ("rateLimitExceeded", "userRateLimitExceeded")
_PER_DAY = ("quotaExceeded", "dailyLimitExceeded")
_SWITCHED_OFF = ("notACalendarUser", "serviceNotAvailable")


def read(http: Http, answer: Answer) -> ProviderError | None:
    """Return the error that an answer means; None leaves it to the common reading of its status."""
    reason, location = reason_of(answer)
    said = http.describe(answer)
    match answer.status, reason:
        case 400 | 401, _ if reason.startswith("push.webhookUrl"):
            return Rejected("permission", said)  # it is our address that is refused, not the calendar
        case 400 | 401, _ if reason.startswith("push.") or reason == "pushNotSupportedForRequestedResource":
            return Rejected("unsupported", said)
        case 401, _:
            return SignInNeeded("invalid_grant", said)
        case 403 | 429, _ if reason in _PER_MINUTE:
            return RateLimited(http.now() + (http.retry_after(answer) or SHORT_PAUSE), said)
        case 403 | 429, _ if reason in _PER_DAY:
            return RateLimited(http.now() + max(http.retry_after(answer) or LONG_PAUSE, LONG_PAUSE), said)
        case 403, "insufficientPermissions":
            return SignInNeeded("scope_lost", said)
        case 403, "accessNotConfigured":
            return Rejected("unsupported", f"the Calendar API is not enabled in the Google Cloud project: {said}")
        case 403, _ if reason in _SWITCHED_OFF:
            return Rejected("permission", f"Google Calendar is switched off for this person: {said}")
        case 409, "conflict":
            return Unavailable(said)
        case 410, "fullSyncRequired" | "updatedMinTooLongAgo":
            return CursorExpired(said)
        case 400, "channelIdNotUnique":
            return Rejected("duplicate", said)
        case 400, _ if location == "syncToken":
            return CursorExpired(said)
        case 412, _ if answer.method == "GET":
            return Unavailable(said)
    return None


def reason_of(answer: Answer) -> tuple[str, str]:
    """Return an error's reason and the parameter that it names; empty where the body does not tell."""
    try:
        error: Any = json.loads(answer.text).get("error")
    except (ValueError, AttributeError):
        return "", ""
    if not isinstance(error, dict):
        return (error, "") if isinstance(error, str) else ("", "")
    first = next((e for e in error.get("errors") or [] if isinstance(e, dict)), {})
    return str(first.get("reason", "")), str(first.get("location", ""))
