"""Signing in to Microsoft: the address to send people to, codes to tokens, refreshing (contract section A1).

Each refresh brings a new refresh token, and the one before goes on working for a while: an answer that was lost costs
nobody their grant. There is no way to end a grant from here, which only people themselves can do.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri

from calsync.errors import ProviderError, RateLimited, Refused, Rejected, SignInNeeded, Unavailable
from calsync.providers import token_calls
from calsync.providers.http import Answer, Http
from calsync.providers.microsoft import aadsts, identity
from calsync.providers.microsoft.endpoints import COMMON, CONSUMERS, MICROSOFT, PERSONAL, Endpoints
from calsync.providers.oauth import (
    ROOMS,
    ZONE,
    Attempt,
    ClientPair,
    ClientRefused,
    Identity,
    Tokens,
    Wish,
    refusal,
)

Json = dict[str, Any]

PREFIX = "https://graph.microsoft.com/"
SIGN_IN = ("openid", "profile", "email", "offline_access", "User.Read")
READ = ("Calendars.Read",)
WRITE = ("Calendars.ReadWrite",)
MEETINGS = "OnlineMeetings.ReadWrite"
"""Asked for beside writing where only organisations sign in: personal accounts cannot give it. Links on events do
without it (section A8), so nothing is missing where it was not given."""

EXTRAS = {ROOMS: "Place.Read.All", ZONE: "MailboxSettings.Read"}
"""Asked for only where somebody clicks for it (section A1.5): the first needs an administrator."""

LEAVE_AT = "https://myapps.microsoft.com and https://account.live.com/consent/Manage"
"""Where people take permissions back: of work accounts, and of personal ones."""

_WIDER = {"calendars.read": ("calendars.readwrite",)}
_DEAD = ("invalid_grant", "interaction_required", "consent_required", "login_required")
_OURS = ("invalid_client", "unauthorized_client")
_LATER = ("temporarily_unavailable", "server_error")


@dataclass(slots=True)
class MicrosoftAuthorizer:
    """Microsoft's sign-in. Each call opens a connection of its own: they are an hour apart."""

    endpoints: Endpoints = MICROSOFT
    allow_private_network: bool = False

    def url(self, pair: ClientPair, attempt: Attempt, wish: Wish) -> str:
        """Return the address of Microsoft's page. A first connection lets the person choose the account.

        Consent is never demanded: the page asks by itself for what was not given yet, and a demand would stop people
        whose administrator agreed for them.
        """
        address: str = prepare_grant_uri(
            self.endpoints.authorize(pair.tenant),
            pair.client_id,
            "code",
            redirect_uri=attempt.redirect_uri,
            scope=" ".join((*SIGN_IN, *_asked(pair.tenant, wish))),
            state=attempt.state,
            nonce=attempt.nonce,
            code_challenge=attempt.challenge,
            code_challenge_method="S256",
            response_mode="query",
            prompt=None if wish.login_hint else "select_account",
            login_hint=wish.login_hint if "@" in wish.login_hint else None,
        )
        return address

    def exchange(self, pair: ClientPair, attempt: Attempt, code: str, now: datetime) -> tuple[Tokens, Identity]:
        """Return what a code is worth, and who gave it.

        Raises Refused: `code_expired` for a code that is old, used or not ours, `no_identity` where Microsoft does not
        prove who signed in, and what its refusals mean where the person's organisation forbids it.
        """
        form = token_calls.code_form(attempt, code)
        with _connection(self, pair) as http:
            try:
                answer = _post(http, self.endpoints.token(pair.tenant), pair, form)
            except SignInNeeded as error:
                raise _not_redeemed(error) from error
            # By Microsoft's clock: ours may be wrong, and the token says when it was made by theirs.
            there = http.now() + (http.clock_offset or timedelta())
            token = answer.get("id_token")
            who = identity.verify(http, self.endpoints, pair.tenant, token, pair.client_id, attempt.nonce, there)
        return _tokens(answer, now), who

    def refresh(self, pair: ClientPair, refresh_token: str, now: datetime) -> Tokens:
        """Return new tokens. Raises SignInNeeded when the grant is dead, ClientRefused when our registration is."""
        form = token_calls.refresh_form(refresh_token)
        with _connection(self, pair, refresh_token) as http:
            return _tokens(_post(http, self.endpoints.token(pair.tenant), pair, form), now)

    def revoke(self, token: str, pair: ClientPair | None = None) -> None:
        """Raise Rejected: only the person can end the grant (section A1.4). Ending it with every sign-in of theirs,
        which Graph offers, is nothing that anybody wished.
        """
        raise Rejected("unsupported", f"permissions are taken back at {LEAVE_AT}")

    def missing(self, scopes: Collection[str], *, can_write: bool) -> tuple[str, ...]:
        """Return the scopes that were not granted although reading, or writing too, needs them."""
        granted = {plain(scope).lower() for scope in scopes}
        return tuple(scope for scope in (WRITE if can_write else READ) if not _is_granted(scope.lower(), granted))

    def offers(self, extra: str, subject: str) -> bool:
        """Return whether somebody can be asked for more; personal accounts have no organisation with rooms."""
        return extra in EXTRAS and not (extra == ROOMS and subject.startswith(PERSONAL))

    def allows(self, extra: str, scopes: Collection[str]) -> bool:
        """Return whether scopes hold what was asked for besides."""
        return extra in EXTRAS and _is_granted(EXTRAS[extra].lower(), {plain(scope).lower() for scope in scopes})

    def explain(self, query: Mapping[str, str]) -> Refused | None:
        """Return what the error that came back with a person means to them; None to leave it to the common words."""
        return refused_as(query.get("error", ""), query.get("error_description", ""))


