"""Fixtures for the emulator's own tests: one process per test session, an empty store per test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.emulators.google.cast import ADA, CALLBACK, ELI, NOW, VIC, Api
from tests.emulators.google.dance import Dance
from tests.emulators.google.server import GoogleServer, Switchboard


@pytest.fixture(scope="session")
def google_server() -> Iterator[GoogleServer]:
    with GoogleServer.running(now=NOW) as server:
        yield server


@pytest.fixture
def google(google_server: GoogleServer) -> GoogleServer:
    """The emulator with Ada, Eli and Vic, one client, and the clock at Monday morning."""
    users = [
        {"email": ADA, "name": "Ada Adams", "time_zone": "Europe/Lisbon", "hd": "example.com"},
        {"email": ELI, "name": "Eli Evans", "time_zone": "America/New_York", "hd": "example.com"},
        {"email": VIC, "name": "Vic Vega"},
    ]
    google_server.switch.reset(now=NOW, redirect_uris=[CALLBACK], users=users)
    return google_server


@pytest.fixture
def switch(google: GoogleServer) -> Switchboard:
    return google.switch


@pytest.fixture
def api_of(google: GoogleServer) -> Iterator[Callable[..., Api]]:
    """Return a function that gives an API client for a person, with all scopes unless told otherwise."""
    made: list[Api] = []

    def make(email: str, scopes: list[str] | None = None) -> Api:
        made.append(Api(google.base_url, google.switch.tokens(email, scopes)["access_token"]))
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


@pytest.fixture
def dance(google: GoogleServer) -> Dance:
    google.switch.script_consent("allow", ADA)
    return Dance(google)
