"""The way of every Graph call: log, match, fault, authenticate, allow, handle, dress the reply.

Single calls and the parts of a batch take the same way.
"""

from __future__ import annotations

import json
from typing import Any

from tests.emulators.microsoft import access, errors, faults, limits, odata, routes, upkeep, wire
from tests.emulators.microsoft import world as worlds
from tests.emulators.microsoft.access import Call, Session
from tests.emulators.microsoft.errors import GraphError
from tests.emulators.microsoft.model import Resource, User
from tests.emulators.microsoft.routes import Method
from tests.emulators.microsoft.wire import Reply, Request
from tests.emulators.microsoft.world import World

ROOT = "/v1.0/"
BODILESS = ("GET", "DELETE")


def answer(world: World, request: Request, base_url: str, *, is_crowded: bool = False) -> Reply:
    """Serve one call. Hold the lock. `is_crowded`: too many calls of this mailbox are under way."""
    return serve(world, request, base_url, begin_entry(world, request), is_crowded=is_crowded)


def begin_entry(world: World, request: Request) -> Resource:
    """Open the call's line in the request log."""
    world.logged += 1
    entry = {"n": world.logged, "at": world.now().isoformat(), **wire.noted(request)}
    world.log.append(entry)
    return entry


def serve(world: World, request: Request, base_url: str, entry: Resource, *, is_crowded: bool = False) -> Reply:
    """Serve one call, single or in a batch. The outcome is written to `entry`."""
    upkeep.settle(world)
    chosen: list[Resource] = []
    applied: list[str] = []
    try:
        session = identify(world, request)
        entry["user"] = session.user.email if isinstance(session, Session) else None
        method, path = _match(request, session, entry)
        chosen = faults.pick(world, method.id, request, entry["user"])
        reply = faults.before(world, chosen, lambda: _touch(world, path))
        if reply is None:
            reply = _carry_out(world, request, method, path, session, base_url, applied, is_crowded=is_crowded)
    except GraphError as error:
        reply = refusal(world, request, error)
    dress(world, request, reply, applied)
    entry["status"] = reply.status
    return faults.spoil(world, chosen, reply)


def identify(world: World, request: Request) -> Session | GraphError:
    """Return who calls, or why nobody does; faults strike before anyone is turned away."""
    try:
        return access.authenticate(world, request)
    except GraphError as error:
        return error


def _match(request: Request, session: Session | GraphError, entry: Resource) -> tuple[Method, list[str]]:
    path = request.path.removeprefix(ROOT).strip("/")
    if isinstance(session, Session):
        path = as_me(path, session.user)
    method, parts, is_known = routes.match(request.verb, path)
    if method is None:
        entry["method_id"] = None
        if is_known:
            raise GraphError(405, "Request_BadRequest", "Specified HTTP method is not allowed for the request target.")
        segment = path.rpartition("/")[2]
        raise errors.bad(f"Resource not found for the segment '{segment}'.", "BadRequest")
    entry["method_id"] = method.id
    return method, parts


def as_me(path: str, user: User) -> str:
    """`users/{own id or address}` is another name of `me`."""
    for name in (user.oid, user.email):
        if path.lower().startswith(f"users/{name}".lower()):
            return "me" + path[len(f"users/{name}") :]
    return path


def _carry_out(
    world: World,
    request: Request,
    method: Method,
    path: list[str],
    session: Session | GraphError,
    base_url: str,
    applied: list[str],
    *,
    is_crowded: bool,
) -> Reply:
    if isinstance(session, GraphError):
        raise session
    limits.check(world, session, is_crowded=is_crowded)
    access.require(session, method.scopes)
    if method.needs_mailbox:
        is_delta = "delta" in method.id
        is_plain_read = method.verb == "GET" and not is_delta
        says_token = world.settings.full_says_token
        access.require_mailbox(session.user, is_plain_read=is_plain_read, is_delta=is_delta, says_token=says_token)
    preferences = request.preferences()
    call = Call(
        world=world,
        method_id=method.id,
        path=path,
        query=odata.read(request.query, preferences.get("odata.maxpagesize")),
        body=_body(request),
        request=request,
        session=session,
        base_url=base_url,
        look=access.look_of(preferences, applied),
        preferences=preferences,
        applied=applied,
    )
    result = method.handler(call)
    return result if isinstance(result, Reply) else Reply(200, result)


def _body(request: Request) -> Resource:
    """Return the JSON sent. Raises 400 for what is none, or without its content type (A11)."""
    if request.verb in BODILESS or not request.body:
        return {}
    if "json" not in request.headers.get("content-type", ""):
        raise errors.bad("Entity only allows writes with a JSON Content-Type header.", "RequestBodyRead")
    try:
        body: Any = json.loads(request.body)
    except ValueError as wrong:
        raise errors.bad("Unable to read JSON request payload.", "BadRequest") from wrong
    if not isinstance(body, dict):
        raise errors.bad("Unable to read JSON request payload.", "BadRequest")
    return body


def refusal(world: World, request: Request, error: GraphError) -> Reply:
    echo = request.headers.get("client-request-id") or worlds.new_guid()
    body = error.body(world.now(), worlds.new_guid(), echo)
    return Reply(error.status, body, dict(error.headers))


def dress(world: World, request: Request, reply: Reply, applied: list[str]) -> None:
    """Add the headers that every answer of Graph has (A2)."""
    request_id = worlds.new_guid()
    if isinstance(reply.body, dict) and "error" in reply.body and "innerError" in reply.body["error"]:
        request_id = reply.body["error"]["innerError"]["request-id"]
    reply.headers.setdefault("request-id", request_id)
    reply.headers.setdefault("client-request-id", request.headers.get("client-request-id", request_id))
    reply.headers.setdefault("x-ms-ags-diagnostic", '{"ServerInfo":{"DataCenter":"Emulated","Ring":"0"}}')
    if applied and reply.status < 400:
        reply.headers["preference-applied"] = ", ".join(applied)


def act_as(world: World, user: User, request: Request, base_url: str) -> Reply:
    """Carry out a call with every permission, past log, faults and limits: for the switchboard."""
    upkeep.settle(world)
    every = frozenset(scope for method in routes.METHODS for scope in method.scopes)
    session = Session(user, "switchboard", every)
    try:
        method, path = _match(request, session, {})
        preferences = request.preferences()
        look = access.look_of(preferences, [])
        query = odata.read(request.query, preferences.get("odata.maxpagesize"))
        call = Call(
            world, method.id, path, query, _body(request), request, session, base_url, look, preferences=preferences
        )
        result = method.handler(call)
    except GraphError as error:
        return refusal(world, request, error)
    return result if isinstance(result, Reply) else Reply(200, result)


def _touch(world: World, path: list[str]) -> None:
    """Change the event of the path as somebody else would, just before the call reads it."""
    event = world.ids.get(path[-1]) if path else None
    if event is not None:
        world.save(event)
