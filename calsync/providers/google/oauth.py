"""Signing in to Google: the address to send people to, codes to tokens, refreshing, revoking (contract section 1)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri

from calsync.errors import ProviderError, RateLimited, Refused, Rejected, SignInNeeded, Unavailable
from calsync.providers import token_calls
from calsync.providers.google import identity
from calsync.providers.google.endpoints import GOOGLE, Endpoints
from calsync.providers.http import Answer, Http
from calsync.providers.oauth import Attempt, ClientPair, ClientRefused, Identity, Tokens, Wish, refusal

Json = dict[str, Any]

PREFIX = "https://www.googleapis.com/auth/"
SIGN_IN = ("openid", "email")
READ = (PREFIX + "calendar.events.readonly", PREFIX + "calendar.calendarlist.readonly")
WRITE = (PREFIX + "calendar.events", PREFIX + "calendar.calendarlist.readonly")
WISHED = (PREFIX + "calendar.freebusy",)
"""Asked for with write access, and missed by nothing but the question when others are busy (section 1.11)."""

_WIDER = {
    PREFIX + "calendar.events.readonly": ("calendar.events", "calendar.readonly", "calendar"),
    PREFIX + "calendar.events": ("calendar",),
    PREFIX + "calendar.calendarlist.readonly": ("calendar.calendarlist", "calendar.readonly", "calendar"),
}
"""Scopes that a wider one stands in for (section 1.9); what was granted for other programs counts too."""

_POLICIES = ("admin_policy_enforced", "org_internal", "access_denied")
"""An organisation's own rules, not the person's wish: Workspace says any of them at the token endpoint, too."""

_LATER = ("internal_failure", "server_error", "temporarily_unavailable")


@dataclass(slots=True)
class GoogleAuthorizer:
    """Google's sign-in. Each call opens a connection of its own: they are an hour apart."""

    endpoints: Endpoints = GOOGLE
    allow_private_network: bool = False

    def url(self, pair: ClientPair, attempt: Attempt, wish: Wish) -> str:
        """Return the address of Google's page.

        A first connection lets the person choose the account; `consent` is asked for only where it is needed,
        because each consent makes a refresh token and the hundred-and-first ends the oldest (section 1.8).
        """
        prompts = [] if wish.login_hint else ["select_account"]
        prompts += ["consent"] if wish.needs_consent else []
        address: str = prepare_grant_uri(
            self.endpoints.authorize,
            pair.client_id,
            "code",
            redirect_uri=attempt.redirect_uri,
            scope=" ".join((*SIGN_IN, *((*WRITE, *WISHED) if wish.can_write else READ))),
            state=attempt.state,
            nonce=attempt.nonce,
            code_challenge=attempt.challenge,
            code_challenge_method="S256",
            access_type="offline",
            include_granted_scopes="true",
            prompt=" ".join(prompts) or None,
            login_hint=wish.login_hint or None,
        )
        return address

    def exchange(self, pair: ClientPair, attempt: Attempt, code: str, now: datetime) -> tuple[Tokens, Identity]:
        """Return what a code is worth, and who gave it.

        Raises Refused: `code_expired` for a code that is old, used or not ours, `no_identity` where Google does not
        prove who signed in, and the codes of `oauth.refusal` where the person's organisation forbids it.
        """
        form = token_calls.code_form(attempt, code)
        with _connection(self, pair) as http:
            try:
                answer = _post(http, self.endpoints.token, pair, form)
            except SignInNeeded as error:
                raise _not_redeemed(error) from error
            # By Google's clock: ours may be wrong, and the token says when it was made by theirs.
            there = http.now() + (http.clock_offset or timedelta())
            who = identity.verify(http, self.endpoints, answer.get("id_token"), pair.client_id, attempt.nonce, there)
        return _tokens(answer, now), who

    def refresh(self, pair: ClientPair, refresh_token: str, now: datetime) -> Tokens:
        """Return new tokens. Raises SignInNeeded when the grant is dead, ClientRefused when our client is."""
        form = token_calls.refresh_form(refresh_token)
        with _connection(self, pair, refresh_token) as http:
            return _tokens(_post(http, self.endpoints.token, pair, form), now)

    def inspect(self, access_token: str, now: datetime) -> tuple[Tokens, Identity]:
        """Return what a bare access token allows, and whose it is; it says that itself, so no client is needed.

        Raises Refused with the code `token_refused` for one that is wrong, over, or names nobody.
        """
        form = urlencode({"access_token": access_token}).encode()
        with _connection(self, None, access_token) as http:
            try:
                answer = http.request("POST", self.endpoints.tokeninfo, headers=token_calls.FORM, body=form)
            except (Rejected, SignInNeeded) as error:
                raise _unknown_token() from error
        about = token_calls.body_of(answer)
        if not about.get("sub"):
            raise _unknown_token()
        tokens = _tokens({**about, "access_token": access_token}, now)
        who = Identity(str(about["sub"]), str(about.get("email", "")))
        return replace(tokens, grant_ends_at=tokens.expires_at), who

    def revoke(self, token: str, pair: ClientPair | None = None) -> None:
        """End the whole grant of this person to this client (section 1.10)."""
        form = urlencode({"token": token}).encode()
        with _connection(self, None, token) as http:
            http.request("POST", self.endpoints.revoke, headers=token_calls.FORM, body=form, expect=(400,))

    def missing(self, scopes: Collection[str], *, can_write: bool) -> tuple[str, ...]:
        """Return the scopes that were not granted although reading, or writing too, needs them."""
        return tuple(scope for scope in (WRITE if can_write else READ) if not _is_granted(scope, scopes))


