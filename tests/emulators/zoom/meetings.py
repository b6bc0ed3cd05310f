"""Making, changing and deleting meetings (contract sections 19.2 to 19.5). Every function is one method of the API."""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from tests.emulators.zoom import access, bodies, errors, hooks, limits, recurrence
from tests.emulators.zoom.access import Session
from tests.emulators.zoom.wire import Reply, Request
from tests.emulators.zoom.world import Json, Meeting, User, World

LASTS = timedelta(days=30)
RECURRING_LASTS = timedelta(days=365)
RECOVERABLE = timedelta(days=7)
ONE_OCCURRENCE = (
    "host_video participant_video join_before_host mute_upon_entry waiting_room watermark auto_recording".split()
)


def create(world: World, session: Session, request: Request, user_id: str) -> Reply:
    host = access.user_of(world, session, user_id)
    body = bodies.check(_json(request))
    if host.type == 99:
        text = "Your user account is not allowed meeting hosting and scheduling capabilities."
        raise errors.ApiError(400, 3161, text)
    meeting = _new(world, host, body)
    limits.count_change(world, host)
    add(world, meeting, by=session.user or host)
    return Reply(201, bodies.whole(world, meeting))


def get(world: World, session: Session, request: Request, meeting_id: str) -> Reply:
    return Reply(200, bodies.whole(world, _find(world, session, meeting_id)))


def update(world: World, session: Session, request: Request, meeting_id: str) -> Reply:
    meeting = _find(world, session, meeting_id)
    body = bodies.check(_json(request))
    limits.count_change(world, world.host_of(meeting))
    limits.count_update(world, meeting)
    by = session.user or world.host_of(meeting)
    if "occurrence_id" in request.query:
        _change_occurrence(world, meeting, request.query["occurrence_id"], body, by)
    else:
        change(world, meeting, body, by)
    return Reply(204)


def delete(world: World, session: Session, request: Request, meeting_id: str) -> Reply:
    meeting = _find(world, session, meeting_id)
    if meeting.status == "started":
        raise errors.ApiError(400, 3002, "Sorry, you cannot delete this meeting since it's in progress.")
    remove(world, meeting, request.query.get("occurrence_id"), session.user or world.host_of(meeting))
    return Reply(204)


def set_status(world: World, session: Session, request: Request, meeting_id: str) -> Reply:
    action = _json(request).get("action")
    if action not in ("end", "recover"):
        raise errors.invalid("action")
    meeting = _find(world, session, meeting_id, deleted=action == "recover")
    by = session.user or world.host_of(meeting)
    if action == "recover":
        meeting.deleted_at = None
        hooks.tell(world, "meeting.recovered", meeting, by, operation="all")
    else:
        meeting.status = "ended"
        hooks.tell_instance(world, "meeting.ended", meeting)
    return Reply(204)


def invitation(world: World, session: Session, request: Request, meeting_id: str) -> Reply:
    meeting = _find(world, session, meeting_id)
    text = f"{meeting.host} is inviting you to a scheduled Zoom meeting.\r\n\r\nJoin: {bodies.join_url(meeting)}"
    return Reply(200, {"invitation": text, "sip_links": []})


def past(world: World, session: Session, request: Request, uuid: str) -> Reply:
    """Find a meeting that took place by its uuid, which the path must have encoded twice where it holds slashes."""
    found = next((m for m in world.meetings.values() if m.uuid == uuid and m.status == "ended"), None)
    if found is None or not session.may_see(world, found):
        raise errors.no_meeting(uuid)
    return Reply(200, bodies.short(found, world.host_of(found)))


# --- what happens, whoever wanted it


def _new(world: World, host: User, body: Json) -> Meeting:
    kind = body.get("type", 2)
    timezone = body.get("timezone") or host.timezone
    start_at = bodies.moment(body["start_time"], timezone) if "start_time" in body and kind in (2, 8) else None
    if kind == 2 and start_at is None:
        kind = 1  # silently an instant meeting that starts now (section 19.2)
    rule = recurrence.check(body.get("recurrence")) if kind == 8 else {}
    settings = bodies.DEFAULTS | host.defaults | body.get("settings", {})
    meeting = Meeting(
        id=world.next_id(),
        uuid=world.next_uuid(),
        host=host.email,
        type=kind,
        topic=body.get("topic", "Zoom Meeting"),
        agenda=body.get("agenda", ""),
        timezone=timezone,
        duration=body.get("duration", 60),
        start_at=start_at,
        password=body.get("password") or (_password() if body.get("default_password", True) else ""),
        settings=bodies.settled(settings, host),
        created_at=world.now(),
        recurrence=rule,
    )
    meeting.occurrences = recurrence.spread(meeting) if kind == 8 else []
    return meeting


def _password() -> str:
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(6))


