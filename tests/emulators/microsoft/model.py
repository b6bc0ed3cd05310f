"""What the emulator remembers: tenants, people, grants, calendars, events, subscriptions. Data only."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

Resource = dict[str, Any]
"""A JSON object as it goes over the wire, or its stored part."""

CONSUMERS = "9188040d-6c67-4c5b-b112-36a304b66dad"
"""The tenant of all personal accounts (contract A1.1)."""

Key = tuple[str, str]
"""An item of a view: the id of a stored event and "", or the id of a series master and a date."""


@dataclass
class Secret:
    """One client secret. Several may live at once (A1.7)."""

    value: str
    expires_at: datetime | None = None


@dataclass
class Client:
    """One app registration. `audience` is its signInAudience; `permissions` None means any may be asked."""

    client_id: str
    secrets: list[Secret]
    redirect_uris: list[str]
    name: str = "Example Scheduler"
    audience: str = "AzureADandPersonalMicrosoftAccount"
    home_tenant: str = ""
    permissions: list[str] | None = None


@dataclass
class Tenant:
    """One organisation. `user_consent`: allowed, recommended (writing calendars needs an admin), workflow
    (the same, and people may ask for approval) or off (every permission needs an admin)."""

    id: str
    name: str
    domains: list[str] = field(default_factory=list)
    user_consent: str = "allowed"
    admin_consents: dict[str, set[str]] = field(default_factory=dict)
    blocked_clients: list[str] = field(default_factory=list)


@dataclass
class User:
    """A person, or a room when `kind` says so. `trouble` is an AADSTS code that every token request meets."""

    email: str
    oid: str
    tenant: str
    name: str
    time_zone: str = "UTC"
    kind: str = "person"
    is_admin: bool = False
    has_mailbox: bool = True
    is_over_quota: bool = False
    sign_in_trouble: int | None = None
    trouble: int | None = None
    providers: list[str] = field(default_factory=lambda: ["teamsForBusiness"])
    hides_details: bool = True
    capacity: int | None = None
    building: str | None = None
    room_list: str | None = None
    answers: str = "auto"

    @property
    def is_personal(self) -> bool:
        return self.tenant == CONSUMERS


@dataclass
class Grant:
    """What one person allowed one app. `ended_by` is the AADSTS code of how it ended."""

    email: str
    client_id: str
    scopes: set[str] = field(default_factory=set)
    ended_by: int | None = None


@dataclass
class RefreshToken:
    value: str
    grant: Grant
    scopes: frozenset[str]
    used_at: datetime
    ended_by: int | None = None


@dataclass
class AccessToken:
    value: str
    grant: Grant
    scopes: frozenset[str]
    expires_at: datetime


@dataclass
class Code:
    """An authorization code: single use, bound to app, redirect URI, tenant and challenge."""

    value: str
    grant: Grant
    redirect_uri: str
    tenant: str
    scopes: frozenset[str]
    expires_at: datetime
    challenge: str | None
    nonce: str | None
    is_used: bool = False


@dataclass
class Calendar:
    """One folder of a mailbox. `owner` differs from `mailbox` for a calendar that somebody shared.

    `last_view` is the latest view with the revision it was made at: most polls ask for the same again.
    """

    id: str
    mailbox: str
    name: str
    owner: tuple[str, str]
    revision: int
    is_default: bool = False
    can_edit: bool = True
    can_share: bool = True
    can_see_private: bool = True
    color: str = "auto"
    hex_color: str = ""
    providers: list[str] = field(default_factory=list)
    is_deleted: bool = False
    is_unavailable: bool = False
    events: dict[str, Event] = field(default_factory=dict)
    last_view: tuple[int, tuple[datetime, datetime], list[Any]] | None = None


@dataclass
class Event:
    """A stored item: a single event, a series master or an exception. Occurrences are not stored.

    `start` and `end` are wall clock times in `zone`. `original` is the day of the series that an exception
    replaces; `cancelled` are the days of a master that do not happen. `fields` holds what clients may write
    and the server only keeps. `bump_at`: when the server touches the item by itself (A4.4).
    """

    id: str
    mutable_id: str
    calendar: Calendar
    uid: str
    start: datetime
    end: datetime
    zone: str
    start_zone: str
    end_zone: str
    created: datetime
    modified: datetime
    organizer: tuple[str, str]
    revision: int = 0
    is_all_day: bool = False
    fields: Resource = field(default_factory=dict)
    recurrence: Resource | None = None
    master: str | None = None
    original: date | None = None
    cancelled: set[date] = field(default_factory=set)
    hidden_from_delta: set[date] = field(default_factory=set)
    properties: dict[str, str] = field(default_factory=dict)
    extensions: dict[str, Resource] = field(default_factory=dict)
    transaction_id: str | None = None
    is_cancelled: bool = False
    is_deleted: bool = False
    response: tuple[str, datetime | None] = ("organizer", None)
    online: Resource | None = None
    online_at: datetime | None = None
    bump_at: datetime | None = None
    rooms_at: datetime | None = None

    @property
    def kind(self) -> str:
        if self.recurrence is not None:
            return "seriesMaster"
        return "exception" if self.master else "singleInstance"


@dataclass
class DeltaMark:
    """What a delta token stands for: a view of one calendar, as it was when the token was made (A9.2)."""

    token: str
    calendar_id: str
    window: tuple[datetime, datetime]
    known: dict[Key, str]
    revision: int
    made_at: datetime
    email: str
    calendar_revision: int = 0
    gone: str | None = None


@dataclass
class PageMark:
    """The rest of a list cut into pages; `mark` is the delta token that its end hands out, `query` what was asked."""

    token: str
    items: list[Any]
    mark: DeltaMark | None = None
    was_empty: bool = False
    query: Any = None


@dataclass
class Subscription:
    """One change notification subscription (A10)."""

    id: str
    email: str
    client_id: str
    resource: str
    calendar_id: str
    change_types: list[str]
    notification_url: str
    lifecycle_url: str | None
    client_state: str | None
    expires_at: datetime
    uses_immutable_ids: bool
    is_paused: bool = False
    reauthorized_at: datetime | None = None
