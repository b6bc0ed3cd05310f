"""Fixtures for the emulator's own tests: one process per test session, an empty store per test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from tests.emulators.google.server import CLIENT_ID, GoogleServer, Switchboard

NOW = datetime(2030, 1, 7, 9, tzinfo=UTC)
ADA, ELI, VIC = "ada@example.com", "eli@example.com", "vic@other.example"
CALLBACK = "http://127.0.0.1:5999/accounts/google/callback"


@pytest.fixture(scope="session")
def google_server() -> Iterator[GoogleServer]:
    with GoogleServer.running(now=NOW) as server:
        yield server


@pytest.fixture
def google(google_server: GoogleServer) -> GoogleServer:
    """The emulator with Ada, Eli and Vic, one client, and the clock at Monday morning."""
    switch = google_server.switch
    switch.reset(now=NOW)
    switch.add_client([CALLBACK])
    switch.add_user(ADA, name="Ada Adams", time_zone="Europe/Lisbon", hd="example.com")
    switch.add_user(ELI, name="Eli Evans", time_zone="America/New_York", hd="example.com")
    switch.add_user(VIC, name="Vic Vega")
    return google_server


@pytest.fixture
def switch(google: GoogleServer) -> Switchboard:
    return google.switch


class Api:
    """A bare HTTP client of the Calendar API as one person."""

    def __init__(self, base_url: str, token: str) -> None:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        self.http = httpx2.Client(base_url=f"{base_url}/calendar/v3/", headers=headers, timeout=20)

    def __call__(self, verb: str, path: str, body: Any = None, **query: Any) -> httpx2.Response:
        return (
            self.http.request(verb, path, params=query, json=body)
            if body is not None
            else (self.http.request(verb, path, params=query))
        )

    def send(self, verb: str, path: str, **more: Any) -> httpx2.Response:
        return self.http.request(verb, path, **more)

    def events(self, **query: Any) -> list[dict[str, Any]]:
        """Return the items of a one-page list of the primary calendar."""
        return self("GET", "calendars/primary/events", **query).json()["items"]

    def insert(self, body: dict[str, Any], **query: Any) -> dict[str, Any]:
        response = self("POST", "calendars/primary/events", body, **query)
        assert response.status_code == 200, response.text
        return response.json()

    def event(self, event_id: str, **query: Any) -> dict[str, Any]:
        return self("GET", f"calendars/primary/events/{event_id}", **query).json()

    def patch(self, event_id: str, body: dict[str, Any], **query: Any) -> httpx2.Response:
        return self("PATCH", f"calendars/primary/events/{event_id}", body, **query)

    def sync_token(self, **query: Any) -> str:
        return self("GET", "calendars/primary/events", **query).json()["nextSyncToken"]


@pytest.fixture
def api_of(google: GoogleServer) -> Iterator[Callable[..., Api]]:
    """Return a function that gives an API client for a person, with all scopes unless told otherwise."""
    made: list[Api] = []

    def make(email: str, scopes: list[str] | None = None) -> Api:
        made.append(Api(google.base_url, google.switch.tokens(email, scopes, CLIENT_ID)["access_token"]))
        return made[-1]

    yield make
    for api in made:
        api.http.close()


@pytest.fixture
def ada(api_of: Callable[..., Api]) -> Api:
    return api_of(ADA)


@pytest.fixture
def eli(api_of: Callable[..., Api]) -> Api:
    return api_of(ELI)


@pytest.fixture
def vic(api_of: Callable[..., Api]) -> Api:
    return api_of(VIC)


def timed(hour: int = 10, day: int = 8, minutes: int = 30, **more: Any) -> dict[str, Any]:
    """Return a body for an event in January 2030, UTC."""
    start = f"2030-01-{day:02d}T{hour:02d}:00:00Z"
    end = f"2030-01-{day:02d}T{hour:02d}:{minutes:02d}:00Z"
    return {"summary": "Intro call", "start": {"dateTime": start}, "end": {"dateTime": end}, **more}


def weekly(**more: Any) -> dict[str, Any]:
    """Return a body for a series on Tuesdays at nine in Lisbon, for four weeks, around the change to summer time."""
    zone = {"timeZone": "Europe/Lisbon"}
    return {
        "summary": "Weekly",
        "start": {"dateTime": "2030-03-19T09:00:00", **zone},
        "end": {"dateTime": "2030-03-19T09:30:00", **zone},
        "recurrence": ["RRULE:FREQ=WEEKLY;BYDAY=TU;COUNT=4"],
        **more,
    }


def reason(response: httpx2.Response) -> tuple[int, str]:
    """Return status and reason of an error answer."""
    return response.status_code, response.json()["error"]["errors"][0]["reason"]
