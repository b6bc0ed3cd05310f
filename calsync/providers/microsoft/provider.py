"""Microsoft 365 and Outlook.com as a registry entry: its facts, and how to open a client."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from calsync.errors import SignInNeeded
from calsync.providers.base import Capabilities, Grant, ProviderInfo
from calsync.providers.channels import Notice, Posted
from calsync.providers.microsoft import notices
from calsync.providers.microsoft.client import MicrosoftClient
from calsync.providers.microsoft.endpoints import MICROSOFT, Endpoints
from calsync.providers.microsoft.oauth import MicrosoftAuthorizer
from calsync.providers.microsoft.registration import MicrosoftRegistration
from calsync.providers.microsoft.seats import Seats
from calsync.providers.microsoft.wire import BATCH
from calsync.providers.oauth import ZONE, Authorizer, Extending
from calsync.providers.pace import Pace
from calsync.providers.registration import Registration

PER_MAILBOX, PER_APP = 1_000, 100_000
"""Calls per minute: of one mailbox, where 10,000 in ten minutes are allowed, and of all (contract section A12)."""

INFO = ProviderInfo(
    name="microsoft",
    label="Microsoft 365 and Outlook",
    short="Microsoft",
    logo="logos/microsoft.svg",
    sign_in="oauth",
    sync="two-way",
    capabilities=Capabilities(
        can_notify=True,
        renews_channels_after=0.5,
        makes_links=("teams",),
        keeps_private_fields=True,
        cancel_is_visible=False,
        mails_on_write=True,
        mails_by_choice=False,
        series_is_one_resource=False,
        tells_free_busy=True,
        invites_rooms=True,
        can_move=False,
        batch_size=BATCH,
    ),
    needs_credentials=True,
)


@dataclass(slots=True)
class MicrosoftProvider:
    """Microsoft, reached with a token that a person granted. `now` decides which days a window is about."""

    info: ProviderInfo = INFO
    endpoints: Endpoints = MICROSOFT
    oauth: Authorizer = field(default_factory=MicrosoftAuthorizer)
    registration: Registration = field(default_factory=MicrosoftRegistration)
    pace: Pace = field(default_factory=lambda: Pace(PER_MAILBOX, PER_APP))
    seats: Seats = field(default_factory=Seats)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def read_notices(self, posted: Posted) -> Sequence[Notice]:
        """Return the notices in a request, none where it is something else."""
        return notices.read(posted)

    def greeting(self, posted: Posted) -> str | None:
        """Return what Microsoft wants to hear that asks whether we are there; None for any other request."""
        return notices.greeting(posted)

    def open(self, grant: Grant, calendars: Mapping[str, str]) -> MicrosoftClient:
        """Return a client. `calendars` gives remote ids and their time zones, for floating times."""
        if grant.bearer is None:
            raise SignInNeeded("invalid_grant", "there is no token for this account")
        return MicrosoftClient(
            grant.bearer,
            calendars,
            self.endpoints,
            person=grant.username,
            take=partial(self.pace.take, grant.username),
            seat=partial(self.seats.hold, grant.username),
            reads_zone=self.oauth.allows(ZONE, grant.scopes) if isinstance(self.oauth, Extending) else False,
            allow_private_network=grant.allow_private_network,
            now=self.now,
        )
