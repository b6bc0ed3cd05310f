"""The in-memory store: one `World` holds everything, guarded by one lock. No rules of the API here."""

from __future__ import annotations

import secrets
import threading
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import quote

from tests.emulators.clock import Clock
from tests.emulators.google import model
from tests.emulators.google.model import Calendar, Event, Resource, User

TRASH_LASTS = timedelta(days=30)
"""How long deleted things stay readable, and how far back `updatedMin` may reach (contract 7.1, 14)."""

MOST_LOG_LINES = 20_000
"""Older lines of the request log are forgotten, so that long simulations do not fill the memory."""

BASE32HEX = "0123456789abcdefghijklmnopqrstuv"


@dataclass
class Settings:
    """Behaviour that the switchboard may change. Seconds where a name ends in `_s`."""

    issuer: str = "https://accounts.google.com"
    sends_iss: bool = True
    https_only: bool = True
    webhook_rewrites: dict[str, str] = field(default_factory=dict)
    per_minute: int | None = 10_000
    per_user_per_minute: int | None = 600
    quota_status: int = 403
    events_created_limit: int = 100_000
    calendars_created_limit: int = 60
    batch_limit: int = 50
    batch_order: str = "given"
    page_cap: int | None = None
    empty_pages: bool = False
    repeats_across_pages: bool = False
    push_drop_every: int | None = None
    push_repeat_every: int | None = None
    push_retry_delays_s: list[float] = field(default_factory=lambda: [0.05, 0.1, 0.2])
    sync_before_reply: bool = False
    meet_outcomes: list[str] = field(default_factory=list)
    meet_pending_s: float | None = None


@dataclass
class World:
    """Everything that the emulator knows. Hold `lock` while reading or writing it."""

    clock: Clock = field(default_factory=Clock)
    settings: Settings = field(default_factory=Settings)
    lock: threading.RLock = field(default_factory=threading.RLock)
    users: dict[str, User] = field(default_factory=dict)
    clients: dict[str, model.Client] = field(default_factory=dict)
    grants: dict[tuple[str, str], model.Grant] = field(default_factory=dict)
    codes: dict[str, model.Code] = field(default_factory=dict)
    access_tokens: dict[str, model.AccessToken] = field(default_factory=dict)
    refresh_tokens: dict[str, tuple[model.Grant, model.RefreshToken]] = field(default_factory=dict)
    consents: dict[str, Resource] = field(default_factory=dict)
    asked: dict[str, Resource] = field(default_factory=dict)
    calendars: dict[str, Calendar] = field(default_factory=dict)
    groups: dict[str, list[str]] = field(default_factory=dict)
    channels: dict[str, model.Channel] = field(default_factory=dict)
    sync_marks: dict[str, model.SyncMark] = field(default_factory=dict)
    page_marks: dict[str, model.PageMark] = field(default_factory=dict)
    faults: list[Resource] = field(default_factory=list)
    log: deque[Resource] = field(default_factory=lambda: deque(maxlen=MOST_LOG_LINES))
    logged: int = 0
    mail: list[Resource] = field(default_factory=list)
    pushes: list[Resource] = field(default_factory=list)
    calls: deque[tuple[datetime, str]] = field(default_factory=deque)
    calls_of: Counter[str] = field(default_factory=Counter)
    meet_waiting: list[tuple[str, str]] = field(default_factory=list)
    created: dict[str, int] = field(default_factory=dict)
    touched: dict[str, str] = field(default_factory=dict)
    revision: int = 0

    def now(self) -> datetime:
        return self.clock.now()

    def next_revision(self) -> int:
        """Return a number above every earlier one; it orders all changes of all collections."""
        self.revision += 1
        return self.revision

    def touch(self, resource: str, state: str = "exists") -> None:
        """Note that watchers of `resource` are to be told once the current call is done."""
        self.touched[resource] = state

    def save(self, calendar: Calendar, event: Event, *, keeps_updated: bool = False) -> Event:
        """Store an event as changed now. `updated` always moves on by at least a millisecond,
        so that it orders changes even while the clock stands still; reminder edits keep it."""
        event.revision = calendar.revision = self.next_revision()
        if not keeps_updated:
            event.updated = max(self.now(), event.updated + timedelta(milliseconds=1))
        calendar.events[event.id] = event
        self.touch(events_of(calendar.id))
        return event

    def stored_events(self, calendar: Calendar) -> Iterator[Event]:
        """Yield what the calendar still holds: everything but trash that was emptied."""
        horizon = self.now() - TRASH_LASTS
        for event in list(calendar.events.values()):
            if not self._is_purged(calendar, event, horizon):
                yield event

    def find_stored(self, calendar: Calendar, event_id: str) -> Event | None:
        event = calendar.events.get(event_id)
        if event is None or self._is_purged(calendar, event, self.now() - TRASH_LASTS):
            return None
        return event

    def _is_purged(self, calendar: Calendar, event: Event, horizon: datetime) -> bool:
        if not event.is_cancelled or event.updated >= horizon:
            return False
        series = calendar.events.get(event.series_id or "")
        return series is None or series.is_cancelled or event.is_vanished

    def find_calendar(self, calendar_id: str) -> Calendar | None:
        calendar = self.calendars.get(calendar_id)
        return None if calendar is None or calendar.is_deleted else calendar


def events_of(calendar_id: str) -> str:
    return f"events:{calendar_id}"


def rules_of(calendar_id: str) -> str:
    return f"acl:{calendar_id}"


def list_of(email: str) -> str:
    return f"calendarList:{email}"


def settings_of(email: str) -> str:
    return f"settings:{email}"


def encoded(calendar_id: str) -> str:
    """Return a calendar id as one path segment."""
    return quote(calendar_id, safe="")


def new_event_id() -> str:
    """Return 26 characters of base32hex, as Google's own ids have."""
    return "".join(secrets.choice(BASE32HEX) for _ in range(26))


def opaque(length: int = 24) -> str:
    return secrets.token_urlsafe(length)
