"""Signing in to Zoom: the address to send people to, codes to tokens, refreshing, revoking (contract section 18).

Each refresh token works once, and signing in again ends what was granted before to the same person. A grant of a whole
Zoom account (Server-to-Server) has no refresh token: what stands in its place names the account to ask for.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri

from calsync.errors import ProviderError, RateLimited, Refused, Rejected, SignInNeeded
from calsync.providers import token_calls
from calsync.providers.http import Answer, Http
from calsync.providers.oauth import Attempt, ClientPair, ClientRefused, Identity, Tokens, Wish
from calsync.providers.zoom import errors
from calsync.providers.zoom.endpoints import ZOOM, Endpoints

Json = dict[str, Any]

WHOLE_ACCOUNT = "account:"
"""Stands before a Zoom account's id where other grants have a refresh token."""

NEEDED = {
    "meeting:write:meeting": "meeting:write",
    "meeting:update:meeting": "meeting:write",
    "meeting:delete:meeting": "meeting:write",
    "meeting:read:meeting": "meeting:read",
    "meeting:read:list_meetings": "meeting:read",
    "user:read:user": "user:read",
}
"""Every granular scope that we need, and the classic one of older applications that stands in for it (section 18.5)."""


@dataclass(slots=True)
class ZoomAuthorizer:
    """Zoom's sign-in. Each call opens a connection of its own: they are an hour apart."""

    endpoints: Endpoints = ZOOM
    allow_private_network: bool = False

    def url(self, pair: ClientPair, attempt: Attempt, wish: Wish) -> str:
        """Return the address of Zoom's page. What it asks for is set in the application at Zoom, not here."""
        address: str = prepare_grant_uri(
            self.endpoints.authorize,
            pair.client_id,
            "code",
            redirect_uri=attempt.redirect_uri,
            state=attempt.state,
            code_challenge=attempt.challenge,
            code_challenge_method="S256",
        )
        return address

    def exchange(self, pair: ClientPair, attempt: Attempt, code: str, now: datetime) -> tuple[Tokens, Identity]:
        """Return what a code is worth, and who gave it.

        Raises Refused: `code_expired` for a code that is old, used or not ours.
        """
        form = token_calls.code_form(attempt, code)
        with _connection(self, pair) as http:
            try:
                tokens = _tokens(_post(http, self.endpoints.token, pair, form), now)
            except SignInNeeded as error:
                raise Refused("The answer from Zoom is too old or was used already.", code="code_expired") from error
            return tokens, _who(http, self.endpoints, tokens.access, "me")

    def refresh(self, pair: ClientPair, refresh_token: str, now: datetime) -> Tokens:
        """Return new tokens. Raises SignInNeeded when the grant is dead, ClientRefused when our application is.

        A refresh token whose answer was lost is spent: Zoom then says that the grant is dead.
        """
        form = token_calls.refresh_form(refresh_token)
        if refresh_token.startswith(WHOLE_ACCOUNT):
            account_id = refresh_token.removeprefix(WHOLE_ACCOUNT)
            form = {"grant_type": "account_credentials", "account_id": account_id}
        with _connection(self, pair, refresh_token) as http:
            return _tokens(_post(http, self.endpoints.token, pair, form), now)

    def prove(self, pair: ClientPair, now: datetime) -> None:
        """Return when a whole Zoom account lets us in (Server-to-Server). Raises as refresh does."""
        self.refresh(pair, WHOLE_ACCOUNT + pair.account_id, now)

    def admit(self, pair: ClientPair, address: str, now: datetime) -> tuple[Tokens, Identity]:
        """Return a grant of a whole Zoom account for one of its hosts. Raises as refresh does.

        Raises Refused where the account has no such host.
        """
        standing_in = WHOLE_ACCOUNT + pair.account_id
        tokens = self.refresh(pair, standing_in, now)
        with _connection(self, pair) as http:
            try:
                who = _who(http, self.endpoints, tokens.access, address)
            except SignInNeeded as error:
                reason = f"Nobody with the address {address} is in this Zoom account."
                raise Refused(reason, code="no_such_host", field="address") from error
        return replace(tokens, refresh=standing_in), who

    def revoke(self, token: str, pair: ClientPair | None = None) -> None:
        """End the grant behind a refresh token. That takes an access token, so it is used one last time.

        Without our credentials Zoom takes no revocation: Rejected. What others of a whole account live by stays.
        """
        if token.startswith(WHOLE_ACCOUNT):
            return
        if pair is None:
            raise Rejected("unsupported", "Zoom ends grants only for who still has the application's credentials")
        with _connection(self, pair, token) as http:
            try:
                access = _post(http, self.endpoints.token, pair, token_calls.refresh_form(token))["access_token"]
            except SignInNeeded:
                return
            headers = token_calls.FORM | basic(pair)
            body = urlencode({"token": access}).encode()
            http.request("POST", self.endpoints.revoke, headers=headers, body=body, expect=(400,))

    def missing(self, scopes: Collection[str], *, can_write: bool) -> tuple[str, ...]:
        """Return the scopes that were not granted although hosting needs them, whatever calendars may be written."""
        return tuple(each for each, classic in NEEDED.items() if not _is_granted(each, classic, scopes))


