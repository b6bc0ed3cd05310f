"""Webhooks: what programs can be told of, and when a message that could not be delivered is tried again."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum


class Happening(StrEnum):
    """The type of a message: what it is about, and what became of that."""

    INTEGRATION_CONNECTED = "integration.connected"
    INTEGRATION_SYNCED = "integration.synced"
    INTEGRATION_ERROR = "integration.error"
    INTEGRATION_TOKEN_EXPIRED = "integration.token_expired"  # noqa: S105 - the name of an event
    INTEGRATION_DISCONNECTED = "integration.disconnected"
    INTEGRATION_RATE_LIMITED = "integration.rate_limited"
    ACTIVITY_CREATED = "activity.created"
    ACTIVITY_UPDATED = "activity.updated"
    ACTIVITY_CANCELLED = "activity.cancelled"
    CONFLICT_OPENED = "conflict.opened"
    CONFLICT_RESOLVED = "conflict.resolved"
    RUN_HELD = "run.held"
    BOOKING_CREATED = "booking.created"
    BOOKING_RESCHEDULED = "booking.rescheduled"
    BOOKING_CANCELLED = "booking.cancelled"

    @property
    def family(self) -> str:
        """What it is about: "activity" of "activity.created"."""
        return self.value.partition(".")[0]


WAITS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=10),
)
"""How long a message waits after its first, second, ... failure; the first try is at once, the eighth the last."""

GIVEN_UP_AFTER = timedelta(days=5)
"""An address that failed for so long without one success is switched off."""

BOTH_SIGN = timedelta(hours=24)
"""How long a secret that was replaced goes on signing beside the new one."""


def next_try(tries: int, failed_at: datetime) -> datetime | None:
    """Return when a message is tried again that has failed `tries` times, the last at `failed_at`; None for never."""
    return failed_at + WAITS[tries - 1] if tries <= len(WAITS) else None


def is_given_up(failing_since: datetime | None, now: datetime) -> bool:
    """Return whether an address has failed for so long that it is switched off."""
    return failing_since is not None and now - failing_since >= GIVEN_UP_AFTER
