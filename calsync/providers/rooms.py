"""Rooms of an organisation, as values and a protocol: which there are, and how one is asked to come.

A room that a booking invites (Edit.rooms) decides by itself, some time later, and by its own rules: Event.rooms has
its answer. Inviting a room sends no mail to any person.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Room:
    """A room as its organisation lists it. `capacity` None: nobody said."""

    address: str
    name: str
    building: str = ""
    capacity: int | None = None


@runtime_checkable
class RoomDirectory(Protocol):
    """A client whose provider lists the rooms of the account's organisation (Capabilities.invites_rooms)."""

    def rooms(self) -> list[Room]:
        """Return every room, by name. Raises ProviderError: Rejected (`permission`) where the grant lacks it."""
