"""Credentials of Google's: the file from the Cloud Console, their shape, and trying them without a person.

Contract sections 1.1, 1.2 and 1.6. The addresses in a file are ignored: ours come from `endpoints.py` alone.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from calsync.errors import ProviderError, Refused
from calsync.providers import probes, token_calls
from calsync.providers.google import setup
from calsync.providers.google.endpoints import GOOGLE, Endpoints
from calsync.providers.google.oauth import PREFIX
from calsync.providers.http import Http
from calsync.providers.oauth import ClientPair
from calsync.providers.registration import LARGEST_FILE, Box, Check, ClientFile, SetupStep

MOST_SKEW = timedelta(minutes=5)
"""How far our clock may be off before proofs of identity stop being valid."""

_CLIENT_ID = re.compile(r"[0-9]+(-[a-z0-9]+)?\.apps\.googleusercontent\.com")
_SECRET = re.compile(r"[A-Za-z0-9_-]{20,200}")

_LIST_BOX = Box(
    PREFIX + "calendar.calendarlist.readonly",
    "See the list of Google calendars you’re subscribed to",
    "so that you can choose which calendars sync",
    "Your calendars cannot be listed, so none can be chosen.",
)
_READ_BOX = Box(
    PREFIX + "calendar.events.readonly",
    "View events on all your calendars",
    "so that your events appear here",
    "Events cannot be read, so nothing appears here.",
)
_WRITE_BOX = Box(
    PREFIX + "calendar.events",
    "View and edit events on all your calendars",
    "so that your events appear here, and what you plan or change here appears there",
    "What you plan or change here cannot be written to your calendar.",
)
_BUSY_BOX = Box(
    PREFIX + "calendar.freebusy",
    "View your availability in your calendars",
    "so that rooms and colleagues without an account here can be asked when they are busy",
    "Nobody else’s busy time can be asked for through this account; everything else works.",
)


@dataclass(slots=True)
class GoogleRegistration:
    """What Google wants to know about us."""

    endpoints: Endpoints = GOOGLE
    allow_private_network: bool = False
    steps: tuple[SetupStep, ...] = setup.STEPS
    lasting: SetupStep = setup.LASTING
    file_kind: str = "application/json,.json"

    @property
    def sign_in_origin(self) -> str:
        parts = urlsplit(self.endpoints.authorize)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def issuers(self) -> tuple[str, ...]:
        return self.endpoints.issuers

    def read_file(self, data: bytes) -> ClientFile:
        """Return what `client_secret_….json` says. Raises Refused: only files of a web application are taken."""
        web = _web(data)
        pair = ClientPair(_text(web, "client_id"), _text(web, "client_secret"))
        if not pair.client_id or not pair.secret:
            raise _refused("The file has no client ID or no client secret. Download it again.")
        uris = web.get("redirect_uris")
        listed = tuple(uri for uri in uris if isinstance(uri, str)) if isinstance(uris, list) else ()
        return ClientFile(pair, listed, _text(web, "project_id"))

    def check(self, pair: ClientPair) -> None:
        """Return when a pair looks like Google's."""
        if _CLIENT_ID.fullmatch(pair.secret):
            raise Refused("This is a Client ID. The secret stands below it in the console.", field="client_secret")
        if not _CLIENT_ID.fullmatch(pair.client_id):
            reason = "A Client ID of Google’s looks like 1234567890-abc123.apps.googleusercontent.com."
            raise Refused(reason, field="client_id")
        if not _SECRET.fullmatch(pair.secret):
            reason = "A Client Secret of Google’s has letters, digits, - and _ only, and often begins with GOCSPX-."
            raise Refused(reason, field="client_secret")

    def boxes(self, *, can_write: bool) -> tuple[Box, ...]:
        """Return the boxes of Google's page; it shows them in an order of its own."""
        return (_WRITE_BOX, _LIST_BOX, _BUSY_BOX) if can_write else (_READ_BOX, _LIST_BOX)

    def examine(self, pair: ClientPair, redirect_uri: str, now: datetime) -> list[Check]:
        """Ask for the discovery document, a token for a code that nobody gave, and the API without a token."""
        with probes.connection(pair, allow_private_network=self.allow_private_network) as http:
            lines = [_discovery(http, self.endpoints), _token(http, self.endpoints, pair, redirect_uri)]
            lines += [_api(http, self.endpoints), probes.clock(probes.offset(http, now), "Google", MOST_SKEW)]
        return lines

    def clock_offset(self, now: datetime) -> timedelta | None:
        """Return Google's time minus `now`; None when Google cannot be asked."""
        return probes.clock_offset(self.endpoints.discovery, now, allow_private_network=self.allow_private_network)


