"""Conference data: Meet links on request, at once, later or never (contract 11).

The script is the setting `meet_outcomes`, one word per create request: `success` (also when the list is
empty), `failure`, `pending` (success later) or `doomed` (failure later). "Later" is `meet_pending_s` on the
emulator's clock, or when the switchboard says so.
"""

from __future__ import annotations

import random
import string
from datetime import timedelta

from tests.emulators.google import errors
from tests.emulators.google.model import Calendar, Event, Resource
from tests.emulators.google.world import World

LIMITS = {"uri": 1300, "label": 512, "meetingCode": 128, "accessCode": 128, "passcode": 128, "pin": 128}
SINGLE_KINDS = ("video", "sip", "more")
OUTCOMES = ("success", "failure", "pending", "doomed")


def applied(
    world: World, calendar: Calendar, body: Resource, before: Resource | None, *, is_patch: bool, opens: bool
) -> Resource:
    """Return `conferenceData` and `hangoutLink` to store for a write; both absent when there is none.

    `opens` is `conferenceDataVersion=1`; without it the body's conference data does not exist.
    """
    kept: Resource = {key: before[key] for key in ("conferenceData", "hangoutLink") if before and key in before}
    if not opens or (is_patch and "conferenceData" not in body):
        return kept
    wanted = body.get("conferenceData")
    if not wanted:
        return {}
    request = wanted.get("createRequest")
    if request is None:
        return _copied(wanted)
    previous = kept.get("conferenceData", {}).get("createRequest", {})
    if not request.get("requestId"):
        raise errors.required("Missing conference request id.", "conferenceData.createRequest.requestId")
    if request["requestId"] == previous.get("requestId"):
        return kept
    return _requested(world, calendar, request)


def _copied(wanted: Resource) -> Resource:
    """A conference that the caller brings along: of an add-on, or of another event."""
    points = wanted.get("entryPoints", [])
    kinds = [point.get("entryPointType") for point in points]
    if any(kinds.count(kind) > 1 for kind in SINGLE_KINDS):
        raise errors.invalid("Too many entry points of one type.", "conferenceData.entryPoints")
    for point in points:
        if any(len(str(point.get(name, ""))) > most for name, most in LIMITS.items()):
            raise errors.invalid("An entry point is too long.", "conferenceData.entryPoints")
    if len(wanted.get("notes", "")) > 2048:
        raise errors.invalid("The conference notes are too long.", "conferenceData.notes")
    is_meet = wanted.get("conferenceSolution", {}).get("key", {}).get("type") == "hangoutsMeet"
    video = next((point["uri"] for point in points if point.get("entryPointType") == "video"), None)
    return {"conferenceData": wanted} | ({"hangoutLink": video} if is_meet and video else {})


def _requested(world: World, calendar: Calendar, request: Resource) -> Resource:
    key = request.get("conferenceSolutionKey") or {"type": calendar.conference_types[0]}
    if key.get("type") not in calendar.conference_types:
        raise errors.invalid("Invalid conference type value.")
    outcome = world.settings.meet_outcomes.pop(0) if world.settings.meet_outcomes else "success"
    asked: Resource = {"requestId": request["requestId"], "conferenceSolutionKey": key}
    if outcome in ("pending", "doomed"):
        asked["status"] = {"statusCode": "pending"}
        # The promise is kept out of sight of readers; see render.
        due = world.settings.meet_pending_s
        due_at = (world.now() + timedelta(seconds=due)).isoformat() if due is not None else None
        promise = {"outcome": "success" if outcome == "pending" else "failure", "due_at": due_at}
        return {"conferenceData": {"createRequest": asked, "promise": promise}}
    return _finished(asked, outcome)


def _finished(asked: Resource, outcome: str) -> Resource:
    asked = {**asked, "status": {"statusCode": outcome}}
    if outcome == "failure":
        return {"conferenceData": {"createRequest": asked}}
    code = "-".join("".join(random.choices(string.ascii_lowercase, k=length)) for length in (3, 4, 3))
    link = f"https://meet.google.com/{code}"
    data = {
        "createRequest": asked,
        "entryPoints": [
            {"entryPointType": "video", "uri": link, "label": f"meet.google.com/{code}"},
            {
                "entryPointType": "phone",
                "uri": "tel:+351-00-000-0000",
                "label": "+351 00 000 0000",
                "pin": "123456789",
                "regionCode": "PT",
            },
        ],
        "conferenceSolution": {
            "key": asked["conferenceSolutionKey"],
            "name": "Google Meet",
            "iconUri": "https://example.invalid/meet.png",
        },
        "conferenceId": code,
    }
    return {"conferenceData": data, "hangoutLink": link}


def due(world: World) -> list[tuple[Calendar, Event]]:
    """Return the pending conferences whose time has come."""
    now = world.now().isoformat()
    return [
        (calendar, event)
        for calendar, event in pending(world)
        if (event.body["conferenceData"]["promise"]["due_at"] or "~") <= now
    ]


def pending(world: World) -> list[tuple[Calendar, Event]]:
    """Return the organizers' events that still wait for their conference."""
    waiting = [
        (calendar, calendar.events[event_id])
        for calendar_id, event_id in world.meet_waiting
        if (calendar := world.find_calendar(calendar_id)) and event_id in calendar.events
    ]
    return [pair for pair in waiting if "promise" in pair[1].body.get("conferenceData", {})]


def settled(event: Event, outcome: str | None = None) -> Resource:
    """Return the body of a pending event once its conference is decided, by promise or as told."""
    data = event.body["conferenceData"]
    body = {key: value for key, value in event.body.items() if key != "conferenceData"}
    return body | _finished(data["createRequest"], outcome or data["promise"]["outcome"])
