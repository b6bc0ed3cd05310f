"""The in-memory store: one `World` holds everything, guarded by one lock. No rules of the API here."""

from __future__ import annotations

import base64
import secrets
import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.emulators.clock import Clock

Json = dict[str, Any]

ACCOUNT = "AbCdEfGhSxxExampleAcct"


@dataclass
class Settings:
    """Behaviour that the switchboard may change; the package's docstring says what each does."""

    plan: str = "business"
    per_second: dict[str, int] = field(default_factory=dict)
    per_day: dict[str, int] = field(default_factory=dict)
    host_daily: int = 100
    meeting_daily: int = 100
    page_cap: int = 300
    delivers: bool = True
    repeats_hooks: bool = False
    string_ids: bool = False
    bare_deauthorization: bool = False
    webhook_rewrites: dict[str, str] = field(default_factory=dict)


@dataclass
class User:
    """Somebody who hosts. `type`: 1 basic, 2 licensed, 99 none. `policy` are settings that an admin has locked."""

    email: str
    id: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    account_id: str = ACCOUNT
    type: int = 2
    timezone: str = "UTC"
    is_gone: bool = False
    policy: Json = field(default_factory=dict)
    defaults: Json = field(default_factory=dict)


@dataclass
class Client:
    """An application on the marketplace. `kind`: user, admin or s2s."""

    client_id: str
    client_secret: str
    redirect_uris: list[str] = field(default_factory=list)
    scopes: list[str] = field(default_factory=list)
    kind: str = "user"
    account_id: str = ACCOUNT
    is_disabled: bool = False
    hook_url: str = ""
    hook_secret: str = ""
    hook_failures: int = 0
    hook_checked_at: datetime | None = None
    is_hook_on: bool = False


@dataclass
class Grant:
    """What one person allowed one application, once: the next authorization ends it."""

    email: str
    client_id: str
    scopes: frozenset[str]
    refresh: str = ""
    is_dead: bool = False


@dataclass
class Code:
    grant: Grant
    redirect_uri: str
    expires_at: datetime
    challenge: str | None
    method: str


@dataclass
class AccessToken:
    """`grant` None: a Server-to-Server token, which acts for the whole account."""

    client_id: str
    scopes: frozenset[str]
    expires_at: datetime
    grant: Grant | None


@dataclass
class Meeting:
    """`start_at` None: none is set (types 1 and 3). `occurrences` belong to type 8; `deleted_at` puts it in the bin."""

    id: int
    uuid: str
    host: str
    type: int
    topic: str
    agenda: str
    timezone: str
    duration: int
    start_at: datetime | None
    password: str
    settings: Json
    created_at: datetime
    recurrence: Json = field(default_factory=dict)
    occurrences: list[Json] = field(default_factory=list)
    status: str = "waiting"
    deleted_at: datetime | None = None
    updates: list[datetime] = field(default_factory=list)
    source: str = "open_api"


@dataclass
class Delivery:
    """One webhook to one application, due by the emulator's clock."""

    client_id: str
    body: bytes
    due_at: datetime
    attempt: int = 0


@dataclass
class World:
    """Everything that the emulator knows. Hold `lock` while reading or writing it."""

    clock: Clock = field(default_factory=Clock)
    settings: Settings = field(default_factory=Settings)
    lock: threading.RLock = field(default_factory=threading.RLock)
    users: dict[str, User] = field(default_factory=dict)
    clients: dict[str, Client] = field(default_factory=dict)
    grants: list[Grant] = field(default_factory=list)
    codes: dict[str, Code] = field(default_factory=dict)
    access_tokens: dict[str, AccessToken] = field(default_factory=dict)
    asked: dict[str, Json] = field(default_factory=dict)
    script: Json = field(default_factory=dict)
    meetings: dict[int, Meeting] = field(default_factory=dict)
    page_marks: dict[str, tuple[datetime, Json]] = field(default_factory=dict)
    faults: list[Json] = field(default_factory=list)
    log: deque[Json] = field(default_factory=lambda: deque(maxlen=20_000))
    logged: int = 0
    calls: dict[tuple[str, str], deque[datetime]] = field(default_factory=dict)
    host_calls: dict[tuple[str, str], int] = field(default_factory=dict)
    day_calls: dict[tuple[str, str, str], int] = field(default_factory=dict)
    waiting: list[Delivery] = field(default_factory=list)
    tries: list[Json] = field(default_factory=list)
    numbers: int = 0

    def now(self) -> datetime:
        return self.clock.now()

    def next_id(self) -> int:
        """Return a number of eleven digits, as Zoom's are: none fits into 32 bits."""
        self.numbers += 1
        return 90_000_000_000 + self.numbers * 7_919_317 % 9_000_000_000

    def next_uuid(self) -> str:
        """Return 16 bytes as base64: every third begins with a slash, every third has two in a row."""
        raw = secrets.token_bytes(16)
        kind = len(self.meetings) % 3
        raw = b"\xfc" + raw[1:] if kind == 1 else raw[:6] + b"\xff\xff\xff" + raw[9:] if kind == 2 else raw
        return base64.b64encode(raw).decode()

    def host_of(self, meeting: Meeting) -> User:
        return self.users[meeting.host]