def _asked(tenant: str, wish: Wish) -> tuple[str, ...]:
    takes_persons = tenant in ("", COMMON, CONSUMERS)
    meetings = (MEETINGS,) if wish.can_write and not takes_persons else ()
    return (*(WRITE if wish.can_write else READ), *meetings, *(EXTRAS[name] for name in wish.extras if name in EXTRAS))


def plain(scope: str) -> str:
    """Return a scope without the name of the API before it, which Microsoft writes now and then."""
    return scope.removeprefix(PREFIX)


def _is_granted(scope: str, granted: Collection[str]) -> bool:
    return scope in granted or any(wider in granted for wider in _WIDER.get(scope, ()))


def _connection(authorizer: MicrosoftAuthorizer, pair: ClientPair, *hidden: str) -> AbstractContextManager[Http]:
    """Return a connection for one conversation."""
    known = (pair.secret, *hidden)
    return token_calls.connection(_reader, *known, allow_private_network=authorizer.allow_private_network)


def _post(http: Http, url: str, pair: ClientPair, form: Mapping[str, str]) -> Json:
    return token_calls.ask(http, url, {**form, **token_calls.pair_form(pair)}, name="Microsoft")


def _tokens(answer: Json, now: datetime) -> Tokens:
    tokens = token_calls.tokens_of(answer, now)
    return replace(tokens, scopes=frozenset(map(plain, tokens.scopes)))


def _reader(http: Http) -> Callable[[Answer], ProviderError | None]:
    """Return how refusals of the token endpoint are read (section A1.6)."""

    def read(answer: Answer) -> ProviderError | None:
        body, said = token_calls.body_of(answer), http.describe(answer)
        error, words = str(body.get("error", "")), str(body.get("error_description", ""))
        number = aadsts.number_in(words)
        if error in _LATER:
            return Unavailable(said)
        if number in (50196, 90055) or answer.status == 429:
            return RateLimited(http.now() + (http.retry_after(answer) or timedelta(seconds=60)), said)
        if error in _OURS or number in aadsts.MISSET:
            return ClientRefused(_explained(words, said))
        if error in _DEAD:
            return SignInNeeded(why_of(words, error), _explained(words, said))
        return Rejected("invalid", said) if answer.status in (400, 401) else None

    return read


def why_of(words: str, error: str = "") -> str:
    """Return our word for why a grant ended."""
    meaning = aadsts.meaning_of(words)
    if meaning is not None and meaning.why:
        return meaning.why
    return {"consent_required": "scope_lost", "interaction_required": "reauth_needed"}.get(error, "invalid_grant")


def refused_as(error: str, words: str) -> Refused | None:
    """Return what a refusal means for who signs in; None where Microsoft's number says nothing to us."""
    meaning = aadsts.meaning_of(words)
    if meaning is None:
        return refusal("access_denied" if error == "consent_required" else error) if error else None
    code = {aadsts.ADMIN: "needs_admin", aadsts.OPERATOR: "misconfigured", aadsts.NOBODY: "temporarily_unavailable"}
    if aadsts.number_in(words) == 65004:
        return Refused(meaning.said, code="access_denied")
    if meaning.who == aadsts.ADMIN and not meaning.is_approval:
        return Refused(meaning.said, code="admin_policy_enforced")
    return Refused(meaning.said, code=code.get(meaning.who, "sign_in_failed"))


def _not_redeemed(error: SignInNeeded) -> Refused:
    """Return why a code brought nothing: what an organisation demands does not pass when people begin again."""
    if aadsts.number_in(error.detail) is None or error.why == "invalid_grant":
        return Refused("The answer from Microsoft is too old or was used already.", code="code_expired")
    return refused_as("", error.detail) or refusal("")


def _explained(words: str, said: str) -> str:
    """Return a refusal in our words, with Microsoft's behind them."""
    meaning = aadsts.meaning_of(words)
    return said if meaning is None else f"{meaning.said} {said}"
