"""The way of every Calendar API call: match, log, fault, authenticate, validate, handle, dress the reply.

Single calls and the parts of a batch take the same way.
"""

from __future__ import annotations

from typing import Any

from tests.emulators.google import (
    access,
    channels,
    discovery,
    errors,
    faults,
    fields,
    instances,
    meet,
    quotas,
    wire,
    writing,
)
from tests.emulators.google.access import Call, Session
from tests.emulators.google.discovery import Method
from tests.emulators.google.model import Resource
from tests.emulators.google.routes import HANDLERS
from tests.emulators.google.wire import Reply, Request
from tests.emulators.google.world import World

PREFIX = "/calendar/v3/"


def answer(world: World, request: Request, base_url: str) -> Reply:
    """Serve one call with the store locked and tell watchers of what it changed."""
    with world.lock:
        entry = begin_entry(world, request)
        reply = serve(world, request, base_url, entry)
        reply.before_sending += channels.announce(world)
    return reply


def begin_entry(world: World, request: Request) -> Resource:
    """Open the call's line in the request log."""
    world.logged += 1
    entry = {"n": world.logged, "at": world.now().isoformat(), **wire.noted(request)}
    world.log.append(entry)
    return entry


def serve(world: World, request: Request, base_url: str, entry: Resource) -> Reply:
    """Serve one call, single or in a batch, without locking. The outcome is written to `entry`."""
    chosen: list[Resource] = []
    try:
        request = wire.overridden(request)
        method, path = discovery.match(discovery.load(), request.verb, request.path.removeprefix(PREFIX))
        session = _identify(world, request)
        known = session if isinstance(session, Session) else None
        entry |= {"method_id": method.id, "user": known.user.email if known else None}
        chosen = faults.pick(world, method.id, request, entry["user"])
        reply = faults.before(chosen, lambda: _touch(world, path, known))
        if reply is None:
            reply = _carry_out(world, request, method, path, session, base_url, entry)
    except errors.ApiError as error:
        reply = _refusal(error)
    entry["status"] = reply.status
    return faults.spoil(chosen, reply)


def _identify(world: World, request: Request) -> Session | errors.ApiError:
    """Return who calls, or why nobody does; faults strike before anyone is turned away."""
    try:
        return access.authenticate(world, request)
    except errors.ApiError as error:
        return error


def _carry_out(
    world: World,
    request: Request,
    method: Method,
    path: dict[str, str],
    session: Session | errors.ApiError,
    base_url: str,
    entry: Resource,
) -> Reply:
    if isinstance(session, errors.ApiError):
        raise session
    access.require_scope(session, method)
    call, unknown, tree = _validated(world, request, method, path, session, base_url)
    quotas.count_call(world, session.user)
    writing.settle_meet(world, meet.due(world))
    result = HANDLERS[method.id](call)
    entry |= {key: found for key, found in (("unknown_keys", unknown), ("warnings", call.warnings)) if found}
    return _dressed(result, tree, call.query.get("prettyPrint", True))


def _validated(
    world: World, request: Request, method: Method, path: dict[str, str], session: Session, base_url: str
) -> tuple[Call, list[str], fields.Tree]:
    """Return the validated call, the body keys that nobody knows, and what the caller wants to see."""
    query = discovery.read_query(method, request.query)
    content_type = request.headers.get("content-type", "application/json")
    body, unknown = discovery.read_body(discovery.load(), method, request.body, content_type)
    call = Call(world, method, path, query, body, request.headers, session, base_url)
    return call, unknown, _selection(query, method)


def act_as(world: World, session: Session, request: Request, base_url: str) -> Reply:
    """Carry out a call as `session`, past log, faults and quotas: for the switchboard."""
    try:
        method, path = discovery.match(discovery.load(), request.verb, request.path.removeprefix(PREFIX))
        call, _, tree = _validated(world, request, method, path, session, base_url)
        return _dressed(HANDLERS[method.id](call), tree, True)
    except errors.ApiError as error:
        return _refusal(error)


def _selection(query: Resource, method: Method) -> fields.Tree:
    if not query.get("fields"):
        return {}
    document = discovery.load()
    schema = document.schemas.get(method.answers or "")
    return fields.read(query["fields"], schema, document.schemas)


def _dressed(result: Any, tree: fields.Tree, is_pretty: bool) -> Reply:
    reply = result if isinstance(result, Reply) else Reply(200, result)
    reply.indent = 1 if is_pretty else None
    if isinstance(reply.body, dict):
        if "etag" in reply.body:
            reply.headers.setdefault("etag", reply.body["etag"])
        reply.body = fields.prune(reply.body, tree)
    return reply


def _refusal(error: errors.ApiError) -> Reply:
    # The front end writes two blanks of indent, the calendar backend one (contract 2).
    return Reply(error.status, error.body(), dict(error.headers), indent=2 if error.canonical else 1)


def _touch(world: World, path: dict[str, str], session: Session | None) -> None:
    """Change the event of the path as somebody else would, just before the call reads it."""
    calendar_id = path.get("calendarId", "")
    if calendar_id == "primary" and session is not None:
        calendar_id = session.user.email
    calendar = world.find_calendar(calendar_id)
    event = instances.find(world, calendar, path.get("eventId", "")) if calendar else None
    if calendar is not None and event is not None:
        world.save(calendar, event)
