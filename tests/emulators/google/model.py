"""What the emulator remembers: people, grants, calendars, events, channels, mail. Data only."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

Resource = dict[str, Any]
"""A JSON object as it goes over the wire, or its stored part."""

ROLES = ("none", "freeBusyReader", "reader", "writerWithoutPrivateAccess", "writer", "owner")
"""Access roles from the least to the most (contract 5.1, 13.6)."""


def outranks(role: str, least: str) -> bool:
    """Tell whether `role` is at least `least`."""
    return ROLES.index(role) >= ROLES.index(least)


@dataclass
class Client:
    """One OAuth client of a Google Cloud project (contract 1.2, 1.5, 1.8)."""

    client_id: str
    client_secret: str
    redirect_uris: list[str]
    project_id: str = "example-scheduler-4711"
    kind: str = "web"
    is_testing: bool = False
    test_users: list[str] = field(default_factory=list)
    internal_domain: str | None = None
    is_deleted: bool = False


@dataclass
class RefreshToken:
    value: str
    scopes: frozenset[str]
    issued_at: datetime
    used_at: datetime
    expires_at: datetime | None = None
    is_dead: bool = False


@dataclass
class Grant:
    """Everything one person allowed one client. Revoking ends all tokens made from it."""

    email: str
    client_id: str
    scopes: set[str] = field(default_factory=set)
    is_offline: bool = False
    is_revoked: bool = False
    refresh_tokens: list[RefreshToken] = field(default_factory=list)


@dataclass
class AccessToken:
    value: str
    grant: Grant
    scopes: frozenset[str]
    expires_at: datetime
    refresh: RefreshToken | None = None


@dataclass
class Code:
    """An authorization code: single use, bound to client, redirect URI and challenge."""

    value: str
    grant: Grant
    redirect_uri: str
    scopes: frozenset[str]
    expires_at: datetime
    gives_refresh: bool
    refresh_ttl_s: int | None
    challenge: str | None
    challenge_method: str
    nonce: str | None
    is_used: bool = False


@dataclass
class Entry:
    """One line of a person's calendar list: their own view of a calendar."""

    calendar_id: str
    body: Resource
    revision: int
    is_deleted: bool = False


@dataclass
class Setting:
    value: str
    revision: int


@dataclass
class User:
    email: str
    sub: str
    name: str
    hd: str | None = None
    time_zone: str = "UTC"
    has_calendar: bool = True
    is_suspended: bool = False
    needs_rapt: bool = False
    is_policy_blocked: bool = False
    allows_status_events: bool = True
    entries: dict[str, Entry] = field(default_factory=dict)
    settings: dict[str, Setting] = field(default_factory=dict)


@dataclass
class Rule:
    """One sharing rule. Its id is `type:value`, or `default`."""

    id: str
    scope: Resource
    role: str
    revision: int


@dataclass
class Event:
    """One stored copy of an event on one calendar, or an instance worked out from its series.

    `body` holds what Google stores, without what it derives for each reader. `is_vanished`
    marks an exception whose slot the series no longer has. `retired` maps ids of instances that
    a change of the series took away to the revision of that change and their original start.
    """

    id: str
    body: Resource
    created: datetime
    updated: datetime
    revision: int
    is_vanished: bool = False
    retired: dict[str, tuple[int, Resource]] = field(default_factory=dict)

    @property
    def is_cancelled(self) -> bool:
        return self.body.get("status") == "cancelled"

    @property
    def is_series(self) -> bool:
        return bool(self.body.get("recurrence"))

    @property
    def series_id(self) -> str | None:
        return self.body.get("recurringEventId")

    @property
    def etag(self) -> str:
        return f'"{3_500_000_000_000_000 + self.revision * 2}"'


@dataclass
class Calendar:
    id: str
    body: Resource
    owner: str
    revision: int
    is_primary: bool = False
    is_watchable: bool = True
    created_by: str | None = None
    auto_accepts: bool | None = None
    conference_types: list[str] = field(default_factory=lambda: ["hangoutsMeet"])
    rules: dict[str, Rule] = field(default_factory=dict)
    events: dict[str, Event] = field(default_factory=dict)
    is_deleted: bool = False

    @property
    def time_zone(self) -> str:
        return self.body.get("timeZone", "UTC")


@dataclass
class Channel:
    """One open promise to notify (contract 12)."""

    id: str
    email: str
    client_id: str
    address: str
    token: str | None
    expires_at: datetime
    resource: str
    resource_id: str
    resource_uri: str
    number: int = 0
    is_stopped: bool = False


@dataclass
class SyncMark:
    """What a sync token stands for: a place in the history of one collection."""

    resource: str
    revision: int
    issued_at: datetime
    params: Resource
    gone_reason: str | None = None


@dataclass
class PageMark:
    """What a page token stands for: the rest of a list as it was when its first page was read."""

    fingerprint: Resource
    items: list[Resource]
    offset: int
    revision: int
    pages: int


@dataclass(frozen=True)
class Slot:
    """One place of a series: a day for all-day series, else an aware UTC moment."""

    day: date | None = None
    moment: datetime | None = None
