"""The two protocols behind which every provider stands, and the values that cross them.

A client translates and never decides: no retries, no SQL, no rules. Every method may raise any ProviderError. How
providers differ is data in Capabilities; no code outside this package asks for a provider's name.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from calsync.engine.event import FIELDS, Event, Person
from calsync.engine.resource import Resource
from calsync.engine.vocabulary import EventKind, MailRule
from calsync.errors import ProviderError


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a provider can do. Rules are built from these flags, never from names."""

    can_notify: bool = False  # offers channels
    renews_channels_after: float = 0.8  # the share of a channel's life after which the next is opened
    makes_links: tuple[str, ...] = ()  # conference kinds it creates with an event: "meet", "teams", "zoom"
    keeps_private_fields: bool = True  # our mark survives a round trip
    cancel_is_visible: bool = True  # a cancelled event can stay visible as cancelled
    mails_on_write: bool = False  # writing attendees mails them and cannot be silenced
    mails_by_choice: bool = False  # each write says who is mailed (sendUpdates)
    delivers_to_guests: bool = False  # guests with an account there find the event in it, mailed or not
    series_is_one_resource: bool = False  # master and overrides share one handle and one version
    tells_free_busy: bool = False  # says when others are busy, see free_busy.py
    invites_rooms: bool = False  # takes Edit.rooms; rooms answer by themselves, see rooms.py
    can_move: bool = False  # move() keeps uid and handle history between calendars of the account
    batch_size: int = 1  # writes sent together
    edits_kinds: frozenset[EventKind] = frozenset({EventKind.DEFAULT})  # events of other kinds are not written to
    expresses: frozenset[str] = frozenset(FIELDS)  # merge units it can hold; the others are projected away


@dataclass(frozen=True, slots=True)
class ProviderInfo:
    """A provider as data: what cards, forms and rules need to know."""

    name: str  # stored: google, microsoft, caldav, zoom
    label: str  # shown: "Google Calendar"
    short: str  # in sentences: "Google wins", "CRM to Google"
    logo: str  # file under static/
    sign_in: str  # "oauth" or "password"
    sync: str  # "two-way" or "one-way"
    capabilities: Capabilities
    needs_credentials: bool  # True: an admin must configure a card before anyone can connect


@dataclass(frozen=True, slots=True)
class Grant:
    """What a client needs to act for one account. Its repr shows no secret.

    `secret` is the password of a password provider. `bearer` gives a valid access token of an OAuth provider; called
    with True it must refresh first. `api_url` is where the last token answer wanted calls, "" for no such wish.
    `scopes` are what such a token may do, as far as the provider said.
    """

    server_url: str = ""
    username: str = ""
    secret: str = field(default="", repr=False)
    bearer: Callable[[bool], str] | None = field(default=None, repr=False)
    allow_private_network: bool = False
    api_url: str = ""
    scopes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class RemoteCalendar:
    """One calendar of an account as the provider lists it.

    `access` is owner, writer, reader or free_busy. `color` is #rrggbb or None; `tz` an IANA name or None.
    """

    remote_id: str
    name: str
    color: str | None = None
    tz: str | None = None
    is_primary: bool = False
    access: str = "owner"

    @property
    def is_writable(self) -> bool:
        return self.access in ("owner", "writer")


@dataclass(frozen=True, slots=True)
class Page:
    """One part of a read, in the order the provider gave it. A read is complete when a page with is_last came.

    `removed` are explicit tombstones. In a full read (`is_full`, every page of it) `present` names every handle that
    exists, changed or not, so that the caller can find what is absent; absence is then only a suspicion. `cursor`
    stands on the last page only.
    """

    resources: tuple[Resource, ...] = ()
    removed: tuple[str, ...] = ()
    present: tuple[str, ...] = ()
    cursor: str | None = None
    is_full: bool = False
    is_last: bool = False


