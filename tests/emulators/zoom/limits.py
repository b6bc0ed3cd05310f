"""How often an account may call, a person make and change meetings, and a meeting be changed (contract section 21)."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime, timedelta

from tests.emulators.zoom.errors import ApiError
from tests.emulators.zoom.world import Meeting, User, World

PER_SECOND = {
    "free": {"Light": 4, "Medium": 2, "Heavy": 1},
    "pro": {"Light": 30, "Medium": 20, "Heavy": 10},
    "business": {"Light": 80, "Medium": 60, "Heavy": 40},
}
PER_DAY = {"free": {"Light": 6000, "Medium": 2000, "Heavy": 1000}}

LABELS = {"meetings.create": "Medium", "meetings.list": "Medium", "meetings.upcoming": "Medium"}

_QPS = "You have reached the maximum per-second rate limit for this API. Try again later."
_DAILY = (
    "You have reached the maximum daily rate limit for this API. Refer to the response header for details on when you "
    "can make another request."
)
_HOST = (
    "You have exceeded the daily rate limit ({}) of Meeting Create/Update API requests permitted for this particular "
    "user. You may resume these requests at GMT 00:00:00."
)


def count_call(world: World, account_id: str, method_id: str) -> dict[str, str]:
    """Count a call of an account and return the headers of its answer. Raises both kinds of 429."""
    label, now = LABELS.get(method_id, "Light"), world.now()
    per_day = {**PER_DAY.get(world.settings.plan, {}), **world.settings.per_day}.get(label)
    key = (account_id, label, now.date().isoformat())
    if per_day is not None and world.day_calls.get(key, 0) >= per_day:
        headers = _headers(label, "Daily-limit", per_day, 0) | {"Retry-After": midnight(now)}
        raise ApiError(429, 429, _DAILY, headers=headers)
    per_second = {**PER_SECOND[world.settings.plan], **world.settings.per_second}[label]
    recent = world.calls.setdefault((account_id, label), deque())
    while recent and recent[0] <= now - timedelta(seconds=1):
        recent.popleft()
    if len(recent) >= per_second:
        headers = _headers(label, "QPS", per_second, 0) | {"X-RateLimit-Reset": str(int(now.timestamp()) + 1)}
        raise ApiError(429, 429, _QPS, headers=headers)
    recent.append(now)
    world.day_calls[key] = world.day_calls.get(key, 0) + 1
    return _headers(label, "QPS", per_second, per_second - len(recent))


def _headers(label: str, kind: str, limit: int, left: int) -> dict[str, str]:
    return {
        "X-RateLimit-Category": label,
        "X-RateLimit-Type": kind,
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": str(left),
    }


def midnight(now: datetime) -> str:
    """Return the next 00:00 UTC as Zoom writes it: no seconds to wait, a moment."""
    day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return day.strftime("%Y-%m-%dT%H:%M:%SZ")


def count_change(world: World, host: User) -> None:
    """Count a created or changed meeting of a person. Raises 429 past the daily number."""
    now, most = world.now(), world.settings.host_daily
    key = (host.id, now.date().isoformat())
    if world.host_calls.get(key, 0) >= most:
        headers = _headers("Medium", "Daily-limit", most, 0) | {"Retry-After": midnight(now)}
        raise ApiError(429, 429, _HOST.format(most), headers=headers)
    world.host_calls[key] = world.host_calls.get(key, 0) + 1


def count_update(world: World, meeting: Meeting) -> None:
    """Count a change of one meeting in the last 24 hours. Raises 429."""
    now = world.now()
    meeting.updates = [at for at in meeting.updates if at > now - timedelta(hours=24)]
    if len(meeting.updates) >= world.settings.meeting_daily:
        first = meeting.updates[0] + timedelta(hours=24)
        headers = _headers("Light", "Daily-limit", world.settings.meeting_daily, 0)
        headers["Retry-After"] = first.strftime("%Y-%m-%dT%H:%M:%SZ")
        raise ApiError(429, 429, _DAILY, headers=headers)
    meeting.updates.append(now)
