"""One request and one reply, free of any web framework."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from tests.emulators.zoom.world import Json


@dataclass(frozen=True)
class Request:
    """`path` is still percent-encoded, because meeting uuids may hold slashes."""

    verb: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body. Raises ValueError for one that is not JSON."""
        return json.loads(self.body or b"{}")

    def form(self) -> dict[str, str]:
        """Return form fields, and what stands in the query beside them."""
        return self.query | dict(parse_qsl(self.body.decode(), keep_blank_values=True))


@dataclass
class Reply:
    """`fate`: whole, drop, truncate. `body` None is empty, a text is sent as it is."""

    status: int
    body: Json | str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    fate: str = "whole"
    delay_s: float = 0.0

    def content(self) -> bytes:
        if self.body is None:
            return b""
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()

    def content_type(self) -> str:
        usual = "text/html; charset=utf-8" if isinstance(self.body, str) else "application/json;charset=UTF-8"
        return self.headers.get("content-type", usual)


def noted(request: Request) -> Json:
    """Return what the log keeps of a request. Credentials are left out."""
    line: Json = {"method": request.verb, "path": request.path, "query": request.query}
    if "json" in request.headers.get("content-type", ""):
        try:
            line["body"] = request.json()
        except ValueError:
            line["body"] = None
    return line
