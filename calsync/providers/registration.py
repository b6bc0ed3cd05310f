"""How an installation is known at a provider that people sign in to on its own pages: the credentials an admin enters.

Values and the protocol only; what a provider's files and refusals look like stands beside its client.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol, runtime_checkable
from urllib.parse import SplitResult, urlsplit

from calsync.providers.oauth import ClientPair, OAuthProvider

LARGEST_FILE = 64 * 1024
"""Bytes of a credentials file. Real ones have fewer than 2,000."""


@dataclass(frozen=True, slots=True)
class ClientFile:
    """What a credentials file says. `project` is the provider's name for where it comes from, or ""."""

    pair: ClientPair
    redirect_uris: tuple[str, ...]
    project: str = ""


class Proof(StrEnum):
    """What shows by itself that a step of setting up is done: credentials were saved, they are not refused, their
    redirect address is registered, somebody signed in, the calendars could be listed, grants last, a notice arrived.
    """

    SAVED = "saved"
    ACCEPTED = "accepted"
    REDIRECT = "redirect"
    SIGN_IN = "sign_in"
    ANSWER = "answer"
    LASTING = "lasting"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True)
class SetupStep:
    """One thing that an admin does at the provider, with the page where it is done. `proof` None: it cannot be seen."""

    title: str
    text: str
    url: str = ""
    proof: Proof | None = None


@dataclass(frozen=True, slots=True)
class Box:
    """One permission that a person gives on the provider's page: its scope, its words there, and what it is for.

    `is_ticked` False: it has no box of its own there, people agree to everything or to nothing.
    """

    scope: str
    label: str
    purpose: str
    without: str
    is_ticked: bool = True


@dataclass(frozen=True, slots=True)
class Check:
    """One line of a test of credentials: `is_good` None could not be found out.

    `is_of_pair` marks what a provider said of the pair itself.
    """

    label: str
    is_good: bool | None
    said: str
    is_of_pair: bool = False


class Registration(Protocol):
    """What a provider knows about credentials. Nothing here is told to anybody but the provider."""

    @property
    def steps(self) -> Sequence[SetupStep]:
        """What to do at the provider, in this order."""

    @property
    def file_kind(self) -> str:
        """The media type or file ending of its credentials files; "" where there are none."""

    @property
    def sign_in_origin(self) -> str:
        """Scheme and host of the page that people are sent to."""

    @property
    def issuers(self) -> Sequence[str]:
        """Names under which the provider answers (RFC 9207)."""

    def read_file(self, data: bytes) -> ClientFile:
        """Return what a credentials file says. Raises Refused with the reason and the field `file`."""

    def check(self, pair: ClientPair) -> None:
        """Return when a pair has the shape of the provider's. Raises Refused with the field that has not."""

    def boxes(self, *, can_write: bool) -> Sequence[Box]:
        """Return the boxes that people see on the provider's page."""

    def examine(self, pair: ClientPair, redirect_uri: str, now: datetime) -> list[Check]:
        """Try credentials without a person. Never raises ProviderError: what does not answer is a line."""

    def clock_offset(self, now: datetime) -> timedelta | None:
        """Return the provider's time minus `now`; None when it cannot be asked."""


@runtime_checkable
class Lasting(Protocol):
    """A registration whose provider may give grants that end by themselves; `lasting` is what to do about it there."""

    lasting: SetupStep


@dataclass(frozen=True, slots=True)
class TenantChoice:
    """Whose people may sign in. `value` is the word for it; "" stands for one organisation, whose id is typed."""

    value: str
    label: str
    meaning: str


@runtime_checkable
class Tenanted(Protocol):
    """A registration whose sign-in asks whose people may come (ClientPair.tenant)."""

    tenants: Sequence[TenantChoice]


@runtime_checkable
class Expiring(Protocol):
    """A registration whose secrets run out, after `longest_secret` at most; when exactly, only an admin can tell us."""

    longest_secret: timedelta


@dataclass(frozen=True, slots=True)
class Consent:
    """What an organisation's administrator answered; `said` is the reason where they did not agree, "" without one."""

    is_given: bool
    said: str = ""


@runtime_checkable
class Consenting(Protocol):
    """A registration whose organisations' administrators can allow us for all their people, by a link."""

    def consent_url(self, pair: ClientPair, redirect_uri: str, state: str) -> str:
        """Return the link. What they answer comes back to our redirect address, with `state`."""

    def read_consent(self, query: dict[str, str]) -> Consent | None:
        """Return what came back, None for a request about something else. Anybody can write it: it proves nothing."""


@runtime_checkable
class Explained(Protocol):
    """A registration that says what is asked for where somebody clicks for more (oauth.Extending)."""

    def extra_box(self, extra: str) -> Box:
        """Return the box of one of oauth.EXTRAS."""


@runtime_checkable
class RegisteredProvider(OAuthProvider, Protocol):
    """A registry entry of a provider that wants credentials of ours."""

    registration: Registration


# --- comparing the address that people come back to with those that are registered


class Difference(StrEnum):
    """In what two addresses differ. OTHER: only in characters that mean the same to people, not to a provider."""

    SCHEME = "scheme"
    HOST = "host"
    PORT = "port"
    PATH = "path"
    SLASH = "slash"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Our redirect address beside the registered one that comes nearest; `nearest` "" when none is registered.

    `pieces` is the nearest one cut where it differs: (text, whether it is the same in ours).
    """

    ours: str
    nearest: str = ""
    differences: tuple[Difference, ...] = ()
    pieces: tuple[tuple[str, bool], ...] = ()

    @property
    def is_match(self) -> bool:
        return self.nearest == self.ours


def compare(ours: str, registered: Sequence[str]) -> Comparison:
    """Compare character by character, as providers do: nothing is folded, decoded or completed."""
    if not registered:
        return Comparison(ours)
    if ours in registered:
        return Comparison(ours, ours, (), ((ours, True),))
    nearest = max(registered, key=lambda each: difflib.SequenceMatcher(None, each, ours, autojunk=False).ratio())
    return Comparison(ours, nearest, _differences(urlsplit(ours), urlsplit(nearest)), _pieces(nearest, ours))


def _differences(ours: SplitResult, theirs: SplitResult) -> tuple[Difference, ...]:
    found = []
    if ours.scheme != theirs.scheme:
        found.append(Difference.SCHEME)
    if ours.hostname != theirs.hostname:
        found.append(Difference.HOST)
    if _port(ours) != _port(theirs):
        found.append(Difference.PORT)
    if ours.path.rstrip("/") != theirs.path.rstrip("/"):
        found.append(Difference.PATH)
    elif ours.path != theirs.path:
        found.append(Difference.SLASH)
    return tuple(found) or (Difference.OTHER,)


def _port(parts: SplitResult) -> str:
    """Return the port as it is written; two addresses that differ in it differ, also where it is the usual one."""
    return parts.netloc.rpartition("]")[2].partition(":")[2]


def _pieces(theirs: str, ours: str) -> tuple[tuple[str, bool], ...]:
    matcher = difflib.SequenceMatcher(None, theirs, ours, autojunk=False)
    cuts = [(theirs[i:j], tag == "equal") for tag, i, j, _, _ in matcher.get_opcodes() if i < j]
    missing = any(tag == "insert" for tag, *_ in matcher.get_opcodes())
    return (*cuts, ("…", False)) if missing and all(same for _, same in cuts) else tuple(cuts)
