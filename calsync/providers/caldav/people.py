"""Who takes part and where they meet: addresses, ATTENDEE, join links."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from calsync.engine.event import Attendee
from calsync.providers.caldav import values
from calsync.providers.caldav.lines import Line

CONFERENCE = ("CONFERENCE", "X-GOOGLE-CONFERENCE", "X-MICROSOFT-SKYPETEAMSMEETINGURL")
"""Where join links stand; the first that has one counts."""


def attendee(line: Line) -> Attendee:
    """Read an ATTENDEE."""
    parameters = line.parameters

    def word(name: str, otherwise: str) -> str:
        return (parameters.get(name) or otherwise).strip().lower()

    return Attendee(
        address=address(line),
        name=values.clean(parameters.get("CN", "")),
        role=word("ROLE", "req-participant"),
        partstat=word("PARTSTAT", "needs-action"),
        kind=word("CUTYPE", "individual"),
    )


def guest_lines(attendees: Iterable[Line]) -> dict[str, Line]:
    """Return the line of each guest by address; of one who is named twice the first counts."""
    found: dict[str, Line] = {}
    for line in attendees:
        found.setdefault(address(line), line)
    return {known: line for known, line in found.items() if known}


def address(line: Line) -> str:
    """Return the address of a person. iCloud writes a path of its own and keeps the address beside it."""
    value = line.value.strip()
    if not value.lower().startswith("mailto:"):
        value = line.parameters.get("EMAIL", value)
    return value.lower().removeprefix("mailto:").strip()


def conference(found: Mapping[str, Sequence[Line]]) -> str | None:
    """Return the join link in the lines of an event: of several places the first that holds a web address."""
    line = conference_line(found)
    return None if line is None else line.value.strip()


def conference_line(found: Mapping[str, Sequence[Line]]) -> Line | None:
    candidates = (line for name in CONFERENCE for line in found.get(name, ()))
    return next((line for line in candidates if line.value.strip().lower().startswith(("https://", "http://"))), None)
