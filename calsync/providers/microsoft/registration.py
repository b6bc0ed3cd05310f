"""Credentials of Microsoft's: an application id, a secret that runs out, and a tenant; trying them without a person.

Contract sections A1.1, A1.5 to A1.7.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode, urlsplit

from calsync.errors import ProviderError, Refused
from calsync.providers import probes, token_calls
from calsync.providers.http import Answer, Http
from calsync.providers.microsoft import aadsts, oauth, setup
from calsync.providers.microsoft.endpoints import COMMON, CONSUMERS, MICROSOFT, ORGANIZATIONS, Endpoints
from calsync.providers.oauth import ROOMS, ZONE, ClientPair
from calsync.providers.registration import Box, Check, ClientFile, Consent, SetupStep, TenantChoice

MOST_SKEW = timedelta(minutes=5)
"""How far our clock may be off before proofs of identity stop being valid."""

LONGEST_SECRET = timedelta(days=731)
"""How long a secret lives at most when it is made in the portal (section A1.7)."""

TENANTS = (
    TenantChoice(COMMON, "Everybody", "Any organisation, and personal accounts"),
    TenantChoice(ORGANIZATIONS, "Any organisation", "Work and school accounts only"),
    TenantChoice(CONSUMERS, "Personal accounts", "Outlook.com, Hotmail, Live"),
    TenantChoice("", "One organisation", "Its tenant ID, or a domain of it"),
)

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_DOMAIN = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+", re.IGNORECASE)

_READ_BOX = Box(
    "Calendars.Read", "Read your calendars", "so that your events appear here", "Nothing can be read.", False
)
_WRITE_BOX = Box(
    "Calendars.ReadWrite",
    "Have full access to your calendars",
    "so that your events appear here, and what you plan or change here appears there",
    "What you plan or change here cannot be written to your calendar.",
    is_ticked=False,
)
_STAY_BOX = Box(
    "offline_access",
    "Maintain access to data you have given it access to",
    "so that it goes on when you are not signed in",
    "You would have to sign in every hour.",
    is_ticked=False,
)


_EXTRA_BOXES = {
    ROOMS: Box(
        oauth.EXTRAS[ROOMS],
        "Read all company places",
        "so that the rooms of the organisation can be listed here. An administrator has to agree",
        "A room can be booked by its address.",
        is_ticked=False,
    ),
    ZONE: Box(
        oauth.EXTRAS[ZONE],
        "Read your mailbox settings",
        "so that times without a zone are read in your mailbox’s own. Nothing else of the settings is kept",
        "Times without a zone are read in UTC.",
        is_ticked=False,
    ),
}


@dataclass(slots=True)
class MicrosoftRegistration:
    """What Microsoft wants to know about us."""

    endpoints: Endpoints = MICROSOFT
    allow_private_network: bool = False
    steps: tuple[SetupStep, ...] = setup.STEPS
    file_kind: str = ""
    issuers: tuple[str, ...] = ()
    tenants: tuple[TenantChoice, ...] = TENANTS
    longest_secret: timedelta = LONGEST_SECRET

    @property
    def sign_in_origin(self) -> str:
        parts = urlsplit(self.endpoints.login)
        return f"{parts.scheme}://{parts.netloc}"

    def read_file(self, data: bytes) -> ClientFile:
        """Microsoft gives no file. Raises Refused."""
        reason = "Microsoft has no credentials file. Copy the application ID and the secret’s value from Entra."
        raise Refused(reason, code="unusable_file", field="file")

    def check(self, pair: ClientPair) -> None:
        """Return when a pair looks like Microsoft's."""
        if not _GUID.fullmatch(pair.client_id):
            raise Refused("An application (client) ID has 32 hexadecimal digits in five groups.", field="client_id")
        if _GUID.fullmatch(pair.secret):
            raise Refused("This is the secret’s ID. Its value is shown once, when it is made.", field="client_secret")
        if not 20 <= len(pair.secret) <= 200:
            raise Refused("A secret’s value of Microsoft’s has some 40 characters.", field="client_secret")
        named = tuple(choice.value for choice in self.tenants if choice.value)
        if pair.tenant and pair.tenant not in named and not _is_tenant(pair.tenant):
            raise Refused("A tenant is an ID of five groups, or a domain of the organisation.", field="tenant")

    def boxes(self, *, can_write: bool) -> tuple[Box, ...]:
        """Return what Microsoft's page lists; people agree to all of it or to nothing."""
        return (_WRITE_BOX if can_write else _READ_BOX, _STAY_BOX)

    def extra_box(self, extra: str) -> Box:
        """Return what Microsoft's page adds where somebody clicked for more."""
        return _EXTRA_BOXES[extra]

    def consent_url(self, pair: ClientPair, redirect_uri: str, state: str) -> str:
        """Return where an administrator allows us for everybody of their organisation (section A1.5)."""
        query = {"client_id": pair.client_id, "scope": f"{oauth.PREFIX}.default", "redirect_uri": redirect_uri}
        return f"{self.endpoints.admin_consent(pair.tenant)}?{urlencode({**query, 'state': state})}"

    def read_consent(self, query: dict[str, str]) -> Consent | None:
        """Return what an administrator answered, None for a request about something else.

        It proves nothing: anybody can write it. The next sign-in shows whether it is true.
        """
        if query.get("admin_consent", "").lower() != "true":
            return None
        if not query.get("error"):
            return Consent(True)
        refused = oauth.refused_as(query["error"], query.get("error_description", ""))
        return Consent(False, refused.reason if refused else "")

    def examine(self, pair: ClientPair, redirect_uri: str, now: datetime) -> list[Check]:
        """Ask for the tenant's description, a token for a code that nobody gave, and the API without a token."""
        with probes.connection(pair, allow_private_network=self.allow_private_network) as http:
            lines = [_discovery(http, self.endpoints, pair), _token(http, self.endpoints, pair, redirect_uri)]
            lines += [_api(http, self.endpoints), probes.clock(probes.offset(http, now), "Microsoft", MOST_SKEW)]
        return lines

    def clock_offset(self, now: datetime) -> timedelta | None:
        """Return Microsoft's time minus `now`; None when Microsoft cannot be asked."""
        return probes.clock_offset(
            self.endpoints.discovery(COMMON), now, allow_private_network=self.allow_private_network
        )


