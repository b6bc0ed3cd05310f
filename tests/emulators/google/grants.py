"""What people allowed: scopes, codes, tokens, and every way they end (contract 1.6 to 1.10)."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from tests.emulators import keys
from tests.emulators.google.model import AccessToken, Client, Grant, RefreshToken, Resource, User
from tests.emulators.google.world import World

EMAIL = "https://www.googleapis.com/auth/userinfo.email"
PROFILE = "https://www.googleapis.com/auth/userinfo.profile"
ALIASES = {"email": EMAIL, "profile": PROFILE}
SIGN_IN = frozenset({"openid", EMAIL, PROFILE})

ACCESS_LASTS_S = 3599
TESTING_LASTS_S = 604_799
UNUSED_DIES = timedelta(days=183)
MOST_REFRESH_TOKENS = 100


def canonical(scopes: Iterable[str]) -> set[str]:
    """Return scopes under the names that Google answers with."""
    return {ALIASES.get(scope, scope) for scope in scopes}


def written(scopes: Iterable[str]) -> str:
    """Return the `scope` text of an answer: canonical, and not in the order that was asked (1.9)."""
    return " ".join(sorted(canonical(scopes)))


def get_grant(world: World, email: str, client_id: str) -> Grant:
    """Return the living grant of a person to a client, a new empty one if there is none."""
    grant = world.grants.get((email, client_id))
    if grant is None or grant.is_revoked:
        grant = world.grants[(email, client_id)] = Grant(email, client_id)
    return grant


def issue_access(world: World, grant: Grant, scopes: Iterable[str], refresh: RefreshToken | None = None) -> AccessToken:
    value = f"ya29.a0{secrets.token_urlsafe(90)}"
    expires_at = world.now() + timedelta(seconds=ACCESS_LASTS_S)
    token = AccessToken(value, grant, frozenset(scopes), expires_at, refresh)
    world.access_tokens[value] = token
    return token


def issue_refresh(
    world: World, grant: Grant, client: Client, scopes: frozenset[str], ttl_s: int | None
) -> RefreshToken:
    """Add a refresh token. The 101st of a person and client silently ends the oldest (1.8).

    `ttl_s` is a time limit that the person chose; apps in testing have seven days unless they only sign in.
    """
    if client.is_testing and not scopes <= SIGN_IN:
        ttl_s = TESTING_LASTS_S
    now = world.now()
    expires_at = now + timedelta(seconds=ttl_s) if ttl_s is not None else None
    token = RefreshToken(f"1//0g{secrets.token_urlsafe(64)}", scopes, now, now, expires_at)
    grant.refresh_tokens.append(token)
    world.refresh_tokens[token.value] = (grant, token)
    for old in [one for one in grant.refresh_tokens if not one.is_dead][:-MOST_REFRESH_TOKENS]:
        old.is_dead = True
    return token


def is_alive(grant: Grant, token: RefreshToken, now: datetime) -> bool:
    """Tell whether a refresh token still works: not revoked, not pushed out, not expired, not forgotten."""
    is_over = token.expires_at is not None and token.expires_at <= now
    return not (grant.is_revoked or token.is_dead or is_over or token.used_at + UNUSED_DIES <= now)


def revoke(grant: Grant) -> None:
    """End the whole grant of this person to this client, with all its tokens (1.10)."""
    grant.is_revoked = True


def id_token(world: World, user: User, token: AccessToken, nonce: str | None) -> str:
    now = int(world.now().timestamp())
    client_id = token.grant.client_id
    claims: Resource = {
        "iss": world.settings.issuer,
        "azp": client_id,
        "aud": client_id,
        "sub": user.sub,
        "at_hash": keys.at_hash(token.value),
        "iat": now,
        "exp": now + keys.LASTS_S,
    }
    if nonce:
        claims["nonce"] = nonce
    return keys.SIGNER.sign(claims | about(user, token.scopes, "email_verified"))


def about(user: User, scopes: Iterable[str], verified_key: str) -> Resource:
    """Return what the scopes let the client know about a person."""
    facts: Resource = {"hd": user.hd} if user.hd else {}
    if EMAIL in scopes:
        facts |= {"email": user.email, verified_key: True}
    if PROFILE in scopes:
        given, _, family = user.name.partition(" ")
        picture = "https://example.invalid/face.png"
        facts |= {"name": user.name, "given_name": given, "family_name": family, "picture": picture}
    return facts
