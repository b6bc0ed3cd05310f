"""Signing in by OAuth: the values that cross between a provider and who keeps its tokens, and one attempt at it.

Nothing here knows a provider, a page or a table.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hmac import compare_digest
from typing import Protocol, runtime_checkable

from authlib.oauth2.rfc7636 import create_s256_code_challenge

from calsync.errors import Refused, Rejected
from calsync.providers.base import Provider


class ClientRefused(Rejected):
    """The provider does not know us any more: an admin must mend the credentials; no grant has ended."""

    def __init__(self, detail: str) -> None:
        super().__init__("permission", detail)


@dataclass(frozen=True, slots=True)
class ClientPair:
    """Who we are at a provider: the credentials that an admin entered. Its repr shows no secret.

    `account_id` is set where they act for a whole account there, without anybody signing in (see WholeAccounts).
    `tenant` says whose people may sign in, at a provider whose sign-in asks that; "" leaves it to the provider.
    """

    client_id: str
    secret: str = field(repr=False)
    account_id: str = ""
    tenant: str = ""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a grant gave last. `refresh` is "" where the answer had none: the stored one then stays good.

    `grant_ends_at` is when the whole grant ends by itself, None for one without such an end. `api_url` is where the
    provider wants this person's calls, "" for the usual place; whether a token may go there is the provider's to say.
    """

    access: str = field(repr=False)
    expires_at: datetime
    refresh: str = field(default="", repr=False)
    scopes: frozenset[str] = frozenset()
    grant_ends_at: datetime | None = None
    api_url: str = ""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who signed in. `subject` never changes; the address may. `domain` is that of an organisation, or ""."""

    subject: str
    address: str
    name: str = ""
    domain: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at signing in, kept with the login session of the person who began it."""

    state: str
    nonce: str
    verifier: str = field(repr=False)
    redirect_uri: str = ""

    @property
    def challenge(self) -> str:
        """The verifier's S256 challenge (RFC 7636 section 4.2)."""
        return str(create_s256_code_challenge(self.verifier))


def begin(redirect_uri: str) -> Attempt:
    """Return a new attempt that comes back to `redirect_uri`."""
    return Attempt(secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(64), redirect_uri)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person is to be asked for.

    `login_hint` is the address or subject to sign in again as. `needs_consent` asks for everything anew: no refresh
    token is stored, or a permission is missing. `extras` are asked for besides (see Extending).
    """

    can_write: bool = False
    login_hint: str = ""
    needs_consent: bool = False
    extras: tuple[str, ...] = ()


class Authorizer(Protocol):
    """A provider's sign-in. Every method that asks it may raise any ProviderError."""

    def url(self, pair: ClientPair, attempt: Attempt, wish: Wish) -> str:
        """Return the address to send the browser to."""

    def exchange(self, pair: ClientPair, attempt: Attempt, code: str, now: datetime) -> tuple[Tokens, Identity]:
        """Return what a code is worth, and who gave it. Raises Refused where another attempt is needed."""

    def refresh(self, pair: ClientPair, refresh_token: str, now: datetime) -> Tokens:
        """Return new tokens. Raises SignInNeeded when the grant is dead, ClientRefused when our credentials are."""

    def revoke(self, token: str, pair: ClientPair | None = None) -> None:
        """End the grant behind a token. One that is dead already is fine. `pair` is who it was given to, while that is
        known: some providers take a revocation from nobody else.
        """

    def missing(self, scopes: Collection[str], *, can_write: bool) -> tuple[str, ...]:
        """Return the scopes that were not granted although reading, or writing too, needs them."""


@runtime_checkable
class WholeAccounts(Protocol):
    """A sign-in that also takes credentials of a whole account there: an admin gave them for everybody in it."""

    def admit(self, pair: ClientPair, address: str, now: datetime) -> tuple[Tokens, Identity]:
        """Return a grant for one person of the account. Raises Refused with the field `address` for a stranger, and as
        Authorizer.refresh does.
        """

    def prove(self, pair: ClientPair, now: datetime) -> None:
        """Return when the account lets these credentials in. Raises as Authorizer.refresh does."""


@runtime_checkable
class Explaining(Protocol):
    """A sign-in that says more of its refusals than their common words."""

    def explain(self, query: Mapping[str, str]) -> Refused | None:
        """Return what an error that came back means to who signs in; None to leave it to the common words."""


ROOMS, ZONE = "rooms", "zone"
EXTRAS = (ROOMS, ZONE)
"""What is asked for only where somebody clicks for it: the rooms of the organisation, the mailbox's time zone."""


@runtime_checkable
class Extending(Protocol):
    """A sign-in that can ask for more than reading and writing calendars: some of EXTRAS."""

    def offers(self, extra: str, subject: str) -> bool:
        """Return whether the person with this subject can be asked for it."""

    def allows(self, extra: str, scopes: Collection[str]) -> bool:
        """Return whether scopes that were granted hold it."""


@runtime_checkable
class Inspecting(Protocol):
    """A sign-in whose provider tells whose an access token is."""

    def inspect(self, access_token: str, now: datetime) -> tuple[Tokens, Identity]:
        """Return what an access token that somebody else was given allows, without any means to renew it, and whose
        it is. Raises Refused with the code `token_refused` when the provider does not know it (any more).
        """


@runtime_checkable
class OAuthProvider(Provider, Protocol):
    """A registry entry of a provider that people sign in to on its own pages."""

    oauth: Authorizer


_ANSWERS = {
    "access_denied": "You did not give permission, so nothing has changed.",
    "admin_policy_enforced": "Nothing was connected. Its administrators decide which apps may see calendars.",
    "org_internal": "Only people of the organisation that registered this app may sign in with it.",
    "reauth_needed": "Your organisation wants you to sign in there anew before anything else is allowed.",
    "scope_refused": "The permissions that were asked for cannot be given, so nothing has changed.",
    "temporarily_unavailable": "The sign-in page is out of order at the moment. Try again in a few minutes.",
    "server_error": "The sign-in page is out of order at the moment. Try again in a few minutes.",
}


def read_callback(
    attempt: Attempt | None,
    query: Mapping[str, str],
    issuers: Collection[str] = (),
    explaining: Authorizer | None = None,
) -> str:
    """Return the code that came back to us.

    Raises Refused: `state_lost` when this browser did not begin the attempt or used it already, `wrong_issuer`, or
    the code of the provider's own error, in the words of the sign-in that is `explaining`.
    """
    if attempt is None or not compare_digest(query.get("state", "").encode(), attempt.state.encode()):
        raise Refused("This sign-in was not begun here, or it was used already. Begin again.", code="state_lost")
    if query.get("iss") and issuers and query["iss"] not in issuers:
        raise Refused("The answer came from somewhere else than we asked. Begin again.", code="wrong_issuer")
    if query.get("error"):
        explained = explaining.explain(query) if isinstance(explaining, Explaining) else None
        raise explained or refusal(query["error"])
    if not query.get("code"):
        raise Refused("The sign-in page sent no answer that can be used. Begin again.", code="no_code")
    return query["code"]


def refusal(error: str) -> Refused:
    """Return what a provider's own error means for the person who signs in, `sign_in_failed` for one not known."""
    code = error if error in _ANSWERS else "sign_in_failed"
    return Refused(_ANSWERS.get(error, "The sign-in page answered with an error. Begin again."), code=code)
