"""The tokens of accounts at providers that people sign in to on their own pages: kept sealed, refreshed one at a time.

An access token is refreshed a few minutes before it ends. Whoever refreshes first writes a claim next to the tokens,
conditional on the row's secret_version; everybody else, in this process or another, waits for what comes of it. New
tokens are saved before they are used, and a stored refresh token is never overwritten with nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.errors import NotFound, ProviderError, SignInNeeded, Unavailable
from calsync.providers.oauth import Authorizer, ClientPair, ClientRefused, Extending, OAuthProvider, Tokens
from calsync.runtime import Runtime
from calsync.services import refusals, stored_tokens
from calsync.services.stored_tokens import Stored
from calsync.store import accounts as rows
from calsync.store import tables as t

AHEAD = timedelta(minutes=5)
"""How long before its end an access token is replaced."""

CLAIM = timedelta(seconds=90)
"""How long one refresh may take before another takes over: longer than any request to a token endpoint."""

POLL_S = 0.25
UNUSED = timedelta(days=180)
"""How long a grant may rest before its end is put down to that."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """The tokens of an account at one version of its secret."""

    stored: Stored
    version: int
    provider: str
    credential_id: int | None


def has_tokens(rt: Runtime, provider: str) -> bool:
    """Return whether accounts of this provider hold tokens."""
    return isinstance(rt.providers.get(provider), OAuthProvider)


def authorizer(rt: Runtime, provider: str) -> Authorizer:
    """Return how people sign in at a provider. Raises NotFound where that is by a password."""
    found = rt.providers.get(provider)
    if not isinstance(found, OAuthProvider):
        raise NotFound("sign-in", provider)
    return found.oauth


def allow_writing(rt: Runtime, account: t.Account) -> bool:
    """Return whether an account's grant lets us write; a password always does."""
    found = rt.providers.get(account.provider)
    return not isinstance(found, OAuthProvider) or not found.oauth.missing(account.scopes, can_write=True)


def offers(rt: Runtime, account: t.Account, extra: str) -> bool:
    """Return whether the person behind an account can be asked for one of oauth.EXTRAS."""
    extending = _extending(rt, account)
    return extending is not None and extending.offers(extra, account.subject)


def has_extra(rt: Runtime, account: t.Account, extra: str) -> bool:
    """Return whether an account's grant holds one of oauth.EXTRAS."""
    extending = _extending(rt, account)
    return extending is not None and extending.allows(extra, account.scopes)


def _extending(rt: Runtime, account: t.Account) -> Extending | None:
    found = rt.providers.get(account.provider)
    signing: object = found.oauth if isinstance(found, OAuthProvider) else None
    return signing if isinstance(signing, Extending) else None


def pair_of(rt: Runtime, credential_id: int | None) -> ClientPair:
    """Return the credentials under which a grant was given. Raises ClientRefused when they were removed."""
    with rt.reading() as session:
        row = None if credential_id is None else session.get(t.ProviderCredential, credential_id)
    if row is None or row.secret is None:
        raise ClientRefused("the provider's credentials were removed")
    return pair_in(rt, row, row.secret)


def pair_in(rt: Runtime, row: t.ProviderCredential, secret: bytes) -> ClientPair:
    """Return the credentials that stand in a row; `secret` is theirs, sealed."""
    account_id, tenant = (str(row.extra.get(name, "")) for name in ("account_id", "tenant"))
    return ClientPair(row.client_id, rt.secrets.unseal(secret), account_id, tenant)


def bearer_of(rt: Runtime, account_id: int) -> Callable[[bool], str]:
    """Return what gives an account's access token; called with True, one that replaces the last, which was refused.

    What it gives it remembers, so that a run reads the tokens once.
    """
    held = Stored()

    def bearer(is_refused: bool) -> str:
        nonlocal held
        if is_refused or not _is_good(held, rt.now()):
            held = _current(rt, account_id, refused=held.access if is_refused else "")
        return held.access

    return bearer


def save(rt: Runtime, session: Session, account: t.Account, tokens: Tokens) -> None:
    """Write tokens that were just granted into an account's row, with what they allow."""
    before = stored_tokens.read(rt, account.secret)
    stored_tokens.write(rt, account, stored_tokens.renewed(before, tokens, rt.now()))
    _note_scopes(rt, account, tokens)
    session.add(account)


def end(rt: Runtime, account_id: int) -> bool:
    """Revoke an account's grant at the provider; return whether it was.

    Not while another account of ours shares it: revoking ends the whole grant of a person to our client. Never
    raises ProviderError: leaving must work although the provider cannot be reached.
    """
    with rt.reading() as session:
        account = rows.get(session, account_id)
        shared = siblings(session, account)
    token = token_of(rt, account)
    if shared or not token:
        return False
    try:
        authorizer(rt, account.provider).revoke(token, pair_of(rt, account.credential_id))
    except ProviderError:
        return False
    return True


def token_of(rt: Runtime, account: t.Account) -> str:
    """Return the token by which an account's grant can be revoked, "" without one."""
    stored = stored_tokens.read(rt, account.secret)
    return stored.refresh or stored.access


