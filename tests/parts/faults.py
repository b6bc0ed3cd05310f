"""What can go wrong between a client and a server, each as a function for `fault_proxy.FaultProxy.add`.

A fault gets one exchange and returns the answer the client shall see; `exchange.forward()` asks the server.
"""

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from tests.parts.caldav import Answer

RESPONSE = re.compile(rb"<((?:\w+:)?response)[\s>].*?</\1>", re.DOTALL)


class ConnectionLost(Exception):
    """The client gets no answer: the connection closes, or is `reset` (RST)."""

    def __init__(self, *, reset: bool = False) -> None:
        super().__init__("reset" if reset else "closed")
        self.reset = reset


@dataclass(frozen=True)
class Exchange:
    """One request of the client, and the way to the server. Header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    forward: Callable[[], Answer]
    closing: threading.Event = field(repr=False)


@dataclass(frozen=True)
class CutAnswer(Answer):
    """An answer that promises `full_length` bytes and ends before."""

    full_length: int


Fault = Callable[[Exchange], Answer]


def status(code: int, body: str = "", *, retry_after: str | None = None, **headers: str) -> Fault:
    """Answer with `code` and leave the server alone; `WWW_Authenticate="x"` is a header."""
    sent = {name.replace("_", "-").lower(): value for name, value in headers.items()}
    if retry_after is not None:
        sent["retry-after"] = retry_after
    return lambda _exchange: Answer(code, sent, body.encode())


def lose_answer(exchange: Exchange) -> Answer:
    """Let the server do it, and never tell the client."""
    exchange.forward()
    raise ConnectionLost


def close(_exchange: Exchange) -> Answer:
    """Close the connection before the server hears anything."""
    raise ConnectionLost


def reset(_exchange: Exchange) -> Answer:
    """Reset the connection before the server hears anything."""
    raise ConnectionLost(reset=True)


def reset_after(exchange: Exchange) -> Answer:
    """Let the server do it, then reset the connection."""
    exchange.forward()
    raise ConnectionLost(reset=True)


def hang(seconds: float) -> Fault:
    """Keep the client waiting, then go on as if nothing had been. Ends early when the proxy stops."""

    def fault(exchange: Exchange) -> Answer:
        if exchange.closing.wait(seconds):
            raise ConnectionLost
        return exchange.forward()

    return fault


def truncate(share: float = 0.5, *, admit: bool = True) -> Fault:
    """Cut the body to `share` (0–1). `admit` tells the short length; else the connection breaks inside."""

    def fault(exchange: Exchange) -> Answer:
        whole = exchange.forward()
        body = whole.body[: int(len(whole.body) * share)]
        if admit:
            return replace(whole, body=body)
        return CutAnswer(whole.status, whole.headers, body, full_length=len(whole.body))

    return fault


def keep_responses(*, share: float | None = None, count: int | None = None) -> Fault:
    """Leave the first `share` (0–1) or `count` entries of a multistatus: well-formed, plausible and short."""

    def fault(exchange: Exchange) -> Answer:
        whole = exchange.forward()
        entries = list(RESPONSE.finditer(whole.body))
        kept = int(len(entries) * share) if share is not None else count or 0
        dropped = entries[kept:]
        if not dropped:
            return whole
        body = whole.body[: dropped[0].start()] + whole.body[dropped[-1].end() :]
        return replace(whole, body=body)

    return fault


def rewrite(change: Callable[[bytes], bytes]) -> Fault:
    """Pass the server's body through `change`."""

    def fault(exchange: Exchange) -> Answer:
        whole = exchange.forward()
        return replace(whole, body=change(whole.body))

    return fault


# --- which exchanges a fault is for -------------------------------------------------------------------------


def is_listing(exchange: Exchange) -> bool:
    """Whether the client asks what is in a calendar: PROPFIND of depth 1, or a REPORT but multiget."""
    if exchange.method == "PROPFIND":
        return exchange.headers.get("depth", "infinity") != "0"
    return exchange.method == "REPORT" and not is_multiget(exchange)


def is_multiget(exchange: Exchange) -> bool:
    """Whether the client fetches the bodies of resources that it names."""
    return exchange.method == "REPORT" and b"calendar-multiget" in exchange.body