def _is_granted(granular: str, classic: str, granted: Collection[str]) -> bool:
    return any(f"{scope}{level}" in granted for scope in (granular, classic) for level in ("", ":admin"))


def _connection(authorizer: ZoomAuthorizer, pair: ClientPair, *hidden: str) -> AbstractContextManager[Http]:
    """Return a connection for one conversation."""
    known = (pair.secret, *hidden)
    return token_calls.connection(_reader, *known, allow_private_network=authorizer.allow_private_network)


def basic(pair: ClientPair) -> dict[str, str]:
    """Return the header that says who we are (RFC 6749 section 2.3.1)."""
    value = base64.b64encode(f"{pair.client_id}:{pair.secret}".encode()).decode("ascii")
    return {"Authorization": f"Basic {value}"}


def _post(http: Http, url: str, pair: ClientPair, form: Mapping[str, str]) -> Json:
    """Ask the token endpoint, which wants our credentials in a header (section 18.4)."""
    return token_calls.ask(http, url, form, name="Zoom", headers=basic(pair))


def _tokens(answer: Json, now: datetime) -> Tokens:
    return replace(token_calls.tokens_of(answer, now), api_url=str(answer.get("api_url") or ""))


def _who(http: Http, endpoints: Endpoints, access: str, user: str) -> Identity:
    """Ask who somebody is: there is no proof of identity in Zoom's answers, so the API has to say it."""
    headers = {"Accept": "application/json", "Authorization": f"Bearer {access}"}
    answer = http.request("GET", f"{endpoints.api}/users/{quote(user, safe='')}", headers=headers)
    person = token_calls.body_of(answer)
    if not person.get("id"):
        raise Refused("Zoom did not say who signed in. Try again.", code="no_identity")
    name = f"{person.get('first_name', '')} {person.get('last_name', '')}".strip()
    return Identity(str(person["id"]), str(person.get("email", "")).lower(), name)


def _reader(http: Http) -> Callable[[Answer], ProviderError | None]:
    """Return how refusals of the token endpoint, and of the question who it is, are read (section 18.4)."""

    def read(answer: Answer) -> ProviderError | None:
        body, said = token_calls.body_of(answer), http.describe(answer)
        error = str(body.get("error", ""))
        if error in ("invalid_client", "unauthorized_client"):
            return ClientRefused(said)
        if error == "invalid_grant":
            return SignInNeeded("invalid_grant", said)
        if error:
            return Rejected("invalid", said)
        found = errors.read(http, answer)
        return found if isinstance(found, RateLimited | SignInNeeded | Rejected) else None

    return read
