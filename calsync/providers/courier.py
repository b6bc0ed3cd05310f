"""Handing messages over to addresses that people typed: one POST each, on the checked sockets of `network.py`.

Redirects are not followed, proxies of the environment not used, and of an answer no more is read than is kept.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx2

from calsync.errors import ProviderError, Rejected, Unavailable
from calsync.providers import http, network

WITHIN_S = 15.0
"""How long a receiver may take from the look-up of its name to the end of its answer."""
KEPT_BYTES = 2048
"""How much of an answer is read."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of handing a message over. Without an answer `status` is None and `error` says why."""

    status: int | None
    took_ms: int
    answer: str = ""
    error: str = ""  # unreachable, timeout, certificate, private_network, insecure, redirect, refused, broken, invalid
    detail: str = ""

    @property
    def is_success(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


@dataclass
class Courier:
    """Hands messages over. Safe for several threads at once; keeps connections until it is closed."""

    allow_private_network: bool = False
    within_s: float = WITHIN_S
    _patience: network.Patience = field(default_factory=network.Patience, repr=False)

    def __post_init__(self) -> None:
        transport = network.Transport(self._patience, allow_private=self.allow_private_network)
        self._client = httpx2.Client(transport=transport, follow_redirects=False, trust_env=False)

    def close(self) -> None:
        """Close the connections. May be called twice."""
        self._client.close()

    def hand_over(self, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Send one message and return what came of it. Raises nothing that the network does."""
        http.check_guard()
        began = time.monotonic()
        self._patience.deadline = began + self.within_s
        self._patience.is_plain = url.lower().startswith("http:")
        try:
            status, answer = self._post(url, headers, body)
        except httpx2.HTTPError as error:
            return _without_answer(network.reading(error, is_write=True, detail=str(error)), _ms(began))
        except (httpx2.InvalidURL, ProviderError) as error:
            return _without_answer(error, _ms(began))
        return Reply(status, _ms(began), answer, _complaint(status))

    def _post(self, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, str]:
        fixed = {"User-Agent": http.USER_AGENT, "Accept-Encoding": "identity"}
        timeout = httpx2.Timeout(self.within_s)
        with self._client.stream("POST", url, headers={**headers, **fixed}, content=body, timeout=timeout) as response:
            read = b""
            for part in response.iter_raw(KEPT_BYTES):
                read += part
                if len(read) >= KEPT_BYTES:
                    break
            return response.status_code, read[:KEPT_BYTES].decode("utf-8", "replace").replace("\0", "")


def _complaint(status: int) -> str:
    if 200 <= status < 300:
        return ""
    return "redirect" if 300 <= status < 400 else "refused"


def _without_answer(error: Exception, took_ms: int) -> Reply:
    match error:
        case network.CertificateError():
            code = "certificate"
        case Unavailable(is_timeout=True):
            code = "timeout"
        case network.Unreachable():
            code = "unreachable"
        case Rejected(code=code):
            pass
        case httpx2.InvalidURL():
            code = "invalid"
        case _:
            code = "broken"
    return Reply(None, took_ms, "", code[:20], " ".join(str(error).split())[:300])


def _ms(began: float) -> int:
    return int((time.monotonic() - began) * 1000)
