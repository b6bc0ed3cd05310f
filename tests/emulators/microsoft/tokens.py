"""What programs call on the identity platform: token, metadata, keys (contract A1.1, A1.3, A1.4, A1.8)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from binascii import Error as Base64Error
from urllib.parse import parse_qsl, unquote

from tests.emulators import keys
from tests.emulators.microsoft import grants
from tests.emulators.microsoft.errors import AuthError
from tests.emulators.microsoft.model import CONSUMERS, Client, Code, Grant, RefreshToken, Resource, User
from tests.emulators.microsoft.wire import Reply, Request
from tests.emulators.microsoft.world import World

FORM = "application/x-www-form-urlencoded"
SHARED = ("common", "organizations", "consumers")


def token(world: World, request: Request, tenant: str) -> Reply:
    form = _form(request)
    client = _client(world, request, form)
    check_tenant(world, client, tenant)
    match form.get("grant_type"):
        case "authorization_code":
            return Reply(200, _exchange(world, client, form, tenant))
        case "refresh_token":
            return Reply(200, _refresh(world, client, form, tenant))
        case None:
            raise AuthError(900144, "'grant_type'")
        case other:
            raise AuthError(70003, other)


def check_tenant(world: World, client: Client, tenant: str) -> None:
    """Raise what an app meets that does not allow this kind of address (A1.1)."""
    if tenant not in SHARED and find_tenant(world, tenant) is None:
        raise AuthError(90002, tenant)
    match client.audience, tenant:
        case "AzureADMyOrg", "common" | "organizations" | "consumers":
            raise AuthError(50194)
        case "AzureADMultipleOrgs", "consumers":
            raise AuthError(9002332)
        case "PersonalMicrosoftAccount", "organizations":
            raise AuthError(700016)


def find_tenant(world: World, name: str) -> str | None:
    """Return the id of the tenant with this id or domain."""
    if name == CONSUMERS:
        return name
    return next((one.id for one in world.tenants.values() if name == one.id or name.lower() in one.domains), None)


def may_use(world: World, user: User, tenant: str) -> bool:
    """Tell whether this address lets accounts of this kind in."""
    match tenant:
        case "common":
            return True
        case "organizations":
            return not user.is_personal
        case "consumers":
            return user.is_personal
    return user.tenant == find_tenant(world, tenant)


def _form(request: Request) -> dict[str, str]:
    kind = request.headers.get("content-type", "").split(";")[0].strip()
    if kind != FORM:
        raise AuthError(900144, "'grant_type'")
    return dict(parse_qsl(request.body.decode(), keep_blank_values=True))


def _client(world: World, request: Request, form: dict[str, str]) -> Client:
    """Return the app that proved who it is, in the body or by Basic."""
    client_id, secret = _basic(request) or (form.get("client_id"), form.get("client_secret"))
    if not client_id:
        raise AuthError(900144, "'client_id'")
    client = world.clients.get(client_id)
    if client is None:
        raise AuthError(700016, client_id)
    if not secret:
        raise AuthError(7000218)
    matching = [one for one in client.secrets if hmac.compare_digest(one.value.encode(), secret.encode())]
    if not matching:
        raise AuthError(7000215)
    if all(one.expires_at is not None and one.expires_at <= world.now() for one in matching):
        raise AuthError(7000222)
    return client


def _basic(request: Request) -> tuple[str, str] | None:
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        client_id, _, secret = base64.b64decode(value).decode().partition(":")
    except (Base64Error, UnicodeDecodeError) as wrong:
        raise AuthError(7000215) from wrong
    return unquote(client_id), unquote(secret)


def _exchange(world: World, client: Client, form: dict[str, str], tenant: str) -> Resource:
    """Redeem a code; it is spent by the first good try, and by any later one refused (A1.3)."""
    for name in ("code", "redirect_uri"):
        if not form.get(name):
            raise AuthError(900144, f"'{name}'")
    code = world.codes.get(form["code"])
    if code is None or code.grant.client_id != client.client_id:
        raise AuthError(70000, "'code'")
    _check_code(world, code, form, tenant)
    code.is_used = True
    user = world.users[code.grant.email]
    scopes = _chosen(form, code.scopes, world, user, code.grant)
    _check_person(user)
    return _answer(world, user, code.grant, scopes, code.scopes, code.nonce)


def _check_code(world: World, code: Code, form: dict[str, str], tenant: str) -> None:
    if code.is_used:
        raise AuthError(54005)
    if code.expires_at <= world.now():
        raise AuthError(70008)
    if code.redirect_uri != form["redirect_uri"]:
        raise AuthError(50011, error="invalid_grant")
    if not may_use(world, world.users[code.grant.email], tenant):
        raise AuthError(700005)
    _check_verifier(code.challenge, form.get("code_verifier"))


def _check_verifier(challenge: str | None, verifier: str | None) -> None:
    if challenge is None and verifier is None:
        return
    digest = hashlib.sha256((verifier or "").encode()).digest()
    computed = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    if challenge is None or verifier is None or not hmac.compare_digest(computed, challenge):
        raise AuthError(501481)


def _refresh(world: World, client: Client, form: dict[str, str], tenant: str) -> Resource:
    """Return a new access token and a new refresh token; the old one keeps working (A1.4)."""
    if not form.get("refresh_token"):
        raise AuthError(900144, "'refresh_token'")
    refresh = world.refresh_tokens.get(form["refresh_token"])
    if refresh is None or refresh.grant.client_id != client.client_id:
        raise AuthError(70000, "'refresh_token'")
    _check_alive(world, refresh)
    user = world.users[refresh.grant.email]
    if not may_use(world, user, tenant):
        raise AuthError(50020, user.email)
    _check_person(user)
    scopes = _chosen(form, refresh.scopes, world, user, refresh.grant)
    refresh.used_at = world.now()
    return _answer(world, user, refresh.grant, scopes, refresh.scopes, None)


def _check_alive(world: World, refresh: RefreshToken) -> None:
    ended = refresh.ended_by or refresh.grant.ended_by
    if ended is not None:
        raise AuthError(ended)
    if refresh.used_at + grants.UNUSED_DIES <= world.now():
        raise AuthError(700082)


def _check_person(user: User) -> None:
    if user.trouble is not None:
        raise AuthError(user.trouble)


def _chosen(form: dict[str, str], given: frozenset[str], world: World, user: User, grant: Grant) -> frozenset[str]:
    """Return the scopes of the new token: what is asked for now, or what the code or old token had."""
    if not form.get("scope"):
        return given
    asked = frozenset(grants.fitting(grants.read_scopes(form["scope"]), user))
    if not asked - grants.OIDC <= grants.allowed(world, user, grant):
        raise AuthError(65001)
    return asked | (given & grants.OIDC)


def _answer(
    world: World, user: User, grant: Grant, scopes: frozenset[str], lasting: frozenset[str], nonce: str | None
) -> Resource:
    issued, life = grants.issue_access(world, user, grant, scopes)
    body: Resource = {
        "token_type": "Bearer",
        "scope": grants.written(world, scopes),
        "expires_in": life,
        "ext_expires_in": life,
        "access_token": issued.value,
    }
    if "offline_access" in lasting:
        body["refresh_token"] = grants.issue_refresh(world, grant, lasting | scopes).value
    if "openid" in lasting:
        body["id_token"] = grants.id_token(world, user, grant.client_id, lasting, nonce)
    return body


def openid_configuration(world: World, tenant: str, base_url: str) -> Reply:
    """The metadata of one address; a shared one has a placeholder for the tenant in its issuer (A1.8)."""
    known = {"consumers": CONSUMERS}.get(tenant) or find_tenant(world, tenant)
    if known is None and tenant not in SHARED:
        raise AuthError(90002, tenant)
    body: Resource = {
        "issuer": grants.issuer(world, known or "{tenantid}"),
        "authorization_endpoint": f"{base_url}/{tenant}/oauth2/v2.0/authorize",
        "token_endpoint": f"{base_url}/{tenant}/oauth2/v2.0/token",
        "end_session_endpoint": f"{base_url}/{tenant}/oauth2/v2.0/logout",
        "jwks_uri": f"{base_url}/{tenant}/discovery/v2.0/keys",
        "userinfo_endpoint": f"{base_url}/oidc/userinfo",
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "response_modes_supported": ["query", "fragment", "form_post"],
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "claims_supported": "sub iss aud exp iat nonce preferred_username name tid ver email".split(),
        "tenant_region_scope": None,
    }
    return Reply(200, body)


def published_keys() -> Reply:
    return Reply(200, keys.SIGNER.jwks())
