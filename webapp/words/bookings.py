"""Bookings as pages say them: how one stands, and where it takes place."""

from __future__ import annotations

from webapp.words.states import Word

_STATE = {
    "held": Word("Being taken", "blue", "hourglass", "The slot is kept for a moment while its calendars are asked."),
    "booked": Word("Booked", "green", "check", "It stands, and is written on every calendar where it belongs."),
    "unwritten": Word(
        "Not on its calendar yet", "blue", "clock", "It stands; the calendar has not taken it, or its last change, yet."
    ),
    "undeleted": Word(
        "Still on its calendar", "blue", "clock", "It is cancelled; the calendar has not heard of that yet."
    ),
    "moved": Word("Overlaps", "amber", "alert-triangle", "A calendar moved it onto something else. A person decides."),
    "no_room": Word("Without its room", "red", "door", "The room declined, or was taken off the event."),
    "cancelled": Word("Cancelled", "grey", "ban", "Its time is free again."),
}
_ROOM = {
    "": Word("Not asked yet", "blue", "clock", "The room is invited as soon as the calendar takes the booking."),
    "waiting": Word("No answer yet", "blue", "hourglass", "The room was invited and has not answered."),
    "accepted": Word("Accepted", "green", "check", "The room took the booking."),
    "declined": Word("Declined", "red", "x", "The room is in use then, or its rules say no."),
    "off": Word("Taken off", "red", "x", "Somebody took the room off the event in the calendar."),
}
_PLACE = {
    "in_person": ("map-pin", "In person"),
    "phone": ("phone", "By phone"),
    "link": ("link", "Online, by a link"),
}


def booking_state(state: str) -> Word:
    """Return the badge of how a booking stands."""
    return _STATE.get(str(state)) or Word(str(state).replace("_", " ").capitalize(), "grey", "info-circle")


def room_answer(answer: str) -> Word:
    """Return the badge of what an invited room said (`engine.vocabulary.RoomAnswer`)."""
    return _ROOM.get(str(answer)) or _ROOM["waiting"]


def place(kind: str) -> str:
    """Return where something takes place, "" where nobody said."""
    return _PLACE.get(kind, ("", kind.replace("_", " ").title()))[1]


def place_icon(kind: str) -> str:
    return _PLACE.get(kind, ("video", ""))[0]


def length(minutes: int) -> str:
    """Return how long something takes: "45 min", "1 h", "1 h 30 min"."""
    hours, rest = divmod(minutes, 60)
    parts = [f"{hours} h" if hours else "", f"{rest} min" if rest or not hours else ""]
    return " ".join(part for part in parts if part)
