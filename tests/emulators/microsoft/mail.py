"""Who is mailed: Exchange mails by itself, there is no switch against it (contract A4.3, A4.4). Kept in a log."""

from __future__ import annotations

from collections.abc import Iterable

from tests.emulators.microsoft.items import Item
from tests.emulators.microsoft.model import Event, Resource
from tests.emulators.microsoft.world import World


def addresses(attendees: list[Resource]) -> list[str]:
    return [one["emailAddress"]["address"] for one in attendees]


def send(world: World, kind: str, event: Event, to: Iterable[str], comment: str = "", day: str = "") -> None:
    """Log one message; nobody is mailed about an event by being its organizer."""
    own = event.organizer[0].lower()
    receivers = sorted(address for address in to if kind in ("answer", "forward") or address.lower() != own)
    if receivers:
        line = {
            "kind": kind,
            "to": receivers,
            "subject": event.fields["subject"],
            "event": event.id,
            "day": day,
            "comment": comment,
            "at": world.now().isoformat(),
        }
        world.mail.append(line)


def after_change(world: World, event: Event, before: list[Resource], changed: set[str]) -> None:
    """Mail what a change of the organizer's means: newcomers, those taken off, and everyone if more changed."""
    old, new = addresses(before), addresses(event.fields["attendees"])
    send(world, "invitation", event, set(new) - set(old))
    send(world, "cancellation", event, set(old) - set(new))
    if changed - {"attendees"}:
        send(world, "update", event, set(new) & set(old))


def about_cancelling(world: World, item: Item, comment: str = "") -> None:
    day = item.day or item.event.original
    to = addresses(item.event.fields["attendees"])
    send(world, "cancellation", item.event, to, comment, day.isoformat() if day else "")
