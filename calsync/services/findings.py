"""What an examination of the installation finds, as values; pages and the command line show them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad a finding is, from fine to broken."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `check` is stable for programs; `todo` is "" when there is nothing to do.

    `account_id` is set where it is about an account.
    """

    check: str
    level: Level
    what: str
    why: str = ""
    todo: str = ""
    account_id: int | None = None


def fine(check: str, what: str, account_id: int | None = None) -> Finding:
    return Finding(check, Level.OK, what, account_id=account_id)


def worst(findings: Iterable[Finding]) -> Level:
    """Return the worst level among them; OK when there are none."""
    order = list(Level)
    return max((finding.level for finding in findings), key=order.index, default=Level.OK)
