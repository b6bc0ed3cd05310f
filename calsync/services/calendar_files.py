"""A booking as a calendar file, for the guest's own calendar."""

from __future__ import annotations

from datetime import UTC, datetime

from icalendar import Calendar, Event

from calsync.services.guest_facts import Facts


def of(facts: Facts, organisation: str, url: str = "") -> bytes:
    """Return the file: one published event (RFC 5546 section 3.2.1) with the uid of the activity, times in UTC.

    So that importing it again replaces what was there, SEQUENCE grows with the activity. `url` is the guest's page.
    """
    calendar = Calendar()
    calendar.add("prodid", f"-//{organisation}//Bookings//EN")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    calendar.add_component(_event(facts, organisation, url))
    return bytes(calendar.to_ical())


def _event(facts: Facts, organisation: str, url: str) -> Event:
    event = Event()
    event.add("uid", facts.uid)
    event.add("sequence", facts.sequence)
    event.add("dtstamp", _second(facts.changed_at))
    event.add("dtstart", _second(facts.starts_at))
    event.add("dtend", _second(facts.ends_at))
    event.add("summary", f"{facts.title}, {organisation}")
    event.add("status", "CANCELLED" if facts.is_cancelled else "CONFIRMED")
    told = {"location": facts.place or facts.join_url or "", "description": _description(facts, url), "url": url}
    for name, value in told.items():
        if value:
            event.add(name, value)
    return event


def _description(facts: Facts, url: str) -> str:
    join = f"Join: {facts.join_url}" if facts.join_url else ""
    change = f"Change or cancel: {url}" if url and not facts.is_cancelled else ""
    return "\n\n".join(part for part in (facts.description, join, change) if part)


def _second(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)
