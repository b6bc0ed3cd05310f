"""What the server does by itself when its time comes: touching items, Teams links, answers of rooms."""

from __future__ import annotations

from tests.emulators.microsoft import guests, meetings
from tests.emulators.microsoft.model import Event
from tests.emulators.microsoft.world import World


def settle(world: World) -> None:
    """Do everything that is due by the emulator's clock."""
    if world.next_due is None or world.next_due > world.now():
        return
    for event in list(world.unsettled.values()):
        _settle(world, event)
    world.next_due = None
    for event in world.unsettled.values():
        world.note_due(event)


def _settle(world: World, event: Event) -> None:
    now = world.now()
    if event.online_at is not None and event.online_at <= now:
        meetings.arrive(world, event)
        world.save(event, touches=False)
    if event.rooms_at is not None and event.rooms_at <= now:
        guests.let_rooms_answer(world, event)
    if event.bump_at is not None and event.bump_at <= now:
        # Exchange goes over an item shortly after every write: a new change key, the same content (A4.4).
        world.save(event, touches=False)
    if event.online_at is None and event.rooms_at is None and event.bump_at is None:
        world.unsettled.pop(event.id, None)
