"""The protocol behind which providers of video meetings stand, and the values that cross it.

A meeting here is a place to join at a provider that has no calendar of its own. A client translates and never decides:
no retries, no SQL. Every method may raise any ProviderError. There is no key that makes a repeated create harmless
everywhere, so each meeting carries a mark of ours by which it is found again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable

from calsync.providers.base import Grant, Provider, ProviderInfo

RECORDINGS = ("none", "cloud", "local")
LONGEST_TOPIC = 200
"""Characters. What is longer is cut by whoever makes a draft."""


@dataclass(frozen=True, slots=True)
class MeetingSettings:
    """How a meeting is to be run; None leaves a matter to whoever hosts there. `recording` is one of RECORDINGS.

    What comes back may differ from what was asked: the provider's administrators can lock any of it.
    """

    join_before_host: bool | None = None
    mute_upon_entry: bool | None = None
    waiting_room: bool | None = None
    recording: str | None = None


@dataclass(frozen=True, slots=True)
class MeetingDraft:
    """The wanted state of one meeting.

    `starts_at` None makes a room that stays open for a series: its times live in the calendar. `minutes` is the length,
    `tz` an IANA name. `mark` finds the meeting again.
    """

    mark: str
    topic: str
    starts_at: datetime | None
    minutes: int
    tz: str = "UTC"
    settings: MeetingSettings = MeetingSettings()


@dataclass(frozen=True, slots=True)
class Meeting:
    """One meeting as the provider holds it. `mark` is "" where it carries none of ours; `host` an address or "".

    `settings` are what became of those that were asked for; a meeting from a list has none.
    """

    remote_id: str
    join_url: str
    topic: str = ""
    starts_at: datetime | None = None
    minutes: int = 0
    host: str = ""
    mark: str = ""
    settings: MeetingSettings = MeetingSettings()


class ConferenceClient(Protocol):
    """The meetings that one account hosts."""

    def create(self, draft: MeetingDraft) -> Meeting:
        """Make a meeting. Every call makes another one.

        Unavailable with is_in_doubt says that one may have been made: `find` it before trying again.
        """

    def update(self, remote_id: str, draft: MeetingDraft) -> Meeting:
        """Change a meeting in place and return it as it is then; its link stays. Raises Rejected (`not_found`)."""

    def get(self, remote_id: str) -> Meeting | None:
        """Return a meeting; None where the provider says that there is none."""

    def delete(self, remote_id: str) -> None:
        """Delete a meeting. One that is gone is fine."""

    def find(self, mark: str) -> Sequence[Meeting]:
        """Return the meetings that carry a mark: one, none, or more where an answer was lost."""

    def meetings(self) -> Iterator[Meeting]:
        """Yield every meeting that is not over. Complete when it ends without an error."""

    def close(self) -> None:
        """Release connections. May be called twice."""


@runtime_checkable
class ConferenceProvider(Provider, Protocol):
    """A registry entry of a provider that hosts meetings. `kind` is what an activity's place calls them."""

    kind: str

    def open_meetings(self, grant: Grant) -> ConferenceClient:
        """Return a client for one account."""


def has_calendars(info: ProviderInfo) -> bool:
    """Return whether a provider's accounts have calendars. One that only takes what we make there has none."""
    return info.sync != "one-way"


# --- what such a provider tells us of its own accord


class ToldKind(StrEnum):
    """PROVE asks for a proof that we know the secret; CHANGED is about a meeting; LEFT ends a person's grant."""

    PROVE = "prove"
    CHANGED = "changed"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class Told:
    """What a genuine request to our address says. Each says only where to look: it may come twice, late, or never.

    `answer` is the body to give back to PROVE; `remote_id` names the meeting of CHANGED, `subject` and `client_id` who
    left which application of ours.
    """

    kind: ToldKind
    answer: Mapping[str, str] = field(default_factory=dict)
    remote_id: str = ""
    subject: str = ""
    client_id: str = ""


@runtime_checkable
class TellingProvider(Provider, Protocol):
    """A registry entry that understands the signed requests of its provider. One secret holds for all accounts."""

    def read_told(self, headers: Mapping[str, str], body: bytes, secret: str, now: datetime) -> Told | None:
        """Return what a request says; None for one that is not the provider's, too old, or of no interest."""
