"""Lists of meetings, page by page (contract section 19.7), and who a person is."""

from __future__ import annotations

import secrets
from datetime import timedelta

from tests.emulators.zoom import access, bodies, errors, meetings
from tests.emulators.zoom.access import Session
from tests.emulators.zoom.wire import Reply, Request
from tests.emulators.zoom.world import Json, Meeting, World

MARK_LASTS = timedelta(minutes=15)
MOST, USUAL = 300, 30
KINDS = ("scheduled", "live", "upcoming", "upcoming_meetings", "previous_meetings")


def list_all(world: World, session: Session, request: Request, user_id: str) -> Reply:
    """Return a page of a host's meetings: no instant ones, none that expired or was deleted."""
    host, query = access.user_of(world, session, user_id), request.query
    kind = query.get("type", "scheduled")
    if kind not in KINDS:
        raise errors.invalid("type")
    size = _size(query.get("page_size", str(USUAL)))
    found = [m for m in world.meetings.values() if m.host == host.email and _is_listed(world, m, kind)]
    found.sort(key=lambda m: (m.start_at or m.created_at, m.id))
    start = _start(world, query, host.email, kind)
    shown = found[start : start + min(size, world.settings.page_cap)]
    after = start + len(shown)
    body: Json = {
        "page_size": size,
        "total_records": len(found),
        "next_page_token": _mark(world, host.email, kind, after) if after < len(found) else "",
        "meetings": [bodies.short(m, host) for m in shown],
    }
    return Reply(200, body)


def upcoming(world: World, session: Session, request: Request, user_id: str) -> Reply:
    """Return what starts within 24 hours."""
    host, now = access.user_of(world, session, user_id), world.now()
    mine = [m for m in world.meetings.values() if m.host == host.email and _is_listed(world, m, "upcoming")]
    near = [m for m in mine if m.start_at and m.start_at < now + timedelta(hours=24)]
    return Reply(200, {"total_records": len(near), "meetings": [bodies.short(m, host) for m in near]})


def whoami(world: World, session: Session, request: Request, user_id: str) -> Reply:
    user = access.user_of(world, session, user_id)
    body: Json = {
        "id": user.id,
        "account_id": user.account_id,
        "email": user.email,
        "first_name": user.email.partition("@")[0].title(),
        "last_name": "",
        "type": user.type,
        "pmi": 4_000_000_000 + len(user.email),
        "timezone": user.timezone,
        "status": "active",
    }
    return Reply(200, body)


def _is_listed(world: World, meeting: Meeting, kind: str) -> bool:
    if meeting.type in (1, 10) or not meetings.is_there(world, meeting):
        return False
    is_over = meeting.status == "ended"
    starts_later = meeting.start_at is None or meeting.start_at > world.now()
    match kind:
        case "live":
            return meeting.status == "started"
        case "previous_meetings":
            return is_over
        case "upcoming" | "upcoming_meetings":
            return not is_over and starts_later
    return True


def _size(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise errors.invalid("page_size")
    return min(int(text), MOST)


def _start(world: World, query: dict[str, str], email: str, kind: str) -> int:
    token = query.get("next_page_token", "")
    if not token:
        return 0
    made_at, mark = world.page_marks.get(token, (None, {}))
    if made_at is None or made_at + MARK_LASTS <= world.now() or (mark["email"], mark["kind"]) != (email, kind):
        raise errors.ApiError(400, 300, "The next page token is invalid or expired.")
    return int(mark["start"])


def _mark(world: World, email: str, kind: str, start: int) -> str:
    token = secrets.token_urlsafe(16)
    world.page_marks[token] = (world.now(), {"email": email, "kind": kind, "start": start})
    return token
