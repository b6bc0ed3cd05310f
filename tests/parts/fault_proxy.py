"""A reverse proxy in front of a real server that goes wrong on command and counts what passes.

with FaultProxy(radicale.url) as proxy:
    rule = proxy.add(faults.status(500), method="PUT", every=10)
    ...                            # talk to proxy.url instead of radicale.url
    assert rule.hits == 20
"""

import http.client
import os
import socket
import struct
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from tests.parts.caldav import Answer
from tests.parts.faults import ConnectionLost, CutAnswer, Exchange, Fault
from tests.parts.process import HOST

UPSTREAM_TIMEOUT_S = 120.0
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "proxy-connection", "te"}
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass
class Rule:
    """When a fault strikes: on each `every`-th matching request, after `skip` of them, at most `times`."""

    fault: Fault
    method: str | None = None
    path: str = ""
    when: Callable[[Exchange], bool] = lambda _exchange: True
    every: int = 1
    skip: int = 0
    times: int | None = None
    seen: int = 0
    hits: int = 0

    def strikes(self, exchange: Exchange) -> bool:
        """Count a request if it matches, and say whether this one goes wrong."""
        if self.method not in (None, exchange.method) or self.path not in exchange.path:
            return False
        if not self.when(exchange):
            return False
        self.seen += 1
        due = self.seen > self.skip and (self.seen - self.skip) % self.every == 0
        if due and (self.times is None or self.hits < self.times):
            self.hits += 1
            return True
        return False


@dataclass
class Traffic:
    """What passed for one method. Bytes are those of bodies; `server_s` is what the server itself took."""

    requests: int = 0
    bytes_up: int = 0
    bytes_down: int = 0
    server_s: float = 0.0


@dataclass
class FaultProxy:
    """Serves `upstream` under `url` from the moment it is started until it is stopped."""

    upstream: str
    traffic: dict[str, Traffic] = field(default_factory=lambda: defaultdict(Traffic))
    requests: list[tuple[str, str, int]] = field(default_factory=list)
    """(method, path, status given to the client; 0 when the connection was lost), in the order they ended."""

    def __post_init__(self) -> None:
        self._rules: list[Rule] = []
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._server = _Listener((HOST, 0), _Handler)  # the system chooses the port: nobody else can have it
        self._server.proxy = self
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), name="fault-proxy", daemon=True
        )

    @property
    def url(self) -> str:
        """The address to use instead of the server's, ending in a slash."""
        return f"http://{HOST}:{self._server.server_port}/"

    def through(self, url: str) -> str:
        """Return an address on the server as it is reached through the proxy."""
        return self.url + url.removeprefix(self.upstream.rstrip("/")).lstrip("/")

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self) -> None:
        """Stop serving; whoever hangs in a fault is let go."""
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def add(self, fault: Fault, **when: Any) -> Rule:
        """Let requests go wrong from now on; Rule's fields say which. The first rule that strikes wins."""
        rule = Rule(fault, **when)
        with self._lock:
            self._rules.append(rule)
        return rule

    def heal(self) -> None:
        """Forget all faults; the counts stay."""
        with self._lock:
            self._rules.clear()

    def forget_counts(self) -> None:
        """Count from nothing again."""
        with self._lock:
            self.traffic.clear()
            self.requests.clear()

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        """Answer one request: by the fault that strikes, else by the server. Raises ConnectionLost."""

        def forward() -> Answer:
            return self._forward(method, path, headers, body)

        lower = {name.lower(): value for name, value in headers.items()}
        exchange = Exchange(method, path, lower, body, forward, self._closing)
        with self._lock:
            rule = next((rule for rule in self._rules if rule.strikes(exchange)), None)
        try:
            answer = rule.fault(exchange) if rule else forward()
        except ConnectionLost:
            self._note(method, path, 0, len(body), 0)
            raise
        self._note(method, path, answer.status, len(body), len(answer.body))
        return answer

    def _note(self, method: str, path: str, status: int, up: int, down: int) -> None:
        with self._lock:
            self.requests.append((method, path, status))
            traffic = self.traffic[method]
            traffic.requests += 1
            traffic.bytes_up += up
            traffic.bytes_down += down

    def _forward(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        started = time.perf_counter()
        try:
            return _ask(self.upstream, method, path, headers, body, self.url)
        except OSError as error:
            return Answer(502, {}, f"the server does not answer: {error}".encode())
        finally:
            with self._lock:
                self.traffic[method].server_s += time.perf_counter() - started


def _ask(upstream: str, method: str, path: str, headers: dict[str, str], body: bytes, url: str) -> Answer:
    """Put the request to the server; redirects that it sends lead back to the proxy at `url`."""
    place = urlsplit(upstream)
    connection = http.client.HTTPConnection(place.hostname or HOST, place.port, timeout=UPSTREAM_TIMEOUT_S)
    try:
        sent = {name: value for name, value in headers.items() if name.lower() not in HOP_BY_HOP}
        connection.request(method, path, body=body or None, headers=sent)
        answer = connection.getresponse()
        got = {k.lower(): v for k, v in answer.getheaders() if k.lower() not in HOP_BY_HOP}
        if "location" in got:
            got["location"] = got["location"].replace(upstream, url)
        return Answer(answer.status, got, answer.read())
    finally:
        connection.close()


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    proxy: FaultProxy

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is what many of these tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Listener

    def __getattr__(self, name: str) -> Callable[[], None]:
        if name.startswith("do_"):  # every method there is, PROPFIND and REPORT too
            return self._pass
        raise AttributeError(name)

    def _pass(self) -> None:
        headers = dict(self.headers.items())
        try:
            self._send(self.server.proxy.answer(self.command, self.path, headers, self._body()))
        except ConnectionLost as lost:
            self.close_connection = True
            if lost.reset:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
                os.close(self.connection.detach())

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        pieces = []
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def _send(self, answer: Answer) -> None:
        """Write head and body in one piece."""
        length = answer.full_length if isinstance(answer, CutAnswer) else len(answer.body)
        self.close_connection |= isinstance(answer, CutAnswer)
        lines = [f"HTTP/1.1 {answer.status} {http.client.responses.get(answer.status, '')}"]
        lines += [f"{name}: {value}" for name, value in answer.headers.items()]
        if answer.status not in (204, 304):
            lines.append(f"content-length: {length}")
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        self.wfile.write(head if self.command == "HEAD" else head + answer.body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing; `FaultProxy.requests` has it."""
