"""Organizer and attendees both ways (contract section 10). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from calsync.engine.event import Attendee, Event, Person

Json = dict[str, Any]

PARTSTATS = {
    "needsAction": "needs-action",
    "declined": "declined",
    "tentative": "tentative",
    "accepted": "accepted",
}
ANSWERS = {ours: theirs for theirs, ours in PARTSTATS.items()}
OPTIONAL = "opt-participant"
ROOMS = ("room", "resource")
GROUP_CALENDAR = "@group.calendar.google.com"


def read_organizer(item: Json) -> Person | None:
    """Return who organizes an event with guests.

    None for an event of this calendar without guests, and where this calendar organizes and is nobody's mailbox: its
    owner then speaks for it.
    """
    found = item.get("organizer") or {}
    address = str(found.get("email", "")).lower()
    is_nobody = not item.get("attendees") or address.endswith(GROUP_CALENDAR)
    if not address or (found.get("self") and is_nobody):
        return None
    return Person(address, found.get("displayName", ""))


def read_attendees(item: Json) -> tuple[Attendee, ...]:
    """Return the guests, each address once."""
    found: dict[str, Attendee] = {}
    for guest in item.get("attendees") or []:
        address = _address(guest)
        if address:
            found.setdefault(address, _attendee(address, guest))
    return tuple(found.values())


def _address(guest: Json) -> str:
    return str(guest.get("email", "")).strip().lower()


def _attendee(address: str, guest: Json) -> Attendee:
    return Attendee(
        address=address,
        name=guest.get("displayName", ""),
        role=OPTIONAL if guest.get("optional") else "req-participant",
        partstat=PARTSTATS.get(guest.get("responseStatus", ""), "needs-action"),
        kind="resource" if guest.get("resource") else "individual",
    )


def is_declined(item: Json) -> bool:
    """Return whether the person whose calendar this is said no, under whatever address they were invited."""
    return any(guest.get("self") and guest.get("responseStatus") == "declined" for guest in item.get("attendees") or [])


def write_attendees(event: Event, before: Event | None, item: Json, fields: Iterable[str]) -> Json:
    """Return the whole new list, because PATCH replaces lists (contract section 7.2).

    An entry keeps everything that is not changed: comments, further guests, the answers of others. Where Google
    hides the other guests from us, only the own answer can be told.
    """
    units = set(fields)
    wanted = {a.address: a for a in event.attendees}
    had = {} if before is None else {a.address: a for a in before.attendees}
    stored = {_address(guest): guest for guest in item.get("attendees") or []}
    names = wanted if "attendees" in units or before is None else had
    entries = [_entry(name, wanted.get(name), had.get(name), stored.get(name, {}), units) for name in names]
    if item.get("attendeesOmitted"):
        mine = [entry for entry in entries if stored.get(_address(entry), {}).get("self")]
        return {"attendees": mine, "attendeesOmitted": True}
    return {"attendees": entries}


def _entry(
    address: str, wanted: Attendee | None, had: Attendee | None, stored: Mapping[str, Any], units: set[str]
) -> Json:
    entry: Json = {"email": address, **stored}
    if wanted is None:
        return entry
    if "attendees" in units or had is None:
        entry |= _description(wanted, had)
    if had is None or ("responses" in units and wanted.partstat != had.partstat):
        entry["responseStatus"] = ANSWERS.get(wanted.partstat, "needsAction")
    return entry


def _description(wanted: Attendee, had: Attendee | None) -> Json:
    said: Json = {}
    if wanted.name and (had is None or wanted.name != had.name):
        said["displayName"] = wanted.name
    if had is None or wanted.role != had.role:
        said["optional"] = wanted.role == OPTIONAL
    if had is None and wanted.kind in ROOMS:
        said["resource"] = True
    return said
