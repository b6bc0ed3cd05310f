"""The emulator's store: everything it remembers, its clock, its settings. No rules of Microsoft's."""

from __future__ import annotations

import base64
import secrets
import threading
import uuid
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.emulators.clock import Clock
from tests.emulators.microsoft import model
from tests.emulators.microsoft.model import Calendar, Event, Resource, User

MOST_LOG_LINES = 20_000


@dataclass
class Settings:
    """Knobs of the switchboard; the package docstring explains each."""

    issuer_base: str = "https://login.microsoftonline.com"
    expires_in: int | None = None
    prefixes_scopes: bool = False
    admin_approval_error: str = "consent_required"
    duplicate_status: int = 409
    tells_existing_id: bool = False
    accepts_any_iana: bool = False
    bumps_after_s: float | None = 1.0
    teams_delay_s: float = 0.0
    room_delay_s: float = 0.0
    full_says_token: bool = False
    page_cap: int | None = None
    empty_pages: bool = False
    repeats_in_delta: bool = False
    hides_cancelled_days: bool = False
    delta_includes_masters: bool = False
    delta_lag_s: float = 0.0
    gone_in_small_letters: bool = False
    gone_has_location: bool = False
    view_expands: bool = True
    batch_order: str = "given"
    batch_limit: int = 20
    batch_weight: int = 4
    most_at_once: int | None = 4
    per_10_minutes: int | None = 10_000
    retry_after: str = "2"
    subscription_minutes: int = 10_080
    default_only_subscriptions: bool = False
    https_only: bool = True
    webhook_rewrites: dict[str, str] = field(default_factory=dict)
    validation_timeout_s: float = 10.0
    push_timeout_s: float = 3.0
    push_retry_delays_s: list[float] = field(default_factory=lambda: [0.2, 0.5])
    push_drop_every: int | None = None
    push_repeat_every: int | None = None
    push_reversed: bool = False


@dataclass
class World:
    """One emulated Microsoft. Hold `lock` while reading or changing it."""

    clock: Clock = field(default_factory=Clock)
    settings: Settings = field(default_factory=Settings)
    lock: threading.RLock = field(default_factory=threading.RLock)
    clients: dict[str, model.Client] = field(default_factory=dict)
    tenants: dict[str, model.Tenant] = field(default_factory=dict)
    users: dict[str, User] = field(default_factory=dict)
    grants: dict[tuple[str, str], model.Grant] = field(default_factory=dict)
    codes: dict[str, model.Code] = field(default_factory=dict)
    access_tokens: dict[str, model.AccessToken] = field(default_factory=dict)
    refresh_tokens: dict[str, model.RefreshToken] = field(default_factory=dict)
    script: Resource | None = None
    asked: dict[str, Resource] = field(default_factory=dict)
    calendars: dict[str, Calendar] = field(default_factory=dict)
    marks: dict[str, model.DeltaMark] = field(default_factory=dict)
    pages: dict[str, model.PageMark] = field(default_factory=dict)
    subscriptions: dict[str, model.Subscription] = field(default_factory=dict)
    ids: dict[str, Event] = field(default_factory=dict)
    unsettled: dict[str, Event] = field(default_factory=dict)
    next_due: datetime | None = None
    transactions: dict[tuple[str, str], Event] = field(default_factory=dict)
    faults: list[Resource] = field(default_factory=list)
    log: deque[Resource] = field(default_factory=lambda: deque(maxlen=MOST_LOG_LINES))
    logged: int = 0
    mail: list[Resource] = field(default_factory=list)
    changes: list[tuple[str, Event]] = field(default_factory=list)
    pushes: list[Resource] = field(default_factory=list)
    notices_made: int = 0
    calls: deque[tuple[datetime, tuple[str, str]]] = field(default_factory=deque)
    in_flight: dict[tuple[str, str], int] = field(default_factory=dict)
    most_in_flight: dict[str, int] = field(default_factory=dict)
    revision: int = 0

    def now(self) -> datetime:
        return self.clock.now()

    def next_revision(self) -> int:
        """Return a number above every earlier one; it orders all changes."""
        self.revision += 1
        return self.revision

    def save(self, event: Event, change: str = "updated", *, touches: bool = True) -> Event:
        """Store an event as changed now, and remember the change for subscribers.

        `touches` False: the server's own hand, which plans no further touch of itself.
        """
        event.revision = event.calendar.revision = self.next_revision()
        event.modified = max(self.now(), event.modified + timedelta(milliseconds=1))
        delay = self.settings.bumps_after_s
        event.bump_at = self.now() + timedelta(seconds=delay) if touches and delay is not None else None
        event.calendar.events[event.id] = event
        self.ids[event.id] = self.ids[event.mutable_id] = event
        self.unsettled[event.id] = event
        self.note_due(event)
        if event.transaction_id:
            self.transactions[(event.calendar.mailbox, event.transaction_id)] = event
        self.changes.append((change, event))
        return event

    def note_due(self, event: Event) -> None:
        """Remember when the server has to look after an event by itself, if that is before anything else."""
        times = (event.online_at, event.rooms_at, event.bump_at)
        soonest = min((time for time in times if time is not None), default=None)
        if soonest is not None:
            self.next_due = min(soonest, self.next_due or soonest)

    def find_calendar(self, calendar_id: str, email: str) -> Calendar | None:
        """Return a calendar of this person's mailbox."""
        calendar = self.calendars.get(calendar_id)
        is_there = calendar is not None and not calendar.is_deleted and calendar.mailbox == email
        return calendar if is_there else None

    def default_calendar(self, email: str) -> Calendar:
        return next(one for one in self.calendars_of(email) if one.is_default)

    def calendars_of(self, email: str) -> Iterator[Calendar]:
        return (one for one in list(self.calendars.values()) if one.mailbox == email and not one.is_deleted)

    def find_user(self, address: str) -> User | None:
        return self.users.get(address.strip().lower())


def new_guid() -> str:
    return str(uuid.uuid4())


def new_id(prefix: str, length: int = 60) -> str:
    """Return an opaque id with the characters that Exchange's have: letters of both cases, `-`, `_` and `=`."""
    return f"{prefix}{base64.urlsafe_b64encode(secrets.token_bytes(length)).decode()}="


def opaque(length: int = 24) -> str:
    return secrets.token_urlsafe(length)
