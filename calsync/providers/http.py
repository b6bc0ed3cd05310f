"""The one HTTP client of all providers: limits, redirects, redaction, and status codes turned into our errors.

No retries (the row knows when to try again) and no knowledge of any provider: what is special about one is handed in.
"""

from __future__ import annotations

import importlib.metadata
import re
import time
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx2

from calsync.errors import (
    ProviderError,
    RateLimited,
    Rejected,
    SignInNeeded,
    Unavailable,
    VersionMismatch,
)
from calsync.providers import network, redact, redirects, traffic

USER_AGENT = f"Calsync/{importlib.metadata.version('calsync')} (calendar sync)"
MAX_BYTES = 64 * 1024 * 1024
LONGEST_WAIT = timedelta(hours=24)
DEFAULT_WAIT = timedelta(seconds=60)
_SECONDS = re.compile(r"\d+(\.\d+)?", re.ASCII)
"""Whole seconds (RFC 9110 section 10.2.3), or parts of one, which some servers send."""
_REQUEST_IDS = ("x-request-id", "request-id", "x-zm-trackingid")
"""Headers by which a provider's support finds one request."""


_guard: list[Callable[[], None]] = []


def set_guard(check: Callable[[], None] | None) -> None:
    """Have `check` called before every request; it raises where network is forbidden (inside a transaction)."""
    _guard[:] = [check] if check else []


def check_guard() -> None:
    """Raise where network is forbidden. Whatever sends a request calls this first."""
    for check in _guard:
        check()


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, read to its end. `url` is the address that gave it, after redirects."""

    status: int
    headers: httpx2.Headers
    body: bytes
    url: str
    method: str = "GET"

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds for a connection, for a silence, for everything; bytes for one answer, unpacked."""

    connect_s: float = 10.0
    silence_s: float = 25.0
    total_s: float = 180.0
    max_bytes: int = MAX_BYTES


