"""The emulator, started once for each process of a run and emptied for each test, and a client of it."""

from collections.abc import Callable, Iterator

import pytest

from calsync.providers.google import endpoints
from calsync.providers.google.client import GoogleClient
from tests.emulators.google.cast import ADA
from tests.emulators.google.conftest import api_of, dance, google, google_server, switch
from tests.emulators.google.server import GoogleServer
from tests.providers.google.people import GooglePeople

__all__ = ["api_of", "dance", "google", "google_server", "switch"]

ZONE = "Europe/Lisbon"


@pytest.fixture
def open_client(google: GoogleServer) -> Iterator[Callable[..., GoogleClient]]:
    """Return a function that gives a client for a person, with all scopes unless told otherwise."""
    made: list[GoogleClient] = []

    def make(email: str = ADA, scopes: list[str] | None = None) -> GoogleClient:
        tokens = google.switch.tokens(email, scopes)

        def bearer(is_refused: bool) -> str:
            nonlocal tokens
            if is_refused:
                tokens = google.switch.tokens(email, scopes)
            return str(tokens["access_token"])

        where = endpoints.at(google.base_url)
        made.append(GoogleClient(bearer, {email: ZONE}, where, allow_private_network=True))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client(open_client: Callable[..., GoogleClient]) -> GoogleClient:
    return open_client()


@pytest.fixture
def calendar() -> str:
    """Ada's own calendar, empty when a test begins."""
    return ADA


@pytest.fixture
def people(google: GoogleServer, calendar: str) -> GooglePeople:
    return GooglePeople(google.switch, calendar)
