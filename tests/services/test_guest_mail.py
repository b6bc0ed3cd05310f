"""Mail to guests of bookings: never by default, else as the event type says, or as Sync Settings say."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from icalendar import Calendar
from sqlmodel import select

from calsync.engine.rules import Rules
from calsync.engine.vocabulary import MailRule
from calsync.runtime import CLI, Runtime
from calsync.services import activities, booking_rows, bookings, following, mail, rebooking, settings
from calsync.services.bookings import Booked, Request
from calsync.store import tables as t
from tests import factories
from tests import scheduling_factories as make
from tests.parts.smtp import SmtpSink

HOUR = timedelta(hours=1)
TEN = factories.START.replace(hour=10) + timedelta(days=1)
ALL = {"mail_new": "all", "mail_changed": "all", "mail_cancelled": "all"}
NONE = dict.fromkeys(ALL, "never")


@pytest.fixture
def room(rt: Runtime) -> t.Resource:
    factories.make_cast(rt)
    make.work(rt)
    look = settings.Organisation(name="Elm Clinic")
    settings.save_organisation(rt, look, 0, by=CLI)
    save_server(rt)
    return make.make_resource(rt)


def save_server(rt: Runtime, host: str = "mail.example.com", port: int = 587, version: int = 0) -> int:
    server = settings.MailServer(host, port, sender="Elm Clinic <hello@elm.example>", tls="none")
    return settings.save_mail_server(rt, server, version, by=CLI)


def invitation(mail: t.Mail) -> Any:
    """Return the event in a mail's calendar file, checked for its method."""
    [(name, media_type, text)] = mail.attachments
    calendar = Calendar.from_ical(text)
    assert name == "booking.ics"
    assert f"method={calendar['method']};" in media_type
    [event] = calendar.walk("VEVENT")
    return calendar["method"], event


def book(rt: Runtime, event_type: t.EventType, **more: Any) -> Booked:
    asked = {"guest_name": "Gil", "guest_email": "gil@example.org", "guest_tz": "Europe/Berlin", **more}
    return bookings.book(rt, Request(t.pk(event_type), asked.pop("starts_at", TEN), **asked), by=CLI)


def mails(rt: Runtime) -> list[t.Mail]:
    with rt.reading() as session:
        return list(session.exec(select(t.Mail).order_by(t.Mail.id)))


def subjects(rt: Runtime) -> list[str]:
    return [mail.subject for mail in mails(rt)]


def test_nobody_is_mailed_by_default(rt: Runtime, room: t.Resource) -> None:
    booked = book(rt, make.make_event_type(rt, room))
    rebooking.reschedule(rt, t.pk(booked.booking), TEN + HOUR, by=CLI)
    rebooking.cancel(rt, t.pk(booked.booking), by=CLI)
    assert mails(rt) == []


def test_guest_hears_of_booking_moving_and_cancelling(rt: Runtime, room: t.Resource) -> None:
    booked = book(rt, make.make_event_type(rt, room, mail=ALL, location="Elm Street 12"))
    rebooking.reschedule_by_token(rt, booking_rows.token(rt, booked.booking), TEN + HOUR)
    for _ in range(2):
        rebooking.cancel(rt, t.pk(booked.booking), by=CLI)
    assert subjects(rt) == [
        "Booked: Visit, Tuesday 8 January 2030, 11:00 (Europe/Berlin)",
        "Moved: Visit, now Tuesday 8 January 2030, 12:00 (Europe/Berlin)",
        "Cancelled: Visit, Tuesday 8 January 2030, 12:00 (Europe/Berlin)",
    ]
    first, *_, last = mails(rt)
    link = f"{rt.settings.public_url}/booking/{booking_rows.token(rt, booked.booking)}"
    assert first.to == "gil@example.org"
    assert f"move it or cancel it: {link}\n" in first.text
    assert f"{link}/event.ics" in first.text
    assert "Elm Street 12" in first.text
    assert "Elm Clinic" in first.text
    assert link not in last.text


