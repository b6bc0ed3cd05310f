"""Meetings as pages list them.

rows = meeting_list.rows(session, by)     .entry, .title, .when, .drift
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from calsync.engine import mapping
from calsync.services import conference_repairs
from calsync.services.conference_repairs import Entry
from calsync.store import tables as t
from webapp import activity_view, moments
from webapp.access import actor, provider_info, runtime


@dataclass(frozen=True, slots=True)
class Row:
    """One meeting. `drift` says what is otherwise at the provider; `provider` is its name in sentences."""

    entry: Entry
    title: str
    when: str
    provider: str
    drift: tuple[str, ...]


def rows(session: Session, account_id: int | None = None) -> list[Row]:
    """Return the meetings that the viewer may see, of one account or of all."""
    found = conference_repairs.ledger(runtime(), session, by=actor(), account_id=account_id)
    return [row(entry) for entry in found]


def row(entry: Entry) -> Row:
    """Return a meeting with what pages say about it."""
    provider = provider_info(entry.provider).short if entry.provider in runtime().providers else entry.provider
    return Row(entry, _title(entry), _when(entry.activity), provider, _drift(entry))


def _title(entry: Entry) -> str:
    if entry.activity is not None:
        return activity_view.title(entry.activity)
    return str((entry.drift or {}).get("topic") or "Meeting")


def _when(activity: t.Activity | None) -> str:
    return activity_view.when(mapping.event_of(activity)) if activity is not None else ""


def _drift(entry: Entry) -> tuple[str, ...]:
    """Say what is there instead. A title may be private, so only its owner's page quotes it."""
    if entry.activity is None:
        return ()
    found, drift = [], entry.drift or {}
    if drift.get("starts_at"):
        found.append(f"It starts {moments.absolute(datetime.fromisoformat(str(drift['starts_at'])))} there.")
    elif "starts_at" in drift:
        found.append("It has no fixed time there.")
    if "minutes" in drift:
        found.append(f"It lasts {drift['minutes']} minutes there.")
    if "topic" in drift:
        found.append("Its title is another there.")
    return tuple(found)
