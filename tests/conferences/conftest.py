"""The emulator once for each process, an installation with Eli's account for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import factories
from tests.conferences.office import Office, found
from tests.emulators.zoom.conftest import zoom, zoom_server
from tests.emulators.zoom.server import ZoomServer

__all__ = ["zoom", "zoom_server"]


@pytest.fixture
def bare(tmp_path: Path, zoom: ZoomServer, fresh_database: Callable[..., str]) -> Iterator[Office]:
    """An installation that nobody has connected yet, on the database of the run."""
    made = found(tmp_path, zoom, fresh_database(factories.prepare))
    yield made
    made.rt.db.close()


@pytest.fixture
def office(bare: Office) -> Office:
    bare.sign_in()
    bare.switch.clear_requests()
    return bare
