"""The simulator on the real Google client: the same people, runs and checks, with the emulator behind the wire."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import initialize

from calsync.errors import SignInNeeded
from calsync.providers.base import Grant, Provider
from calsync.providers.google.client import GoogleClient
from calsync.providers.google.endpoints import GOOGLE
from calsync.providers.google.oauth import GoogleAuthorizer
from calsync.providers.google.provider import GoogleProvider
from calsync.providers.oauth import ClientPair, Identity, Tokens
from calsync.providers.pace import Pace
from calsync.runtime import SYSTEM
from calsync.services import connect_oauth
from calsync.store import tables as t
from tests.emulators.google import grants, people
from tests.emulators.google.server import CLIENT_ID, CLIENT_SECRET
from tests.simulator.google_side import GoogleSide
from tests.simulator.google_wire import GoogleWire
from tests.simulator.machine import Simulator
from tests.simulator.stage import CHOICES
from tests.simulator.world import LOGIN, World

PAGE_CAPS: dict[str, int | None] = {"google": None, "google-paged": 3}


class WiredAuthorizer(GoogleAuthorizer):
    """Google's sign-in for a grant that is known already: tokens come from the emulator's own book of grants."""

    def __init__(self, wire: GoogleWire) -> None:
        super().__init__()
        self.wire = wire

    def refresh(self, pair: ClientPair, refresh_token: str, now: datetime) -> Tokens:
        self.wire.tell_time()
        google = self.wire.google
        grant, token = google.refresh_tokens[refresh_token]
        if not grants.is_alive(grant, token, google.now()):
            raise SignInNeeded("invalid_grant", "the grant was revoked")
        token.used_at = google.now()
        issued = grants.issue_access(google, grant, token.scopes, token)
        return Tokens(issued.value, now + timedelta(seconds=grants.ACCESS_LASTS_S), scopes=token.scopes)

    def revoke(self, token: str, pair: object = None) -> None:
        grant, _ = self.wire.google.refresh_tokens[token]
        grants.revoke(grant)


class WiredGoogle(GoogleProvider):
    """Google, reached through the wire of a world."""

    def __init__(self, wire: GoogleWire, clock: Callable[[], datetime]) -> None:
        super().__init__(oauth=WiredAuthorizer(wire), pace=Pace(10**6, 10**6))
        self.wire, self.clock = wire, clock

    def open(self, grant: Grant, calendars: Mapping[str, str]) -> GoogleClient:
        if grant.bearer is None:
            raise SignInNeeded("invalid_grant", "there is no token for this account")
        return GoogleClient(grant.bearer, calendars, GOOGLE, transport=self.wire, now=self.clock)


class GoogleWorld(World):
    """One person with two calendars at Google, signed in once."""

    server: GoogleSide

    def __init__(self, folder: Path, profile: str) -> None:
        self.page_cap = PAGE_CAPS[profile]
        super().__init__(folder, quirks=None)
        self.quirks = self.server.quirks

    def _open_server(self) -> GoogleSide:
        return GoogleSide(self.clock, LOGIN, self.page_cap)

    def _add_calendar(self, name: str) -> str:
        return self.server.add_calendar(name)

    def _providers(self) -> dict[str, Provider]:
        people.add_client(self.server.google, CLIENT_ID, CLIENT_SECRET, [])
        return {"google": WiredGoogle(self.server.wire, self.clock)}

    def _sign_in(self) -> t.Account:
        self.credential_id = self._credential()
        return connect_oauth.connect_granted(
            self.rt,
            t.pk(self.owner),
            "google",
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
        return Identity(self.server.owner.sub, LOGIN)

    def _tokens(self) -> Tokens:
        """Let the person permit everything, as at the end of a sign-in."""
        google, client = self.server.google, self.server.google.clients[CLIENT_ID]
        self.server.wire.tell_time()
        scopes = frozenset(("openid", *grants.canonical(["email"]), *_all_scopes()))
        grant = grants.get_grant(google, LOGIN, CLIENT_ID)
        grant.scopes |= scopes
        refresh = grants.issue_refresh(google, grant, client, scopes, None)
        access = grants.issue_access(google, grant, scopes, refresh)
        ends = self.clock() + timedelta(seconds=grants.ACCESS_LASTS_S)
        return Tokens(access.value, ends, refresh.value, scopes)

    def _credential(self) -> int:
        with self.rt.writing() as session:
            row = t.ProviderCredential(
                provider="google",
                client_id=CLIENT_ID,
                secret=self.rt.secrets.seal(CLIENT_SECRET),
                created_at=self.rt.now(),
            )
            session.add(row)
            session.flush()
            return t.pk(row)


def _all_scopes() -> tuple[str, ...]:
    return ("https://www.googleapis.com/auth/calendar.events", "https://www.googleapis.com/auth/calendar.calendarlist")


class GoogleSimulator(Simulator):
    """Two sides, one account at Google, and everything that can happen to them."""

    @initialize(profile=st.sampled_from(sorted(PAGE_CAPS)), choice=CHOICES)
    def start(self, profile: str, choice: int) -> None:
        self.begin(GoogleWorld(self.folder, profile), profile, choice)
