"""Organizer and attendees both ways (contract sections A4.2 and A4.4). Pure.

Who is on the list is mailed by Outlook whenever it changes. Answers belong to those who gave them and are only read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from calsync.engine.event import Attendee, Event, Person

Json = dict[str, Any]

PARTSTATS = {
    "organizer": "accepted",
    "accepted": "accepted",
    "tentativelyaccepted": "tentative",
    "declined": "declined",
}
ACTIONS = {"accepted": "accept", "tentative": "tentativelyAccept", "declined": "decline"}
"""What a person does to an invitation, by the answer that it gives."""

OPTIONAL = "opt-participant"
ROOMS = ("room", "resource")


def read_organizer(item: Json, rooms: Collection[str] = ()) -> Person | None:
    """Return who organizes an event with guests; None for one that only its calendar's owner has, or `rooms` too."""
    found = (item.get("organizer") or {}).get("emailAddress") or {}
    address = _address(found)
    has_guests = any(guest.address not in rooms for guest in read_attendees(item))
    if not address or (item.get("isOrganizer", True) and not has_guests):
        return None
    return Person(address, found.get("name") or "")


def read_attendees(item: Json) -> tuple[Attendee, ...]:
    """Return the guests, each address once."""
    found: dict[str, Attendee] = {}
    for guest in item.get("attendees") or []:
        address = _address(guest.get("emailAddress") or {})
        if address:
            found.setdefault(address, _attendee(address, guest))
    return tuple(found.values())


def _address(person: Json) -> str:
    return str(person.get("address") or "").strip().lower()


def _attendee(address: str, guest: Json) -> Attendee:
    kind = str(guest.get("type") or "required").lower()
    answer = str((guest.get("status") or {}).get("response") or "none").lower()
    name = str((guest.get("emailAddress") or {}).get("name") or "")
    return Attendee(
        address=address,
        name="" if name.lower() == address else name,
        role=OPTIONAL if kind == "optional" else "req-participant",
        partstat=PARTSTATS.get(answer, "needs-action"),
        kind="resource" if kind == "resource" else "individual",
    )


def is_declined(item: Json) -> bool:
    """Return whether the person whose calendar this is said no."""
    return str((item.get("responseStatus") or {}).get("response") or "").lower() == "declined"


def is_guest(item: Json) -> bool:
    """Return whether the person whose calendar this is was invited by somebody else."""
    return item.get("isOrganizer") is False


def write_attendees(event: Event, item: Json) -> list[Json]:
    """Return the whole new list, because PATCH replaces lists; who stays on it stays as they stand."""
    stored = {_address(guest.get("emailAddress") or {}): guest for guest in item.get("attendees") or []}
    return [_entry(guest, stored.get(guest.address)) for guest in event.attendees]


def with_rooms(listed: Iterable[Json], invited: Collection[str], rooms: Iterable[Person]) -> list[Json]:
    """Return a list of attendees with `rooms` on it, and without those that were `invited` and are not wanted."""
    wanted = {room.address: room for room in rooms}
    kept = [guest for guest in listed if _address(guest.get("emailAddress") or {}) not in {*invited, *wanted}]
    return kept + [_entry(_room(room), None) for room in wanted.values()]


def stored(item: Json) -> list[Json]:
    """Return the attendees of an event as a list may be sent back: without their answers."""
    return [_plain(guest) for guest in item.get("attendees") or []]


def _room(room: Person) -> Attendee:
    return Attendee(room.address, room.name, kind="resource")


def _plain(guest: Json) -> Json:
    return {name: guest[name] for name in ("type", "emailAddress") if name in guest}


def _entry(wanted: Attendee, stored: Json | None) -> Json:
    if stored is not None and _attendee(wanted.address, stored).role == wanted.role:
        return _plain(stored)
    kind = "resource" if wanted.kind in ROOMS else "optional" if wanted.role == OPTIONAL else "required"
    return {"type": kind, "emailAddress": {"address": wanted.address, "name": wanted.name or wanted.address}}
