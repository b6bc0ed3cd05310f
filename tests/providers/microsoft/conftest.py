"""The emulator, started once for each process of a run and emptied for each test, and a client of it."""

from collections.abc import Callable, Iterator
from datetime import datetime

import pytest

from calsync.providers.microsoft import endpoints
from calsync.providers.microsoft.client import MicrosoftClient
from tests.emulators.microsoft.cast import ADA, NOW
from tests.emulators.microsoft.conftest import api_of, dance, microsoft, microsoft_server, switch
from tests.emulators.microsoft.server import MicrosoftServer
from tests.providers.microsoft.people import ZONE, MicrosoftPeople

__all__ = ["api_of", "dance", "microsoft", "microsoft_server", "switch"]


@pytest.fixture
def calendar(microsoft: MicrosoftServer) -> str:
    """Ada's own calendar, empty when a test begins."""
    return microsoft.switch.default_calendar(ADA)


@pytest.fixture
def open_client(microsoft: MicrosoftServer, calendar: str) -> Iterator[Callable[..., MicrosoftClient]]:
    """Return a function that gives a client for a person, with all scopes unless told otherwise."""
    made: list[MicrosoftClient] = []

    def make(
        email: str = ADA, scopes: list[str] | None = None, now: Callable[[], datetime] = lambda: NOW
    ) -> MicrosoftClient:
        tokens = microsoft.switch.tokens(email, scopes)

        def bearer(is_refused: bool) -> str:
            nonlocal tokens
            if is_refused:
                tokens = microsoft.switch.tokens(email, scopes)
            return str(tokens["access_token"])

        where = endpoints.at(microsoft.base_url)
        made.append(MicrosoftClient(bearer, {calendar: ZONE}, where, person=email, allow_private_network=True, now=now))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client(open_client: Callable[..., MicrosoftClient]) -> MicrosoftClient:
    return open_client()


@pytest.fixture
def people(microsoft: MicrosoftServer, calendar: str) -> MicrosoftPeople:
    return MicrosoftPeople(microsoft.switch, ADA, calendar)
