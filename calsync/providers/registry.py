"""Which providers there are. Adding one takes a client, a codec, a line here and a subclass of the contract test."""

from __future__ import annotations

from calsync.providers.base import Provider
from calsync.providers.caldav.provider import CalDavProvider
from calsync.providers.google.provider import GoogleProvider
from calsync.providers.microsoft.provider import MicrosoftProvider
from calsync.providers.zoom.provider import ZoomProvider


def all_providers() -> dict[str, Provider]:
    """Return every provider by the name under which accounts store it."""
    providers: tuple[Provider, ...] = (GoogleProvider(), MicrosoftProvider(), CalDavProvider(), ZoomProvider())
    return {provider.info.name: provider for provider in providers}
