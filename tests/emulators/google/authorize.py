"""The authorization request and the person's choice, with pages or by script (contract 1.3 to 1.5, 1.9)."""

from __future__ import annotations

import re
import secrets
from datetime import timedelta
from urllib.parse import urlencode

from tests.emulators.google import discovery, grants
from tests.emulators.google import world as worlds
from tests.emulators.google.model import Client, Code, Grant, Resource, User
from tests.emulators.google.world import World

CODE_LASTS = timedelta(minutes=10)
CHALLENGE = re.compile(r"[A-Za-z0-9._~-]{43,128}$")
PROMPTS = {"none", "consent", "select_account"}


class PageError(Exception):
    """A mistake that Google explains on a page of its own, without going back to the client (1.5)."""

    def __init__(self, status: int, code: str, text: str) -> None:
        super().__init__(f"Error {status}: {code}")
        self.status, self.code, self.text = status, code, text


def read(world: World, pairs: list[tuple[str, str]]) -> Resource:
    """Return the checked authorization request. Raises `PageError`."""
    query = dict(pairs)
    if len(query) != len(pairs):
        raise PageError(400, "invalid_request", "A parameter is repeated.")
    client = _client(world, query)
    if query.get("redirect_uri") not in client.redirect_uris:
        raise PageError(400, "redirect_uri_mismatch", f"redirect_uri={query.get('redirect_uri')}")
    if query.get("response_type") != "code":
        raise PageError(400, "unsupported_response_type", "This server gives codes only.")
    scopes = query.get("scope", "").split()
    if not scopes:
        raise PageError(400, "invalid_request", "Missing required parameter: scope")
    unknown = [scope for scope in scopes if not _is_known(scope)]
    if unknown:
        raise PageError(400, "invalid_scope", f"Some requested scopes were invalid: {unknown}")
    if query.get("access_type", "online") not in ("online", "offline"):
        raise PageError(400, "invalid_request", "Invalid access_type.")
    prompts = set(query.get("prompt", "").split())
    if not prompts <= PROMPTS or ("none" in prompts and len(prompts) > 1):
        raise PageError(400, "invalid_request", "Invalid prompt.")
    return {
        **query,
        "scopes": list(dict.fromkeys(scopes)),
        "prompts": prompts,
        **_challenge(query),
    }


def _client(world: World, query: dict[str, str]) -> Client:
    for name in ("client_id", "redirect_uri", "response_type"):
        if not query.get(name):
            raise PageError(400, "invalid_request", f"Missing required parameter: {name}")
    client = world.clients.get(query["client_id"])
    if client is None:
        raise PageError(400, "invalid_client", "The OAuth client was not found.")
    if client.is_deleted:
        raise PageError(400, "deleted_client", "The OAuth client was deleted.")
    return client


def _is_known(scope: str) -> bool:
    known = discovery.load().raw["auth"]["oauth2"]["scopes"]
    return scope in known or grants.canonical([scope]) <= grants.SIGN_IN


def _challenge(query: dict[str, str]) -> Resource:
    challenge, method = query.get("code_challenge"), query.get("code_challenge_method", "plain")
    if challenge is None and "code_challenge_method" not in query:
        return {"challenge": None, "method": "plain"}
    if method not in ("plain", "S256") or not CHALLENGE.match(challenge or ""):
        raise PageError(400, "invalid_request", "Invalid code_challenge.")
    return {"challenge": challenge, "method": method}


def ask(world: World, request: Resource) -> str:
    """Keep a request while the person decides; return the id that its forms carry."""
    ask_id = secrets.token_urlsafe(12)
    world.asked[ask_id] = request
    return ask_id


def check_person(world: World, request: Resource, user: User) -> None:
    """Raise the `PageError` of an account that may not use this client at all (1.5)."""
    client = world.clients[request["client_id"]]
    if user.is_policy_blocked:
        raise PageError(403, "admin_policy_enforced", "Your administrator blocks this app.")
    if client.internal_domain and user.hd != client.internal_domain:
        raise PageError(403, "org_internal", "This app is for one organisation only.")
    if client.is_testing and user.email not in client.test_users:
        raise PageError(403, "access_denied", "The app is being tested and has not approved you.")


def needs_consent(world: World, request: Resource, user: User) -> bool:
    """Tell whether the person must be asked: told to, new scopes, or offline for the first time."""
    grant = grants.get_grant(world, user.email, request["client_id"])
    is_new = not grants.canonical(request["scopes"]) <= grant.scopes
    return "consent" in request["prompts"] or is_new or (_is_offline(request) and not grant.is_offline)


def _is_offline(request: Resource) -> bool:
    return request.get("access_type") == "offline"


def tickable(request: Resource) -> list[str]:
    """Return the scopes with a box of their own. A single one has none: allowing allows it (1.9)."""
    scopes = [scope for scope in request["scopes"] if not grants.canonical([scope]) <= grants.SIGN_IN]
    return scopes if len(scopes) > 1 else []


def allow(
    world: World, request: Resource, user: User, ticked: list[str] | None, *, was_asked: bool, ttl_s: int | None = None
) -> str:
    """Grant what was ticked (everything when None) and return the URL to go back to, with a fresh code."""
    untickable = set(request["scopes"]) - set(tickable(request))
    chosen = set(request["scopes"]) if ticked is None else untickable | (set(ticked) & set(request["scopes"]))
    granted = grants.canonical(chosen)
    grant = grants.get_grant(world, user.email, request["client_id"])
    grant.scopes |= granted
    is_first = _is_offline(request) and not grant.is_offline
    grant.is_offline = grant.is_offline or _is_offline(request)
    if request.get("include_granted_scopes") == "true":
        granted = set(grant.scopes)
    gives_refresh = _is_offline(request) and (is_first or "consent" in request["prompts"])
    code = _code(world, request, grant, frozenset(granted), gives_refresh=gives_refresh, ttl_s=ttl_s)
    back: Resource = {"state": request["state"]} if "state" in request else {}
    if world.settings.sends_iss:
        back["iss"] = world.settings.issuer
    back |= {"code": code.value, "scope": grants.written(granted), "authuser": "0"}
    back |= {"hd": user.hd} if user.hd else {}
    back["prompt"] = "consent" if was_asked else "none"
    return _going_back(request, back)


def _code(
    world: World, request: Resource, grant: Grant, scopes: frozenset[str], *, gives_refresh: bool, ttl_s: int | None
) -> Code:
    code = Code(
        value=f"4/0A{worlds.opaque(48)}",
        grant=grant,
        redirect_uri=request["redirect_uri"],
        scopes=scopes,
        expires_at=world.now() + CODE_LASTS,
        gives_refresh=gives_refresh,
        refresh_ttl_s=ttl_s,
        challenge=request["challenge"],
        challenge_method=request["method"],
        nonce=request.get("nonce"),
    )
    world.codes[code.value] = code
    return code


def refuse(request: Resource, error: str = "access_denied") -> str:
    """Return the URL to go back to when the person said no."""
    state = {"state": request["state"]} if "state" in request else {}
    return _going_back(request, {"error": error, **state})


def _going_back(request: Resource, params: Resource) -> str:
    joint = "&" if "?" in request["redirect_uri"] else "?"
    return f"{request['redirect_uri']}{joint}{urlencode(params)}"