def api_url_of(rt: Runtime, account: t.Account) -> str:
    """Return where the last token answer wanted this account's calls, "" for no such wish."""
    return stored_tokens.read(rt, account.secret).api_url


def has_refresh_token(rt: Runtime, account: t.Account, credential_id: int) -> bool:
    """Return whether a refresh token is stored that these credentials of ours can use."""
    return account.credential_id == credential_id and bool(stored_tokens.read(rt, account.secret).refresh)


def siblings(session: Session, account: t.Account) -> list[t.Account]:
    """Return other accounts that live by the same grant: same person there, same credentials of ours."""
    query = sa.select(t.Account).where(
        col(t.Account.provider) == account.provider,
        col(t.Account.subject) == account.subject,
        col(t.Account.credential_id) == account.credential_id,
        col(t.Account.secret).is_not(None),
        col(t.Account.id) != account.id,
    )
    return list(session.scalars(query.order_by(col(t.Account.id))))


# --- one refresh at a time


def _current(rt: Runtime, account_id: int, *, refused: str) -> Stored:
    """Return tokens that are good for a while and are not the refused one, refreshed if need be."""
    for _ in range(int(CLAIM.total_seconds() / POLL_S) + 2):
        seen = _look(rt, account_id)
        if _is_good(seen.stored, rt.now()) and seen.stored.access != refused:
            return seen.stored
        if not seen.stored.refresh:
            raise SignInNeeded("invalid_grant", "no refresh token is stored")
        if not _is_claimed(seen.stored, rt.now()):
            claimed = _claim(rt, account_id, seen)
            if claimed is not None:
                return _refresh(rt, account_id, claimed)
        rt.sleep(POLL_S)
    raise Unavailable("another process refreshes the token and does not come to an end")


def _look(rt: Runtime, account_id: int) -> _Seen:
    with rt.reading() as session:
        account = rows.get(session, account_id)
    if account.secret is None:
        raise SignInNeeded(account.grant_error or "invalid_grant", "the account holds no token")
    stored = stored_tokens.read(rt, account.secret)
    return _Seen(stored, account.secret_version, account.provider, account.credential_id)


def _is_good(stored: Stored, now: datetime) -> bool:
    return bool(stored.access) and stored.expires_at is not None and now < stored.expires_at - AHEAD


def _is_claimed(stored: Stored, now: datetime) -> bool:
    return bool(stored.claimed_by) and stored.claimed_until is not None and now < stored.claimed_until


def _claim(rt: Runtime, account_id: int, seen: _Seen) -> _Seen | None:
    """Write down that we refresh now; None when somebody was faster."""
    claimed = replace(seen.stored, claimed_by=secrets.token_hex(8), claimed_until=rt.now() + CLAIM)
    return _replace(rt, account_id, seen, claimed)


def _refresh(rt: Runtime, account_id: int, seen: _Seen) -> Stored:
    """Ask for new tokens and save them before anybody uses them. Raises ProviderError, the claim given back."""
    free = replace(seen.stored, claimed_by="", claimed_until=None)
    try:
        pair = pair_of(rt, seen.credential_id)
        with refusals.noted(rt, seen.credential_id, pair):
            tokens = authorizer(rt, seen.provider).refresh(pair, seen.stored.refresh, rt.now())
    except ProviderError as error:
        _replace(rt, account_id, seen, free)
        raise _likeliest(error, seen.stored, rt.now()) from error
    fresh = stored_tokens.renewed(free, tokens, rt.now())
    if _replace(rt, account_id, seen, fresh, tokens) is not None:
        return fresh
    # Somebody signed in again meanwhile, or left: what stands there now counts.
    return _current(rt, account_id, refused="")


def _replace(rt: Runtime, account_id: int, seen: _Seen, stored: Stored, tokens: Tokens | None = None) -> _Seen | None:
    """Write tokens if the row is still as it was seen; return it as it is then, None when it is not."""
    with rt.writing() as session:
        query = sa.select(t.Account).where(
            col(t.Account.id) == account_id, col(t.Account.secret_version) == seen.version
        )
        account = session.scalars(query.with_for_update()).one_or_none()
        if account is None or account.secret is None:
            return None
        stored_tokens.write(rt, account, stored)
        if tokens is not None:
            _note_scopes(rt, account, tokens)
        session.add(account)
        return replace(seen, stored=stored, version=account.secret_version)


def _likeliest(error: ProviderError, stored: Stored, now: datetime) -> ProviderError:
    """Return a refusal with the likeliest cause: providers say of most only that it is over."""
    if not isinstance(error, SignInNeeded) or error.why != "invalid_grant":
        return error
    if stored.grant_ends_at is not None and now >= stored.grant_ends_at - AHEAD:
        return SignInNeeded("grant_expired", error.detail)
    if stored.used_at is not None and now - stored.used_at >= UNUSED:
        return SignInNeeded("grant_unused", error.detail)
    return error


def _note_scopes(rt: Runtime, account: t.Account, tokens: Tokens) -> None:
    """What was granted decides what the account may do, not what was asked for."""
    if tokens.scopes:
        account.scopes = sorted(tokens.scopes)
        account.can_write = allow_writing(rt, account)
