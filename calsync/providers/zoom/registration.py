"""Credentials of Zoom's: their shape, what to do on its marketplace, and trying them without a person."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode, urlsplit

from calsync.errors import ProviderError, Refused
from calsync.providers import probes, token_calls
from calsync.providers.http import Http
from calsync.providers.oauth import ClientPair
from calsync.providers.registration import Box, Check, ClientFile, Proof, SetupStep
from calsync.providers.zoom import oauth
from calsync.providers.zoom.endpoints import ZOOM, Endpoints

MOST_SKEW = timedelta(minutes=5)
"""How far our clock may be off before signed notices look old (contract section 22.2)."""

_WORD = re.compile(r"[A-Za-z0-9_-]{10,120}")
_MARKET = "https://marketplace.zoom.us"

STEPS = (
    SetupStep(
        "Create a General app",
        "On the Zoom App Marketplace, under Develop. Choose “User-managed”: everybody connects their own Zoom.",
        f"{_MARKET}/develop/create",
    ),
    SetupStep(
        "Add the Redirect URI",
        "Under Basic Information, as OAuth Redirect URL, exactly as it stands in the box above.",
        proof=Proof.REDIRECT,
    ),
    SetupStep(
        "Choose the scopes",
        "Under Scopes, add: " + ", ".join(oauth.NEEDED) + ".",
        proof=Proof.SIGN_IN,
    ),
    SetupStep(
        "Copy Client ID and Client Secret",
        "From App Credentials into the fields here. While the app is not published, only people of your own Zoom "
        "account can connect.",
        proof=Proof.SAVED,
    ),
    SetupStep(
        "Let Zoom tell about changes",
        "Under Features, Access, switch Event Subscription on with the notification address of this page, and choose "
        "the events Meeting has been updated and Meeting has been deleted. Copy its Secret Token here first.",
        proof=Proof.NOTICE,
    ),
)

_BOXES = {
    "meeting:write:meeting": Box(
        "meeting:write:meeting", "Create a meeting", "so that a meeting gets its link", "No meeting can be made."
    ),
    "meeting:update:meeting": Box(
        "meeting:update:meeting",
        "Update a meeting",
        "so that the meeting moves when its time does",
        "A meeting that moves here keeps its old time at Zoom.",
    ),
    "meeting:delete:meeting": Box(
        "meeting:delete:meeting",
        "Delete a meeting",
        "so that a cancelled meeting leaves nothing behind",
        "Cancelled meetings stay at Zoom.",
    ),
    "meeting:read:meeting": Box(
        "meeting:read:meeting",
        "View a meeting",
        "to see what became of it",
        "What Zoom made of a meeting cannot be checked.",
    ),
    "meeting:read:list_meetings": Box(
        "meeting:read:list_meetings",
        "View a user's meetings",
        "so that none is made twice",
        "After a lost answer a meeting might be made twice.",
    ),
    "user:read:user": Box(
        "user:read:user", "View a user", "to know whose Zoom it is", "Nobody knows whose Zoom it is."
    ),
}


@dataclass(slots=True)
class ZoomRegistration:
    """What Zoom wants to know about us."""

    endpoints: Endpoints = ZOOM
    allow_private_network: bool = False
    steps: tuple[SetupStep, ...] = STEPS
    file_kind: str = ""
    issuers: tuple[str, ...] = ()

    @property
    def sign_in_origin(self) -> str:
        parts = urlsplit(self.endpoints.authorize)
        return f"{parts.scheme}://{parts.netloc}"

    def read_file(self, data: bytes) -> ClientFile:
        """Zoom gives no file. Raises Refused."""
        reason = "Zoom has no credentials file. Copy Client ID and Client Secret from App Credentials."
        raise Refused(reason, code="unusable_file", field="file")

    def check(self, pair: ClientPair) -> None:
        """Return when a pair looks like Zoom's."""
        if not _WORD.fullmatch(pair.client_id):
            reason = "A Client ID of Zoom’s has letters, digits, - and _ only."
            raise Refused(reason, field="client_id")
        if pair.account_id and not _WORD.fullmatch(pair.account_id):
            raise Refused("An Account ID of Zoom’s has letters, digits, - and _ only.", field="account_id")
        if not _WORD.fullmatch(pair.secret) or pair.secret == pair.client_id:
            reason = "A Client Secret of Zoom’s has letters, digits, - and _ only, and differs from the Client ID."
            raise Refused(reason, field="client_secret")

    def boxes(self, *, can_write: bool) -> tuple[Box, ...]:
        """Return what Zoom's page lists. It has no boxes to tick: people allow all of it or nothing."""
        return tuple(_BOXES.values())

    def examine(self, pair: ClientPair, redirect_uri: str, now: datetime) -> list[Check]:
        """Ask for a token for a code that nobody gave, the API without a token, and for the time."""
        with probes.connection(pair, allow_private_network=self.allow_private_network) as http:
            lines = [_token(http, self.endpoints, pair, redirect_uri), _api(http, self.endpoints)]
            return [*lines, probes.clock(probes.offset(http, now), "Zoom", MOST_SKEW)]

    def clock_offset(self, now: datetime) -> timedelta | None:
        """Return Zoom's time minus `now`; None when Zoom cannot be asked."""
        return probes.clock_offset(
            f"{self.endpoints.api}/users/me", now, allow_private_network=self.allow_private_network
        )


def _token(http: Http, endpoints: Endpoints, pair: ClientPair, redirect_uri: str) -> Check:
    """Redeem a code that nobody gave: a good pair is told about the code, a bad one about itself (section 18.4)."""
    label = "Client ID and Client Secret are accepted"
    form = {"grant_type": "authorization_code", "code": "calsync-test", "redirect_uri": redirect_uri}
    if pair.account_id:
        form = {"grant_type": "account_credentials", "account_id": pair.account_id}
    headers = {"Content-Type": "application/x-www-form-urlencoded"} | oauth.basic(pair)
    answer = probes.ask(http, "POST", endpoints.token, headers=headers, body=urlencode(form).encode())
    if isinstance(answer, ProviderError):
        host = urlsplit(endpoints.token).hostname
        return Check(label, None, f"No answer from {host}. Does this server have a way out?")
    if pair.account_id and answer.status == 200:
        return Check(label, True, "The Zoom account lets us in.", is_of_pair=True)
    if pair.account_id and answer.status == 400:
        return Check(label, False, "Zoom refuses: is the Account ID right, and the app activated?", is_of_pair=True)
    match token_calls.body_of(answer).get("error"):
        case "invalid_grant" | "invalid_request":
            return Check(
                label, True, "Zoom knows both: it refused only the made-up code, as it should.", is_of_pair=True
            )
        case "invalid_client" | "unauthorized_client":
            return Check(label, False, "Zoom does not know this pair, or the app was disabled there.", is_of_pair=True)
    return Check(label, None, f"Zoom answered {answer.status} without a reason. Try again in a minute.")


def _api(http: Http, endpoints: Endpoints) -> Check:
    label, says = "The meetings API can be reached", "Whether the scopes are right shows with the first connection."
    return probes.api(http, f"{endpoints.api}/users/me", label, says, refusals=(400, 401))
