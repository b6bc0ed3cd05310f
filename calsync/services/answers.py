"""Answers: what a run would do about one record, and the questions that led there, as values.

`explain.py` finds them; pages put them into words.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from calsync.engine.rules import Rules
from calsync.engine.vocabulary import AccountState, Reason
from calsync.services.drafts import Row
from calsync.store import tables as t

Questions = tuple[tuple[str, tuple[Reason, ...]], ...]

OUT = (
    ("account", ()),
    ("calendar", (Reason.NO_WRITE_TARGET, Reason.PAUSED_CALENDAR)),
    ("direction", (Reason.ONE_WAY,)),
    ("access", (Reason.READ_ONLY_CALENDAR,)),
    ("writes", (Reason.WRITES_PAUSED,)),
    ("alive", (Reason.CANCELLED_BEFORE_FIRST_SYNC,)),
    ("kind", (Reason.FILTERED_TYPE,)),
    ("window", (Reason.TOO_OLD, Reason.OUTSIDE_WINDOW)),
)
"""What a run asks before it writes an activity to a calendar, in its order, and the reasons that answer with no."""

IN = (
    ("account", ()),
    ("calendar", (Reason.PAUSED_CALENDAR,)),
    ("readable", (Reason.BROKEN_EVENT,)),
    ("direction", (Reason.ONE_WAY,)),
    ("alive", (Reason.CANCELLED_BEFORE_FIRST_SYNC, Reason.REMOTE_DELETED)),
    ("window", (Reason.TOO_OLD, Reason.OUTSIDE_WINDOW)),
    ("imports", (Reason.FILTERED_TYPE,)),
    ("event_kind", (Reason.ONLY_BLOCKS, Reason.LEFT_OUT, Reason.BUSY_BLOCK)),
    ("all_day", (Reason.ALL_DAY_EXCLUDED,)),
    ("private", (Reason.PRIVATE_POLICY,)),
    ("declined", (Reason.DECLINED,)),
    ("matched", (Reason.DUPLICATE_MATCH,)),
)
"""The same of an event that may become an activity."""

LINKED = (
    ("account", ()),
    ("calendar", (Reason.PAUSED_CALENDAR,)),
    ("window", (Reason.TOO_OLD, Reason.OUTSIDE_WINDOW)),
)
"""The same of an activity and an event that are linked; their difference is decided after that."""


@dataclass(frozen=True, slots=True)
class Check:
    """One question that a run asks. `is_ok` is None for those behind the one that ended the asking."""

    code: str
    is_ok: bool | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a run of one account would do about one record now, and why.

    `steps` are the rows that it would plan, empty where it would leave the record alone; `reason` says why in either
    case. `local` and `remote` name the merge units that differ from what the two sides last agreed on;
    `trace` tells how a clash between them is decided.
    """

    account: t.Account
    rules: Rules
    window: tuple[datetime, datetime]
    reason: Reason
    checks: tuple[Check, ...]
    calendar: t.Calendar | None = None
    link: t.Link | None = None
    event: t.MirrorEvent | None = None
    steps: tuple[Row, ...] = ()
    local: tuple[str, ...] = ()
    remote: tuple[str, ...] = ()
    trace: tuple[str, ...] = ()
    waiting: t.Step | None = None
    conflict: t.Conflict | None = None
    is_discarded: bool = False


def checks(account: t.Account, questions: Questions, reason: Reason) -> Iterator[Check]:
    """Answer each question by the reason that the run gave; behind the one that it ended at none was asked."""
    works = account.state == AccountState.ACTIVE and account.grant_ok
    asked = True
    for code, refusals in questions:
        refused = reason in refusals
        is_ok = works if code == "account" else not refused
        yield Check(code, is_ok if asked else None)
        asked = asked and not refused
