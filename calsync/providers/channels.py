"""Channels: a provider's promise to notify us, as values and a protocol. What is done with a notice is a service's.

A notice says only that something changed, and not every change brings one: it makes an account due, and polling stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hmac import compare_digest
from typing import Protocol, runtime_checkable

from calsync.providers.base import Provider


@dataclass(frozen=True, slots=True)
class Channel:
    """An open channel. `id` is ours, `resource_id` the provider's; both are needed to stop it.

    `is_heard` says that opening it took a request to our address, which we answered.
    """

    id: str
    resource_id: str
    expires_at: datetime
    is_heard: bool = False

    def renew_at(self, opened_at: datetime, share: float) -> datetime:
        """Return when the next channel is to be opened: after a share of this one's life, which ends once that is
        there (Capabilities.renews_channels_after).
        """
        return opened_at + (self.expires_at - opened_at) * share


@dataclass(frozen=True, slots=True)
class Posted:
    """A request to our address. `headers` are in any case."""

    headers: Mapping[str, str]
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Notice:
    """What a provider sent to our address. `is_first` only says that the channel is open, `is_last` that it is, or will
    soon be, open no more.
    """

    channel_id: str
    resource_id: str
    secret: str = field(repr=False)
    is_first: bool = False
    is_last: bool = False

    def is_of(self, secret: str) -> bool:
        """Return whether the sender knows the channel's secret."""
        return compare_digest(self.secret.encode(), secret.encode())


@runtime_checkable
class Watcher(Protocol):
    """A client whose provider notifies (Capabilities.can_notify). Methods may raise any ProviderError."""

    def watch(self, calendar: str, channel_id: str, secret: str, address: str) -> Channel:
        """Open a channel on a calendar's events to `address`. A channel id is used once.

        Raises Rejected (`unsupported`) where the calendar cannot be watched: it is then polled.
        """

    def stop(self, channel_id: str, resource_id: str) -> None:
        """Close a channel. One that is not open any more is fine."""


@runtime_checkable
class Notifying(Provider, Protocol):
    """A registry entry that understands its provider's notices."""

    def read_notices(self, posted: Posted) -> Sequence[Notice]:
        """Return the notices in a request, none where it is something else."""


@runtime_checkable
class Greeted(Provider, Protocol):
    """A registry entry whose provider asks whether we are there, before it opens a channel."""

    def greeting(self, posted: Posted) -> str | None:
        """Return what such a request wants to hear, as plain text; None for any other."""
