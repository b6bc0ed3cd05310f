"""Zoom's JSON to meetings and back, without network (contract section 19).

    {"id": 98884753832, "topic": "Intro call", "type": 2, "start_time": "2026-11-24T09:00:00Z", "duration": 30,
     "agenda": "Ref ...", "join_url": "https://zoom.us/j/98884753832?pwd=...", "settings": {...}}

Of what comes back only what a Meeting holds is kept: `start_url` makes whoever has it the host, passwords are in the
link already.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from calsync.providers.conference import LONGEST_TOPIC, RECORDINGS, Meeting, MeetingDraft, MeetingSettings

Json = dict[str, Any]

SCHEDULED, NO_FIXED_TIME = 2, 3
_REF = re.compile(r"\bRef ([A-Za-z0-9._-]{16,80})")
_NAMES = {
    "join_before_host": "join_before_host",
    "mute_upon_entry": "mute_upon_entry",
    "waiting_room": "waiting_room",
    "recording": "auto_recording",
}


def body_of(draft: MeetingDraft) -> Json:
    """Return what a new meeting is made of.

    A series is a meeting without fixed times: Zoom's own rules cannot say what a calendar's can (section 19.6). The
    mark stands in the agenda, of which lists show 250 characters. A personal meeting id is never used: all such
    meetings are one room. Zoom mails nobody about it: that is for whoever sends the invitation to decide.
    """
    settings = {**_settings(draft.settings), "use_pmi": False, "email_notification": False}
    return {**changes_of(draft), "default_password": True, "settings": settings}


def changes_of(draft: MeetingDraft) -> Json:
    """Return what is written into a meeting that is there."""
    body: Json = {
        "topic": draft.topic[:LONGEST_TOPIC],
        "agenda": f"Ref {draft.mark}",
        "type": SCHEDULED if draft.starts_at else NO_FIXED_TIME,
        "timezone": draft.tz,
    }
    if draft.starts_at is not None:
        body |= {"start_time": _written(draft.starts_at), "duration": max(1, draft.minutes)}
    settings = _settings(draft.settings)
    return body | ({"settings": settings} if settings else {})


def meeting_of(item: Json) -> Meeting:
    """Return the meeting in an answer. Raises KeyError and ValueError for one that is none."""
    start = item.get("start_time")
    found = _REF.search(str(item.get("agenda", "")))
    return Meeting(
        remote_id=str(int(item["id"])),
        join_url=str(item["join_url"]),
        topic=str(item.get("topic", "")),
        starts_at=_moment(start) if start and item.get("type") == SCHEDULED else None,
        minutes=int(item.get("duration") or 0),
        host=str(item.get("host_email", "")).lower(),
        mark=found[1] if found else "",
        settings=_read_settings(item.get("settings")),
    )


def _settings(settings: MeetingSettings) -> Json:
    """Return the settings that were chosen. A waiting room and joining before the host exclude each other there."""
    chosen = {theirs: getattr(settings, ours) for ours, theirs in _NAMES.items()}
    found = {name: value for name, value in chosen.items() if value is not None}
    if found.get("waiting_room"):
        found["join_before_host"] = False
    return found


def _read_settings(found: Any) -> MeetingSettings:
    if not isinstance(found, dict):
        return MeetingSettings()
    recording = found.get("auto_recording")
    return MeetingSettings(
        **{ours: found[theirs] for ours, theirs in _NAMES.items() if isinstance(found.get(theirs), bool)},
        recording=recording if recording in RECORDINGS else None,
    )


def _written(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
