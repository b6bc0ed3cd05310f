"""The mail ledger: what `sendUpdates` would have sent, so that tests can count invitations (7.4)."""

from __future__ import annotations

from tests.emulators.google.model import Calendar, Event, Resource
from tests.emulators.google.world import World

SILENT_CHANGES = {
    "reminders",
    "transparency",
    "visibility",
    "colorId",
    "eventLabelId",
    "extendedProperties",
    "sequence",
}


def mode(query: Resource) -> str:
    """Return `all`, `externalOnly` or `none` from a write's query; the old flag counts only by itself."""
    if "sendUpdates" in query:
        return query["sendUpdates"]
    return "all" if query.get("sendNotifications") else "none"


def note_change(world: World, calendar: Calendar, event: Event, before: Resource | None, send: str) -> None:
    """Write down who would get an invitation, an update or a cancellation for this change."""
    old, new = _addresses(before, calendar), _addresses(event.body, calendar)
    if event.is_cancelled:
        _note(world, calendar, event, "cancellation", old | new, send)
        return
    _note(world, calendar, event, "invitation", new - old, send)
    _note(world, calendar, event, "cancellation", old - new, send)
    if before is not None and is_meaningful(before, event.body):
        _note(world, calendar, event, "update", new & old, send)


def is_meaningful(before: Resource, after: Resource) -> bool:
    """Tell whether guests would be told: changes of anything but what each of them keeps for themselves."""
    changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    return bool(changed - SILENT_CHANGES - {"attendees"})


def note_answer(world: World, calendar: Calendar, event: Event, answer: Resource, send: str) -> None:
    """Write down the mail that tells the organizer of a guest's answer."""
    if "responseStatus" in answer:
        _note(world, calendar, event, "answer", {event.body["organizer"]["email"]}, send)


def _addresses(body: Resource | None, calendar: Calendar) -> set[str]:
    guests = {guest["email"] for guest in (body or {}).get("attendees", []) if not guest.get("resource")}
    return guests - {calendar.id}


def _note(world: World, calendar: Calendar, event: Event, kind: str, to: set[str], send: str) -> None:
    if not to:
        return
    sent = {email for email in to if send == "all" or (send == "externalOnly" and email not in world.users)}
    world.mail.append(
        {
            "at": world.now().isoformat(),
            "calendar": calendar.id,
            "event": event.id,
            "kind": kind,
            "send_updates": send,
            "sent_to": sorted(sent),
            "kept_from": sorted(to - sent),
        }
    )
