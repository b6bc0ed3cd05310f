"""Zoom as a registry entry: its facts, and how to open a client."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from calsync.errors import SignInNeeded
from calsync.providers.base import Capabilities, Grant, ProviderInfo
from calsync.providers.conference import Told
from calsync.providers.oauth import Authorizer
from calsync.providers.pace import Pace
from calsync.providers.registration import Registration
from calsync.providers.zoom import notices
from calsync.providers.zoom.client import ZoomClient
from calsync.providers.zoom.endpoints import ZOOM, Endpoints
from calsync.providers.zoom.oauth import ZoomAuthorizer
from calsync.providers.zoom.registration import ZoomRegistration

PER_PERSON, PER_PROJECT = 60, 120
"""Calls per minute: two a second is what a free Zoom account may make (contract section 21), over all its apps."""

KIND = "zoom"

INFO = ProviderInfo(
    name="zoom",
    label="Zoom",
    short="Zoom",
    logo="logos/zoom.svg",
    sign_in="oauth",
    sync="one-way",
    capabilities=Capabilities(makes_links=(KIND,), expresses=frozenset()),
    needs_credentials=True,
)


@dataclass(slots=True)
class ZoomProvider:
    """Zoom, reached with a token that a person, or a whole Zoom account, granted."""

    info: ProviderInfo = INFO
    kind: str = KIND
    endpoints: Endpoints = ZOOM
    oauth: Authorizer = field(default_factory=ZoomAuthorizer)
    registration: Registration = field(default_factory=ZoomRegistration)
    pace: Pace = field(default_factory=lambda: Pace(PER_PERSON, PER_PROJECT))

    def open(self, grant: Grant, calendars: Mapping[str, str]) -> ZoomClient:
        """Return a client, which has no calendars."""
        return self.open_meetings(grant)

    def open_meetings(self, grant: Grant) -> ZoomClient:
        """Return a client for one host's meetings."""
        if grant.bearer is None:
            raise SignInNeeded("invalid_grant", "there is no token for this account")
        return ZoomClient(
            grant.bearer,
            self.endpoints.of_region(grant.api_url),
            host=grant.server_url or "me",
            take=partial(self.pace.take, grant.username),
            allow_private_network=grant.allow_private_network,
        )

    def read_told(self, headers: Mapping[str, str], body: bytes, secret: str, now: datetime) -> Told | None:
        """Return what a request to our address says; None for one that is not Zoom's."""
        return notices.read(headers, body, secret, now)
