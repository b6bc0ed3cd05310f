"""What a meeting of an activity is to be like, and the mark by which it is known as ours."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import UTC, datetime
from typing import Any

from calsync.engine import mapping
from calsync.engine.event import Event
from calsync.providers.conference import (
    LONGEST_TOPIC,
    RECORDINGS,
    ConferenceProvider,
    Meeting,
    MeetingDraft,
    MeetingSettings,
)
from calsync.runtime import Runtime
from calsync.store import tables as t
from calsync.store.tables.columns import public_id

UNTITLED = "Meeting"
"""The topic where the title is nobody else's business: everybody who joins can read it."""


def providers(rt: Runtime) -> dict[str, ConferenceProvider]:
    """Return the providers that host meetings, by the kind that activities call them."""
    return {entry.kind: entry for entry in rt.providers.values() if isinstance(entry, ConferenceProvider)}


def draft(activity: t.Activity, mark: str, settings: MeetingSettings) -> MeetingDraft:
    """Return the meeting that an activity wants.

    A series gets a room without fixed times, whose link holds for every occurrence; so do days without a time.
    """
    event = mapping.event_of(activity)
    title = event.summary if not activity.is_private else ""
    start, minutes = _time(event)
    topic = (" ".join(title.split()) or UNTITLED)[:LONGEST_TOPIC]
    return MeetingDraft(mark, topic, start, minutes, event.tz or "UTC", settings)


def _time(event: Event) -> tuple[datetime | None, int]:
    """Return start and length in minutes; no start for what repeats, lasts whole days or floats between zones."""
    start, end = event.start, event.end
    if event.is_series or not isinstance(start, datetime) or not isinstance(end, datetime):
        return None, 60
    return start.astimezone(UTC), max(1, round((end - start).total_seconds() / 60))


def digest(wanted: MeetingDraft) -> str:
    """Return what stands for a draft: it changes when the meeting has to."""
    values = [wanted.topic, wanted.starts_at and wanted.starts_at.isoformat(), wanted.minutes, wanted.tz]
    return hashlib.sha256(json.dumps([*values, to_json(wanted.settings)]).encode()).hexdigest()[:32]


def drift(wanted: MeetingDraft, there: Meeting) -> dict[str, Any]:
    """Return what is otherwise at the provider, as it is there: somebody changed it, or it was not accepted."""
    found: dict[str, Any] = {}
    if there.topic != wanted.topic:
        found["topic"] = there.topic[:LONGEST_TOPIC]
    if wanted.starts_at is not None and there.starts_at != wanted.starts_at:
        found["starts_at"] = there.starts_at.isoformat() if there.starts_at else None
    if wanted.starts_at is not None and there.minutes != wanted.minutes:
        found["minutes"] = there.minutes
    return found


# --- settings as JSON


def to_json(settings: MeetingSettings) -> dict[str, Any]:
    """Return settings as they are stored."""
    return asdict(settings)


def from_json(values: Mapping[str, Any] | None) -> MeetingSettings:
    """Read what to_json wrote; what cannot be is left to the provider."""
    known = {each.name for each in fields(MeetingSettings)} - {"recording"}
    flags = {name: value for name, value in (values or {}).items() if name in known and isinstance(value, bool)}
    recording = (values or {}).get("recording")
    return MeetingSettings(**flags, recording=recording if recording in RECORDINGS else None)


# --- the mark


def new_mark(rt: Runtime) -> str:
    """Return a mark that no other meeting has and that this installation knows as its own."""
    name = public_id()
    return f"{name}.{_proof(rt, name)}"


def is_ours(rt: Runtime, mark: str) -> bool:
    """Return whether this installation made a mark: others may write into the same person's meetings."""
    name, _, proof = mark.partition(".")
    return bool(name) and hmac.compare_digest(proof.encode(), _proof(rt, name).encode())


def _proof(rt: Runtime, name: str) -> str:
    key = rt.settings.secret_key.get_secret_value().encode()
    return hmac.new(key, f"meeting {name}".encode(), hashlib.sha256).hexdigest()[:16]