def _is_tenant(text: str) -> bool:
    return bool(_GUID.fullmatch(text) or _DOMAIN.fullmatch(text))


# --- the test


def _discovery(http: Http, endpoints: Endpoints, pair: ClientPair) -> Check:
    label = "Microsoft’s sign-in knows the tenant"
    answer = probes.ask(http, "GET", endpoints.discovery(pair.tenant))
    if isinstance(answer, ProviderError):
        host = urlsplit(endpoints.login).hostname
        return Check(label, False, f"No answer from {host}. Does this server have a way out?")
    body = token_calls.body_of(answer)
    if str(body.get("issuer", "")).startswith(endpoints.issuer):
        return Check(label, True, "Its description was read.")
    return Check(label, False, _meant(body) or "What answered is not Microsoft.")


def _token(http: Http, endpoints: Endpoints, pair: ClientPair, redirect_uri: str) -> Check:
    """Redeem a code that nobody gave: a good pair is told about the code, a bad one about itself (section A1.6)."""
    form = {
        "grant_type": "authorization_code",
        "code": "0.calsync-test",
        "redirect_uri": redirect_uri,
        "client_id": pair.client_id,
        "client_secret": pair.secret,
    }
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    url = endpoints.token(pair.tenant)
    answer = probes.ask(http, "POST", url, headers=headers, body=urlencode(form).encode())
    label = "Application ID and secret are accepted"
    if isinstance(answer, ProviderError):
        return Check(label, None, "The token address did not answer. Try again in a minute.")
    return _judged(label, answer)


def _judged(label: str, answer: Answer) -> Check:
    body = token_calls.body_of(answer)
    error = str(body.get("error", ""))
    number = aadsts.number_in(str(body.get("error_description", "")))
    if error in ("invalid_client", "unauthorized_client") or number in aadsts.MISSET:
        said = _meant(body) or f"Microsoft answered {error}."
        return Check(label, False, said, is_of_pair=True)
    if error == "invalid_grant":
        said = "Microsoft knows both: it refused only the made-up code, as it should."
        return Check(label, True, said, is_of_pair=True)
    said = f"Microsoft answered {answer.status} {error or 'without a reason'}. Try again in a minute."
    return Check(label, None, said)


def _meant(body: dict[str, object]) -> str:
    """Return what a refusal means, with its number, by which Microsoft's own pages explain it."""
    words = str(body.get("error_description", ""))
    number, meaning = aadsts.number_in(words), aadsts.meaning_of(words)
    if number is None:
        return ""
    return f"{meaning.said} (AADSTS{number})" if meaning else f"Microsoft says AADSTS{number}."


def _api(http: Http, endpoints: Endpoints) -> Check:
    label, says = "The calendar API can be reached", "What it lets us do shows with the first connection."
    return probes.api(http, f"{endpoints.api}/me/calendars", label, says, refusals=(401, 403))