def make(world: World, host: User, body: Json) -> Meeting:
    """Make a meeting as its host does in Zoom's own pages."""
    meeting = _new(world, host, bodies.check(body))
    meeting.source = "web_portal"
    return add(world, meeting, by=host)


def add(world: World, meeting: Meeting, *, by: User) -> Meeting:
    world.meetings[meeting.id] = meeting
    hooks.tell(world, "meeting.created", meeting, by, operation="all")
    return meeting


def change(world: World, meeting: Meeting, body: Json, by: User) -> None:
    """Change what the body names; a start in the past is ignored without a word (section 19.4)."""
    old = bodies.whole(world, meeting)
    _move(world, meeting, body)
    for name in ("topic", "agenda", "duration", "password"):
        if name in body:
            setattr(meeting, name, body[name])
    if "settings" in body:
        meeting.settings = bodies.settled(meeting.settings | body["settings"], world.host_of(meeting))
    if meeting.type == 8 and body.keys() & {"start_time", "recurrence", "duration"}:
        meeting.occurrences = recurrence.spread(meeting)
    hooks.tell_change(world, meeting, by, old, bodies.whole(world, meeting))


def _move(world: World, meeting: Meeting, body: Json) -> None:
    if meeting.type == 8:
        if "start_time" in body and "recurrence" not in body:
            raise errors.invalid("recurrence", "Required when the time of a recurring meeting changes.")
        if "recurrence" in body:
            meeting.recurrence = recurrence.check(body["recurrence"])
    if {meeting.type, body.get("type")} == {2, 3}:
        meeting.type, meeting.start_at = body["type"], None if body["type"] == 3 else meeting.start_at
    meeting.timezone = body.get("timezone") or meeting.timezone
    if "start_time" in body and meeting.type in (2, 8):
        start_at = bodies.moment(body["start_time"], meeting.timezone)
        meeting.start_at = start_at if start_at > world.now() else meeting.start_at


def _change_occurrence(world: World, meeting: Meeting, occurrence_id: str, body: Json, by: User) -> None:
    found = _occurrence(meeting, occurrence_id)
    if body.keys() - {"agenda", "start_time", "duration", "settings", "timezone"}:
        raise errors.invalid(sorted(body)[0], "Not supported for a single occurrence.")
    if body.get("settings", {}).keys() - set(ONE_OCCURRENCE):
        raise errors.invalid("settings", "Not supported for a single occurrence.")
    old = dict(found)
    if "start_time" in body:
        start_at = bodies.moment(body["start_time"], body.get("timezone") or meeting.timezone)
        found["start_time"] = bodies.written(start_at) if start_at > world.now() else found["start_time"]
    found["duration"] = body.get("duration", found["duration"])
    hooks.tell_change(world, meeting, by, {"occurrences": [old]}, {"occurrences": [dict(found)]})


def remove(world: World, meeting: Meeting, occurrence_id: str | None, by: User) -> None:
    """Delete a meeting, or one occurrence of it."""
    if occurrence_id is not None:
        found = _occurrence(meeting, occurrence_id)
        found["status"] = "deleted"
        hooks.tell(world, "meeting.deleted", meeting, by, operation="single", occurrences=[dict(found)])
        return
    meeting.deleted_at = world.now()
    hooks.tell(world, "meeting.deleted", meeting, by, operation="all" if meeting.type == 8 else "single")


# --- finding


def is_there(world: World, meeting: Meeting) -> bool:
    """Tell whether a meeting is known: not deleted, not expired (section 19.7)."""
    return meeting.deleted_at is None and expires_at(meeting) > world.now()


def expires_at(meeting: Meeting) -> datetime:
    if meeting.type in (3, 8):
        return meeting.created_at + RECURRING_LASTS
    return max(meeting.start_at or meeting.created_at, meeting.created_at) + LASTS


def _find(world: World, session: Session, meeting_id: str, *, deleted: bool = False) -> Meeting:
    """Return a meeting. One of somebody else is as unknown as one that never was."""
    meeting = world.meetings.get(int(meeting_id)) if meeting_id.isdecimal() else None
    if meeting is None or not session.may_see(world, meeting):
        raise errors.no_meeting(meeting_id)
    if deleted and meeting.deleted_at is not None and meeting.deleted_at + RECOVERABLE > world.now():
        return meeting
    if deleted or not is_there(world, meeting):
        raise errors.no_meeting(meeting_id)
    return meeting


def _occurrence(meeting: Meeting, occurrence_id: str) -> Json:
    for found in meeting.occurrences:
        if found["occurrence_id"] == occurrence_id and found["status"] == "available":
            return found
    raise errors.ApiError(400, 300, "Invalid parameter: occurrence_id.")


def _json(request: Request) -> Any:
    try:
        return request.json()
    except ValueError as wrong:
        raise errors.ApiError(400, 300, "Request Body should be a valid JSON object.") from wrong


Method = Callable[[World, Session, Request, str], Reply]
