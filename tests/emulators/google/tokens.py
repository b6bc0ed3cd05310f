"""The OAuth endpoints that programs call: token, revoke, tokeninfo, userinfo, discovery, keys (contract 1)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from binascii import Error as Base64Error
from datetime import datetime
from urllib.parse import parse_qsl, unquote

from joserfc.errors import JoseError

from tests.emulators import keys
from tests.emulators.google import access, errors, grants
from tests.emulators.google.errors import OAuthError
from tests.emulators.google.model import AccessToken, Client, Grant, RefreshToken, Resource
from tests.emulators.google.wire import Reply, Request
from tests.emulators.google.world import World

FORM = "application/x-www-form-urlencoded"


def token(world: World, request: Request) -> Reply:
    form = _form(request)
    client = _client(world, request, form)
    match form.get("grant_type"):
        case "authorization_code":
            return Reply(200, _exchange(world, client, form))
        case "refresh_token":
            return Reply(200, _refresh(world, client, form))
        case None:
            raise OAuthError(400, "invalid_request", "Missing required parameter: grant_type")
        case other:
            raise OAuthError(400, "unsupported_grant_type", f"Invalid grant_type: {other}")


def _form(request: Request) -> dict[str, str]:
    kind = request.headers.get("content-type", "").split(";")[0].strip()
    if request.body and kind != FORM:
        raise OAuthError(400, "invalid_request", f"Invalid content type: {kind}")
    pairs = parse_qsl(request.body.decode(), keep_blank_values=True)
    if len(dict(pairs)) != len(pairs):
        raise OAuthError(400, "invalid_request", "Parameter repeated.")
    return dict(pairs)


def _client(world: World, request: Request, form: dict[str, str]) -> Client:
    """Return the client that authenticated itself, in the body or by Basic. Raises 401 `invalid_client`."""
    client_id, secret = _basic(request) or (form.get("client_id"), form.get("client_secret"))
    if not client_id:
        raise OAuthError(400, "invalid_request", "Could not determine client ID from request.")
    client = world.clients.get(client_id)
    if client is None or client.is_deleted:
        raise OAuthError(401, "invalid_client", "The OAuth client was not found.")
    if not secret:
        raise OAuthError(400, "invalid_request", "client_secret is missing.")
    if not hmac.compare_digest(secret.encode(), client.client_secret.encode()):
        raise OAuthError(401, "invalid_client", "The provided client secret is invalid.")
    return client


def _basic(request: Request) -> tuple[str, str] | None:
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        client_id, _, secret = base64.b64decode(value).decode().partition(":")
    except (Base64Error, UnicodeDecodeError) as wrong:
        raise OAuthError(401, "invalid_client", "Unauthorized") from wrong
    return unquote(client_id), unquote(secret)


def _exchange(world: World, client: Client, form: dict[str, str]) -> Resource:
    """Redeem a code. Whatever is wrong with it, the code is spent (1.6)."""
    for name in ("code", "redirect_uri"):
        if not form.get(name):
            raise OAuthError(400, "invalid_request", f"Missing required parameter: {name}")
    code = world.codes.get(form["code"])
    if code is None:
        raise OAuthError(400, "invalid_grant", "Malformed auth code.")
    is_spent, code.is_used = code.is_used, True
    if is_spent or code.expires_at <= world.now() or code.grant.client_id != client.client_id:
        raise OAuthError(400, "invalid_grant", "Bad Request")
    if code.redirect_uri != form["redirect_uri"]:
        raise OAuthError(400, "redirect_uri_mismatch", "Bad Request")
    _check_verifier(code.challenge, code.challenge_method, form.get("code_verifier"))
    if code.grant.is_revoked:
        raise OAuthError(400, "invalid_grant", "Bad Request")
    refresh = None
    if code.gives_refresh:
        refresh = grants.issue_refresh(world, code.grant, client, code.scopes, code.refresh_ttl_s)
    issued = grants.issue_access(world, code.grant, code.scopes, refresh)
    return _answer(world, issued, refresh, nonce=code.nonce) | ({"refresh_token": refresh.value} if refresh else {})


def _check_verifier(challenge: str | None, method: str, verifier: str | None) -> None:
    if challenge is None and verifier is None:
        return
    if challenge is None or verifier is None:
        raise OAuthError(400, "invalid_grant", "Missing code verifier.")
    if method == "S256":
        digest = hashlib.sha256(verifier.encode()).digest()
        verifier = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    if not hmac.compare_digest(verifier, challenge):
        raise OAuthError(400, "invalid_grant", "Invalid code verifier.")


def _refresh(world: World, client: Client, form: dict[str, str]) -> Resource:
    """Return a new access token; the refresh token stays the same, earlier access tokens stay good (1.7)."""
    if not form.get("refresh_token"):
        raise OAuthError(400, "invalid_request", "Missing required parameter: refresh_token")
    found = world.refresh_tokens.get(form["refresh_token"])
    if found is None or found[0].client_id != client.client_id:
        raise OAuthError(400, "invalid_grant", "Bad Request")
    grant, refresh = found
    user = world.users[grant.email]
    if user.is_suspended or not grants.is_alive(grant, refresh, world.now()):
        raise OAuthError(400, "invalid_grant", "Token has been expired or revoked.")
    if user.is_policy_blocked:
        raise OAuthError(400, "admin_policy_enforced", "The administrator blocks this app.")
    if user.needs_rapt:
        raise OAuthError(400, "invalid_grant", "reauth related error (invalid_rapt)", error_subtype="invalid_rapt")
    granted = refresh.scopes & grant.scopes
    asked = grants.canonical(form.get("scope", "").split()) or granted
    if not asked <= granted:
        raise OAuthError(400, "invalid_scope", "Some requested scopes were not granted.")
    refresh.used_at = world.now()
    return _answer(world, grants.issue_access(world, grant, asked, refresh), refresh)


def _answer(world: World, issued: AccessToken, refresh: RefreshToken | None, nonce: str | None = None) -> Resource:
    body: Resource = {
        "access_token": issued.value,
        "expires_in": grants.ACCESS_LASTS_S,
        "scope": grants.written(issued.scopes),
        "token_type": "Bearer",
    }
    if issued.scopes & grants.SIGN_IN:
        body["id_token"] = grants.id_token(world, world.users[issued.grant.email], issued, nonce)
    if refresh is not None and refresh.expires_at is not None:
        body["refresh_token_expires_in"] = _seconds_left(world, refresh.expires_at)
    return body


def _seconds_left(world: World, moment: datetime) -> int:
    return max(0, int((moment - world.now()).total_seconds()))


def revoke(world: World, request: Request) -> Reply:
    """End the whole grant behind an access or refresh token; a second time is an error (1.10)."""
    value = _form(request).get("token") or request.first("token") or ""
    grant = _grant_behind(world, value)
    if grant is None or grant.is_revoked:
        raise OAuthError(400, "invalid_token", "Token expired or revoked")
    grants.revoke(grant)
    return Reply(200, {})


def _grant_behind(world: World, value: str) -> Grant | None:
    if value in world.refresh_tokens:
        grant, refresh = world.refresh_tokens[value]
        return grant if grants.is_alive(grant, refresh, world.now()) else None
    issued = world.access_tokens.get(value)
    return issued.grant if issued and issued.expires_at > world.now() else None


def tokeninfo(world: World, request: Request) -> Reply:
    form = dict(request.query) | _form(request)
    if form.get("id_token"):
        try:
            claims = keys.SIGNER.read(form["id_token"])
        except (JoseError, ValueError) as wrong:
            raise OAuthError(400, "invalid_token", "Invalid Value") from wrong
        return Reply(200, {key: str(value) for key, value in claims.items()})
    issued = world.access_tokens.get(form.get("access_token", ""))
    if issued is None or issued.grant.is_revoked or issued.expires_at <= world.now():
        raise OAuthError(400, "invalid_token", "Invalid Value")
    user = world.users[issued.grant.email]
    body: Resource = {
        "azp": issued.grant.client_id,
        "aud": issued.grant.client_id,
        "sub": user.sub,
        "scope": grants.written(issued.scopes),
        "exp": str(int(issued.expires_at.timestamp())),
        "expires_in": str(_seconds_left(world, issued.expires_at)),
        "access_type": "offline" if issued.refresh else "online",
    }
    return Reply(200, body | grants.about(user, issued.scopes, "email_verified"))


def userinfo(world: World, request: Request) -> Reply:
    """The OpenID one: `sub`, `email_verified` and so on."""
    session = _signed_in(world, request)
    facts = grants.about(session.user, session.scopes, "email_verified")
    return Reply(200, {"sub": session.user.sub, **facts})


def userinfo_v2(world: World, request: Request) -> Reply:
    """The older one: `id` and `verified_email`."""
    session = _signed_in(world, request)
    facts = grants.about(session.user, session.scopes, "verified_email")
    return Reply(200, {"id": session.user.sub, **facts})


def _signed_in(world: World, request: Request) -> access.Session:
    session = access.authenticate(world, request)
    if not session.scopes & grants.SIGN_IN:
        raise errors.insufficient_scopes("oauth2.userinfo.get")
    return session


def openid_configuration(world: World, base_url: str) -> Reply:
    """Google's document with every endpoint at this server; the issuer stays what Google's tokens say."""
    methods = ["code", "token", "id_token", "code token", "code id_token", "token id_token"]
    body: Resource = {
        "issuer": world.settings.issuer,
        "authorization_endpoint": f"{base_url}/o/oauth2/v2/auth",
        "device_authorization_endpoint": f"{base_url}/device/code",
        "token_endpoint": f"{base_url}/token",
        "userinfo_endpoint": f"{base_url}/v1/userinfo",
        "revocation_endpoint": f"{base_url}/revoke",
        "jwks_uri": f"{base_url}/oauth2/v3/certs",
        "response_types_supported": [*methods, "code token id_token", "none"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "email", "profile"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "claims_supported": ("aud email email_verified exp family_name given_name iat iss name picture sub".split()),
        "code_challenge_methods_supported": ["plain", "S256"],
        "grant_types_supported": [
            "authorization_code",
            "refresh_token",
            "urn:ietf:params:oauth:grant-type:device_code",
            "urn:ietf:params:oauth:grant-type:jwt-bearer",
        ],
    }
    return Reply(200, body)