def _is_granted(scope: str, granted: Collection[str]) -> bool:
    return scope in granted or any(PREFIX + wider in granted for wider in _WIDER.get(scope, ()))


def _connection(authorizer: GoogleAuthorizer, pair: ClientPair | None, *hidden: str) -> AbstractContextManager[Http]:
    """Return a connection for one conversation."""
    known = (pair.secret, *hidden) if pair else hidden
    return token_calls.connection(_reader, *known, allow_private_network=authorizer.allow_private_network)


def _post(http: Http, url: str, pair: ClientPair, form: Mapping[str, str]) -> Json:
    return token_calls.ask(http, url, {**form, **token_calls.pair_form(pair)}, name="Google")


def _tokens(answer: Json, now: datetime) -> Tokens:
    ends = answer.get("refresh_token_expires_in")
    tokens = token_calls.tokens_of(answer, now)
    return replace(tokens, grant_ends_at=None if ends is None else now + timedelta(seconds=int(ends)))


def _reader(http: Http) -> Callable[[Answer], ProviderError | None]:
    """Return how refusals of the token endpoint are read (sections 1.6 and 1.7)."""

    def read(answer: Answer) -> ProviderError | None:
        body, said = token_calls.body_of(answer), http.describe(answer)
        error, kind = str(body.get("error", "")), str(body.get("error_subtype", ""))
        if error in _LATER or str(body.get("error_description", "")) in _LATER:
            return Unavailable(said)
        if error == "rate_limit_exceeded":
            return RateLimited(http.now() + (http.retry_after(answer) or timedelta(seconds=60)), said)
        if error in ("invalid_grant", "invalid_scope", *_POLICIES):
            return SignInNeeded(_why(error, kind), said)
        if error in ("invalid_client", "deleted_client", "unauthorized_client"):
            return ClientRefused(said)
        return Rejected("invalid", said) if answer.status in (400, 401) else None

    return read


def _why(error: str, kind: str) -> str:
    if kind in ("invalid_rapt", "rapt_required"):
        return "reauth_needed"
    if error in _POLICIES:
        return "admin_policy"
    return "scope_lost" if error == "invalid_scope" else "invalid_grant"


def _not_redeemed(error: SignInNeeded) -> Refused:
    """Return why a code brought nothing: a policy does not pass when people begin again, an old code does."""
    match error.why:
        case "admin_policy":
            return refusal("admin_policy_enforced")
        case "reauth_needed":
            return refusal("reauth_needed")
        case "scope_lost":
            return refusal("scope_refused")
    return Refused("The answer from Google is too old or was used already.", code="code_expired")


def _unknown_token() -> Refused:
    reason = "Google does not know this token, or it is over. It needs the scopes openid, email and of the calendar."
    return Refused(reason, code="token_refused", field="oauth_token")
