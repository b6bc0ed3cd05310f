"""One operation of the API: who may, what it takes, what it answers. Everything that all of them share happens here.

    @operation("PATCH", "/activities/<id>", Scope.WRITE, tag="Activities", body=ActivityPatch, answer=ActivityOut,
               current=show)
    def edit(call: Call, id: str) -> ActivityOut: ...

The same declaration is what the OpenAPI document is made of (`openapi.py`), so the two cannot differ.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, Response, g, request
from pydantic import BaseModel

from calsync.engine.vocabulary import Scope
from calsync.runtime import Actor, Runtime
from calsync.services.tokens import Caller
from webapp.access import runtime
from webapp.api import auth, idempotency, limits, problems
from webapp.api.problems import Refusal

PREFIX = "/api/v1"

bp = Blueprint("api", __name__, url_prefix=PREFIX)

PROBLEMS = (400, 401, 403, 429, 500)
"""What any operation may answer."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request: who asks, and what was sent, checked against the operation's models."""

    rt: Runtime
    who: Caller
    by: Actor
    query: Any = None
    body: Any = None
    version: str | None = None  # the ETag that the program saw, from If-Match


@dataclass(frozen=True, slots=True)
class Answer:
    """A body with another status than the operation's usual one, or with headers."""

    body: BaseModel | None
    status: int
    headers: dict[str, str] = field(default_factory=dict)


Handler = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Operation:
    """A route as it is declared. `status` is that of success; `also` are other statuses and their models."""

    method: str
    rule: str
    scope: Scope
    tag: str
    handler: Handler
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    answer: Any = None
    status: int = 200
    also: Mapping[int, Any] = field(default_factory=dict)
    problems: tuple[int, ...] = ()
    current: Handler | None = None
    must_match: bool = False
    team_only: bool = False  # not for people with the role client

    @property
    def id(self) -> str:
        return self.handler.__name__

    @property
    def has_etag(self) -> bool:
        return self.method == "GET" or self.current is not None


OPERATIONS: list[Operation] = []


def operation(method: str, rule: str, scope: Scope, *, tag: str, **given: Any) -> Callable[[Handler], Handler]:
    """Declare a route. `current` is the handler that shows the resource as it is: If-Match is compared with its ETag,
    and `must_match` asks for the header.
    """

    def declare(handler: Handler) -> Handler:
        op = Operation(method, rule, scope, tag, handler, **given)
        OPERATIONS.append(op)
        bp.add_url_rule(rule, endpoint=op.id, view_func=lambda **ids: carry_out(op, ids), methods=[method])
        return handler

    return declare


def carry_out(op: Operation, ids: dict[str, Any]) -> Response:
    """Answer a request. Errors are answers too; nothing gets past this."""
    try:
        return _answered(op, ids)
    except Exception as error:
        return problems.answer(error)


def _answered(op: Operation, ids: dict[str, Any]) -> Response:
    who = auth.caller()
    limits.take(who)
    auth.check_scope(who, op.scope)
    if op.team_only:
        auth.check_team(who)
    query = None if op.query is None else op.query.model_validate(_arguments(op.query))
    body = _body(op)
    call = Call(runtime(), who, who.actor(request.remote_addr or ""), query, body)
    if op.method == "POST":
        return idempotency.once(call.rt, who, lambda: _worked(op, call, ids))
    return _worked(op, call, ids)


def _worked(op: Operation, call: Call, ids: dict[str, Any]) -> Response:
    call = _matched(op, call, ids)
    return _response(op, op.handler(call, **ids))


def _arguments(model: type[BaseModel]) -> dict[str, Any]:
    """Return the query as the model wants it: lists stay lists, of anything else the last value counts."""
    found: dict[str, Any] = {}
    for name, values in request.args.lists():
        about = model.model_fields.get(name)
        is_list = about is not None and "list" in str(about.annotation)
        found[name] = values if is_list else values[-1]
    return found


def _body(op: Operation) -> Any:
    """Return what was sent, checked. Raises Refusal 415 and 400, and ValidationError."""
    if op.body is None:
        return None
    raw = request.get_data()
    is_optional = not any(about.is_required() for about in op.body.model_fields.values())
    if not raw and is_optional:
        return op.body()
    if request.mimetype != "application/json":
        raise Refusal(415, "not_json", "Send JSON, with the header Content-Type: application/json.")
    return op.body.model_validate(_storable(_parsed(raw)))


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise Refusal(400, "malformed", "The body is no JSON.") from error


def _storable(value: Any, place: str = "") -> Any:
    """Return a value without what no database keeps: NUL and half a surrogate pair. Raises Refusal 422."""
    if isinstance(value, str) and ("\0" in value or not _encodes(value)):
        raise Refusal(422, "invalid", "A text holds a character that cannot be stored.", errors=[(place, "NUL")])
    if isinstance(value, list):
        return [_storable(each, f"{place}.{i}".strip(".")) for i, each in enumerate(value)]
    if isinstance(value, dict):
        return {_storable(name, place): _storable(each, f"{place}.{name}".strip(".")) for name, each in value.items()}
    return value


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


# --- versions (RFC 9110 section 13)


def etag_of(body: bytes) -> str:
    """Return the version of a resource: a hash of how it is shown."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def _matched(op: Operation, call: Call, ids: dict[str, Any]) -> Call:
    """Return the call when it is about the version that the program saw. Raises Refusal 412 and 428."""
    wanted = request.headers.get("If-Match", "").strip()
    if op.current is None:
        return call
    if not wanted:
        if op.must_match:
            detail = "Read it, then send its ETag back in the header If-Match."
            raise Refusal(428, "precondition_required", detail)
        return call
    if wanted == "*":
        return call
    seen = {each.strip() for each in wanted.split(",")}
    if etag_of(_dumped(op.current(call, **ids))) not in seen:
        raise Refusal(412, "stale", "It has changed since you read it. Read it again, then make your change.")
    return call


def _response(op: Operation, found: Any) -> Response:
    told = found if isinstance(found, Answer) else Answer(found, op.status)
    body = b"" if told.body is None else _dumped(told.body)
    response = Response(body, told.status, content_type="application/json" if body else None)
    response.headers.update(told.headers)
    if not body:
        response.headers.pop("Content-Type", None)
    if body and op.has_etag and told.status < 300:
        response.headers["ETag"] = etag_of(body)
        if op.method == "GET" and etag_of(body) in request.headers.get("If-None-Match", ""):
            return Response(status=304, headers={"ETag": etag_of(body)})
    return response


def _dumped(body: BaseModel) -> bytes:
    return body.model_dump_json(by_alias=True).encode()


# --- around every answer


def name_request() -> None:
    """Give a request below the prefix a name that people can quote, whether or not a route answers it."""
    if request.path.startswith(PREFIX):
        g.request_id = uuid.uuid4().hex[:16]


def sign(response: Response) -> Response:
    """Write the request's name and what is left of the allowance on its answer."""
    if request.path.startswith(PREFIX):
        response.headers["X-Request-Id"] = g.get("request_id", "")
        response.headers["Vary"] = "Authorization"
        limits.tell(response)
    return response
