"""Who is calling and what they may touch: bearer tokens, permissions per method, calendars that may be written."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.emulators.microsoft import errors, items, zones
from tests.emulators.microsoft.items import Item
from tests.emulators.microsoft.model import Calendar, Client, Resource, User
from tests.emulators.microsoft.odata import Query
from tests.emulators.microsoft.render import Look
from tests.emulators.microsoft.wire import Request
from tests.emulators.microsoft.world import World

READS = ("Calendars.Read", "Calendars.ReadWrite")
WRITES = ("Calendars.ReadWrite",)
BASIC = ("Calendars.ReadBasic", *READS)
PROFILE = ("User.Read",)


@dataclass(frozen=True)
class Session:
    """A person acting through one app with the permissions of their token."""

    user: User
    client_id: str
    scopes: frozenset[str]


@dataclass
class Call:
    """One authenticated call on its way to its handler."""

    world: World
    method_id: str
    path: list[str]
    query: Query
    body: Resource
    request: Request
    session: Session
    base_url: str
    look: Look
    preferences: dict[str, str]
    applied: list[str] = field(default_factory=list)

    @property
    def user(self) -> User:
        return self.session.user

    @property
    def client(self) -> Client | None:
        return self.world.clients.get(self.session.client_id)


def authenticate(world: World, request: Request) -> Session:
    """Return the session of the bearer token. Raises the 401s of A13."""
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not value.strip():
        raise errors.unauthenticated()
    token = world.access_tokens.get(value.strip())
    if token is None:
        raise errors.unauthenticated("CompactToken parsing failed with error code: 80049217")
    if token.expires_at <= world.now():
        raise errors.unauthenticated("Lifetime validation failed, the token is expired.")
    if token.grant.ended_by is not None:
        raise errors.unauthenticated("Access token has been revoked.")
    return Session(world.users[token.grant.email], token.grant.client_id, token.scopes)


def require(session: Session, scopes: tuple[str, ...]) -> None:
    """Raise 403 unless the token has one of these permissions; an empty tuple wants none."""
    if scopes and not session.scopes & set(scopes):
        raise errors.denied()


def require_mailbox(user: User, *, is_plain_read: bool, is_delta: bool, says_token: bool) -> None:
    """Raise 404 without a mailbox; one that is full can only be read plainly (A9.2 no. 11).

    `says_token`: of a delta, it complains about the token instead of the room.
    """
    if not user.has_mailbox:
        message = "The mailbox is either inactive, soft-deleted, or is hosted on-premise."
        raise errors.not_found("MailboxNotEnabledForRESTAPI", message)
    if user.is_over_quota and not is_plain_read:
        raise errors.full_mailbox(tells_token=is_delta and says_token)


def look_of(preferences: dict[str, str], applied: list[str]) -> Look:
    """Return how answers are to look, and note what was applied (A2.1). Raises 400 for an unknown zone."""
    zone = "UTC"
    if "outlook.timezone" in preferences:
        found = zones.find(preferences["outlook.timezone"])
        if found is None:
            message = f"The following TimeZone value is not supported: '{preferences['outlook.timezone']}'."
            raise errors.bad(message, "TimeZoneNotSupportedException")
        zone = preferences["outlook.timezone"]
        applied.append(f'outlook.timezone="{zone}"')
        zone = found
    immutable = preferences.get("idtype", "").lower() == "immutableid"
    if immutable:
        applied.append('IdType="ImmutableId"')
    kind = preferences.get("outlook.body-content-type", "").lower()
    if kind in ("text", "html"):
        applied.append(f'outlook.body-content-type="{kind}"')
    return Look(zone, immutable, kind == "text")


def get_calendar(call: Call, *, writes: bool = False) -> Calendar:
    """Return the calendar of the path, the default one where the path names none.

    Raises 404 when it is gone, 400 for what is no id of a calendar, 403 when it may not be written.
    """
    named = next((part for part in call.path if part.startswith("AAMkAGCal")), None)
    if named is None and call.method_id.startswith("calendars.") and call.path:
        raise errors.malformed_id()
    if named is None:
        calendar: Calendar | None = call.world.default_calendar(call.user.email)
    else:
        calendar = call.world.find_calendar(named, call.user.email)
    if calendar is None:
        raise errors.not_found()
    if calendar.is_unavailable:
        raise errors.GraphError(500, "ErrorInternalServerTransientError", "An internal server error occurred.")
    if writes and not calendar.can_edit:
        raise errors.denied()
    return calendar


def get_item(call: Call, *, writes: bool = False) -> Item:
    """Return the event of the path. Raises 404, 400 for a malformed id, 403 in a calendar one may only read."""
    item = items.find(call.world, call.user.email, call.path[-1], immutable=call.look.immutable)
    if len(call.path) > 1 and call.path[0] != item.event.calendar.id:
        raise errors.not_found()
    if writes and not item.event.calendar.can_edit:
        raise errors.denied()
    return item


def check_match(call: Call, item: Item) -> None:
    """Raise 412 when `If-Match` names another version (A4.4)."""
    wanted = call.request.headers.get("if-match")
    if wanted not in (None, "*", item.etag):
        raise errors.conflict()
