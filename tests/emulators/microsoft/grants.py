"""What people and administrators allowed: scopes, codes, tokens, and every way they end (contract A1.3 to A1.8)."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from datetime import timedelta

from tests.emulators import keys
from tests.emulators.microsoft import world as worlds
from tests.emulators.microsoft.errors import AuthError
from tests.emulators.microsoft.model import AccessToken, Client, Grant, RefreshToken, Resource, Tenant, User
from tests.emulators.microsoft.world import World

GRAPH = "https://graph.microsoft.com/"
OIDC = frozenset({"openid", "profile", "email", "offline_access"})
PERSONAL = {
    "User.Read",
    "Calendars.ReadBasic",
    "Calendars.Read",
    "Calendars.ReadWrite",
    "MailboxSettings.Read",
}
WORK_ONLY = {
    "Calendars.Read.Shared",
    "Calendars.ReadWrite.Shared",
    "OnlineMeetings.Read",
    "OnlineMeetings.ReadWrite",
    "Place.Read.All",
}
ADMIN_ONLY = {"Place.Read.All"}
NEEDS_ADMIN_TODAY = {
    "Calendars.ReadWrite",
    "Calendars.ReadWrite.Shared",
    "Calendars.Read.Shared",
    "OnlineMeetings.ReadWrite",
}
"""What a tenant with the recommended policy no longer lets people allow by themselves (A1.5)."""
KNOWN = {scope.lower(): scope for scope in PERSONAL | WORK_ONLY | OIDC}

UNUSED_DIES = timedelta(days=90)
SHORTEST_S, LONGEST_S = 3600, 5400


def read_scopes(text: str) -> frozenset[str]:
    """Return scopes by their plain names. Raises AADSTS 70011, 700022 and 650053."""
    found = set()
    for word in text.split():
        name = word[len(GRAPH) :] if word.lower().startswith(GRAPH) else word
        if "://" in name:
            raise AuthError(700022, word)
        if name == ".default":
            found |= {"User.Read", "Calendars.ReadWrite"}
            continue
        if name.lower() not in KNOWN:
            raise AuthError(650053, word)
        found.add(KNOWN[name.lower()])
    if not found:
        raise AuthError(70011)
    return frozenset(found)


def fitting(scopes: Iterable[str], user: User) -> set[str]:
    """Return what this kind of account can have at all: personal ones lack the permissions of work (A1.5)."""
    return {scope for scope in scopes if not (user.is_personal and scope in WORK_ONLY)}


def get_grant(world: World, email: str, client_id: str) -> Grant:
    """Return the living grant of a person to an app, a new empty one if there is none."""
    grant = world.grants.get((email, client_id))
    if grant is None or grant.ended_by is not None:
        grant = world.grants[(email, client_id)] = Grant(email, client_id)
    return grant


def allowed(world: World, user: User, grant: Grant) -> set[str]:
    """Return everything that this person or their administrator ever allowed the app."""
    tenant = world.tenants[user.tenant]
    return grant.scopes | tenant.admin_consents.get(grant.client_id, set())


def needing_admin(tenant: Tenant, client: Client, user: User, scopes: Iterable[str]) -> set[str]:
    """Return the scopes that only an administrator may allow in this tenant, and that none allowed yet."""
    missing = set(scopes) - OIDC - tenant.admin_consents.get(client.client_id, set())
    if user.is_personal:
        return set()
    match tenant.user_consent:
        case "off":
            return missing
        case "recommended" | "workflow":
            return missing & (NEEDS_ADMIN_TODAY | ADMIN_ONLY)
    return missing & ADMIN_ONLY


def issue_access(world: World, user: User, grant: Grant, scopes: Iterable[str]) -> tuple[AccessToken, int]:
    """Return a token and its life in seconds. Personal ones do not even look like JWTs (A1.3)."""
    beginning = "EwB4A8l6BAA" if user.is_personal else "eyJ0eXAiOiJKV1QiLCJub25jZSI6"
    value = f"{beginning}{secrets.token_urlsafe(90)}"
    life = world.settings.expires_in or SHORTEST_S + secrets.randbelow(LONGEST_S - SHORTEST_S)
    token = AccessToken(value, grant, frozenset(scopes), world.now() + timedelta(seconds=life))
    world.access_tokens[value] = token
    return token, life


def issue_refresh(world: World, grant: Grant, scopes: frozenset[str]) -> RefreshToken:
    """Return one more refresh token; earlier ones stay good (A1.4)."""
    token = RefreshToken(f"1.AXkA{secrets.token_urlsafe(64)}", grant, scopes, world.now())
    world.refresh_tokens[token.value] = token
    return token


def written(world: World, scopes: Iterable[str]) -> str:
    """Return the `scope` text of an answer: never with `offline_access` (A1.3)."""
    names = sorted(set(scopes) - {"offline_access"}, key=lambda name: (name in OIDC, name))
    prefix = GRAPH if world.settings.prefixes_scopes else ""
    return " ".join(name if name in OIDC else prefix + name for name in names)


def issuer(world: World, tenant: str) -> str:
    return f"{world.settings.issuer_base}/{tenant}/v2.0"


def id_token(world: World, user: User, client_id: str, scopes: Iterable[str], nonce: str | None) -> str:
    """Return the signed claims of A1.8; `sub` differs per app."""
    now, held = int(world.now().timestamp()), set(scopes)
    claims: Resource = {
        "ver": "2.0",
        "iss": issuer(world, user.tenant),
        "sub": hashlib.sha256(f"{user.oid}:{client_id}".encode()).hexdigest()[:43],
        "aud": client_id,
        "iat": now,
        "nbf": now,
        "exp": now + 86_400,
        "tid": user.tenant,
        "uti": worlds.opaque(12),
        "rh": worlds.opaque(12),
    }
    if nonce:
        claims["nonce"] = nonce
    if "profile" in held:
        claims |= {"oid": user.oid, "name": user.name, "preferred_username": user.email}
    if "email" in held:
        claims["email"] = user.email
    return keys.SIGNER.sign(claims)
