"""Mail to the guest of a booking: that it stands, that it moved, that it is cancelled.

Whether it goes out is for the event type to say, else for Sync Settings; never by default, and never about what is
over. It goes through the outbox, in the transaction of what it tells, with the booking as a calendar file. It alone
carries the guest's link, so with a mail server the calendar tells nobody of a booking (`booked_rules.py`); without one
it is the other way round.
"""

from __future__ import annotations

from datetime import datetime
from email.utils import parseaddr
from typing import Literal
from zoneinfo import ZoneInfo

from sqlmodel import Session

from calsync.engine import mailing, zones
from calsync.engine import rules as engine_rules
from calsync.engine.rules import Rules
from calsync.engine.vocabulary import MailRule
from calsync.runtime import Runtime
from calsync.services import booking_rows, calendar_files, guest_facts, mail, settings
from calsync.services.guest_facts import Facts
from calsync.services.settings import MailServer
from calsync.store import tables as t

What = Literal["new", "changed", "cancelled"]

RULES = {"new": "mail_new", "changed": "mail_changed", "cancelled": "mail_cancelled"}
_SUBJECTS = {"new": "Booked: {}, {}", "changed": "Moved: {}, now {}", "cancelled": "Cancelled: {}, {}"}
_FIRST = {
    "new": "this is booked for you at {}.",
    "changed": "the time of your booking at {} has changed.",
    "cancelled": "your booking at {} is cancelled.",
}


def tell(session: Session, rt: Runtime, booking: t.Booking, activity: t.Activity, what: What) -> bool:
    """Queue a mail to the guest if the settings want one, and return whether they do."""
    server, _ = settings.mail_server_of(session, rt)
    if not _is_ours(server, booking.guest_email) or booking.ends_at <= rt.now():
        return False
    found = guest_facts.find(session, booking)
    if not wants(session, found.event_type, booking.guest_email, what):
        return False
    organisation = settings.organisation_of(session)[0]
    facts, when = guest_facts.of(session, found, activity), moment_text(booking.starts_at, booking.guest_tz)
    public = rt.settings.public_url or organisation.public_url
    url = f"{public}/booking/{booking_rows.token(rt, booking)}" if public else ""
    subject = _SUBJECTS[what].format(facts.title, when)
    text = _text(facts, what, organisation.name, when, url)
    sent = mail.queue(session, booking.guest_email, subject, text, rt.now())
    name = parseaddr(server.sender)[1]
    sent.attachments = [list(calendar_files.invitation(facts, organisation.name, name, url))]
    return True


def wants(session: Session, event_type: t.EventType | None, address: str, what: What) -> bool:
    """Return whether the settings want somebody told of a booking of this type: its own, else Sync Settings."""
    rules = _rules(session, event_type)
    rule: MailRule = getattr(rules, RULES[what])
    return mailing.people({"attendees": {address: {}}}, rule, rules, frozenset()) > 0


def is_ours(session: Session, rt: Runtime, guest_email: str) -> bool:
    """Return whether a guest hears of a booking from us, if the settings want them to: not from the calendar then."""
    return _is_ours(settings.mail_server_of(session, rt)[0], guest_email)


def _is_ours(server: MailServer, guest_email: str) -> bool:
    return bool(guest_email) and server.is_set


def _rules(session: Session, event_type: t.EventType | None) -> Rules:
    rules, _ = settings.organisation_rules(session)
    own = (event_type.mail if event_type else None) or {}
    return engine_rules.overlay(rules, own, tuple(RULES.values()))


def _text(facts: Facts, what: What, organisation: str, when: str, url: str) -> str:
    lines = [
        f"Hello {facts.guest_name},".replace(" ,", ","),
        "",
        _FIRST[what].format(organisation),
        "",
        facts.title,
        when,
    ]
    if facts.people:
        lines.append(f"With {', '.join(facts.people)}")
    if what != "cancelled":
        lines += _where(facts)
        lines += ["", f"See it, move it or cancel it: {url}", f"For your calendar: {url}/event.ics"] if url else []
    return "\n".join([*lines, "", organisation, ""])


def _where(facts: Facts) -> list[str]:
    place = [facts.place] if facts.place else []
    if facts.join_url:
        return [*place, f"Join: {facts.join_url}"]
    return [*place, "The link to join follows on the page of your booking."] if facts.awaits_link else place


def moment_text(moment: datetime, tz: str) -> str:
    """Return a moment by somebody's own clock: "Tuesday 8 January 2030, 11:00 (Europe/Berlin)"."""
    local = moment.astimezone(ZoneInfo(tz))
    named = " ".join(part for part in (tz.replace("_", " "), zones.tells_twice(local)) if part)
    return f"{local:%A} {local.day} {local:%B %Y, %H:%M} ({named})"
