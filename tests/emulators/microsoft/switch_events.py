"""Switchboard, part three: calendars, events, mail."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import Blueprint

from tests.emulators.microsoft import delta, guests, items, mail, notices, people, render, times, writing
from tests.emulators.microsoft import world as worlds
from tests.emulators.microsoft.items import Item
from tests.emulators.microsoft.model import Event, Resource
from tests.emulators.microsoft.switchboard import change, endpoint, plain
from tests.emulators.microsoft.world import World
from tests.emulators.pusher import PUSHER

bp = Blueprint("switch_events", __name__, url_prefix="/_switch")

LOOK = render.Look(immutable=True)


@endpoint(bp, "/calendars")
def add_calendar(world: World, sent: Resource) -> Resource:
    """Add a calendar to a mailbox; every field of a calendar may be given."""
    mailbox, name = sent.pop("mailbox"), sent.pop("name")
    return render.calendar(people.add_calendar(world, world.users[mailbox], name, **sent))


@endpoint(bp, "/calendars/change")
def change_calendar(world: World, sent: Resource) -> Resource:
    """Change any field: rights, name, `is_deleted`, `is_unavailable`."""
    calendar = world.calendars[sent.pop("calendar")]
    calendar.revision = world.next_revision()
    return render.calendar(change(calendar, sent))


@endpoint(bp, "/calendars", "GET")
def list_calendars(world: World, sent: Resource) -> list[Resource]:
    return [render.calendar(one) for one in world.calendars_of(sent["mailbox"])]


@endpoint(bp, "/events/add")
def add_event(world: World, sent: Resource) -> Resource:
    """Create an event as the owner of the mailbox would in Outlook; `organizer` makes it somebody else's meeting."""
    calendar = world.calendars[sent["calendar"]]
    organizer = tuple(sent.get("organizer") or calendar.owner)
    event = writing.make(world, calendar, (organizer[0], organizer[1]), sent["body"])
    if sent.get("organizer"):
        event.response = ("notResponded", None)
    world.save(event, "created")
    mail.after_change(world, event, [], set())
    if not sent.get("organizer"):
        guests.spread(world, event)
    return render.event(Item(event), LOOK)


@endpoint(bp, "/events/edit")
def edit_event(world: World, sent: Resource) -> Resource:
    """Change an event (or with the id of an occurrence, one occurrence) as its owner would."""
    return render.event(writing.change(world, _item(world, sent), sent["body"]), LOOK)


@endpoint(bp, "/events/delete")
def delete_event(world: World, sent: Resource) -> Resource:
    writing.remove(world, _item(world, sent))
    return {}


def _item(world: World, sent: Resource) -> Item:
    calendar = world.calendars[sent["calendar"]]
    immutable = sent["event"].startswith(items.IMMUTABLE)
    return items.find(world, calendar.mailbox, sent["event"], immutable=immutable)


@endpoint(bp, "/events/touch")
def touch_event(world: World, sent: Resource) -> Resource:
    """A new change key, nothing else: Exchange's own hand."""
    item = _item(world, sent)
    world.save(item.event, touches=False)
    return {"etag": item.etag}


@endpoint(bp, "/events/cancel")
def cancel_event(world: World, sent: Resource) -> Resource:
    """The organizer elsewhere calls a meeting off: it stays here, marked as cancelled."""
    event = _item(world, sent).event
    event.is_cancelled = True
    world.save(event)
    return {}


@endpoint(bp, "/events/move")
def move_event(world: World, sent: Resource) -> Resource:
    """Move a single event to another calendar of the mailbox: only its mutable id changes (A2.1)."""
    event = _item(world, sent).event
    del event.calendar.events[event.id]
    event.calendar.revision = world.next_revision()
    del world.ids[event.mutable_id]
    event.calendar = world.calendars[sent["to"]]
    event.mutable_id = worlds.new_id("AAMkAGEv", 75)
    world.save(event)
    return render.event(Item(event), LOOK)


@endpoint(bp, "/events/bulk")
def add_many(world: World, sent: Resource) -> Resource:
    """Store `count` half hours, one every `every_minutes` (60) from `start`."""
    calendar = world.calendars[sent["calendar"]]
    start = times.read_moment(sent["start"], "start").replace(tzinfo=None)
    step = timedelta(minutes=sent.get("every_minutes", 60))
    ids = []
    for number in range(sent["count"]):
        begins = start + number * step
        event = _half_hour(world, calendar.id, begins, f"{sent.get('subject', 'Event')} {number + 1}")
        ids.append(event.id)
    return {"ids": ids}


def _half_hour(world: World, calendar_id: str, start: datetime, subject: str) -> Event:
    calendar = world.calendars[calendar_id]
    event = people.blank_event(world, calendar, calendar.owner, start, start + timedelta(minutes=30), "UTC")
    event.fields["subject"] = subject
    return world.save(event, "created", touches=False)


@endpoint(bp, "/events", "GET")
def list_events(world: World, sent: Resource) -> list[Resource]:
    """Return every stored event of a calendar, deleted ones and exceptions too, with what is not shown unasked."""
    calendar = world.calendars[sent["calendar"]]
    return [_stored(event) for event in calendar.events.values()]


def _stored(event: Event) -> Resource:
    hidden = {
        "isDeleted": event.is_deleted,
        "properties": event.properties,
        "cancelled": plain(event.cancelled),
        "text": render.bodies.text_of(event.fields["html"]),
    }
    return render.event(Item(event), LOOK) | hidden


@endpoint(bp, "/mail", "GET")
def list_mail(world: World, sent: Resource) -> list[Resource]:
    """Return what Exchange mailed: kind invitation, update, cancellation, answer or forward; to; subject; day."""
    return world.mail


@endpoint(bp, "/mail/clear")
def clear_mail(world: World, sent: Resource) -> Resource:
    world.mail.clear()
    return {}


@endpoint(bp, "/delta/expire")
def expire_delta(world: World, sent: Resource) -> Resource:
    """End delta tokens, of one `calendar` or of all; they answer `status` (410) with `code` from now on."""
    code, status = sent.get("code", "SyncStateNotFound"), int(sent.get("status", 410))
    if code not in delta.ENDS:
        raise ValueError(f"code is one of {', '.join(delta.ENDS)}.")
    ended = [mark for mark in world.marks.values() if sent.get("calendar") in (None, mark.calendar_id)]
    for mark in ended:
        mark.gone = f"{code}:{status}"
    return {"ended": len(ended)}


@endpoint(bp, "/subscriptions", "GET")
def list_subscriptions(world: World, sent: Resource) -> list[Resource]:
    return [plain(one) for one in world.subscriptions.values()]


@endpoint(bp, "/subscriptions/lifecycle")
def tell_lifecycle(world: World, sent: Resource) -> Resource:
    """Send a lifecycle notification, and do what it says: pause until reauthorized, or remove."""
    notices.tell_lifecycle(world, world.subscriptions[sent["subscription"]], sent["event"])
    return {}


@endpoint(bp, "/pushes", "GET")
def list_pushes(world: World, sent: Resource) -> list[Resource]:
    return world.pushes


@bp.post("/pushes/wait")
def wait_for_pushes() -> Resource:
    """Return once nothing is left to deliver. Deliveries need the lock, so it is not held here."""
    return {"is_idle": PUSHER.wait_until_idle(10)}
