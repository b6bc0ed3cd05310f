"""One request and one reply, free of any web framework, so that batches reuse them (contract A2, A11)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from tests.emulators.microsoft.model import Resource
from tests.emulators.wire import json_text

Headers = dict[str, str]
"""Header values by lower-case name; repeated headers are joined with commas."""

NOTED_HEADERS = ("content-type", "if-match", "prefer", "user-agent", "client-request-id")
HIDDEN_FIELDS = ("client_secret", "code", "code_verifier", "refresh_token", "client_assertion")
PREFERENCE = re.compile(r'([\w.-]+)(?:\s*=\s*("(?:[^"]*)"|[^,;\s]+))?')


@dataclass(frozen=True)
class Request:
    """`path` is decoded: Graph's ids hold nothing that would need encoding to stay one segment."""

    verb: str
    path: str
    query: list[tuple[str, str]]
    headers: Headers
    body: bytes

    def first(self, name: str) -> str | None:
        return next((value for key, value in self.query if key == name), None)

    def preferences(self) -> dict[str, str]:
        """Return what `Prefer` asks, by lower-case name, quotes taken off (RFC 7240 section 2)."""
        found = PREFERENCE.findall(self.headers.get("prefer", ""))
        return {name.lower(): value.strip('"') for name, value in found}


@dataclass
class Reply:
    """`fate` says what the wire does with it: `whole`, `drop` or `truncate`; `keep` is then the bytes sent."""

    status: int
    body: Resource | str | None = None
    headers: Headers = field(default_factory=dict)
    fate: str = "whole"
    keep: int | None = None
    is_length_honest: bool = False
    delay_s: float = 0.0
    before_sending: list[Callable[[], None]] = field(default_factory=list)

    def text(self) -> str:
        if self.body is None:
            return ""
        return self.body if isinstance(self.body, str) else json_text(self.body)

    def content_type(self) -> str:
        usual = "text/html; charset=utf-8" if isinstance(self.body, str) else "application/json; charset=utf-8"
        return self.headers.get("content-type", usual)


def lower(headers: Iterable[tuple[str, str]]) -> Headers:
    """Return headers by lower-case name; a repeated one is its values joined, as RFC 9110 section 5.3 has it."""
    joined: Headers = {}
    for name, value in headers:
        key = name.lower()
        joined[key] = f"{joined[key]}, {value}" if key in joined else value
    return joined


def noted(request: Request) -> Resource:
    """Return what the request log keeps. Credentials are left out."""
    entry: Resource = {
        "method": request.verb,
        "path": request.path,
        "query": dict(request.query),
        "headers": {name: request.headers[name] for name in NOTED_HEADERS if name in request.headers},
    }
    body = _readable(request)
    return entry | ({"body": body} if body is not None else {})


def _readable(request: Request) -> Any:
    kind = request.headers.get("content-type", "")
    if "form" in kind:
        return {key: value for key, value in parse_qsl(request.body.decode()) if key not in HIDDEN_FIELDS}
    if "json" not in kind or not request.body:
        return None
    try:
        return json.loads(request.body)
    except ValueError:
        return None
