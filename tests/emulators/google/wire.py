"""One request and one reply, free of any web framework, so that batches reuse them (contract 2, 4.5)."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from tests.emulators.google.model import Resource
from tests.emulators.wire import json_text

Headers = dict[str, str]
"""Header values by lower-case name."""

NOTED_HEADERS = (
    "accept-encoding",
    "content-type",
    "if-match",
    "if-none-match",
    "user-agent",
    "x-http-method-override",
)


@dataclass(frozen=True)
class Request:
    """`path` is still percent-encoded, because calendar ids may hold an encoded slash or hash."""

    verb: str
    path: str
    query: list[tuple[str, str]]
    headers: Headers
    body: bytes

    def first(self, name: str) -> str | None:
        return next((value for key, value in self.query if key == name), None)


@dataclass
class Reply:
    """`fate` says what the wire does with it: `whole`, `drop` or `truncate`; `keep` is then the bytes sent."""

    status: int
    body: Resource | str | None = None
    headers: Headers = field(default_factory=dict)
    fate: str = "whole"
    keep: int | None = None
    is_length_honest: bool = False
    delay_s: float = 0
    indent: int | None = 1
    before_sending: list[Callable[[], None]] = field(default_factory=list)

    def text(self) -> str:
        if self.body is None:
            return ""
        if isinstance(self.body, str):
            return self.body
        return json_text(self.body, self.indent) + ("\n" if self.indent else "")

    def content_type(self) -> str:
        if isinstance(self.body, str) and "content-type" not in self.headers:
            return "text/html; charset=UTF-8"
        return self.headers.get("content-type", "application/json; charset=UTF-8")


def lower(headers: Iterable[tuple[str, str]]) -> Headers:
    return {name.lower(): value for name, value in headers}


def overridden(request: Request) -> Request:
    """Return the request that `x-http-method-override` stands for; a tunnelled GET has its query as body."""
    verb = request.headers.get("x-http-method-override")
    if verb is None or request.verb != "POST":
        return request
    if verb.upper() != "GET":
        return Request(verb.upper(), request.path, request.query, request.headers, request.body)
    query = request.query + parse_qsl(request.body.decode(), keep_blank_values=True)
    return Request("GET", request.path, query, request.headers, b"")


def squeezed(reply_bytes: bytes, headers: Headers) -> bytes | None:
    """Return the body gzipped if the caller asked as Google wants it asked, else None (contract 2)."""
    wants = "gzip" in headers.get("accept-encoding", "") and "gzip" in headers.get("user-agent", "")
    return gzip.compress(reply_bytes, mtime=0) if wants and reply_bytes else None


def noted(request: Request) -> Resource:
    """Return what the request log keeps. Credentials are left out."""
    entry: Resource = {
        "method": request.verb,
        "path": request.path,
        "query": [list(pair) for pair in request.query if pair[0] not in ("oauth_token", "key")],
        "headers": {name: request.headers[name] for name in NOTED_HEADERS if name in request.headers},
    }
    body = _readable(request)
    return entry | ({"body": body} if body is not None else {})


def _readable(request: Request) -> Any:
    if "json" not in request.headers.get("content-type", "") or not request.body:
        return None
    try:
        return json.loads(request.body)
    except ValueError:
        return None
