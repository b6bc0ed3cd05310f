"""JSON batches: up to twenty calls in one, each the way of a single call (contract A11)."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl, unquote

from tests.emulators.microsoft import errors, faults, gateway, wire
from tests.emulators.microsoft.access import Session
from tests.emulators.microsoft.errors import GraphError
from tests.emulators.microsoft.model import Resource
from tests.emulators.microsoft.wire import Reply, Request
from tests.emulators.microsoft.world import World

PATH = "/v1.0/$batch"
SHAPE = "Batch should be either fully sequential or fully parallel"


def size(request: Request) -> int:
    """Return how many calls a batch holds; 1 for what is none."""
    try:
        return max(1, len(json.loads(request.body)["requests"]))
    except (ValueError, KeyError, TypeError):
        return 1


def answer(world: World, request: Request, base_url: str, *, is_crowded: bool) -> Reply:
    """Serve all parts. The whole is a 400 only if it is malformed. Hold the lock."""
    entry = gateway.begin_entry(world, request)
    entry["method_id"] = "batch"
    session = gateway.identify(world, request)
    entry["user"] = session.user.email if isinstance(session, Session) else None
    chosen = faults.pick(world, "batch", request, entry["user"])
    reply = faults.before(world, chosen, lambda: None)
    if reply is None:
        reply = _checked(world, request, base_url, session, entry, is_crowded=is_crowded)
    gateway.dress(world, request, reply, [])
    entry["status"] = reply.status
    return faults.spoil(world, chosen, reply)


def _checked(
    world: World, request: Request, base_url: str, session: Session | GraphError, entry: Resource, *, is_crowded: bool
) -> Reply:
    try:
        if isinstance(session, GraphError):
            raise session
        parts = _read(request, world.settings.batch_limit)
    except GraphError as error:
        return gateway.refusal(world, request, error)
    return _serve(world, request, parts, base_url, entry, is_crowded=is_crowded)


def _read(request: Request, limit: int) -> list[Resource]:
    """Return the parts. Raises 400 for what is no such batch."""
    try:
        parts: Any = json.loads(request.body)["requests"]
    except (ValueError, KeyError, TypeError) as wrong:
        raise errors.bad("Invalid batch payload format.", "BadRequest") from wrong
    if not isinstance(parts, list) or not parts:
        raise errors.bad("Invalid batch payload format.", "BadRequest")
    if len(parts) > limit:
        raise errors.bad(f"Number of batch request steps exceeds the maximum value of {limit}.", "BadRequest")
    for part in parts:
        _check_part(part)
    ids = [part["id"].lower() for part in parts]
    if len(set(ids)) != len(ids):
        raise errors.bad("The ids of a batch must be unique.", "BadRequest")
    _check_order(parts, ids)
    return parts


def _check_part(part: Any) -> None:
    if not isinstance(part, dict) or not all(isinstance(part.get(name), str) for name in ("id", "method", "url")):
        raise errors.bad("A request of the batch needs an id, a method and a url.", "BadRequest")
    if "://" in part["url"].partition("?")[0] or "$batch" in part["url"]:
        raise errors.bad("The url of a request in a batch must be relative.", "BadRequest")
    headers = wire.lower((part.get("headers") or {}).items())
    if part.get("body") is not None and "content-type" not in headers:
        raise errors.bad("A request of the batch with a body needs a Content-Type header.", "BadRequest")


def _check_order(parts: list[Resource], ids: list[str]) -> None:
    """Parts are independent, each waits for the one before, or all wait for the same one (A11)."""
    waits = [[one.lower() for one in part.get("dependsOn") or []] for part in parts]
    if any(one not in ids[:place] for place, wait in enumerate(waits) for one in wait):
        raise errors.bad("A dependency of the batch names no earlier request.", "BadRequest")
    chain = [[]] + [[one] for one in ids[:-1]]
    alike = [[], *([waits[-1]] * (len(parts) - 1))]
    if any(waits) and waits not in (chain, alike):
        raise errors.bad(SHAPE, "BadRequest")


def _serve(
    world: World, request: Request, parts: list[Resource], base_url: str, entry: Resource, *, is_crowded: bool
) -> Reply:
    entry["batch"] = []
    replies: dict[str, Reply] = {}
    failed: set[str] = set()
    for number, part in enumerate(parts):
        asked = _request(request, part)
        line = wire.noted(asked)
        entry["batch"].append(line)
        own_id = part["id"].lower()
        if failed & {one.lower() for one in part.get("dependsOn") or []}:
            replies[part["id"]] = _waited_in_vain(world, asked, line)
        else:
            # Of a crowded batch the first call still gets through, the others are throttled one by one.
            crowd = is_crowded and number > 0
            replies[part["id"]] = gateway.serve(world, asked, base_url, line, is_crowded=crowd)
        if replies[part["id"]].status >= 400:
            failed.add(own_id)
    return _joined(world, replies)


def _request(outer: Request, part: Resource) -> Request:
    path, _, query = part["url"].partition("?")
    headers = wire.lower((part.get("headers") or {}).items())
    headers["authorization"] = outer.headers.get("authorization", "")
    body = json.dumps(part["body"]).encode() if part.get("body") is not None else b""
    pairs = parse_qsl(query, keep_blank_values=True)
    return Request(part["method"].upper(), f"/v1.0/{unquote(path).strip('/')}", pairs, headers, body)


def _waited_in_vain(world: World, asked: Request, line: Resource) -> Reply:
    line["status"] = 424
    error = GraphError(424, "FailedDependency", "The request failed because another one that it depends on failed.")
    return gateway.refusal(world, asked, error)


def _joined(world: World, replies: dict[str, Reply]) -> Reply:
    """Return the whole answer. A fault that breaks a connection breaks that of the batch: there is only one."""
    whole = Reply(200)
    responses = []
    for part_id, reply in replies.items():
        for act in reply.before_sending:
            act()
        whole.delay_s += reply.delay_s
        if reply.fate != "whole":
            whole.fate, whole.keep, whole.is_length_honest = reply.fate, reply.keep, reply.is_length_honest
        responses.append(_response(part_id, reply))
    if world.settings.batch_order == "reversed":
        responses.reverse()
    whole.body = {"responses": responses}
    return whole


def _response(part_id: str, reply: Reply) -> Resource:
    headers = {name.title(): value for name, value in reply.headers.items() if name != "content-type"}
    shown: Resource = {"id": part_id, "status": reply.status, "headers": headers}
    if reply.body is not None:
        headers["Content-Type"] = reply.content_type()
        shown["body"] = reply.body
    return shown
