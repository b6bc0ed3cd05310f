"""Throttling: calls at once and per ten minutes, of one app in one mailbox (contract A12)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from tests.emulators.microsoft import errors
from tests.emulators.microsoft.access import Session
from tests.emulators.microsoft.world import World

WINDOW = timedelta(minutes=10)


@contextmanager
def under_way(world: World, key: tuple[str, str] | None, weight: int) -> Iterator[bool]:
    """Count a call while it lasts; yield whether there are too many of its mailbox with it."""
    if key is None:
        yield False
        return
    with world.lock:
        now = world.in_flight[key] = world.in_flight.get(key, 0) + weight
        world.most_in_flight[key[1]] = max(now, world.most_in_flight.get(key[1], 0))
        most = world.settings.most_at_once
    try:
        yield most is not None and now > most
    finally:
        with world.lock:
            world.in_flight[key] -= weight


def check(world: World, session: Session, *, is_crowded: bool) -> None:
    """Count a call against the ten minutes' limit. Raises 429; a refused call still counts."""
    key, settings = (session.client_id, session.user.email), world.settings
    world.calls.append((world.now(), key))
    while world.calls and world.calls[0][0] <= world.now() - WINDOW:
        world.calls.popleft()
    if is_crowded:
        raise errors.throttled(settings.retry_after)
    limit = settings.per_10_minutes
    if limit is not None and sum(1 for _, one in world.calls if one == key) > limit:
        raise errors.throttled(settings.retry_after, "Application is over its RequestRate limit.")
