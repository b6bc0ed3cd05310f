"""Teams: links on events, and meetings that stand alone (contract A8)."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote

from tests.emulators.microsoft import bodies, errors, times
from tests.emulators.microsoft import world as worlds
from tests.emulators.microsoft.access import Call
from tests.emulators.microsoft.drafts import PROVIDERS
from tests.emulators.microsoft.model import Event, Resource
from tests.emulators.microsoft.wire import Reply
from tests.emulators.microsoft.world import World


def put(world: World, event: Event, body: Resource) -> None:
    """Ask for a meeting where the calendar offers it. What it does not offer is dropped without a word (A8).

    Once there, it cannot be unset or switched.
    """
    if event.fields.get("isOnlineMeeting"):
        return
    provider = body.get("onlineMeetingProvider") or next(iter(event.calendar.providers), "unknown")
    if provider not in PROVIDERS:
        raise errors.bad(f"Requested value '{provider}' was not found.", "RequestBodyRead")
    if not body.get("isOnlineMeeting") or provider not in event.calendar.providers:
        return
    event.fields |= {"isOnlineMeeting": True, "onlineMeetingProvider": provider}
    event.online_at = world.now() + timedelta(seconds=world.settings.teams_delay_s)
    if not world.settings.teams_delay_s:
        arrive(world, event)


def arrive(world: World, event: Event) -> None:
    """Give the event its link, and its body the block that shows it."""
    event.online_at = None
    event.online = new_link()
    event.fields["html"] = bodies.with_join_link(event.fields["html"], event.online["joinUrl"])


def new_link() -> Resource:
    thread = quote(f"19:meeting_{worlds.opaque(36)}@thread.v2", safe="")
    number = str(worlds.uuid.uuid4().int)[:9]
    return {
        "joinUrl": f"https://teams.microsoft.com/l/meetup-join/{thread}/0?context=%7b%7d",
        "conferenceId": number,
        "tollNumber": "+1 323-555-0166",
    }


def create(call: Call) -> Reply:
    """Make a meeting that is in no calendar. Work accounts only."""
    body = call.body
    if call.user.is_personal:
        raise errors.denied()
    start = times.read_moment(body.get("startDateTime", call.world.now().isoformat()), "startDateTime")
    end = times.read_moment(body.get("endDateTime", (start + timedelta(hours=1)).isoformat()), "endDateTime")
    link = new_link()
    organizer = {"upn": call.user.email, "identity": {"user": {"id": call.user.oid}}}
    return Reply(
        201,
        {
            "@odata.context": f"{call.base_url}/v1.0/$metadata#users('{call.user.oid}')/onlineMeetings/$entity",
            "id": worlds.new_id("MSo", 40),
            "creationDateTime": times.stamp(call.world.now()),
            "startDateTime": times.stamp(start),
            "endDateTime": times.stamp(end),
            "subject": body.get("subject"),
            "joinWebUrl": link["joinUrl"],
            "participants": {"organizer": organizer, "attendees": []},
        },
    )