@dataclass(frozen=True, slots=True)
class Edit:
    """The wanted state of one event inside a resource.

    `fields` are the merge units to write, all of FIELDS for a new event; everything else in the stored event stays as
    it is. `is_removed` takes an override out of its resource. `link` asks for a conference of that kind, one of
    Capabilities.makes_links, where the event has none; the join link may come later, as a change of the event. `rooms`
    are the rooms to be invited, instead of those that we invited before, None leaves these as they are: a room is no
    guest, hears nothing that a person reads, and answers as Event.rooms (only where Capabilities.invites_rooms).
    """

    event: Event
    fields: frozenset[str] = frozenset(FIELDS)
    is_removed: bool = False
    link: str | None = None
    rooms: tuple[Person, ...] | None = None


@dataclass(frozen=True, slots=True)
class Write:
    """All changes to one resource, to be made as one request.

    `handle` None creates; `key` is then what makes a repeat harmless: the same key never creates twice. An update or
    delete is conditional on `version` and edits `body`, the stored raw text. `series` is the handle of the master when
    the edited event is an occurrence and the provider keeps occurrences as resources of their own. `occurrences` are
    then the changed ones of a series that is edited, as the mirror knows them, with their versions: where the provider
    drops them as the series moves, one that is not among them is a VersionMismatch that names it.
    """

    key: str
    edits: tuple[Edit, ...] = ()
    handle: str | None = None
    version: str | None = None
    body: str | None = None
    series: str | None = None
    occurrences: Mapping[str, str | None] | None = None
    is_delete: bool = False
    mail: MailRule = MailRule.NEVER


Written = Resource | ProviderError | None
"""The outcome of one Write: as the provider now holds it, None after a delete, or what went wrong."""


class Known(Protocol):
    """What the mirror holds of a calendar. Asked only when needed: most reads do not, and a calendar may be large."""

    def __call__(self, handles: Collection[str] | None = None, /) -> Mapping[str, str | None]:
        """Return living handles and their versions: those among `handles`, or all for None."""


class CalendarReader(Protocol):
    """Read access to one account. A run without write access is handed no more than this."""

    def calendars(self) -> list[RemoteCalendar]:
        """Return every calendar of the account that can hold events."""

    def read(self, calendar: str, cursor: str | None, known: Known) -> Iterator[Page]:
        """Yield what changed since `cursor`, or everything when it is None.

        A provider without change feeds compares with `known`. Raises CursorExpired when it no longer knows `cursor`
        (the caller then reads again with None), and any ProviderError in the middle: the read is then incomplete.
        """

    def get_many(self, calendar: str, handles: Sequence[str]) -> dict[str, Resource | None]:
        """Return each handle's resource, or None where the provider says that it is gone (404, 410).

        Every handle asked for is in the answer; an unanswered one raises Unavailable.
        """

    def clock_offset(self) -> timedelta | None:
        """Return provider time minus our time, from the last answer's Date header; None before any answer."""

    def close(self) -> None:
        """Release connections. May be called twice."""


class CalendarClient(CalendarReader, Protocol):
    """Read and write access to one account."""

    def write(self, calendar: str, writes: Sequence[Write]) -> list[Written]:
        """Apply each write and return its outcome, in order. Never raises for a single write.

        At most Capabilities.batch_size writes. An answer that never came is Unavailable with is_in_doubt.
        A create whose key exists already returns the existing resource, marked is_adopted.
        """

    def move(self, calendar: str, handle: str, version: str | None, to: str) -> Resource:
        """Move a resource to another calendar of the account (only where Capabilities.can_move)."""


class Provider(Protocol):
    """A registry entry: facts, and how to open a client."""

    info: ProviderInfo

    def open(self, grant: Grant, calendars: Mapping[str, str]) -> CalendarClient:
        """Return a client. `calendars` gives remote ids and their time zones, for floating times."""


__all__ = [
    "CalendarClient",
    "CalendarReader",
    "Capabilities",
    "Edit",
    "Grant",
    "Known",
    "Page",
    "Provider",
    "ProviderInfo",
    "RemoteCalendar",
    "Resource",
    "Write",
    "Written",
]
