"""The emulator, started once for each process of a run and emptied for each test, and a client of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from calsync.providers.zoom import endpoints
from calsync.providers.zoom.client import ZoomClient
from tests.emulators.zoom.conftest import ADA, zoom, zoom_server
from tests.emulators.zoom.server import ZoomServer

__all__ = ["zoom", "zoom_server"]


@pytest.fixture
def open_client(zoom: ZoomServer) -> Iterator[Callable[..., ZoomClient]]:
    """Return a function that gives a client for a person, with all scopes unless told otherwise."""
    made: list[ZoomClient] = []

    def make(email: str = ADA, scopes: list[str] | None = None) -> ZoomClient:
        token = str(zoom.switch.tokens(email, scopes)["access_token"])
        where = endpoints.at(zoom.base_url)
        made.append(ZoomClient(lambda is_refused: token, where, allow_private_network=True))
        # Waits are computed against the clock of the emulator, which stands.
        made[-1].http.now = zoom.switch.now
        return made[-1]

    yield make
    for client in made:
        client.close()
