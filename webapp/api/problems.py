"""Errors as programs read them: problem details (RFC 9457) with a `code` that stays the same."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import Response, g, request
from pydantic import BaseModel, Field, ValidationError
from werkzeug.exceptions import HTTPException

from calsync.errors import CalsyncError, NotAllowed, NotFound, RateLimited, Refused
from calsync.services.changes import CursorTooOld
from webapp import errors
from webapp.errors import Trouble

MEDIA_TYPE = "application/problem+json"
STATUSES = {
    400: ("bad_request", "The request could not be read"),
    401: ("unauthorised", "No valid token was sent"),
    403: ("not_allowed", "This token may not do that"),
    404: ("not_found", "There is no such thing"),
    405: ("method_not_allowed", "This address does not know that method"),
    409: ("conflict", "That cannot be done now"),
    410: ("gone", "That is no longer kept"),
    412: ("stale", "It has changed since you read it"),
    413: ("too_large", "The request is too large"),
    415: ("not_json", "The body must be JSON"),
    422: ("invalid", "The request is not as this route wants it"),
    428: ("precondition_required", "Say which version you mean"),
    429: ("too_many_requests", "Too many requests in a short time"),
    500: ("fault", "Something went wrong on our side"),
    502: ("provider_error", "The provider did not answer as expected"),
    503: ("unavailable", "Please wait a little"),
}
"""Every status that is a problem, with its usual code and its title."""

_STALE = ("stale",)
_UNPROCESSABLE = ("invalid", "unknown_field", "incomplete", "key_reused", "unknown_choice")


class FieldProblem(BaseModel):
    """What is wrong with one part of a request."""

    field: str = Field(description="Where it stands, as a path: `records.3.title`", examples=["title"])
    detail: str = Field(examples=["Give it a title."])


class Problem(BaseModel):
    """RFC 9457 problem details."""

    type: str = Field(examples=["urn:calsync:problem:invalid"])
    title: str = Field(examples=["That cannot be done now"])
    status: int = Field(examples=[422])
    code: str = Field(description="Stable; what programs decide by", examples=["invalid"])
    detail: str = Field(examples=["Give it a title."])
    request_id: str = Field(description="Name it when you ask for help", examples=["5b6f0c1d2e3f4a5b"])
    errors: list[FieldProblem] = Field(default_factory=list)


@dataclass
class Refusal(Exception):
    """An answer other than success that the API itself gives."""

    status: int
    code: str
    detail: str
    headers: dict[str, str] = field(default_factory=dict)
    errors: Sequence[tuple[str, str]] = ()


def answer(error: Exception) -> Response:
    """Return the answer to any error."""
    match error:
        case Refusal():
            found = _problem(error.status, error.code, error.detail, error.errors)
            found.headers.update(error.headers)
            return found
        case ValidationError():
            return _problem(422, "invalid", "The request is not as this route wants it.", _of_pydantic(error))
        case HTTPException():
            return _of_http(error)
        case OverflowError():  # a time before the first or after the last year that there is
            return _problem(422, "invalid", "A number or a time lies outside of what can be computed.")
        case CursorTooOld():
            detail = (
                f"The changes after this cursor are no longer kept. List everything, then go on from {error.newest}."
            )
            return _problem(410, "cursor_too_old", detail)
        case CalsyncError():
            return _of_ours(error)
    return of_trouble(errors.unexpected(error))


def describe(error: Exception) -> Problem:
    """Return an error as problem details, for answers that hold several."""
    return Problem.model_validate(answer(error).get_json())


def of_trouble(trouble: Trouble) -> Response:
    """Return the answer to an error that has words for people already."""
    if trouble.status in (404, 405):  # of an address that no route answers
        return _problem(trouble.status, trouble.code, f"{STATUSES[trouble.status][1]}. See /api/docs.")
    reference = f" Reference: {trouble.reference}." if trouble.reference else ""
    return _problem(trouble.status, trouble.code, trouble.why + reference, title=trouble.title)


def _of_ours(error: CalsyncError) -> Response:
    trouble = errors.trouble_of(error)
    named = [(error.field, error.reason)] if isinstance(error, Refused) and error.field else []
    match error:
        case NotFound(kind="page"):
            return _problem(422, "invalid", "This is no cursor of this list.", [("cursor", "Not one of ours.")])
        case NotFound():
            return _problem(404, "not_found", f"There is no such {error.kind}, or it is not for you to see.")
        case NotAllowed():
            return _problem(403, "not_allowed", f"You may not {error.action}.")
        case Refused():
            return _problem(_status_of(error), error.code, error.reason, named, title=trouble.title)
    found = of_trouble(trouble)
    if isinstance(error, RateLimited):
        found.headers["Retry-After"] = "60"
    return found


def _status_of(error: Refused) -> int:
    if error.code in _STALE:
        return 412
    return 422 if error.code in _UNPROCESSABLE or (error.field and error.code == "refused") else 409


def _of_http(error: HTTPException) -> Response:
    status = error.code or 500
    code, title = STATUSES.get(status, STATUSES[400])
    found = _problem(status, code, title if status == 404 else error.description or title)
    for name, value in error.get_headers():
        if name.lower() in ("retry-after", "allow"):
            found.headers[name] = value
    return found


def _of_pydantic(error: ValidationError) -> list[tuple[str, str]]:
    return [(".".join(str(part) for part in each["loc"]), each["msg"]) for each in error.errors(include_url=False)]


def _problem(
    status: int, code: str, detail: str, named: Sequence[tuple[str, str]] = (), *, title: str = ""
) -> Response:
    body: dict[str, Any] = Problem(
        type=f"urn:calsync:problem:{code}",
        title=title or STATUSES.get(status, STATUSES[400])[1],
        status=status,
        code=code,
        detail=detail,
        request_id=g.get("request_id", ""),
        errors=[FieldProblem(field=name, detail=text) for name, text in named],
    ).model_dump(mode="json")
    response = Response(json.dumps(body), status, content_type=MEDIA_TYPE)
    if status == 401:
        response.headers["WWW-Authenticate"] = f'Bearer realm="{request.host}"'
    return response
