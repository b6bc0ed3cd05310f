"""Batch requests: multipart in, multipart out, each part a call of its own (contract 4.5)."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qsl, urlsplit

from tests.emulators.google import channels, errors, gateway, wire
from tests.emulators.google.model import Resource
from tests.emulators.google.wire import Headers, Reply, Request
from tests.emulators.google.world import World

BOUNDARY = re.compile(r"boundary=(?:\"([^\"]+)\"|([^;\s]+))")
REQUEST_LINE = re.compile(r"([A-Z]+) (\S+)(?: HTTP/[\d.]+)?$")
CONTENT = "content-"


@dataclass(frozen=True)
class Part:
    content_id: str | None
    request: Request


def answer(world: World, request: Request, base_url: str) -> Reply:
    """Serve all parts, in the order that the settings say, and reply in the order of the request."""
    with world.lock:
        entry = gateway.begin_entry(world, request)
        entry["method_id"] = "batch"
        try:
            parts = read(request, world.settings.batch_limit)
        except errors.ApiError as error:
            entry["status"] = error.status
            return Reply(error.status, error.body())
        entry["status"] = 200
        entry["batch"] = []
        return _serve(world, parts, base_url, entry)


def _serve(world: World, parts: list[Part], base_url: str, entry: Resource) -> Reply:
    order = list(range(len(parts)))
    if world.settings.batch_order == "reversed":
        order.reverse()
    replies: dict[int, Reply] = {}
    for index in order:
        line = wire.noted(parts[index].request)
        entry["batch"].append(line)
        replies[index] = gateway.serve(world, parts[index].request, base_url, line)
    whole = _joined([(part.content_id, replies[index]) for index, part in enumerate(parts)])
    whole.before_sending = [act for reply in replies.values() for act in reply.before_sending]
    whole.before_sending += channels.announce(world)
    return _spoiled(whole, list(replies.values()))


def _spoiled(whole: Reply, replies: list[Reply]) -> Reply:
    """A fault of one part is a fault of the whole answer: there is only one connection."""
    whole.delay_s = sum(reply.delay_s for reply in replies)
    for reply in replies:
        if reply.fate != "whole":
            whole.fate, whole.keep, whole.is_length_honest = reply.fate, reply.keep, reply.is_length_honest
    return whole


def read(request: Request, limit: int) -> list[Part]:
    """Return the parts. Raises 400 when the body is not such a batch or has more than `limit` parts."""
    found = BOUNDARY.search(request.headers.get("content-type", ""))
    if not request.headers.get("content-type", "").startswith("multipart/mixed") or found is None:
        raise errors.of(400, "badRequest", "Missing boundary of the batch request.")
    boundary = (found[1] or found[2]).encode()
    # Line ends may be LF only, as Google's own client sends them.
    pieces = re.split(rb"(?:^|\r?\n)--" + re.escape(boundary), request.body.replace(b"\r\n", b"\n"))
    parts = [_part(piece, request.headers) for piece in pieces[1:] if not piece.startswith(b"--")]
    if not parts:
        raise errors.of(400, "badRequest", "The batch request is empty.")
    if len(parts) > limit:
        raise errors.of(400, "badRequest", f"The batch request has too many parts; the limit is {limit}.")
    return parts


def _part(piece: bytes, outer: Headers) -> Part:
    head, _, inner = piece.strip(b"\n").partition(b"\n\n")
    own = _headers(head)
    lines, _, body = inner.lstrip(b"\n").partition(b"\n\n")
    first, _, rest = lines.partition(b"\n")
    found = REQUEST_LINE.match(first.decode().strip())
    if found is None:
        raise errors.of(400, "badRequest", "A part of the batch request has no request line.")
    target = urlsplit(found[2])
    inherited = {name: value for name, value in outer.items() if not name.startswith(CONTENT)}
    query = parse_qsl(target.query, keep_blank_values=True)
    headers = inherited | _headers(rest)
    return Part(own.get("content-id"), Request(found[1], target.path, query, headers, body.strip(b"\n")))


def _headers(block: bytes) -> Headers:
    pairs = (line.partition(":") for line in block.decode().split("\n") if ":" in line)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _joined(replies: list[tuple[str | None, Reply]]) -> Reply:
    boundary = f"batch_{secrets.token_urlsafe(18)}"
    text = "".join(f"--{boundary}\r\n{_written(content_id, reply)}\r\n" for content_id, reply in replies)
    headers = {"content-type": f"multipart/mixed; boundary={boundary}"}
    return Reply(200, f"{text}--{boundary}--\r\n", headers)


def _written(content_id: str | None, reply: Reply) -> str:
    """Write one answer; its Content-ID is the asker's with `response-` before it."""
    lines = ["Content-Type: application/http"]
    if content_id:
        lines.append(f"Content-ID: <response-{content_id.removeprefix('<')}")
    body = reply.text()
    inner = [f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}"]
    inner += [f"{name.title()}: {value}" for name, value in reply.headers.items() if name != "content-type"]
    inner += [f"Content-Type: {reply.content_type()}", f"Content-Length: {len(body.encode())}"]
    return "\r\n".join([*lines, "", *inner, "", body])
