"""Asking a provider's token endpoint, what is alike at every one of them (RFC 6749)."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from calsync.errors import ProviderError, Unavailable
from calsync.providers.http import Answer, Http, Limits
from calsync.providers.oauth import Attempt, ClientPair, Tokens

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


def code_form(attempt: Attempt, code: str) -> dict[str, str]:
    """Return what redeems the code that an attempt came back with (RFC 6749 section 4.1.3, RFC 7636 section 4.5)."""
    return {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": attempt.redirect_uri,
        "code_verifier": attempt.verifier,
    }


def refresh_form(refresh_token: str) -> dict[str, str]:
    """Return what asks for new tokens (RFC 6749 section 6)."""
    return {"grant_type": "refresh_token", "refresh_token": refresh_token}


def pair_form(pair: ClientPair) -> dict[str, str]:
    """Return what says who we are, where the form says it (RFC 6749 section 2.3.1)."""
    return {"client_id": pair.client_id, "client_secret": pair.secret}


def ask(
    http: Http, url: str, form: Mapping[str, str], *, name: str, headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return the answer of a token endpoint, which holds an access token. `name` is the provider's in sentences.

    Raises ProviderError.
    """
    answer = http.request("POST", url, headers={**FORM, **(headers or {})}, body=urlencode(form).encode())
    body = body_of(answer)
    if not body.get("access_token"):
        raise Unavailable(f"{name}'s answer has no token")
    return body


def tokens_of(body: Mapping[str, Any], now: datetime) -> Tokens:
    """Return the tokens of an answer; what a provider adds of its own is for the caller."""
    return Tokens(
        access=body["access_token"],
        expires_at=now + timedelta(seconds=int(body.get("expires_in", 3599))),
        refresh=body.get("refresh_token", ""),
        scopes=frozenset(str(body.get("scope", "")).split()),
    )


def body_of(answer: Answer) -> dict[str, Any]:
    """Return the JSON object of an answer, {} where it is none."""
    try:
        body = json.loads(answer.text)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
