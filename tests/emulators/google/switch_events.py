"""Switchboard, part three: calendars, events, sync tokens, Meet, mail and channels."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import Blueprint

from tests.emulators.google import copies, drafts, instances, meet, people, times, writing
from tests.emulators.google import world as worlds
from tests.emulators.google.model import Calendar, Event, Resource
from tests.emulators.google.switchboard import act_as, change, current_world, endpoint, plain
from tests.emulators.google.world import World
from tests.emulators.pusher import PUSHER

bp = Blueprint("switch_events", __name__, url_prefix="/_switch")

SEEDED = ("organizer", "creator", "eventType", "hangoutLink", "conferenceData", "privateCopy", "locked", "iCalUID")


def get_calendar(world: World, calendar_id: str) -> Calendar:
    calendar = world.calendars.get(calendar_id)
    if calendar is None:
        raise ValueError(f"No calendar {calendar_id}")
    return calendar


@endpoint(bp, "/calendars")
def add_calendar(world: World, sent: Resource) -> Resource:
    """Add a secondary calendar: `owner`, `summary`, `id`, `time_zone`, and fields of the calendar."""
    sent = dict(sent)
    owner = world.users[sent.pop("owner")]
    summary, zone = sent.pop("summary"), sent.pop("time_zone", None)
    calendar = people.add_calendar(world, owner, summary, calendar_id=sent.pop("id", None), time_zone=zone)
    change(calendar, sent)
    return {"id": calendar.id}


@endpoint(bp, "/calendars/change")
def change_calendar(world: World, sent: Resource) -> Resource:
    """Change fields of a calendar: `is_watchable`, `conference_types`, `auto_accepts`, `body`..."""
    sent = dict(sent)
    calendar = get_calendar(world, sent.pop("calendar"))
    change(calendar, sent)
    return {"id": calendar.id}


@endpoint(bp, "/calendars/share")
def share_calendar(world: World, sent: Resource) -> Resource:
    """Give `user` a `role` on `calendar` and put it on their list unless `listed` is false."""
    calendar, user = get_calendar(world, sent["calendar"]), world.users[sent["user"]]
    people.set_role(world, calendar, "user", user.email, sent["role"])
    if sent.get("listed", True) and sent["role"] != "none":
        people.add_entry(world, user, calendar)
    elif calendar.id in user.entries:
        user.entries[calendar.id].revision = world.next_revision()
        world.touch(worlds.list_of(user.email))
    return {}


@endpoint(bp, "/events/add")
def add_event(world: World, sent: Resource) -> Resource:
    """Insert an event as the person `by`: `calendar`, `body`, `query`."""
    return _acted(world, sent, "POST", "")


@endpoint(bp, "/events/edit")
def edit_event(world: World, sent: Resource) -> Resource:
    """Patch an event as the person `by`, who may be anybody with the right: `calendar`, `event`, `body`."""
    return _acted(world, sent, "PATCH", f"/{sent['event']}")


@endpoint(bp, "/events/delete")
def delete_event(world: World, sent: Resource) -> Resource:
    """Delete an event as the person `by`: `calendar`, `event`."""
    return _acted(world, sent, "DELETE", f"/{sent['event']}")


def _acted(world: World, sent: Resource, verb: str, tail: str) -> Resource:
    calendar = get_calendar(world, sent["calendar"])
    path = f"/calendar/v3/calendars/{worlds.encoded(calendar.id)}/events{tail}"
    by = sent.get("by") or calendar.owner
    reply = act_as(world, by, verb, path, sent)
    if reply.status >= 400:
        raise ValueError(f"{reply.status} {reply.body}")
    return reply.body if isinstance(reply.body, dict) else {}


@endpoint(bp, "/events/seed")
def seed_event(world: World, sent: Resource) -> Resource:
    """Store an event that the API would not let anyone make: foreign organizers, mail events, old dates."""
    calendar, given = get_calendar(world, sent["calendar"]), sent["event"]
    owner = world.users[calendar.owner]
    event_id = given.get("id") or worlds.new_event_id()
    options = drafts.Options(conference=True, attachments=True, labels=False)
    body = drafts.normal({**given, "eventType": "default"}, calendar, options)
    body |= copies.identity(calendar, owner) | {"iCalUID": f"{event_id}@google.com"}
    body |= {key: given[key] for key in SEEDED if key in given}
    body |= {"eventType": given.get("eventType", "default"), "sequence": given.get("sequence", 0)}
    body |= {key: given[key] for key in ("recurringEventId", "originalStartTime") if key in given}
    created = datetime.fromisoformat(given["created"]) if "created" in given else world.now()
    event = world.save(calendar, Event(event_id, body, created, created, 0))
    return {"id": event.id, "etag": event.etag}


@endpoint(bp, "/events/bulk")
def bulk_events(world: World, sent: Resource) -> Resource:
    """Add `count` half-hour events to `calendar`, `every_minutes` apart from `start`."""
    calendar = get_calendar(world, sent["calendar"])
    start = datetime.fromisoformat(sent["start"])
    step = timedelta(minutes=sent.get("every_minutes", 60))
    made = []
    for number in range(int(sent["count"])):
        begin = start + number * step
        given = {
            "summary": f"{sent.get('summary', 'Event')} {number}",
            "start": {"dateTime": times.seconds(begin), "timeZone": calendar.time_zone},
            "end": {"dateTime": times.seconds(begin + timedelta(minutes=30)), "timeZone": calendar.time_zone},
        }
        made.append(seed_event(world, {"calendar": calendar.id, "event": given})["id"])
    return {"ids": made}


@endpoint(bp, "/events", "GET")
def list_stored(world: World, sent: Resource) -> list[Resource]:
    """Return every stored copy on `calendar`, deleted ones and exceptions included."""
    calendar = get_calendar(world, sent["calendar"])
    return [{**plain(event), "etag": event.etag} for event in calendar.events.values()]


@endpoint(bp, "/events/touch")
def touch_event(world: World, sent: Resource) -> Resource:
    """Give an event a new etag without changing it, as Google does now and then."""
    calendar = get_calendar(world, sent["calendar"])
    event = instances.find(world, calendar, sent["event"])
    if event is None:
        raise ValueError(f"No event {sent['event']}")
    return {"etag": world.save(calendar, event).etag}


@endpoint(bp, "/sync/expire")
def expire_sync(world: World, sent: Resource) -> Resource:
    """End sync tokens with a 410 of `reason`: of one `calendar`'s events, of one `list` (e-mail), or all."""
    resource = None
    if "calendar" in sent:
        resource = worlds.events_of(sent["calendar"])
    elif "list" in sent:
        resource = worlds.list_of(sent["list"])
    return {"ended": people.expire_marks(world, resource, sent.get("reason", "fullSyncRequired"))}


