"""Quirks: in what ways a memory provider behaves like one real provider or another, as data."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from calsync.engine.event import FIELDS
from calsync.providers.base import Capabilities

LONGEST_LAG = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Quirks:
    """Switches for what real servers do. The defaults are a plain CalDAV-like server. Raises ValueError.

    `lag` and `tombstone_lag` are counted in requests to the server: so many later a change shows in reads. Nothing
    but a tombstone lags longer than LONGEST_LAG. A lagging server never denies an event that exists; only what an
    event holds, and what a listing names, may be old.
    """

    series_is_one_resource: bool = True  # else an override is a resource of its own: <master>_<recurrence>
    has_feed: bool = True  # changes since a cursor; else every change means a full listing
    bumps_versions: bool = False  # every write raises the version of another resource nobody edited
    normalises: bool = False  # see body.normalise
    keeps_unknown: bool = True  # else properties it does not model, our mark among them, are dropped
    lag: int = 0
    tombstone_lag: int = 0  # deletions reach the change feed so much later
    account_wide_uids: bool = False  # a uid exists once in the account, not once in each calendar
    answers_version: bool = True  # else a write is answered without a version and the client reads back
    cancel_is_visible: bool = True  # else cancelling an event removes it
    mails_on_write: bool = False
    mails_by_choice: bool = False
    can_move: bool = False
    batch_size: int = 1
    page_size: int = 50  # resources on a page of a read
    expresses: frozenset[str] = field(default_factory=lambda: frozenset(FIELDS))

    def __post_init__(self) -> None:
        if self.mails_on_write and self.mails_by_choice:
            raise ValueError("a server mails on every write or by choice, not both")
        if not self.answers_version and (self.lag or self.batch_size > 1):
            raise ValueError("a client that must read back needs a server that answers at once, write by write")
        if not {"summary", "time", "status"} <= self.expresses <= frozenset(FIELDS):
            raise ValueError("every calendar holds at least a summary, a time and a status")


def capabilities(quirks: Quirks) -> Capabilities:
    """Return what a provider with these quirks says about itself."""
    return Capabilities(
        keeps_private_fields=quirks.keeps_unknown,
        cancel_is_visible=quirks.cancel_is_visible,
        mails_on_write=quirks.mails_on_write,
        mails_by_choice=quirks.mails_by_choice,
        series_is_one_resource=quirks.series_is_one_resource,
        can_move=quirks.can_move,
        batch_size=quirks.batch_size,
        expresses=quirks.expresses,
    )
