"""Small texts: counts, lists, and titles that not everyone may read."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from math import ceil
from typing import Any

PRIVATE_TITLE = "Private"


def number(value: int) -> str:
    """Return a number with thin thousands separators: 1 940 000 is read faster than 1940000."""
    return f"{value:,}".replace(",", "\u202f")


def count(value: int, one: str, many: str | None = None) -> str:
    """Return "1 run" or "3 runs"."""
    return f"{number(value)} {one if value == 1 else many or one + 's'}"


def roughly(age: timedelta) -> str:
    """Return a length of time as people say it, rounded up: "minute", "12 minutes", "5 hours", "3 days"."""
    for unit, name in ((timedelta(days=1), "day"), (timedelta(hours=1), "hour")):
        if age > unit:
            return count(ceil(age / unit), name)
    minutes = max(1, ceil(age / timedelta(minutes=1)))
    return "minute" if minutes == 1 else count(minutes, "minute")


def spelled(name: str) -> str:
    """Return a stored name as words: "account.paused" as "Account paused"."""
    return name.replace("_", " ").replace(".", " ").capitalize()


def joined(parts: Iterable[str], last: str = "and") -> str:
    """Return "a", "a and b" or "a, b and c"."""
    *first, end = list(parts) or [""]
    return f"{', '.join(first)} {last} {end}" if first else end


def title_for(viewer: Any, row: Any, owner_id: int | None = None) -> str:
    """Return the title of an activity, step or conflict as `viewer` may read it.

    A private title is read by its owner alone; everyone else, admins included, sees that it is private. The owner is
    the row's `owner_id` or `user_id`; rows that have neither (Step, Conflict) need their account's owner as `owner_id`.
    """
    if row.is_private and _owner(row, owner_id) != viewer.id:
        return PRIVATE_TITLE
    return row.title or "(no title)"


def _owner(row: Any, owner_id: int | None) -> int | None:
    if owner_id is not None:
        return owner_id
    return getattr(row, "owner_id", None) or getattr(row, "user_id", None)
