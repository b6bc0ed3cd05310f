"""Who is calling and what they may touch: bearer tokens, scopes per method, roles per calendar."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.emulators.google import errors, people
from tests.emulators.google.discovery import Method
from tests.emulators.google.model import Calendar, Resource, User, outranks
from tests.emulators.google.wire import Headers, Request
from tests.emulators.google.world import World

WRITES = "writerWithoutPrivateAccess"
"""The least role that may write events."""

PREFIX = "https://www.googleapis.com/auth/"


@dataclass(frozen=True)
class Session:
    """A person acting through one client with the scopes still granted."""

    user: User
    client_id: str
    scopes: frozenset[str]


@dataclass
class Call:
    """One authenticated, validated call on its way to its handler."""

    world: World
    method: Method
    path: dict[str, str]
    query: Resource
    body: Resource
    headers: Headers
    session: Session
    base_url: str
    warnings: list[str] = field(default_factory=list)

    @property
    def user(self) -> User:
        return self.session.user


def authenticate(world: World, request: Request) -> Session:
    """Return the session of the bearer token. Raises the two 401s, and 403 when Calendar is switched off."""
    value = _bearer(request)
    token = world.access_tokens.get(value)
    if token is None or token.grant.is_revoked or token.expires_at <= world.now():
        raise errors.bad_credentials()
    user = world.users[token.grant.email]
    if user.is_suspended:
        raise errors.bad_credentials()
    return Session(user, token.grant.client_id, token.scopes & token.grant.scopes)


def _bearer(request: Request) -> str:
    header = request.headers.get("authorization", "")
    kind, _, value = header.partition(" ")
    if kind.lower() == "bearer" and value:
        return value.strip()
    if header:
        raise errors.bad_credentials()
    value = request.first("oauth_token") or ""
    if not value:
        raise errors.missing_credentials()
    return value


def require_scope(session: Session, method: Method) -> None:
    """Raise 403 unless the session holds one of the scopes that the method accepts (1.11)."""
    if not session.scopes & method.scopes:
        raise errors.insufficient_scopes(method.id)
    if not session.user.has_calendar:
        raise errors.of(403, "notACalendarUser")


def get_calendar(call: Call, least: str = "freeBusyReader", name: str | None = None) -> Calendar:
    """Return the calendar of the path (or of id `name`) if the caller's role is at least `least`.

    Raises 404 when it does not exist or is not shared with the caller, 403 when the role is too low.
    """
    calendar_id = name or call.path["calendarId"]
    if calendar_id == "primary":
        calendar_id = call.user.email
    calendar = call.world.find_calendar(calendar_id)
    role = people.role_of(call.user, calendar) if calendar else "none"
    if calendar is None or role == "none":
        raise errors.of(404)
    if not outranks(role, least):
        raise errors.of(403, "requiredAccessLevel" if least == WRITES else "forbidden")
    if not any(_covers(scope, call, calendar, role) for scope in call.session.scopes & call.method.scopes):
        raise errors.insufficient_scopes(call.method.id)
    return calendar


def _covers(scope: str, call: Call, calendar: Calendar, role: str) -> bool:
    match scope.removeprefix(PREFIX):
        case "calendar.events.owned" | "calendar.events.owned.readonly":
            return role == "owner"
        case "calendar.app.created":
            return calendar.created_by == call.session.client_id
        case "calendar.events.public.readonly":
            public = calendar.rules.get("default")
            return public is not None and outranks(public.role, "reader")
    return True


def sees_only_busy(call: Call, calendar: Calendar) -> bool:
    """Tell whether role or scope reduce events to their times (5.1, 1.11)."""
    scopes = {scope.removeprefix(PREFIX) for scope in call.session.scopes & call.method.scopes}
    return role_of(call, calendar) == "freeBusyReader" or scopes == {"calendar.events.freebusy"}


def role_of(call: Call, calendar: Calendar) -> str:
    return people.role_of(call.user, calendar)