@dataclass
class Http:
    """Requests for one account. Safe for two threads at once.

    Credentials go to `home` (a host; that of the first request when empty) and to hosts below one of
    `trusted_domains` when home itself is below it. `read_error` may turn an answer that is not 2xx into an error of
    its own; None leaves it to the common reading. `secrets` never appear in an error.
    """

    auth: httpx2.Auth | None = None
    allow_private_network: bool = False
    home: str = ""
    trusted_domains: tuple[str, ...] = ()
    read_error: Callable[[Answer], ProviderError | None] = lambda answer: None
    secrets: tuple[str, ...] = ()
    limits: Limits = Limits()
    transport: httpx2.BaseTransport | None = None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    requests: int = 0
    """Requests sent so far, redirects and repeated sign-ins included."""
    limited: int = 0
    """Answers so far that asked us to wait, those inside of batches included."""
    clock_offset: timedelta | None = None
    """Their time minus ours, from the last Date header."""
    _patience: network.Patience = field(default_factory=network.Patience, repr=False)

    def __post_init__(self) -> None:
        inner = self.transport or network.Transport(self._patience, allow_private=self.allow_private_network)
        self._client = httpx2.Client(
            transport=inner,
            headers={"User-Agent": USER_AGENT},
            follow_redirects=False,
            trust_env=False,
            event_hooks={"request": [self._count]},
        )

    def close(self) -> None:
        """Close the connections. May be called twice."""
        self._client.close()

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        is_write: bool = False,
        expect: Container[int] = (),
        silence_s: float | None = None,
    ) -> Answer:
        """Send one request, follow its redirects, and return a 2xx answer or one with an expected status.

        `silence_s` is how long the server may think, where that is longer than usual; the whole may then last longer
        by as much.
        Raises what `errors.py` names: SignInNeeded, RateLimited, Rejected, VersionMismatch, Unavailable, the last
        with is_in_doubt when a write was sent and no answer came.
        """
        check_guard()
        self.home = self.home or _host(url)
        self._patience.deadline = time.monotonic() + self.limits.total_s + (silence_s or 0.0)
        seen = {url}
        while True:
            answer = self._send(method, url, dict(headers or {}), body, is_write, silence_s or self.limits.silence_s)
            target = redirects.target(answer.status, answer.url, answer.headers.get("location"))
            if target is None or answer.status in expect:
                return self._checked(answer, expect, is_write)
            if target in seen or len(seen) > redirects.MOST:
                raise redirects.Loop("redirect_loop", self._clean(f"{_host(url)} redirects in circles"))
            redirects.refuse_downgrade(url, target)
            seen.add(target)
            url = target

    def _send(
        self, method: str, url: str, headers: dict[str, str], body: bytes, is_write: bool, silence_s: float
    ) -> Answer:
        self._patience.is_plain = urlsplit(url).scheme == "http"
        auth = self.auth if self.auth is not None and self._is_trusted(_host(url)) else httpx2.Auth()
        try:
            timeout = httpx2.Timeout(silence_s, connect=self.limits.connect_s)
            with self._client.stream(
                method, url, headers=headers, content=body, auth=auth, timeout=timeout
            ) as response:
                self._read_clock(response.headers)
                answer = Answer(response.status_code, response.headers, self._read(response), url, method)
                traffic.note(str(answer.status))
                return answer
        except httpx2.HTTPError as error:
            traffic.note(traffic.NO_ANSWER)
            detail = self._clean(f"{method} {_host(url)}: {error or type(error).__name__}")
            raise network.reading(error, is_write=is_write, detail=detail) from error
        except httpx2.InvalidURL as error:
            raise Rejected("invalid", self._clean(f"{url} is not an address: {error}")) from error

    def _read(self, response: httpx2.Response) -> bytes:
        parts, size = [], 0
        for part in response.iter_bytes():
            parts.append(part)
            size += len(part)
            if size > self.limits.max_bytes:
                raise Rejected("too_large", f"the answer is longer than {self.limits.max_bytes} bytes")
            if time.monotonic() > self._patience.deadline:
                raise httpx2.ReadTimeout("the whole answer took too long")
        return b"".join(parts)

    def _read_clock(self, headers: httpx2.Headers) -> None:
        date = _http_date(headers.get("date", ""))
        if date is not None:
            self.clock_offset = date - self.now()

    def _checked(self, answer: Answer, expect: Container[int], is_write: bool) -> Answer:
        if 200 <= answer.status < 300 or answer.status in expect:
            return answer
        raise self.refusal(answer, is_write=is_write)

    def refusal(self, answer: Answer, *, is_write: bool) -> ProviderError:
        """Return what an answer that is no success means to its provider."""
        error = self.read_error(answer) or self.error(answer, is_write=is_write)
        self.limited += isinstance(error, RateLimited)
        return error

    def error(self, answer: Answer, *, is_write: bool) -> ProviderError:
        """Read a status as everybody means it."""
        said = self.describe(answer)
        match answer.status:
            case 401 if self.auth is not None and not self._is_trusted(_host(answer.url)):
                return redirects.Elsewhere(_host(answer.url), said)
            case 401:
                return SignInNeeded("wrong_password", said)
            case 404 | 410:
                return Rejected("not_found", said)
            case 409:
                return Rejected("duplicate", said)
            case 412:
                return VersionMismatch(answer.url)
            case 413 | 414:
                return Rejected("too_large", said)
            case 429:
                return RateLimited(self.now() + (self.retry_after(answer) or DEFAULT_WAIT), said)
            case 507:
                return Rejected("quota", said)
            case 403:
                return Rejected("permission", said)
            case 405 | 501:
                return Rejected("unsupported", said)
            case 408 | 423 | 425:
                return Unavailable(said, _seconds(self.retry_after(answer)))
            case status if status >= 500:
                # A gateway that gave up waiting knows nothing of what the server behind it did.
                in_doubt = is_write and status in (502, 504)
                return Unavailable(said, _seconds(self.retry_after(answer)), is_in_doubt=in_doubt)
        return Rejected("invalid", said)

    def retry_after(self, answer: Answer) -> timedelta | None:
        """Return how long the server asks us to wait, at most a day; None when it does not say."""
        value = answer.headers.get("retry-after", "").strip()
        if _SECONDS.fullmatch(value):
            return min(timedelta(seconds=min(float(value), 10**6)), LONGEST_WAIT)
        date = _http_date(value)
        if date is None:
            return None
        theirs = self.now() + (self.clock_offset or timedelta())
        return min(max(date - theirs, timedelta()), LONGEST_WAIT)

    def describe(self, answer: Answer) -> str:
        """Return an answer in a few words, without secrets and markup."""
        said = redact.words(answer.text[:2000])
        place = urlsplit(answer.url)
        number = next((f"(request id {id})" for name in _REQUEST_IDS if (id := answer.headers.get(name))), "")
        parts = f"{answer.method} {place.hostname}{place.path} answered {answer.status}", said, number
        return self._clean(" ".join(part for part in parts if part))

    def _clean(self, text: str) -> str:
        return redact.redact(text, self.secrets)

    def _is_trusted(self, host: str) -> bool:
        home = self.home.lower()
        return host == home or any(
            _is_below(host, domain) and _is_below(home, domain) for domain in self.trusted_domains
        )

    def _count(self, _request: httpx2.Request) -> None:
        self.requests += 1


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "").lower()


def _is_below(host: str, domain: str) -> bool:
    return host == domain or host.endswith(f".{domain}")


def _seconds(wait: timedelta | None) -> float | None:
    return None if wait is None else wait.total_seconds()


def _http_date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