# --- the file


def _web(data: bytes) -> dict[str, Any]:
    if len(data) > LARGEST_FILE:
        raise _refused("The file is larger than 64 KB, so it is no credentials file of Google’s.")
    try:
        content = json.loads(data.decode("utf-8-sig"))
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise _refused("The file is not JSON. Choose the client_secret_….json from the Cloud Console.") from error
    if isinstance(content, dict) and isinstance(content.get("web"), dict):
        web: dict[str, Any] = content["web"]
        return web
    raise _refused(_why_not(content))


def _why_not(content: Any) -> str:
    if not isinstance(content, dict):
        return "The file is JSON, but holds no credentials."
    if "installed" in content:
        return (
            "These credentials are of the type Desktop app (“installed”). Google lets them come back to the same "
            "machine only. Create an OAuth client of the type Web application."
        )
    if content.get("type") == "service_account":
        return (
            "This is the key of a service account, which is no person and has calendars of its own. Create an OAuth "
            "client of the type Web application, and delete this key if nothing else uses it."
        )
    if content.get("type") == "authorized_user":
        return "These are one person’s tokens, not the credentials of an application. Create an OAuth client."
    return "The file holds no OAuth client of the type Web application: it has no part called “web”."


def _text(values: dict[str, Any], name: str) -> str:
    value = values.get(name)
    return value.strip() if isinstance(value, str) else ""


def _refused(reason: str) -> Refused:
    return Refused(reason, code="unusable_file", field="file")


# --- the test


def _discovery(http: Http, endpoints: Endpoints) -> Check:
    label = "Google’s sign-in can be reached"
    answer = probes.ask(http, "GET", endpoints.discovery)
    if isinstance(answer, ProviderError):
        return Check(
            label, False, f"No answer from {urlsplit(endpoints.discovery).hostname}. Does this server have a way out?"
        )
    is_there = token_calls.body_of(answer).get("issuer") in endpoints.issuers
    return Check(label, is_there, "Its description was read." if is_there else "What answered is not Google.")


def _token(http: Http, endpoints: Endpoints, pair: ClientPair, redirect_uri: str) -> Check:
    """Redeem a code that nobody gave: a good pair is told about the code, a bad one about itself (section 1.6)."""
    form = {
        "grant_type": "authorization_code",
        "code": "4/0calsync-test",
        "redirect_uri": redirect_uri,
        "client_id": pair.client_id,
        "client_secret": pair.secret,
    }
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = probes.ask(http, "POST", endpoints.token, headers=headers, body=urlencode(form).encode())
    label = "Client ID and Client Secret are accepted"
    if isinstance(answer, ProviderError):
        return Check(label, None, "The token address did not answer. Try again in a minute.")
    body = token_calls.body_of(answer)
    error, said = str(body.get("error", "")), str(body.get("error_description", "")).lower()
    match error:
        case "invalid_grant":
            said = "Google knows both: it refused only the made-up code, as it should."
            return Check(label, True, said, is_of_pair=True)
        case "invalid_client" if "secret" in said:
            said = "Google knows the Client ID, but this is not its secret, or not any more."
            return Check(label, False, said, is_of_pair=True)
        case "invalid_client" | "deleted_client":
            return Check(label, False, "Google does not know this Client ID. Was the client deleted?", is_of_pair=True)
        case "redirect_uri_mismatch":
            return Check(label, False, "The pair is accepted, but the Redirect URI is not registered there.")
        case "unauthorized_client":
            return Check(label, False, "The client may not do this: it is not of the type Web application.")
    return Check(label, None, f"Google answered {answer.status} {error or 'without a reason'}. Try again in a minute.")


def _api(http: Http, endpoints: Endpoints) -> Check:
    label = "The Calendar API can be reached"
    says = "Whether it is enabled in your project shows with the first connection."
    return probes.api(http, f"{endpoints.api}/users/me/calendarList", label, says, refusals=(401, 403))
