"""Google's documented error answers (contract section 4). Nothing else builds an error body."""

from __future__ import annotations

from typing import Any

Body = dict[str, Any]

CREDENTIALS_HELP = "See https://developers.google.com/identity/sign-in/web/devconsole-project."


class ApiError(Exception):
    """One refused Calendar API call, with everything that its answer needs."""

    def __init__(
        self,
        status: int,
        reason: str,
        message: str,
        *,
        domain: str = "global",
        location: tuple[str, str] | None = None,
        outer: str | None = None,
        canonical: str | None = None,
        details: list[Body] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message
        self.domain = domain
        self.location = location
        self.outer = outer or message
        self.canonical = canonical
        self.details = details
        self.headers = headers or {}

    def body(self) -> Body:
        """Return the JSON envelope. Front-end errors carry `status`, the backend's do not (4.1)."""
        item: Body = {"domain": self.domain, "reason": self.reason, "message": self.message}
        if self.location is not None:
            item |= {"locationType": self.location[0], "location": self.location[1]}
        error: Body = {"errors": [item], "code": self.status, "message": self.outer}
        if self.canonical:
            error["status"] = self.canonical
        if self.details:
            error["details"] = self.details
        return {"error": error}


class OAuthError(Exception):
    """One refused call to an OAuth endpoint: `error` is a plain string there (contract 1.6)."""

    def __init__(self, status: int, error: str, description: str = "", **extra: str) -> None:
        super().__init__(f"{status} {error}: {description}")
        self.status = status
        self.fields = {"error": error}
        if description:
            self.fields["error_description"] = description
        self.fields |= extra


# (status, reason) -> (domain, message, location); the texts are the documented ones (4.2, 4.3).
KNOWN: dict[tuple[int, str], tuple[str, str, tuple[str, str] | None]] = {
    (400, "badRequest"): ("global", "Bad Request", None),
    (400, "invalid"): ("global", "Invalid Value", None),
    (400, "timeRangeEmpty"): (
        "calendar",
        "The specified time range is empty.",
        ("parameter", "timeMax"),
    ),
    (403, "userRateLimitExceeded"): ("usageLimits", "User Rate Limit Exceeded", None),
    (403, "rateLimitExceeded"): ("usageLimits", "Rate Limit Exceeded", None),
    (429, "rateLimitExceeded"): ("usageLimits", "Rate Limit Exceeded", None),
    (403, "quotaExceeded"): ("usageLimits", "Calendar usage limits exceeded.", None),
    (403, "dailyLimitExceeded"): ("usageLimits", "Daily Limit Exceeded", None),
    (403, "accessNotConfigured"): (
        "usageLimits",
        "Google Calendar API has not been used in project 123456789012 before or it is disabled.",
        None,
    ),
    (403, "forbidden"): ("global", "Forbidden", None),
    (403, "requiredAccessLevel"): ("calendar", "You need to have writer access to this calendar.", None),
    (403, "notACalendarUser"): (
        "calendar",
        "The user must be signed up for Google Calendar.",
        None,
    ),
    (403, "forbiddenForNonOrganizer"): (
        "calendar",
        "Shared properties can only be changed by the organizer of the event.",
        None,
    ),
    (404, "notFound"): ("global", "Not Found", None),
    (409, "duplicate"): ("global", "The requested identifier already exists.", None),
    (409, "conflict"): ("global", "Conflict", None),
    (410, "fullSyncRequired"): (
        "calendar",
        "Sync token is no longer valid, a full sync is required.",
        ("parameter", "syncToken"),
    ),
    (410, "updatedMinTooLongAgo"): (
        "calendar",
        "The requested minimum modification time lies too far in the past.",
        ("parameter", "updatedMin"),
    ),
    (410, "deleted"): ("global", "Resource has been deleted", None),
    (412, "conditionNotMet"): ("global", "Precondition Failed", ("header", "If-Match")),
    (500, "backendError"): ("global", "Backend Error", None),
    (503, "backendError"): ("global", "Backend Error", None),
}

DEFAULT_REASONS = {
    400: "badRequest",
    403: "forbidden",
    404: "notFound",
    409: "conflict",
    410: "deleted",
    412: "conditionNotMet",
    429: "rateLimitExceeded",
}


def of(status: int, reason: str | None = None, message: str | None = None, **more: Any) -> ApiError:
    """Return the documented error for `(status, reason)`; unknown pairs get the plain status text."""
    reason = reason or DEFAULT_REASONS.get(status, "backendError")
    domain, text, location = KNOWN.get((status, reason), ("global", "Backend Error", None))
    more.setdefault("domain", domain)
    more.setdefault("location", location)
    return ApiError(status, reason, message or text, **more)


def invalid(message: str, where: str | None = None) -> ApiError:
    return ApiError(400, "invalid", message, location=("parameter", where) if where else None)


def required(message: str, where: str | None = None) -> ApiError:
    return ApiError(400, "required", message, location=("parameter", where) if where else None)


def invalid_parameter(message: str, where: str) -> ApiError:
    return ApiError(400, "invalidParameter", message, location=("parameter", where))


def parse_error(message: str = "Parse Error") -> ApiError:
    return ApiError(400, "parseError", message)


def restricted(reason: str, message: str) -> ApiError:
    """A rule of the calendar domain: event types, move, import, unsubscribing (4.3)."""
    return ApiError(400, reason, message, domain="calendar")


def missing_credentials() -> ApiError:
    return ApiError(
        401,
        "required",
        "Login Required.",
        location=("header", "Authorization"),
        outer="Request is missing required authentication credential. Expected OAuth 2 access token, "
        f"login cookie or other valid authentication credential. {CREDENTIALS_HELP}",
        canonical="UNAUTHENTICATED",
        headers={"WWW-Authenticate": 'Bearer realm="https://accounts.google.com/"'},
    )


def bad_credentials() -> ApiError:
    return ApiError(
        401,
        "authError",
        "Invalid Credentials",
        location=("header", "Authorization"),
        outer="Request had invalid authentication credentials. Expected OAuth 2 access token, login "
        f"cookie or other valid authentication credential. {CREDENTIALS_HELP}",
        canonical="UNAUTHENTICATED",
        headers={
            "WWW-Authenticate": 'Bearer realm="https://accounts.google.com/", error="invalid_token"',
        },
    )


def insufficient_scopes(method_id: str) -> ApiError:
    """The token lacks every scope that `method_id` accepts (4.1)."""
    names = method_id.split(".")[1:]
    service_method = ".".join(["calendar", "v3", *(name[0].upper() + name[1:] for name in names)])
    return ApiError(
        403,
        "insufficientPermissions",
        "Insufficient Permission",
        outer="Request had insufficient authentication scopes.",
        canonical="PERMISSION_DENIED",
        details=[
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
                "domain": "googleapis.com",
                "metadata": {"method": service_method, "service": "calendar-json.googleapis.com"},
            }
        ],
        headers={
            "WWW-Authenticate": 'Bearer realm="https://accounts.google.com/", error="insufficient_scope"',
        },
    )


def per_minute_quota(status: int, per: str) -> ApiError:
    """The sliding per-minute quota is used up; `per` is `minute` or `minute per user` (4.3)."""
    return of(
        status,
        "rateLimitExceeded",
        f"Quota exceeded for quota metric 'Queries' and limit 'Queries per {per}' of service "
        "'calendar-json.googleapis.com' for consumer 'project_number:123456789012'.",
        canonical="PERMISSION_DENIED" if status == 403 else "RESOURCE_EXHAUSTED",
    )
