"""Fixtures for the emulator's own tests: one process per test session, an empty store per test."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from tests.emulators.zoom.server import S2S_ID, S2S_SECRET, ZoomServer

NOW = datetime(2030, 1, 7, 9, tzinfo=UTC)
ADA, ELI, VIC = "ada@example.com", "eli@example.com", "vic@example.com"
CALLBACK = "http://127.0.0.1:5999/oauth/zoom/callback"


class Api:
    """A bare HTTP client of the API with one token."""

    def __init__(self, base_url: str, token: str) -> None:
        self.http = httpx2.Client(
            base_url=f"{base_url}/v2/", headers={"authorization": f"Bearer {token}"}, timeout=20, verify=False
        )

    def __call__(self, verb: str, path: str, body: Any = None, **query: Any) -> httpx2.Response:
        more: dict[str, Any] = {"json": body} if body is not None else {}
        return self.http.request(verb, path, params=query or None, **more)

    def make(self, user: str = "me", **body: Any) -> dict[str, Any]:
        """Make a meeting tomorrow at nine, as the fields say, and return it."""
        whole = {"topic": "Intro", "start_time": "2030-01-08T09:00:00Z", "duration": 30, "timezone": "UTC", **body}
        answer = self("POST", f"users/{user}/meetings", whole)
        assert answer.status_code == 201, answer.text
        return answer.json()


@pytest.fixture(scope="session")
def zoom_server() -> Iterator[ZoomServer]:
    with ZoomServer.running(now=NOW) as server:
        yield server


@pytest.fixture
def zoom(zoom_server: ZoomServer) -> ZoomServer:
    """The emulator with Ada and Eli, who may host, and Vic, who may not; both applications; Monday morning."""
    users: list[dict[str, Any]] = [
        {"email": ADA, "timezone": "Europe/Lisbon"},
        {"email": ELI, "type": 1},
        {"email": VIC, "type": 99},
    ]
    zoom_server.switch.reset(now=NOW, redirect_uris=[CALLBACK], users=users)
    return zoom_server


@pytest.fixture
def ada(zoom: ZoomServer) -> Iterator[Api]:
    api = Api(zoom.base_url, zoom.switch.tokens(ADA)["access_token"])
    yield api
    api.http.close()


@pytest.fixture
def whole_account(zoom: ZoomServer) -> Iterator[Api]:
    """The Server-to-Server application, which acts for the whole account."""
    form = {"grant_type": "account_credentials", "account_id": "AbCdEfGhSxxExampleAcct"}
    answer = httpx2.post(f"{zoom.base_url}/oauth/token", data=form, auth=(S2S_ID, S2S_SECRET))
    api = Api(zoom.base_url, answer.json()["access_token"])
    yield api
    api.http.close()


def refusal(answer: httpx2.Response) -> tuple[int, int]:
    return answer.status_code, answer.json()["code"]
