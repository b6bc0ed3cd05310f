"""Delivering notifications from a thread of its own: real POSTs, retried as the emulated provider retries."""

from __future__ import annotations

import heapq
import http.client
import itertools
import threading
import time
from dataclasses import dataclass, field, replace
from typing import Any, Protocol
from urllib.parse import urlsplit

SERVER_TROUBLE = frozenset({500, 502, 503, 504})


class Ledger(Protocol):
    """The emulator's store: where tries are written down, and how long each further one waits."""

    lock: Any
    pushes: list[dict[str, Any]]
    settings: Any


@dataclass(frozen=True)
class Delivery:
    """One message to one address, and which try it is. `retried`: statuses after which it is sent again;
    None stands for anything that is no success, silence included."""

    world: Ledger
    url: str
    headers: dict[str, str]
    attempt: int = 0
    body: bytes = b""
    timeout_s: float = 5.0
    retried: frozenset[int] | None = SERVER_TROUBLE
    facts: dict[str, Any] = field(default_factory=dict)

    def again(self) -> Delivery:
        return replace(self, attempt=self.attempt + 1)

    def is_retried(self, status: int | None) -> bool:
        if self.retried is not None:
            return status in self.retried
        return status is None or not 200 <= status < 300


class Pusher:
    """Sends deliveries one after the other when they are due; idle when nothing is left to send."""

    def __init__(self) -> None:
        self._queue: list[tuple[float, int, Delivery]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._is_busy = False
        self._thread: threading.Thread | None = None

    def send_later(self, delivery: Delivery, delay_s: float) -> None:
        with self._changed:
            heapq.heappush(self._queue, (time.monotonic() + delay_s, next(self._order), delivery))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="pusher", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def forget_all(self) -> None:
        """Drop what is still to be sent."""
        with self._changed:
            self._queue.clear()
            self._changed.notify_all()

    def wait_until_idle(self, timeout_s: float) -> bool:
        """Return True once everything, retries included, has been sent; False at the time limit."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._queue and not self._is_busy, timeout_s)

    def _run(self) -> None:
        while True:
            delivery = self._take()
            try:
                self.deliver_now(delivery)
            finally:
                with self._changed:
                    self._is_busy = False
                    self._changed.notify_all()

    def _take(self) -> Delivery:
        with self._changed:
            while not self._queue or self._queue[0][0] > time.monotonic():
                wait = self._queue[0][0] - time.monotonic() if self._queue else None
                self._changed.wait(wait)
            self._is_busy = True
            return heapq.heappop(self._queue)[2]

    def deliver_now(self, delivery: Delivery) -> None:
        """Send once, write the outcome to the ledger, and plan the next try where the provider would."""
        status, error = _post(delivery)
        world = delivery.world
        with world.lock:
            world.pushes.append(
                {
                    "url": delivery.url,
                    "headers": delivery.headers,
                    "attempt": delivery.attempt,
                    "status": status,
                    "error": error,
                    **delivery.facts,
                }
            )
            delays = world.settings.push_retry_delays_s
        if delivery.is_retried(status) and delivery.attempt < len(delays):
            self.send_later(delivery.again(), delays[delivery.attempt])


def _post(delivery: Delivery) -> tuple[int | None, str | None]:
    parts = urlsplit(delivery.url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=delivery.timeout_s)
    try:
        path = parts.path or "/"
        connection.request("POST", f"{path}?{parts.query}" if parts.query else path, delivery.body, delivery.headers)
        return connection.getresponse().status, None
    except (OSError, http.client.HTTPException) as wrong:
        return None, f"{type(wrong).__name__}: {wrong}"
    finally:
        connection.close()


PUSHER = Pusher()
"""One per process; deliveries know the world that they belong to."""
