"""What a provider can do, in words: the flags of its Capabilities, each with what that means here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from calsync.engine.event import FIELDS
from webapp import words


@dataclass(frozen=True, slots=True)
class Capability:
    """One line of the table. `is_good` None: neither better nor worse."""

    label: str
    value: str
    meaning: str
    is_good: bool | None = None


def of(info: Any) -> list[Capability]:
    """Return a provider's abilities; nothing is known of one that is no longer installed."""
    flags = getattr(info, "capabilities", None)
    if flags is None:
        return []
    return [
        _notices(flags),
        _mark(flags),
        _cancel(flags),
        _mail(flags),
        _series(flags),
        _moves(flags),
        _rooms(flags),
        *_fields(flags),
    ]


def _yes(flag: bool) -> str:
    return "Yes" if flag else "No"


def _notices(flags: Any) -> Capability:
    meaning = "It tells us of changes at once." if flags.can_notify else "Changes there are found by asking it."
    return Capability("Notifies us", _yes(flags.can_notify), meaning, True if flags.can_notify else None)


def _mark(flags: Any) -> Capability:
    kept = "An event that we wrote is recognised by a mark on it."
    lost = "It drops our mark; events are recognised by what we remember of them."
    return Capability("Keeps our mark", _yes(flags.keeps_private_fields), kept if flags.keeps_private_fields else lost)


def _cancel(flags: Any) -> Capability:
    seen = "A cancelled event stays visible as cancelled."
    gone = "A cancelled event is deleted there."
    return Capability(
        "Shows cancelled events", _yes(flags.cancel_is_visible), seen if flags.cancel_is_visible else gone
    )


def _mail(flags: Any) -> Capability:
    if flags.mails_on_write:
        text = "Writing guests mails them and cannot be silenced, so guests are listed in the description instead."
        return Capability("Guests without mail", "No", text, False)
    return Capability("Guests without mail", "Yes", "Guests can be written silently; the Mail settings decide.", True)


def _series(flags: Any) -> Capability:
    text = "A series and its changed occurrences are one record there." if flags.series_is_one_resource else ""
    return Capability("Recurring events", "Yes", text or "Changed occurrences are records of their own there.", True)


def _moves(flags: Any) -> Capability:
    text = "Events move between its calendars in one piece." if flags.can_move else "Moving is a copy, then a deletion."
    return Capability("Moves events", _yes(flags.can_move), text)


def _rooms(flags: Any) -> Capability:
    text = "A booking can invite a room, which answers by itself; no person gets mail." if flags.invites_rooms else ""
    return Capability("Invites rooms", _yes(flags.invites_rooms), text or "Bookings are written to calendars only.")


def _fields(flags: Any) -> list[Capability]:
    kinds = ", ".join(kind.title() for kind in flags.makes_links) or "None"
    links = "Links made elsewhere are kept as they are." if not flags.makes_links else "Made together with the event."
    lacking = [words.field(name) for name in FIELDS if name not in flags.expresses]
    held = words.joined(lacking) + " cannot be held there." if lacking else "Every field that syncs has a place there."
    return [
        Capability("Video meetings", kinds, links),
        Capability("Holds every field", _yes(not lacking), held, not lacking),
    ]
