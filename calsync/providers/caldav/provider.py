"""CalDAV as a registry entry: its facts, how to find an account, how to open a client."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from calsync.providers.auth import PasswordAuth
from calsync.providers.base import Capabilities, Grant, ProviderInfo
from calsync.providers.caldav import dav, discovery, presets, refusals
from calsync.providers.caldav.client import CalDavClient
from calsync.providers.caldav.discovery import Found
from calsync.providers.caldav.presets import Preset
from calsync.providers.http import Http

INFO = ProviderInfo(
    name="caldav",
    label="CalDAV (Apple, Fastmail, Nextcloud and others)",
    short="CalDAV",
    logo="logos/caldav.svg",
    sign_in="password",
    sync="two-way",
    capabilities=Capabilities(
        can_notify=False,
        keeps_private_fields=True,
        cancel_is_visible=True,
        mails_on_write=False,
        mails_by_choice=True,
        series_is_one_resource=True,
        can_move=True,
        batch_size=1,
    ),
    needs_credentials=False,
)


@dataclass(slots=True)
class CalDavProvider:
    """Any CalDAV server, reached with a user name and a password."""

    info: ProviderInfo = INFO
    presets: tuple[Preset, ...] = presets.PRESETS

    def open(self, grant: Grant, calendars: Mapping[str, str]) -> CalDavClient:
        """Return a client. `calendars` gives remote ids and their time zones, for zones that nothing else explains."""
        http = Http(
            auth=PasswordAuth(grant.username, grant.secret),
            allow_private_network=grant.allow_private_network,
            trusted_domains=discovery.TRUSTED_DOMAINS,
            home=refusals.host_of(grant.server_url),
            read_error=dav.read_error,
            secrets=(grant.secret,),
        )
        return CalDavClient(http, grant.server_url, calendars)

    def discover(self, url: str, username: str, password: str, allow_private_network: bool = False) -> Found:
        """Find the calendars behind what a person typed. Raises Refused; see `discovery.connect`."""
        return discovery.connect(url, username, password, allow_private_network)
