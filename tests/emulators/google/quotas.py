"""Sliding per-minute quotas and the use limits per person (contract 3), on the emulator's clock."""

from __future__ import annotations

from datetime import timedelta

from tests.emulators.google import errors
from tests.emulators.google.model import User
from tests.emulators.google.world import World

WINDOW = timedelta(minutes=1)


def count_call(world: World, user: User) -> None:
    """Count one call against project and person. Raises 403 or 429 `rateLimitExceeded` when over."""
    settings, now = world.settings, world.now()
    while world.calls and world.calls[0][0] <= now - WINDOW:
        world.calls_of[world.calls.popleft()[1]] -= 1
    if settings.per_minute is not None and len(world.calls) >= settings.per_minute:
        raise errors.per_minute_quota(settings.quota_status, "minute")
    if settings.per_user_per_minute is not None and world.calls_of[user.email] >= settings.per_user_per_minute:
        raise errors.per_minute_quota(settings.quota_status, "minute per user")
    world.calls.append((now, user.email))
    world.calls_of[user.email] += 1


def count_created(world: World, user: User, what: str, limit: int) -> None:
    """Count one created `what` of this person. Raises 403 `quotaExceeded` past `limit`."""
    key = f"{what}:{user.email}"
    if world.created.get(key, 0) >= limit:
        raise errors.of(403, "quotaExceeded")
    world.created[key] = world.created.get(key, 0) + 1
