"""Codes and tokens: who may ask, what is given, and every way it ends (contract sections 18.3 and 18.4)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import secrets
from datetime import timedelta
from urllib.parse import urlencode

from tests.emulators.zoom.errors import OAuthError, PageError
from tests.emulators.zoom.wire import Reply, Request
from tests.emulators.zoom.world import AccessToken, Client, Code, Grant, Json, User, World

CODE_LASTS = timedelta(minutes=5)
ACCESS_LASTS_S = 3599
API_URL = "https://api.zoom.us"
CHALLENGE = re.compile(r"[A-Za-z0-9._~-]{43,128}")


def read_asked(world: World, query: dict[str, str]) -> Json:
    """Return a checked authorization request. Raises PageError."""
    client = world.clients.get(query.get("client_id", ""))
    if client is None or client.kind == "s2s":
        raise PageError("4,700", "Invalid client_id")
    if client.is_disabled:
        raise PageError("4,717", "The app has been disabled.")
    if query.get("redirect_uri") not in client.redirect_uris:
        raise PageError("4,709", f"Invalid redirect: {query.get('redirect_uri')}")
    if query.get("response_type") != "code":
        raise PageError("4,700", "Invalid response_type")
    method, challenge = query.get("code_challenge_method", "plain"), query.get("code_challenge")
    if challenge is not None and (method not in ("plain", "S256") or not CHALLENGE.fullmatch(challenge)):
        raise PageError("4,700", "Invalid code_challenge")
    return {**query, "challenge": challenge, "method": method}


def allow(world: World, asked: Json, user: User) -> str:
    """Return the address to go back to, with a code. Whatever this person allowed this application before, ends."""
    grant = begin_grant(world, user.email, world.clients[asked["client_id"]])
    value = secrets.token_urlsafe(24)
    world.codes[value] = Code(
        grant, asked["redirect_uri"], world.now() + CODE_LASTS, asked["challenge"], asked["method"]
    )
    return going_back(asked, code=value)


def refuse(asked: Json) -> str:
    return going_back(asked, error="access_denied")


def going_back(asked: Json, **params: str) -> str:
    state = {"state": asked["state"]} if "state" in asked else {}
    joint = "&" if "?" in asked["redirect_uri"] else "?"
    return f"{asked['redirect_uri']}{joint}{urlencode(params | state)}"


def begin_grant(world: World, email: str, client: Client) -> Grant:
    end_grants(world, email, client.client_id)
    grant = Grant(email, client.client_id, frozenset(client.scopes))
    world.grants.append(grant)
    return grant


def end_grants(world: World, email: str, client_id: str) -> None:
    for grant in world.grants:
        if (grant.email, grant.client_id) == (email, client_id):
            grant.is_dead = True


# --- the token endpoint


def token(world: World, request: Request) -> Reply:
    client, form = _authenticated(world, request), request.form()
    match form.get("grant_type"):
        case "authorization_code":
            return Reply(200, _redeem(world, client, form))
        case "refresh_token":
            return Reply(200, _renew(world, client, form))
        case "account_credentials":
            return Reply(200, _for_account(world, client, form))
        case None:
            raise OAuthError(400, "invalid_request", "Missing grant type")
    raise OAuthError(400, "unsupported_grant_type", "Unsupported grant type")


def _authenticated(world: World, request: Request) -> Client:
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    try:
        name, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        name = secret = ""
    client = world.clients.get(name)
    if kind.lower() != "basic" or client is None:
        raise OAuthError(401, "invalid_client", "Invalid client_id or client_secret")
    if not secrets.compare_digest(secret, client.client_secret):
        raise OAuthError(401, "invalid_client", "Invalid client_id or client_secret")
    if client.is_disabled:
        raise OAuthError(400, "invalid_client", "The app has been disabled.")
    return client


def _redeem(world: World, client: Client, form: dict[str, str]) -> Json:
    code = world.codes.pop(form.get("code", ""), None)
    if code is None or code.grant.client_id != client.client_id or code.grant.is_dead:
        raise OAuthError(400, "invalid_grant", "Invalid authorization code")
    if code.expires_at <= world.now():
        raise OAuthError(400, "invalid_grant", "Authorization code has expired")
    if form.get("redirect_uri") != code.redirect_uri:
        raise OAuthError(400, "invalid_request", "Redirect URI mismatch.")
    if code.challenge is not None and _challenge(form.get("code_verifier", ""), code.method) != code.challenge:
        raise OAuthError(400, "invalid_grant", "Invalid code verifier")
    return issue(world, code.grant)


def _challenge(verifier: str, method: str) -> str:
    if method == "plain":
        return verifier
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def _renew(world: World, client: Client, form: dict[str, str]) -> Json:
    sent = form.get("refresh_token", "")
    grant = next((g for g in world.grants if sent and g.refresh == sent and g.client_id == client.client_id), None)
    if grant is None or grant.is_dead or world.users[grant.email].is_gone:
        raise OAuthError(400, "invalid_grant", "Invalid Token!")
    return issue(world, grant)


def _for_account(world: World, client: Client, form: dict[str, str]) -> Json:
    if client.kind != "s2s":
        raise OAuthError(400, "unsupported_grant_type", "Unsupported grant type")
    if form.get("account_id") != client.account_id:
        raise OAuthError(400, "invalid_request", "Bad Request")
    return _answer(world, client, frozenset(client.scopes), None)


def issue(world: World, grant: Grant) -> Json:
    """Give an access token and the next refresh token; the one before stops working."""
    grant.refresh = opaque()
    answer = _answer(world, world.clients[grant.client_id], grant.scopes, grant)
    return answer | {"refresh_token": grant.refresh}


def opaque() -> str:
    return f"eyJzdiI6IjAwMDAwMiIsImFsZyI6IkhTNTEyIn0.{secrets.token_urlsafe(120)}.{secrets.token_urlsafe(32)}"


def _answer(world: World, client: Client, scopes: frozenset[str], grant: Grant | None) -> Json:
    value = opaque()
    expires_at = world.now() + timedelta(seconds=ACCESS_LASTS_S)
    world.access_tokens[value] = AccessToken(client.client_id, scopes, expires_at, grant)
    return {
        "access_token": value,
        "token_type": "bearer",
        "expires_in": ACCESS_LASTS_S,
        "scope": " ".join(sorted(scopes)),
        "api_url": API_URL,
    }


def revoke(world: World, request: Request) -> Reply:
    """End the access token's whole grant at once, refresh token included."""
    client = _authenticated(world, request)
    found = world.access_tokens.pop(request.form().get("token", ""), None)
    if found is None or found.client_id != client.client_id:
        raise OAuthError(400, "invalid_request", "Invalid Token!")
    if found.grant is not None:
        found.grant.is_dead = True
    return Reply(200, {"status": "success"})
