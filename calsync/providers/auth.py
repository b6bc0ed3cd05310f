"""How a request proves who sends it: a password (Basic, Digest) or an access token."""

from __future__ import annotations

import base64
from collections.abc import Callable, Generator

import httpx2

Flow = Generator[httpx2.Request, httpx2.Response, None]


class PasswordAuth(httpx2.Auth):
    """Basic at once, so that a poll costs one request; Digest when the server asks for it (older Baikal, DAViCal)."""

    def __init__(self, username: str, password: str) -> None:
        self._username, self._password = username, password
        pair = base64.b64encode(f"{username}:{password}".encode()).decode("ascii")
        self._basic = f"Basic {pair}"
        self._digest: httpx2.DigestAuth | None = None

    def auth_flow(self, request: httpx2.Request) -> Flow:
        """Yield the request with credentials, and again when a Digest challenge comes."""
        if self._digest is not None:
            yield from self._digest.auth_flow(request)
            return
        request.headers["Authorization"] = self._basic
        response = yield request
        if response.status_code == 401 and _offers_digest(response):
            yield from self._answer_challenge(request, response)

    def _answer_challenge(self, request: httpx2.Request, response: httpx2.Response) -> Flow:
        del request.headers["Authorization"]
        self._digest = httpx2.DigestAuth(self._username, self._password)
        flow = self._digest.auth_flow(request)
        next(flow)  # the request without credentials, which has just been answered
        yield flow.send(response)


class BearerAuth(httpx2.Auth):
    """A token from `bearer`; when it is refused, once more with a fresh one (`bearer(True)`)."""

    def __init__(self, bearer: Callable[[bool], str]) -> None:
        self._bearer = bearer

    def auth_flow(self, request: httpx2.Request) -> Flow:
        """Yield the request with the token, and again after a 401."""
        request.headers["Authorization"] = f"Bearer {self._bearer(False)}"
        response = yield request
        if response.status_code == 401:
            request.headers["Authorization"] = f"Bearer {self._bearer(True)}"
            yield request


def _offers_digest(response: httpx2.Response) -> bool:
    offers: list[str] = response.headers.get_list("www-authenticate")
    return any(offer.strip().lower().startswith("digest") for offer in offers)
