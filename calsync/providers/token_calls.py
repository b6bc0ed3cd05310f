"""Asking a provider's token endpoint, what is alike at every one of them (RFC 6749)."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any

from calsync.errors import ProviderError
from calsync.providers.http import Answer, Http, Limits

FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
"""The headers of every question."""

_LIMITS = Limits(total_s=60.0, max_bytes=1024 * 1024)

Reader = Callable[[Answer], ProviderError | None]
"""Says what a refusal means, None to leave that to its status."""


@contextlib.contextmanager
def connection(reader: Callable[[Http], Reader], *hidden: str, allow_private_network: bool) -> Iterator[Http]:
    """Yield a client for one conversation; its errors do not show what is `hidden`."""
    http = Http(allow_private_network=allow_private_network, secrets=hidden, limits=_LIMITS)
    http.read_error = reader(http)
    try:
        yield http
    finally:
        http.close()


def body_of(answer: Answer) -> dict[str, Any]:
    """Return the JSON object of an answer, {} where it is none."""
    try:
        body = json.loads(answer.text)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
