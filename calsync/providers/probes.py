"""Testing credentials of ours: what is asked and told alike, whoever the provider is."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from calsync.errors import ProviderError
from calsync.providers.http import Answer, Http, Limits
from calsync.providers.oauth import ClientPair
from calsync.providers.registration import Check

_LIMITS = Limits(connect_s=5.0, silence_s=10.0, total_s=15.0, max_bytes=256 * 1024)


@contextlib.contextmanager
def connection(pair: ClientPair | None, *, allow_private_network: bool) -> Iterator[Http]:
    """Yield a client for one test, for whose end a person waits; errors keep the secret of `pair` to themselves."""
    hidden = (pair.secret,) if pair else ()
    http = Http(allow_private_network=allow_private_network, secrets=hidden, limits=_LIMITS)
    try:
        yield http
    finally:
        http.close()


def ask(http: Http, method: str, url: str, **more: Any) -> Answer | ProviderError:
    """Return whatever is answered, whichever status it has, or why nothing was."""
    try:
        return http.request(method, url, expect=range(600), **more)
    except ProviderError as error:
        return error


def api(http: Http, url: str, label: str, says: str, *, refusals: Collection[int]) -> Check:
    """Check that an API answers: one that refuses whoever asks without a token is there. `says` is what that shows."""
    answer = ask(http, "GET", url)
    if isinstance(answer, ProviderError):
        return Check(label, False, f"No answer from {urlsplit(url).hostname}.")
    if answer.status in refusals:
        return Check(label, True, f"It answers. {says}")
    return Check(label, None, f"It answered {answer.status} where a refusal was expected.")


def offset(http: Http, now: datetime) -> timedelta | None:
    """Return their time minus ours as of the last answer; None while nothing was answered."""
    return None if http.clock_offset is None else http.now() + http.clock_offset - now


def clock_offset(url: str, now: datetime, *, allow_private_network: bool) -> timedelta | None:
    """Return the time of whoever answers at `url` minus `now`; None when nobody does."""
    with connection(None, allow_private_network=allow_private_network) as http:
        ask(http, "GET", url)
        return offset(http, now)


def clock(found: timedelta | None, name: str, most: timedelta) -> Check:
    """Check that our clock is off by at most `most`; `name` is the provider's in sentences."""
    label = "This server’s clock is right"
    if found is None:
        return Check(label, None, f"{name}’s time could not be read.")
    seconds = abs(round(found.total_seconds()))
    if abs(found) > most:
        side = "behind" if found > timedelta() else "ahead of"
        return Check(label, False, f"It is {seconds} seconds {side} {name}’s. Let it be set by the network (NTP).")
    return Check(label, True, f"It differs from {name}’s by {seconds} s.")
