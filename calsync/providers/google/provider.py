"""Google Calendar as a registry entry: its facts, and how to open a client."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from calsync.engine.vocabulary import EventKind
from calsync.errors import SignInNeeded
from calsync.providers.base import Capabilities, Grant, ProviderInfo
from calsync.providers.channels import Notice, Posted
from calsync.providers.google import notices
from calsync.providers.google.client import GoogleClient
from calsync.providers.google.endpoints import GOOGLE, Endpoints
from calsync.providers.google.oauth import GoogleAuthorizer
from calsync.providers.google.registration import GoogleRegistration
from calsync.providers.google.wire import BATCH
from calsync.providers.oauth import Authorizer
from calsync.providers.pace import Pace
from calsync.providers.registration import Registration

PER_PERSON, PER_PROJECT = 600, 10_000
"""Calls per minute that Google allows by default (contract section 3)."""

PER_DAY = 1_000_000
"""Calls per day of one project."""

INFO = ProviderInfo(
    name="google",
    label="Google Calendar",
    short="Google",
    logo="logos/google.svg",
    sign_in="oauth",
    sync="two-way",
    capabilities=Capabilities(
        can_notify=True,
        makes_links=("meet",),
        keeps_private_fields=True,
        cancel_is_visible=False,
        mails_on_write=False,
        mails_by_choice=True,
        delivers_to_guests=True,
        series_is_one_resource=False,
        tells_free_busy=True,
        can_move=True,
        batch_size=BATCH,
        edits_kinds=frozenset({EventKind.DEFAULT, EventKind.OUT_OF_OFFICE, EventKind.FOCUS}),
    ),
    needs_credentials=True,
)


@dataclass(slots=True)
class GoogleProvider:
    """Google, reached with a token that a person granted."""

    info: ProviderInfo = INFO
    endpoints: Endpoints = GOOGLE
    oauth: Authorizer = field(default_factory=GoogleAuthorizer)
    registration: Registration = field(default_factory=GoogleRegistration)
    pace: Pace = field(default_factory=lambda: Pace(PER_PERSON, PER_PROJECT, PER_DAY))

    def read_notices(self, posted: Posted) -> Sequence[Notice]:
        """Return the notice in a request, which is in its headers."""
        found = notices.read(posted.headers)
        return () if found is None else (found,)

    def open(self, grant: Grant, calendars: Mapping[str, str]) -> GoogleClient:
        """Return a client. `calendars` gives remote ids and their time zones, for floating times."""
        if grant.bearer is None:
            raise SignInNeeded("invalid_grant", "there is no token for this account")
        return GoogleClient(
            grant.bearer,
            calendars,
            self.endpoints,
            take=partial(self.pace.take, grant.username),
            allow_private_network=grant.allow_private_network,
        )
