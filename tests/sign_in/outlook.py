"""Microsoft as the emulator plays it, as a registry entry, and a pair that fits it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from calsync.providers.microsoft import endpoints
from calsync.providers.microsoft.oauth import MicrosoftAuthorizer
from calsync.providers.microsoft.provider import INFO, MicrosoftProvider
from calsync.providers.microsoft.registration import MicrosoftRegistration
from calsync.providers.oauth import ClientPair
from tests.emulators.microsoft.server import CLIENT_ID, CLIENT_SECRET, MicrosoftServer

NAME = INFO.name
PAIR = ClientPair(CLIENT_ID, CLIENT_SECRET, tenant="common")
NEW_SECRET = "EXA8Q~AnotherExampleAnotherExam.ple_Only"


def emulated(microsoft: MicrosoftServer, now: Callable[[], datetime]) -> MicrosoftProvider:
    """Return a provider whose every address is the emulator's."""
    where = endpoints.at(microsoft.base_url)
    return MicrosoftProvider(
        endpoints=where,
        oauth=MicrosoftAuthorizer(where, allow_private_network=True),
        registration=MicrosoftRegistration(where, allow_private_network=True),
        now=now,
    )
