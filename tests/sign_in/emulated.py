"""Google as the emulator plays it, as a registry entry. Nothing but an argument makes a provider look elsewhere."""

from calsync.providers.google import endpoints
from calsync.providers.google.oauth import GoogleAuthorizer
from calsync.providers.google.provider import INFO, GoogleProvider
from calsync.providers.google.registration import GoogleRegistration
from tests.emulators.google.server import GoogleServer

NAME = INFO.name


def emulated(google: GoogleServer) -> GoogleProvider:
    """Return a provider whose every address is the emulator's."""
    where = endpoints.at(google.base_url)
    return GoogleProvider(
        endpoints=where,
        oauth=GoogleAuthorizer(where, allow_private_network=True),
        registration=GoogleRegistration(where, allow_private_network=True),
    )
