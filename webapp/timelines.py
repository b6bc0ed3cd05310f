"""What happened to an account, newest first: its runs woven together with what people did to it."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session

from calsync.store import account_records, history
from calsync.store import tables as t
from calsync.store.history import Filters, Line
from calsync.store.keyset import Cut
from webapp import words
from webapp.access import provider_info

PAGE = 40
_NONE = 2**62
"""A bound that no id reaches."""

_ACTIONS: Mapping[str, tuple[str, str]] = {
    "account.connected": ("Connected", "plug-connected"),
    "account.reconnected": ("Signed in again", "key"),
    "account.disconnected": ("Disconnected", "unlink"),
    "account.paused": ("Paused", "player-pause"),
    "account.resumed": ("Resumed", "player-play"),
    "account.sync_requested": ("Asked for a sync", "refresh"),
    "account.rules_changed": ("Changed its sync rules", "adjustments"),
    "account.calendars_chosen": ("Chose its calendars", "calendar"),
    "account.handed_over": ("Handed over", "users"),
    "account.two_way_approved": ("Approved two-way sync", "arrows-left-right"),
    "calendar.changed": ("Switched a calendar", "calendar"),
    "account.push_asked": ("Approved pushing existing data", "upload"),
    "account.move_asked": ("Approved moving events", "arrow-right"),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened. `run` is None for what a person did; `detail` says more in plain words."""

    at: datetime
    title: str
    icon: str
    actor: str
    detail: str = ""
    run: t.Run | None = None
    colour: str = "grey"


def find(session: Session, account_id: int, cut: Cut) -> tuple[list[Entry], tuple[int, int] | None]:
    """Return a page of entries, and the bounds of the next one or None. The cut's key is (run id, audit id)."""
    below_run, below_audit = cut.after if cut.after and len(cut.after) == 2 else (_NONE, _NONE)
    lines = history.list_runs(session, Filters(account_id=account_id), Cut(PAGE, after=(below_run,))).rows
    audits = account_records.audit_of(session, account_id, below_audit, PAGE)
    # Each source keeps its own order, that of its ids, so that the bounds of the next page leave nothing out.
    both = heapq.merge(map(_of_run, lines), map(_of_audit, audits), key=_newest)
    woven = list(itertools.islice(both, PAGE))
    if len(lines) + len(audits) <= PAGE:
        return [entry for entry, *_ in woven], None
    last_run = min((run for _, run, _ in woven if run), default=below_run)
    last_audit = min((audit for _, _, audit in woven if audit), default=below_audit)
    return [entry for entry, *_ in woven], (last_run, last_audit)


Woven = tuple[Entry, int, int]


def _newest(woven: Woven) -> float:
    return -woven[0].at.timestamp()


def _of_run(line: Line) -> Woven:
    state = words.run_state(line.run.state)
    short = provider_info(line.provider).short
    title = f"{words.trigger(line.run.trigger)}: {state.label.lower()}"
    entry = Entry(
        line.run.started_at,
        title,
        state.icon,
        line.asked_by,
        words.run_sentence(line.run, short),
        line.run,
        state.colour,
    )
    return entry, t.pk(line.run), 0


def _of_audit(row: t.AuditEntry) -> Woven:
    title, icon = _ACTIONS.get(row.action, (row.action.replace(".", " ").replace("_", " ").capitalize(), "info-circle"))
    return Entry(row.at, title, icon, row.actor, _detail(row)), 0, t.pk(row)


def _detail(row: t.AuditEntry) -> str:
    label = row.object_label if row.object_kind == "calendar" else ""
    after = row.after or {}
    changed = [f"{name.replace('_', ' ')}: {_value(value)}" for name, value in after.items() if _differs(row, name)]
    return ". ".join(part for part in (label, "; ".join(changed)) if part)


def _differs(row: t.AuditEntry, name: str) -> bool:
    return (row.before or {}).get(name) != (row.after or {}).get(name)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list | tuple):
        return ", ".join(str(each) for each in value) or "none"
    return str(value) if value not in (None, "") else "none"
