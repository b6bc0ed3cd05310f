"""Switchboard, part two: apps, tenants, people, consent and tokens."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint

from tests.emulators.microsoft import grants, people
from tests.emulators.microsoft.model import Grant, Resource, Secret
from tests.emulators.microsoft.switchboard import change, endpoint, plain
from tests.emulators.microsoft.world import World

bp = Blueprint("switch_people", __name__, url_prefix="/_switch")


@endpoint(bp, "/clients")
def put_client(world: World, sent: Resource) -> Resource:
    """Register an app or change one. `secret` makes it the only one; `secrets` sets all, each with its end."""
    client = world.clients.get(sent["client_id"])
    if client is None:
        client = people.add_client(world, sent["client_id"], sent["secret"], [])
    given = {key: value for key, value in sent.items() if key not in ("secret", "secrets")}
    if "secret" in sent:
        given["secrets"] = [Secret(sent["secret"])]
    if "secrets" in sent:
        given["secrets"] = [_secret(one) for one in sent["secrets"]]
    return plain(change(client, given))


def _secret(sent: Resource) -> Secret:
    return Secret(sent["value"], datetime.fromisoformat(sent["expires_at"]) if sent.get("expires_at") else None)


@endpoint(bp, "/tenants")
def put_tenant(world: World, sent: Resource) -> Resource:
    """Change the tenant of a `domain`, making it where there is none."""
    domain = sent["domain"].lower()
    tenant = next((one for one in world.tenants.values() if domain in one.domains), None)
    if tenant is None:
        tenant = people.add_tenant(world, domain)
    given = {key: value for key, value in sent.items() if key != "domain"}
    if "admin_consents" in given:
        given["admin_consents"] = {key: set(value) for key, value in given["admin_consents"].items()}
    return plain(change(tenant, given))


@endpoint(bp, "/users")
def add_user(world: World, sent: Resource) -> Resource:
    user = people.add_user(world, **sent)
    return plain(user) | {"calendar": world.default_calendar(user.email).id}


@endpoint(bp, "/users/change")
def change_user(world: World, sent: Resource) -> Resource:
    email = sent.pop("email")
    return plain(change(world.users[email], sent))


@endpoint(bp, "/consent")
def script_consent(world: World, sent: Resource) -> Resource:
    """Answer authorization requests by script. An empty body ends the script."""
    if sent.get("choice") not in (None, "allow", "deny", "error"):
        raise ValueError("choice is allow, deny or error.")
    if sent.get("choice") == "allow" and sent.get("user") not in world.users:
        raise ValueError(f"Nobody is called {sent.get('user')}.")
    world.script = sent or None
    return {}


@endpoint(bp, "/tokens")
def give_tokens(world: World, sent: Resource) -> Resource:
    """Return tokens without the dance."""
    user = world.users[sent["user"]]
    grant = grants.get_grant(world, user.email, sent["client_id"])
    every = " ".join(sorted(grants.KNOWN.values()))
    scopes = frozenset(grants.fitting(grants.read_scopes(" ".join(sent.get("scopes") or [every])), user))
    grant.scopes |= scopes
    issued, life = grants.issue_access(world, user, grant, scopes)
    refresh = grants.issue_refresh(world, grant, scopes | {"offline_access"})
    return {
        "access_token": issued.value,
        "refresh_token": refresh.value,
        "expires_in": life,
        "scope": grants.written(world, scopes),
        "token_type": "Bearer",
        "id_token": grants.id_token(world, user, grant.client_id, scopes | grants.OIDC, None),
    }


@endpoint(bp, "/tokens/expire")
def expire_tokens(world: World, sent: Resource) -> Resource:
    """End access tokens, of one `user` or of all."""
    for token in world.access_tokens.values():
        if sent.get("user") in (None, token.grant.email):
            token.expires_at = world.now()
    return {}


@endpoint(bp, "/grants", "GET")
def list_grants(world: World, sent: Resource) -> list[Resource]:
    return [plain(grant) for grant in world.grants.values()]


@endpoint(bp, "/grants/end")
def end_grant(world: World, sent: Resource) -> Resource:
    """End what a user allowed: tokens answer `number` (50173) from now on; with `number` 65001 they must consent."""
    ended = [one for one in world.grants.values() if _is_meant(one, sent)]
    for grant in ended:
        grant.ended_by = int(sent.get("number", 50173))
    return {"ended": len(ended)}


def _is_meant(grant: Grant, sent: Resource) -> bool:
    return grant.email == sent["user"] and sent.get("client_id") in (None, grant.client_id)


@endpoint(bp, "/grants/take")
def take_scopes(world: World, sent: Resource) -> Resource:
    """Take granted permissions back, from the person's grant and from the tokens made of it."""
    gone = set(sent["scopes"])
    for grant in world.grants.values():
        if _is_meant(grant, sent):
            grant.scopes -= gone
    for token in (*world.access_tokens.values(), *world.refresh_tokens.values()):
        if _is_meant(token.grant, sent):
            token.scopes -= gone
    return {}
