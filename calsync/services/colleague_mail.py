"""Mail to colleagues on a booking: people who log in here and were added to it, beside whoever is booked.

The calendar tells nobody of a booking whose guest hears of it from us (`booked_rules.py`), so it is for us to tell them
too: once each, with the booking as a calendar file, as the mail settings say. Who finds the event in a calendar of
their own anyway, because the provider puts it there, gets nothing from us.
"""

from __future__ import annotations

from dataclasses import replace
from email.utils import parseaddr

from sqlmodel import Session

from calsync.engine import event as events
from calsync.engine.vocabulary import BookingState
from calsync.runtime import Runtime
from calsync.services import calendar_files, clients, frame, guest_facts, guest_mail, mail, settings
from calsync.services.guest_facts import Facts
from calsync.services.guest_mail import What
from calsync.store import colleagues as rows
from calsync.store import placements
from calsync.store import tables as t

_SUBJECTS = {"new": "You are on a booking: {}, {}", "changed": "Moved: {}, now {}", "cancelled": "No longer: {}, {}"}
_FIRST = {
    "new": "you were added to this booking.",
    "changed": "the time of this booking has changed.",
    "cancelled": "this booking is cancelled, or you were taken off it.",
}


def follow(session: Session, rt: Runtime, booking: t.Booking, activity: t.Activity) -> int:
    """Queue what colleagues have not been told of a booking yet, and return how many mails that is.

    Safe to repeat. Says nothing about what is over, nor while an overlap waits for a decision.
    """
    is_ours = guest_mail.is_ours(session, rt, booking.guest_email)
    if not is_ours or booking.ends_at <= rt.now() or booking.moved_from is not None:
        return 0
    told: dict[str, list[str]] = booking.colleagues or {}
    times = [events.moment_text(booking.starts_at), events.moment_text(booking.ends_at)]
    there = _there(session, booking, activity)
    if dict.fromkeys(there, times) == told:
        return 0
    booking.colleagues = dict.fromkeys(there, times)
    people = there | rows.by_address(session, set(told) - set(there))
    news = {address: _news(told.get(address), address in there, times) for address in people}
    sent = [_send(session, rt, booking, activity, people[a], what) for a, what in sorted(news.items()) if what]
    return sum(sent)


def _there(session: Session, booking: t.Booking, activity: t.Activity) -> dict[str, t.User]:
    """Return the colleagues on a booking by their addresses; nobody where it is cancelled."""
    if booking.state == BookingState.CANCELLED:
        return {}
    named = {str(address).lower() for address in activity.content.get("attendees") or {}}
    found = rows.by_address(session, named - {booking.guest_email.lower()})
    return {address: user for address, user in found.items() if user.id != activity.owner_id}


def _news(before: list[str] | None, is_there: bool, times: list[str]) -> What | None:
    if before is None:
        return "new"
    if not is_there:
        return "cancelled"
    return "changed" if before != times else None


def _send(session: Session, rt: Runtime, booking: t.Booking, activity: t.Activity, user: t.User, what: What) -> bool:
    found = guest_facts.find(session, booking)
    if not guest_mail.wants(session, found.event_type, user.email, what) or _finds_it(session, rt, activity, user):
        return False
    server, _ = settings.mail_server_of(session, rt)
    organisation = settings.organisation_of(session)[0]
    facts = replace(
        guest_facts.of(session, found, activity),
        title=activity.title,
        guest_name=user.name,
        guest_email=user.email,
        is_cancelled=what == "cancelled",
    )
    when = guest_mail.moment_text(booking.starts_at, user.tz)
    text = _text(facts, what, organisation.name, when)
    sent = mail.queue(session, user.email, _SUBJECTS[what].format(facts.title, when), text, rt.now())
    sent.attachments = [list(calendar_files.invitation(facts, organisation.name, parseaddr(server.sender)[1]))]
    return True


def _finds_it(session: Session, rt: Runtime, activity: t.Activity, user: t.User) -> bool:
    """Return whether a colleague finds the event in a calendar of their own, because it stands with a provider that
    puts it there, mailed or not, and their address has an account of the same provider.
    """
    placed = placements.targets(session, [t.pk(activity)]).get(t.pk(activity), [])
    if not placed:
        return False
    _, main = placed[0]
    if not clients.provider_of(rt, main.provider).info.capabilities.delivers_to_guests:
        return False
    known = rows.accounts_of(session, t.pk(user), main.provider)
    return any(user.email.lower() in frame.addresses(account, "") for account in known)


def _text(facts: Facts, what: What, organisation: str, when: str) -> str:
    lines = [f"Hello {facts.guest_name},".replace(" ,", ","), "", _FIRST[what], "", facts.title, when]
    if facts.people:
        lines.append(f"With {', '.join(facts.people)}")
    if what != "cancelled":
        lines += [each for each in (facts.place, f"Join: {facts.join_url}" if facts.join_url else "") if each]
    return "\n".join([*lines, "", organisation, ""])
