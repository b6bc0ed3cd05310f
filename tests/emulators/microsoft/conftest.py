"""Fixtures for the emulator's own tests: one process per test session, an empty store per test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.emulators.microsoft.cast import ADA, BERLIN, CALLBACK, ELI, NOW, VIC, Api
from tests.emulators.microsoft.dance import Dance
from tests.emulators.microsoft.server import MicrosoftServer, Switchboard


@pytest.fixture(scope="session")
def microsoft_server() -> Iterator[MicrosoftServer]:
    with MicrosoftServer.running(now=NOW) as server:
        yield server


@pytest.fixture
def microsoft(microsoft_server: MicrosoftServer) -> MicrosoftServer:
    """The emulator with Ada and Eli of one tenant and Vic's personal account, one app, and a Monday morning."""
    users = [
        {"email": ADA, "name": "Ada Adams", "time_zone": BERLIN, "is_admin": True},
        {"email": ELI, "name": "Eli Evans", "time_zone": "Eastern Standard Time"},
        {"email": VIC, "name": "Vic Vega"},
    ]
    microsoft_server.switch.reset(now=NOW, redirect_uris=[CALLBACK], users=users)
    return microsoft_server


@pytest.fixture
def switch(microsoft: MicrosoftServer) -> Switchboard:
    return microsoft.switch


@pytest.fixture
def api_of(microsoft: MicrosoftServer) -> Iterator[Callable[..., Api]]:
    """Return a function that gives a Graph client for a person, with all permissions unless told otherwise."""
    made: list[Api] = []

    def make(email: str, scopes: list[str] | None = None) -> Api:
        made.append(Api(microsoft.base_url, microsoft.switch.tokens(email, scopes)["access_token"]))
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
def dance(microsoft: MicrosoftServer) -> Dance:
    microsoft.switch.script_consent("allow", ADA)
    return Dance(microsoft)
