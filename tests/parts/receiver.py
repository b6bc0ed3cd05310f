"""A program that is told things by webhooks: a real HTTP server that keeps what it is given."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import time_machine
from standardwebhooks import Webhook

from tests.parts.process import HOST


@dataclass(frozen=True)
class Got:
    """One request as it came over the wire."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def message(self) -> dict[str, Any]:
        """What it says, whoever signed it."""
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def type(self) -> str:
        return str(self.message["type"])

    def verified(self, secret: str, now: datetime) -> dict[str, Any]:
        """Return what it says, as a receiver with this secret takes it at that moment. Raises when it must not."""
        with time_machine.travel(now, tick=False):
            found: dict[str, Any] = Webhook(secret).verify(self.body, self.headers)
        return found


@dataclass(frozen=True)
class Answer:
    status: int = 204
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


class Receiver:
    """Answers 204, or what `answer(request)` says; `got` are the requests in the order in which they came."""

    def __init__(self) -> None:
        self.got: list[Got] = []
        self.answer: Callable[[Got], Answer] = lambda got: Answer()
        self._server = ThreadingHTTPServer((HOST, 0), self._handler())
        self.port = int(self._server.server_address[1])
        self.url = f"http://{HOST}:{self.port}/hooks"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def types(self) -> list[str]:
        return [each.type for each in self.got]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                got = Got(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
                receiver.got.append(got)
                answer = receiver.answer(got)
                self.send_response(answer.status)
                for name, value in answer.headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            do_GET = do_POST

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        return Handler