def test_each_mail_carries_the_booking_as_one_event_that_moves_and_goes(rt: Runtime, room: t.Resource) -> None:
    booked = book(rt, make.make_event_type(rt, room, mail=ALL, location="Elm Street 12"))
    rebooking.reschedule(rt, t.pk(booked.booking), TEN + HOUR, by=CLI)
    rebooking.cancel(rt, t.pk(booked.booking), by=CLI)
    told = [invitation(mail) for mail in mails(rt)]
    assert [method for method, _ in told] == ["REQUEST", "REQUEST", "CANCEL"]
    assert {str(event["uid"]) for _, event in told} == {booked.activity.uid}
    sequences = [int(event["sequence"]) for _, event in told]
    assert sequences == sorted(set(sequences))
    assert [event["dtstart"].dt for _, event in told] == [TEN, TEN + HOUR, TEN + HOUR]
    assert [str(event["status"]) for _, event in told] == ["CONFIRMED", "CONFIRMED", "CANCELLED"]
    _, first = told[0]
    assert (str(first["organizer"]), first["organizer"].params["CN"]) == ("mailto:hello@elm.example", "Elm Clinic")
    assert (str(first["attendee"]), first["attendee"].params["RSVP"]) == ("mailto:gil@example.org", "FALSE")


def test_the_file_arrives_whole_and_as_an_invitation(rt: Runtime, room: t.Resource, smtp: SmtpSink) -> None:
    save_server(rt, smtp.host, smtp.port, version=1)
    book(rt, make.make_event_type(rt, room, mail=ALL, name="Zahnärztliche Kontrolle"))
    assert mail.send_waiting(rt) == 1
    [delivered] = smtp.messages
    [part] = list(delivered.message.iter_attachments())
    assert (part.get_content_type(), part.get_param("method")) == ("text/calendar", "REQUEST")
    assert part.get_filename() == "booking.ics"
    [event] = Calendar.from_ical(part.get_payload(decode=True)).walk("VEVENT")
    assert str(event["summary"]) == "Zahnärztliche Kontrolle, Elm Clinic"
    assert "Zahnärztliche Kontrolle" in delivered.text


def test_without_a_mail_server_nothing_of_ours_waits(rt: Runtime, room: t.Resource) -> None:
    settings.save_mail_server(rt, settings.MailServer(), 1, by=CLI)
    book(rt, make.make_event_type(rt, room, mail=ALL))
    assert mails(rt) == []


def test_settings_speak_where_the_event_type_does_not(rt: Runtime, room: t.Resource) -> None:
    rules = replace(Rules(), mail_new=MailRule.EXTERNAL, internal_domains=("clinic.example",))
    settings.save_rules(rt, rules, 0, by=CLI)
    plain, silent = make.make_event_type(rt, room), make.make_event_type(rt, room, slug="silent", mail=NONE)
    book(rt, plain)
    book(rt, plain, starts_at=TEN + HOUR, guest_email="nurse@clinic.example")
    book(rt, silent, starts_at=TEN + 2 * HOUR)
    assert [mail.to for mail in mails(rt)] == ["gil@example.org"]


def test_guest_without_an_address_is_not_mailed(rt: Runtime, room: t.Resource) -> None:
    book(rt, make.make_event_type(rt, room, mail=ALL), guest_email="")
    assert mails(rt) == []


def test_guest_hears_what_was_changed_elsewhere(rt: Runtime, room: t.Resource) -> None:
    booked = book(rt, make.make_event_type(rt, room, mail=ALL))
    activities.edit(rt, t.pk(booked.activity), {"start": TEN + HOUR, "end": TEN + 2 * HOUR}, by=CLI)
    following.follow(rt)
    activities.edit(rt, t.pk(booked.activity), {"title": "Another title"}, by=CLI)
    following.follow(rt)
    activities.cancel(rt, t.pk(booked.activity), by=CLI)
    following.follow(rt)
    assert [subject.split(":")[0] for subject in subjects(rt)] == ["Booked", "Moved", "Cancelled"]


@pytest.mark.parametrize(("choice", "told"), [("keep", ["Moved"]), ("move_back", []), ("cancel", ["Cancelled"])])
def test_of_an_overlap_the_guest_hears_only_what_was_decided(
    rt: Runtime, room: t.Resource, choice: Any, told: list[str]
) -> None:
    event_type = make.make_event_type(rt, room, mail={**ALL, "mail_new": "never"})
    booked = book(rt, event_type)
    book(rt, event_type, starts_at=TEN + HOUR)
    activities.edit(rt, t.pk(booked.activity), {"start": TEN + HOUR, "end": TEN + 2 * HOUR}, by=CLI)
    following.follow(rt)
    assert mails(rt) == []
    rebooking.resolve(rt, t.pk(booked.booking), choice, by=CLI)
    assert [subject.split(":")[0] for subject in subjects(rt)] == told
