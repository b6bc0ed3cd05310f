"""The authorization request and the choice of a person or administrator (contract A1.2, A1.5)."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlencode

from tests.emulators.microsoft import grants, tokens
from tests.emulators.microsoft import world as worlds
from tests.emulators.microsoft.errors import AuthError
from tests.emulators.microsoft.model import Client, Code, Resource, Tenant, User
from tests.emulators.microsoft.world import World

CODE_LASTS = timedelta(minutes=10)
CHALLENGE = re.compile(r"[A-Za-z0-9._~-]{43,128}")
PROMPTS = ("", "login", "none", "consent", "select_account")
MODES = ("query", "fragment", "form_post")


class PageError(Exception):
    """A mistake that Microsoft explains on a page of its own, without going back to the app (A1.2)."""

    def __init__(self, error: AuthError) -> None:
        super().__init__(str(error))
        self.error = error


class Refusal(Exception):
    """An error that goes back to the app."""

    def __init__(self, request: Resource, error: AuthError, name: str | None = None) -> None:
        super().__init__(str(error))
        self.request, self.error, self.name = request, error, name or error.error


def read(world: World, query: Resource, tenant: str) -> Resource:
    """Return the checked authorization request. Raises `PageError` and `Refusal`."""
    client = registered(world, query)
    try:
        tokens.check_tenant(world, client, tenant)
    except AuthError as error:
        raise PageError(error) from error
    request: Resource = {**query, "tenant": tenant, "state": query.get("state")}
    try:
        _check_form(request)
        request["scopes"] = grants.read_scopes(query.get("scope", ""))
        _check_registered(client, request["scopes"])
    except AuthError as error:
        raise Refusal(request, error) from error
    return request


def registered(world: World, query: Resource) -> Client:
    """Return the app that asks. An unknown one or a foreign redirect URI gets a page (A1.2)."""
    for name in ("client_id", "redirect_uri"):
        if not query.get(name):
            raise PageError(AuthError(900144, f"'{name}'"))
    client = world.clients.get(query["client_id"])
    if client is None:
        raise PageError(AuthError(700016, query["client_id"]))
    if query["redirect_uri"] not in client.redirect_uris:
        raise PageError(AuthError(50011, query["redirect_uri"]))
    return client


def _check_form(query: Resource) -> None:
    if query.get("response_type") != "code":
        raise AuthError(90023, "response_type", error="unsupported_response_type")
    if query.get("response_mode", "query") not in MODES or query.get("prompt", "") not in PROMPTS:
        raise AuthError(90023, "response_mode or prompt")
    challenge = query.get("code_challenge")
    if challenge is None and "code_challenge_method" not in query:
        return
    if query.get("code_challenge_method") != "S256" or not CHALLENGE.fullmatch(challenge or ""):
        raise AuthError(501481, error="invalid_request")


def _check_registered(client: Client, scopes: frozenset[str]) -> None:
    if client.permissions is None:
        return
    missing = scopes - grants.OIDC - set(client.permissions)
    if missing:
        raise AuthError(650056, ", ".join(sorted(missing)))


def ask(world: World, request: Resource) -> str:
    """Keep a request while the person decides; return the id that its forms carry."""
    ask_id = worlds.opaque(12)
    world.asked[ask_id] = request
    return ask_id


def check_person(world: World, request: Resource, user: User) -> None:
    """Raise what keeps this person from using the app at all."""
    if not tokens.may_use(world, user, request["tenant"]):
        raise PageError(AuthError(50020, user.email))
    if request["client_id"] in world.tenants[user.tenant].blocked_clients:
        raise PageError(AuthError(700016, request["client_id"]))
    if user.sign_in_trouble is not None:
        raise PageError(AuthError(user.sign_in_trouble))


def wanted(request: Resource, user: User) -> set[str]:
    return grants.fitting(request["scopes"], user)


def missing(world: World, request: Resource, user: User) -> set[str]:
    """Return what this person must still allow. `prompt=consent` asks for everything again."""
    grant = grants.get_grant(world, user.email, request["client_id"])
    if request.get("prompt") == "consent":
        return wanted(request, user)
    return wanted(request, user) - grants.allowed(world, user, grant) - (grants.OIDC if grant.scopes else set())


def needs_admin(world: World, request: Resource, user: User) -> set[str]:
    """Return what only an administrator may allow. Administrators consent to what they like themselves."""
    if user.is_admin:
        return set()
    grant = grants.get_grant(world, user.email, request["client_id"])
    client, tenant = world.clients[request["client_id"]], world.tenants[user.tenant]
    if request.get("prompt") == "consent":
        # A demand for consent is for this person to give, whatever an administrator said for everybody.
        tenant = replace(tenant, admin_consents={})
        return grants.needing_admin(tenant, client, user, wanted(request, user))
    return grants.needing_admin(tenant, client, user, wanted(request, user) - grant.scopes)


def admin_approval(world: World, request: Resource, user: User) -> Refusal:
    """Return the error of a person who went back from the page "Need admin approval"."""
    workflow = world.tenants[user.tenant].user_consent == "workflow"
    return Refusal(request, AuthError(90095 if workflow else 90094), world.settings.admin_approval_error)


def allow(world: World, request: Resource, user: User) -> Resource:
    """Grant what was asked and return what goes back with a fresh code."""
    grant = grants.get_grant(world, user.email, request["client_id"])
    scopes = frozenset(wanted(request, user))
    grant.scopes |= scopes
    code = Code(
        value=f"1.AXkA{worlds.opaque(80)}",
        grant=grant,
        redirect_uri=request["redirect_uri"],
        tenant=request["tenant"],
        scopes=scopes,
        expires_at=world.now() + CODE_LASTS,
        challenge=request.get("code_challenge"),
        nonce=request.get("nonce"),
    )
    world.codes[code.value] = code
    return {"code": code.value, **_state(request), "session_state": worlds.new_guid()}


def refused(world: World, refusal: Refusal) -> Resource:
    """Return what goes back with an error."""
    description = refusal.error.description(world.now(), worlds.new_guid(), worlds.new_guid())
    extra = {"error_subcode": "cancel"} if refusal.error.number == 65004 else {}
    return {"error": refusal.name, **extra, "error_description": description, **_state(refusal.request)}


def _state(request: Resource) -> Resource:
    return {"state": request["state"]} if request.get("state") is not None else {}


def going_back(request: Resource, params: Resource) -> str:
    """Return the address to go to; `form_post` is a page instead and does not come here."""
    if request.get("response_mode") == "fragment":
        return f"{request['redirect_uri']}#{urlencode(params)}"
    joint = "&" if "?" in request["redirect_uri"] else "?"
    return f"{request['redirect_uri']}{joint}{urlencode(params)}"


def read_admin(world: World, query: Resource, tenant: str) -> Resource:
    """Return the checked request for consent of a whole organisation (A1.5)."""
    if tenant in ("common", "consumers"):
        raise PageError(AuthError(50059))
    client = registered(world, query)
    request: Resource = {**query, "tenant": tenant, "state": query.get("state")}
    try:
        request["scopes"] = grants.read_scopes(query.get("scope", ""))
    except AuthError as error:
        raise Refusal(request, error) from error
    if query.get("scope", "").endswith(".default"):
        # Everything that stands in the registration, whether it was asked of anybody or not.
        request["scopes"] |= frozenset(client.permissions or ())
    return request


def allow_for_all(world: World, request: Resource, admin: User) -> Resource:
    """Record consent for everybody of the administrator's tenant and return what goes back."""
    tenant: Tenant = world.tenants[admin.tenant]
    asked = set(request["scopes"]) - grants.OIDC
    tenant.admin_consents[request["client_id"]] = tenant.admin_consents.get(request["client_id"], set()) | asked
    scope = " ".join(grants.GRAPH + name for name in sorted(asked))
    return {"admin_consent": "True", "tenant": tenant.id, **_state(request), "scope": scope}


def refused_for_all(world: World, request: Resource) -> Resource:
    refusal = Refusal(request, AuthError(65004), "consent_required")
    back = refused(world, refusal) | {"admin_consent": "True"}
    return {key: value for key, value in back.items() if key != "error_subcode"}
