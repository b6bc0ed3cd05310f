"""The simulator on the real Microsoft client: the same people, runs and checks, with the emulator behind the wire."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize

from calsync.errors import SignInNeeded
from calsync.providers.base import Grant, Provider
from calsync.providers.microsoft.client import MicrosoftClient
from calsync.providers.microsoft.endpoints import MICROSOFT
from calsync.providers.microsoft.oauth import MicrosoftAuthorizer
from calsync.providers.microsoft.provider import MicrosoftProvider
from calsync.providers.oauth import ClientPair, Identity, Tokens
from calsync.providers.pace import Pace
from calsync.runtime import SYSTEM
from calsync.services import connect_oauth
from calsync.store import tables as t
from tests.emulators.microsoft import grants, people
from tests.emulators.microsoft.server import CLIENT_ID, CLIENT_SECRET
from tests.simulator.machine import Simulator
from tests.simulator.microsoft_side import MicrosoftSide
from tests.simulator.microsoft_wire import MicrosoftWire
from tests.simulator.stage import CHOICES
from tests.simulator.world import LOGIN, World

SERVERS: dict[str, dict[str, Any]] = {
    "microsoft": {},
    "microsoft-paged": {"page_cap": 3, "empty_pages": True, "repeats_in_delta": True, "bumps_after_s": None},
}
SCOPES = frozenset({"openid", "profile", "email", "offline_access", "User.Read", "Calendars.ReadWrite"})
"""What a person allowed."""


class WiredAuthorizer(MicrosoftAuthorizer):
    """Microsoft's sign-in for a grant that is known already: tokens come from the emulator's own book of grants."""

    def __init__(self, wire: MicrosoftWire) -> None:
        super().__init__()
        self.wire = wire

    def refresh(self, pair: ClientPair, refresh_token: str, now: datetime) -> Tokens:
        self.wire.tell_time()
        world = self.wire.microsoft
        token = world.refresh_tokens[refresh_token]
        if token.ended_by or token.grant.ended_by:
            raise SignInNeeded("invalid_grant", "the grant was revoked")
        token.used_at = world.now()
        issued, life = grants.issue_access(world, world.users[token.grant.email], token.grant, SCOPES)
        return Tokens(issued.value, now + timedelta(seconds=life), scopes=SCOPES)


class WiredMicrosoft(MicrosoftProvider):
    """Microsoft, reached through the wire of a world."""

    def __init__(self, wire: MicrosoftWire, clock: Callable[[], datetime]) -> None:
        super().__init__(oauth=WiredAuthorizer(wire), pace=Pace(10**6, 10**6), now=clock)
        self.wire = wire

    def open(self, grant: Grant, calendars: Mapping[str, str]) -> MicrosoftClient:
        if grant.bearer is None:
            raise SignInNeeded("invalid_grant", "there is no token for this account")
        return MicrosoftClient(
            grant.bearer, calendars, MICROSOFT, person=grant.username, transport=self.wire, now=self.now
        )


class MicrosoftWorld(World):
    """One person with two calendars at Microsoft, signed in once."""

    server: MicrosoftSide
    may_refuse = True  # Outlook keeps occurrences between their neighbours, and brings none back

    def __init__(self, folder: Path, profile: str) -> None:
        self.settings = SERVERS[profile]
        super().__init__(folder, quirks=None)
        self.quirks = self.server.quirks

    def _open_server(self) -> MicrosoftSide:
        return MicrosoftSide(self.clock, LOGIN, **self.settings)

    def _add_calendar(self, name: str) -> str:
        return self.server.add_calendar(name)

    def _providers(self) -> dict[str, Provider]:
        people.add_client(self.server.microsoft, CLIENT_ID, CLIENT_SECRET, [])
        return {"microsoft": WiredMicrosoft(self.server.wire, self.clock)}

    def _sign_in(self) -> t.Account:
        self.credential_id = self._credential()
        return connect_oauth.connect_granted(
            self.rt,
            t.pk(self.owner),
            "microsoft",
            tokens=self._tokens(),
            who=self._who(),
            credential_id=self.credential_id,
            by=SYSTEM,
        )

    def sign_in_again(self) -> None:
        connect_oauth.reconnect_granted(
            self.rt,
            self.account_id,
            tokens=self._tokens(),
            who=self._who(),
            credential_id=self.credential_id,
            by=SYSTEM,
        )

    def _who(self) -> Identity:
        owner = self.server.owner
        return Identity(f"{owner.tenant}.{owner.oid}", LOGIN)

    def _tokens(self) -> Tokens:
        """Let the person permit everything, as at the end of a sign-in."""
        world = self.server.microsoft
        self.server.wire.tell_time()
        grant = grants.get_grant(world, LOGIN, CLIENT_ID)
        grant.scopes |= SCOPES
        refresh = grants.issue_refresh(world, grant, SCOPES)
        access, life = grants.issue_access(world, self.server.owner, grant, SCOPES)
        return Tokens(access.value, self.clock() + timedelta(seconds=life), refresh.value, SCOPES)

    def _credential(self) -> int:
        with self.rt.writing() as session:
            row = t.ProviderCredential(
                provider="microsoft",
                client_id=CLIENT_ID,
                secret=self.rt.secrets.seal(CLIENT_SECRET),
                created_at=self.rt.now(),
            )
            session.add(row)
            session.flush()
            return t.pk(row)


class MicrosoftSimulator(Simulator):
    """Two sides, one account at Microsoft, and everything that can happen to them."""

    @initialize(profile=st.sampled_from(sorted(SERVERS)), choice=CHOICES)
    def start(self, profile: str, choice: int) -> None:
        self.begin(MicrosoftWorld(self.folder, profile), profile, choice)
