"""What every emulator's `python -m` does: print the port it listens on, then serve."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import threading
from collections.abc import Callable
from datetime import datetime
from email.utils import format_datetime

from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.emulators.clock import Clock
from tests.emulators.wire import Wire


class Handler(WSGIRequestHandler):
    """Speaks HTTP/1.1, one request per connection, sends small replies at once, dates them by the emulator."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def date_time_string(self, timestamp: float | None = None) -> str:
        wire = self.server.app
        assert isinstance(wire, Wire)
        return format_datetime(wire.now(), usegmt=True)


def main(package: str, make: Callable[[Clock], Flask]) -> None:
    """Serve the app that `make` builds around a clock, until the process ends."""
    asked = _parser(package).parse_args()
    if not asked.verbose:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
    clock = Clock(datetime.fromisoformat(asked.now) if asked.now else None)
    app = make(clock)
    app.config["NONCE"] = asked.nonce
    server = make_server(asked.host, asked.port, Wire(app), threaded=True, request_handler=Handler)
    print(server.server_port, flush=True)
    if asked.ends_with_parent:
        threading.Thread(target=_end_with_parent, daemon=True).start()
    server.serve_forever()


def _parser(package: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m {package}")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 chooses a free one")
    parser.add_argument("--now", help="stand still at this moment (ISO 8601) instead of following real time")
    parser.add_argument("--nonce", help="a word that /_switch/health repeats, to recognise one's own child")
    parser.add_argument("--ends-with-parent", action="store_true", help="end when standard input closes")
    parser.add_argument("--verbose", action="store_true", help="log every request")
    return parser


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(0)
