"""What may stand in a meeting and how a meeting is shown (contract sections 19.2, 19.3 and 19.6)."""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tests.emulators.zoom.errors import invalid
from tests.emulators.zoom.world import Json, Meeting, User, World

TYPES = (1, 2, 3, 8, 10)
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ?")
START_URL_LASTS = timedelta(hours=2)

BOOLEANS = (
    "host_video participant_video join_before_host mute_upon_entry waiting_room watermark use_pmi "
    "meeting_authentication private_meeting email_notification alternative_hosts_email_notification"
).split()
CHOICES: dict[str, tuple[Any, ...]] = {
    "auto_recording": ("none", "local", "cloud"),
    "jbh_time": (0, 5, 10, 15),
    "approval_type": (0, 1, 2),
    "registration_type": (1, 2, 3),
    "audio": ("both", "telephony", "voip", "thirdParty"),
    "encryption_type": ("enhanced_encryption", "e2ee"),
}
DEFAULTS: Json = {
    "host_video": True,
    "participant_video": True,
    "join_before_host": False,
    "jbh_time": 0,
    "mute_upon_entry": False,
    "waiting_room": False,
    "use_pmi": False,
    "approval_type": 2,
    "audio": "both",
    "auto_recording": "none",
    "alternative_hosts": "",
    "meeting_authentication": False,
    "encryption_type": "enhanced_encryption",
}


def check(body: Any) -> Json:
    """Return a checked body. Raises 400/300 naming the field."""
    if not isinstance(body, dict):
        raise invalid("body", "Request body should be a valid JSON object.")
    for name, most in (("topic", 200), ("agenda", 2000), ("password", 10)):
        value = body.get(name, "")
        if not isinstance(value, str) or len(value) > most:
            raise invalid(name, f"The length of this field must be at most {most}.")
    if body.get("type", 2) not in TYPES:
        raise invalid("type")
    duration = body.get("duration", 60)
    if not isinstance(duration, int) or isinstance(duration, bool) or duration < 0:
        raise invalid("duration")
    _check_time(body)
    _check_settings(body.get("settings", {}))
    return body


def _check_time(body: Json) -> None:
    if "timezone" in body and zone(str(body["timezone"])) is None:
        raise invalid("timezone")
    if "start_time" in body and not (isinstance(body["start_time"], str) and MOMENT.fullmatch(body["start_time"])):
        raise invalid("start_time", "Invalid field. The format is yyyy-MM-ddTHH:mm:ssZ or yyyy-MM-ddTHH:mm:ss.")


def _check_settings(settings: Any) -> None:
    if not isinstance(settings, dict):
        raise invalid("settings")
    for name, value in settings.items():
        is_bad = name in BOOLEANS and not isinstance(value, bool)
        if is_bad or (name in CHOICES and value not in CHOICES[name]):
            raise invalid(f"settings.{name}")


def zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return None


def moment(text: str, timezone: str) -> datetime:
    """Return the moment that a start_time means: in GMT with a Z, else local time in `timezone`."""
    if text.endswith("Z"):
        return datetime.fromisoformat(text)
    return datetime.fromisoformat(text).replace(tzinfo=zone(timezone) or UTC).astimezone(UTC)


def settled(settings: Json, host: User) -> Json:
    """Return settings as they come to be: locked ones win silently, and a waiting room over joining first."""
    found = {**settings, **host.policy}
    if found.get("auto_recording") == "cloud" and host.type == 1:
        found["auto_recording"] = "none"
    if found.get("waiting_room"):
        found["join_before_host"] = False
    return found


def written(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def join_url(meeting: Meeting) -> str:
    """Return the link, which changes with the password and with nothing else."""
    hashed = _hash(meeting)
    return f"https://zoom.us/j/{meeting.id}" + (f"?pwd={hashed}" if hashed else "")


def _hash(meeting: Meeting) -> str:
    return f"{hash((meeting.id, meeting.password)) & 0xFFFFFFFFFFFF:012x}.1" if meeting.password else ""


def short(meeting: Meeting, host: User) -> Json:
    """Return a meeting as lists show it: no password, no start_url, the agenda cut."""
    found: Json = {
        "uuid": meeting.uuid,
        "id": meeting.id,
        "host_id": host.id,
        "topic": meeting.topic,
        "type": meeting.type,
        "duration": meeting.duration,
        "timezone": meeting.timezone,
        "agenda": meeting.agenda[:250],
        "created_at": written(meeting.created_at),
        "join_url": join_url(meeting),
    }
    return found | ({"start_time": written(meeting.start_at)} if meeting.start_at else {})


def whole(world: World, meeting: Meeting) -> Json:
    """Return a meeting as its host sees it, with a start_url that is new each time."""
    host = world.host_of(meeting)
    until = int((world.now() + START_URL_LASTS).timestamp())
    found = short(meeting, host) | {
        "agenda": meeting.agenda,
        "host_email": host.email,
        "status": meeting.status,
        "start_url": f"https://zoom.us/s/{meeting.id}?zak={until}.{secrets.token_urlsafe(12)}",
        "settings": dict(meeting.settings),
        "creation_source": meeting.source,
        "pre_schedule": False,
    }
    if meeting.password:
        found |= {"password": meeting.password, "encrypted_password": _hash(meeting)}
    if meeting.recurrence:
        found |= {"recurrence": meeting.recurrence, "occurrences": list(meeting.occurrences)}
    return found
