"""A booking as a calendar file, for the guest's own calendar."""

from __future__ import annotations

from datetime import UTC, datetime

from icalendar import Calendar, Event, vCalAddress

from calsync.services.guest_facts import Facts


def of(facts: Facts, organisation: str, url: str = "") -> bytes:
    """Return the file: one published event (RFC 5546 section 3.2.1) with the uid of the activity, times in UTC.

    So that importing it again replaces what was there, SEQUENCE grows with the activity. `url` is the guest's page.
    """
    return _file("PUBLISH", _event(facts, organisation, url), organisation)


def invitation(facts: Facts, organisation: str, sender: str, url: str = "") -> tuple[str, str, str]:
    """Return a mail's attachment as file name, media type and text (RFC 6047 section 2.4): the same event as a request
    to the guest, or its cancellation. `sender` is the address that the mail comes from, who organizes it.

    No answer is asked for: nobody reads that mailbox, and the guest's link says more.
    """
    method, event = "CANCEL" if facts.is_cancelled else "REQUEST", _event(facts, organisation, url)
    event.add("organizer", vCalAddress(f"mailto:{sender}"), parameters={"CN": organisation})
    about = {"CN": facts.guest_name or facts.guest_email, "ROLE": "REQ-PARTICIPANT", "RSVP": "FALSE"}
    partstat = {"PARTSTAT": "ACCEPTED"}  # it was the guest who booked
    event.add("attendee", vCalAddress(f"mailto:{facts.guest_email}"), parameters=about | partstat)
    text = _file(method, event, organisation).decode()
    return "booking.ics", f"text/calendar; method={method}; charset=UTF-8; component=VEVENT", text


def _file(method: str, event: Event, organisation: str) -> bytes:
    calendar = Calendar()
    calendar.add("prodid", f"-//{organisation}//Bookings//EN")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", method)
    calendar.add_component(event)
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