@endpoint(bp, "/meet")
def script_meet(world: World, sent: Resource) -> Resource:
    """Set what the next create requests lead to: `outcomes`, one of meet.OUTCOMES each; `pending_s`."""
    outcomes = list(sent.get("outcomes", []))
    if not set(outcomes) <= set(meet.OUTCOMES):
        raise ValueError(f"An outcome is one of {meet.OUTCOMES}")
    world.settings.meet_outcomes = outcomes
    world.settings.meet_pending_s = sent.get("pending_s")
    return {}


@endpoint(bp, "/meet/resolve")
def resolve_meet(world: World, sent: Resource) -> Resource:
    """Decide pending conferences now: of one `event`, or all; `outcome` overrides what was promised."""
    pairs = [pair for pair in meet.pending(world) if sent.get("event") in (None, pair[1].id)]
    writing.settle_meet(world, pairs, sent.get("outcome"))
    return {"resolved": [event.id for _, event in pairs]}


@endpoint(bp, "/mail", "GET")
def list_mail(world: World, sent: Resource) -> list[Resource]:
    return world.mail


@endpoint(bp, "/channels", "GET")
def list_channels(world: World, sent: Resource) -> list[Resource]:
    return [plain(channel) for channel in world.channels.values()]


@endpoint(bp, "/pushes", "GET")
def list_pushes(world: World, sent: Resource) -> list[Resource]:
    """Return every try to deliver a notification, with the status that the receiver gave."""
    return world.pushes


@endpoint(bp, "/pushes/send")
def send_push(world: World, sent: Resource) -> Resource:
    """Notify all watchers of `calendar` though nothing changed, as may happen."""
    world.touch(worlds.events_of(sent["calendar"]))
    return {}


@bp.post("/pushes/wait")
def wait_for_pushes() -> tuple[Resource, int]:
    """Return once nothing is left to deliver, 504 after ten seconds. Does not hold the store meanwhile."""
    is_idle = PUSHER.wait_until_idle(10)
    return {"pushes": len(current_world().pushes)}, 200 if is_idle else 504
