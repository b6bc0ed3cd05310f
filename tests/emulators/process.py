"""Starting and stopping an emulator from tests: a process of its own on a free loopback port."""

from __future__ import annotations

import secrets
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Generic, Protocol, Self, TypeVar

ROOT = Path(__file__).parents[2]
START_TIMEOUT_S = 30


class Switch(Protocol):
    """What every emulator's switchboard client can do."""

    def health(self) -> dict[str, Any]: ...

    def close(self) -> None: ...


S = TypeVar("S", bound=Switch)


class Child(Generic[S]):
    """An emulator in a process of its own; `switch` talks to its switchboard, `base_url` is its address.

    A subclass names its `package` and how a switchboard client is made from the address.
    """

    package: str
    switchboard: Callable[[str], S]

    def __init__(self, *, now: datetime | None = None) -> None:
        self._nonce = secrets.token_hex(8)
        command = [sys.executable, "-m", self.package, "--port", "0", "--nonce", self._nonce]
        command += ["--ends-with-parent", *(["--now", now.isoformat()] if now else [])]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.base_url = f"http://127.0.0.1:{self._read_port()}"
        self.switch = type(self).switchboard(self.base_url)
        self._check_own_child()

    @classmethod
    @contextmanager
    def running(cls, *, now: datetime | None = None) -> Iterator[Self]:
        server = cls(now=now)
        try:
            yield server
        finally:
            server.stop()

    def _read_port(self) -> int:
        """Return what the child prints first. A child that ends or stays silent is an error."""
        timer = threading.Timer(START_TIMEOUT_S, self._process.kill)
        timer.start()
        try:
            assert self._process.stdout is not None
            line = self._process.stdout.readline()
        finally:
            timer.cancel()
        if not line.strip().isdigit():
            self.stop()
            raise RuntimeError(f"The emulator did not start: {line!r}")
        return int(line)

    def _check_own_child(self) -> None:
        """Make sure that our child answers on this port, not a stranger."""
        health = self.switch.health()
        if (health["pid"], health["nonce"]) != (self._process.pid, self._nonce):
            self.stop()
            raise RuntimeError("Another process answers on the emulator's port.")

    def stop(self) -> None:
        """End the child; stopping twice is fine."""
        if hasattr(self, "switch"):
            self.switch.close()
        self._process.terminate()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
