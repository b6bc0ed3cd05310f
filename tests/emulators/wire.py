"""What happens to a reply on its way out: a WSGI wrapper that closes the connection where a fault says so."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from flask import Flask

FATE = "x-emulator-fate"
"""How the wrapper learns of a reply that is not to arrive whole. It never leaves the process."""


def json_text(value: object, indent: int | None = None) -> str:
    """Return JSON as servers write it: characters as they are, but half a character, which only an escape can tell."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    return re.sub("[\ud800-\udfff]", lambda half: f"\\u{ord(half[0]):04x}", text)


class Wire:
    """WSGI wrapper that closes the connection where a reply is dropped or cut short."""

    def __init__(self, app: Flask) -> None:
        self._app = app

    def now(self) -> datetime:
        """Return the emulator's time, for the `Date` of every answer."""
        return self._app.extensions["world"].now()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        fate: list[str] = []

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            fate.extend(value for name, value in headers if name.lower() == FATE)
            if fate == ["drop"]:
                return lambda data: None
            kept = [(name, value) for name, value in headers if name.lower() != FATE]
            return start_response(status, kept, exc_info)

        chunks = self._app(environ, start)
        if not fate:
            return chunks
        return _broken(environ, [] if fate == ["drop"] else list(chunks))


def _broken(environ: dict[str, Any], chunks: list[bytes]) -> Iterable[bytes]:
    """Yield what may still be sent, then end the connection under the client."""
    yield from chunks
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    raise ConnectionAbortedError("A fault of the switchboard ended this connection.")
