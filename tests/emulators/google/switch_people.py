"""Switchboard, part two: clients, people, what they allow and take back."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, request

from tests.emulators.google import discovery, grants, people
from tests.emulators.google.model import Client, Grant, Resource, Setting
from tests.emulators.google.switchboard import change, endpoint, plain
from tests.emulators.google.world import World, settings_of

bp = Blueprint("switch_people", __name__, url_prefix="/_switch")


@endpoint(bp, "/clients")
def put_client(world: World, sent: Resource) -> Resource:
    """Add an OAuth client, or change the fields of one that exists."""
    sent = dict(sent)
    client_id = sent.pop("client_id")
    client = world.clients.get(client_id) or people.add_client(world, client_id, sent["client_secret"], [])
    return plain(change(client, sent))


@endpoint(bp, "/clients/file", "GET")
def client_file(world: World, sent: Resource) -> Resource:
    """Return the JSON that Google's console lets people download, its endpoints at this server."""
    client = world.clients[sent["client_id"]]
    base = request.host_url.rstrip("/")
    content: Resource = {
        "client_id": client.client_id,
        "project_id": client.project_id,
        "auth_uri": f"{base}/o/oauth2/auth",
        "token_uri": f"{base}/token",
        "auth_provider_x509_cert_url": f"{base}/oauth2/v1/certs",
        "client_secret": client.client_secret,
    }
    if client.redirect_uris:
        content["redirect_uris"] = client.redirect_uris
    return {client.kind: content}


@endpoint(bp, "/users")
def add_user(world: World, sent: Resource) -> Resource:
    """Add a person with a primary calendar."""
    user = people.add_user(world, **sent)
    return {"email": user.email, "sub": user.sub}


@endpoint(bp, "/users/change")
def change_user(world: World, sent: Resource) -> Resource:
    """Change fields of a person: `is_suspended`, `has_calendar`, `needs_rapt`, `is_policy_blocked`..."""
    sent = dict(sent)
    return plain(change(world.users[sent.pop("email")], sent))


@endpoint(bp, "/users/settings")
def change_user_settings(world: World, sent: Resource) -> Resource:
    """Change a person's calendar settings: `{"email": ..., "settings": {"weekStart": "0"}}`."""
    user = world.users[sent["email"]]
    for key, value in sent["settings"].items():
        user.settings[key] = Setting(str(value), world.next_revision())
    world.touch(settings_of(user.email))
    return {key: setting.value for key, setting in user.settings.items()}


@endpoint(bp, "/groups")
def put_group(world: World, sent: Resource) -> Resource:
    """Add a group for free/busy: `{"email": ..., "members": [...]}`."""
    world.groups[sent["email"]] = list(sent["members"])
    return {}


@endpoint(bp, "/consent")
def script_consent(world: World, sent: Resource) -> Resource:
    """Answer authorization requests without a page: see the package docstring. `{}` ends the script."""
    world.consents.pop("script", None)
    if sent:
        if sent.get("choice") not in ("allow", "deny"):
            raise ValueError("choice is allow or deny")
        if sent["choice"] == "allow" and sent.get("user") not in world.users:
            raise ValueError("allow needs a user")
        world.consents["script"] = sent
    return sent


@endpoint(bp, "/tokens")
def mint_tokens(world: World, sent: Resource) -> Resource:
    """Give a client tokens without the dance: `user`, `client_id`, `scopes` (all when absent)."""
    client: Client = world.clients[sent["client_id"]]
    known = discovery.load().raw["auth"]["oauth2"]["scopes"]
    scopes = grants.canonical(sent.get("scopes") or [*known, *grants.SIGN_IN])
    grant = grants.get_grant(world, world.users[sent["user"]].email, client.client_id)
    grant.scopes |= scopes
    grant.is_offline = True
    refresh = grants.issue_refresh(world, grant, client, frozenset(scopes), sent.get("refresh_ttl_s"))
    issued = grants.issue_access(world, grant, scopes, refresh)
    return {
        "access_token": issued.value,
        "refresh_token": refresh.value,
        "expires_in": grants.ACCESS_LASTS_S,
        "scope": grants.written(scopes),
        "token_type": "Bearer",
    }


@endpoint(bp, "/tokens/expire")
def expire_tokens(world: World, sent: Resource) -> Resource:
    """End the access tokens of `user` (of everybody when absent); refresh tokens live on."""
    tokens = [one for one in world.access_tokens.values() if sent.get("user") in (None, one.grant.email)]
    for token in tokens:
        token.expires_at = world.now() - timedelta(seconds=1)
    return {"ended": len(tokens)}


@endpoint(bp, "/grants", "GET")
def list_grants(world: World, sent: Resource) -> list[Resource]:
    return [plain(grant) for grant in world.grants.values()]


@endpoint(bp, "/grants/revoke")
def revoke_grants(world: World, sent: Resource) -> Resource:
    """Revoke as the person would on their account page: `user`, and `client_id` unless all."""
    found = _grants(world, sent)
    for grant in found:
        grants.revoke(grant)
    return {"revoked": len(found)}


@endpoint(bp, "/grants/untick")
def untick_scopes(world: World, sent: Resource) -> Resource:
    """Take `scopes` out of what `user` granted (to `client_id`); issued tokens lose them too."""
    found = _grants(world, sent)
    for grant in found:
        grant.scopes -= grants.canonical(sent["scopes"])
    return {"grants": [plain(grant) for grant in found]}


def _grants(world: World, sent: Resource) -> list[Grant]:
    return [
        grant
        for grant in world.grants.values()
        if grant.email == sent["user"] and sent.get("client_id") in (None, grant.client_id)
    ]
