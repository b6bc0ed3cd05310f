"""Who calls, whether the token may do that, and whom `me` means (contract sections 18.5 and 20)."""

from __future__ import annotations

from dataclasses import dataclass

from tests.emulators.zoom import errors
from tests.emulators.zoom.wire import Request
from tests.emulators.zoom.world import Client, Meeting, User, World

SCOPES: dict[str, tuple[str, str]] = {
    "meetings.create": ("meeting:write", "meeting:write:meeting"),
    "meetings.get": ("meeting:read", "meeting:read:meeting"),
    "meetings.list": ("meeting:read", "meeting:read:list_meetings"),
    "meetings.update": ("meeting:write", "meeting:update:meeting"),
    "meetings.delete": ("meeting:write", "meeting:delete:meeting"),
    "meetings.status": ("meeting:write", "meeting:update:status"),
    "meetings.upcoming": ("meeting:read", "meeting:read:list_upcoming_meetings"),
    "meetings.invitation": ("meeting:read", "meeting:read:invitation"),
    "meetings.past": ("meeting:read", "meeting:read:past_meeting"),
    "users.get": ("user:read", "user:read:user"),
}
"""The classic and the granular scope of each method; `:admin` behind either acts for the whole account."""


@dataclass(frozen=True)
class Session:
    """Who a token acts as: `user` None for the whole account of a Server-to-Server application."""

    client: Client
    user: User | None
    is_admin: bool

    def may_see(self, world: World, meeting: Meeting) -> bool:
        if self.is_admin:
            return world.host_of(meeting).account_id == self.client.account_id
        return self.user is not None and self.user.email == meeting.host


def authenticate(world: World, request: Request, method_id: str) -> Session:
    """Return who calls. Raises 401/124 and 400/4711."""
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    token = world.access_tokens.get(value)
    if kind.lower() != "bearer" or token is None or (token.grant is not None and token.grant.is_dead):
        raise errors.bad_token()
    if token.expires_at <= world.now():
        raise errors.bad_token("Access token is expired.")
    wanted = [scope + level for scope in SCOPES[method_id][::-1] for level in ("", ":admin")]
    held = [scope for scope in wanted if scope in token.scopes]
    if not held:
        granular = SCOPES[method_id][1]
        text = f"Invalid access token, does not contain scopes:[{granular}, {granular}:admin]."
        raise errors.ApiError(400, 4711, text)
    user = world.users[token.grant.email] if token.grant else None
    is_admin = token.grant is None or any(scope.endswith(":admin") for scope in held)
    return Session(world.clients[token.client_id], user, is_admin)


def user_of(world: World, session: Session, user_id: str) -> User:
    """Return whom a path names. User-managed applications say `me`, Server-to-Server ones never do."""
    if user_id == "me":
        if session.user is None:
            raise errors.ApiError(400, 300, "This API does not support client credentials for authorization.")
        found: User | None = session.user
    elif session.client.kind == "user":
        raise errors.bad_token()
    else:
        found = next((u for u in world.users.values() if user_id in (u.id, u.email)), None)
    if found is None or found.is_gone or (session.is_admin and found.account_id != session.client.account_id):
        raise errors.no_user(user_id)
    return found
