"""Colleagues on a booking hear of it from us, once each, unless they find it in a calendar of their own anyway."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from icalendar import Calendar
from sqlmodel import select

from calsync.providers.google.provider import GoogleProvider
from calsync.runtime import CLI, Runtime
from calsync.services import activities, bookings, following, rebooking, settings
from calsync.services.bookings import Booked, Request
from calsync.store import tables as t
from tests import factories
from tests import scheduling_factories as make

HOUR = timedelta(hours=1)
TEN = factories.START.replace(hour=10) + timedelta(days=1)
ALL = {"mail_new": "all", "mail_changed": "all", "mail_cancelled": "all"}
GIL = "gil@example.org"


@pytest.fixture
def cast(rt: Runtime) -> factories.Cast:
    made = factories.make_cast(rt)
    make.work(rt)
    settings.save_organisation(rt, settings.Organisation(name="Elm Clinic"), 0, by=CLI)
    server = settings.MailServer("mail.example.com", 587, sender="Elm Clinic <hello@elm.example>", tls="none")
    settings.save_mail_server(rt, server, 0, by=CLI)
    return made


def book(rt: Runtime, of: t.Resource, **values: Any) -> Booked:
    event_type = make.make_event_type(rt, of, **{"mail": ALL, **values})
    request = Request(t.pk(event_type), TEN, guest_name="Gil", guest_email=GIL, guest_tz="Europe/Berlin")
    return bookings.book(rt, request, by=CLI)


def invite(rt: Runtime, booked: Booked, *people: str) -> None:
    """Have the team write who comes onto the booking's activity."""
    activities.edit(rt, t.pk(booked.activity), {"attendees": [GIL, *people]}, by=CLI)
    following.follow(rt)


def told(rt: Runtime, address: str) -> list[str]:
    """Return what somebody was told, by the first word of each mail, with the method of its calendar file."""
    with rt.reading() as session:
        mails = session.exec(select(t.Mail).where(t.Mail.to == address).order_by(t.Mail.id)).all()
    return [f"{mail.subject.split()[0]} {Calendar.from_ical(mail.attachments[0][2])['method']}" for mail in mails]


def test_who_is_added_hears_of_it_and_of_each_change(rt: Runtime, cast: factories.Cast) -> None:
    booked = book(rt, make.make_person(rt, cast.eli))
    invite(rt, booked, cast.ada.email)
    rebooking.reschedule(rt, t.pk(booked.booking), TEN + HOUR, by=CLI)
    for _ in range(2):
        following.follow(rt)
        rebooking.cancel(rt, t.pk(booked.booking), by=CLI)
    assert told(rt, cast.ada.email) == ["You REQUEST", "Moved: REQUEST", "No CANCEL"]
    assert told(rt, GIL) == ["Booked: REQUEST", "Moved: REQUEST", "Cancelled: CANCEL"]


def test_a_mail_is_about_the_booking_and_hands_out_no_link_of_the_guest(rt: Runtime, cast: factories.Cast) -> None:
    booked = book(rt, make.make_person(rt, cast.eli))
    invite(rt, booked, cast.ada.email)
    with rt.reading() as session:
        mail = session.exec(select(t.Mail).where(t.Mail.to == cast.ada.email)).one()
    [event] = Calendar.from_ical(mail.attachments[0][2]).walk("VEVENT")
    assert (str(event["uid"]), event["dtstart"].dt) == (booked.activity.uid, TEN)
    assert str(event["attendee"]) == f"mailto:{cast.ada.email}"
    assert "Visit: Gil" in mail.text
    assert "/booking/" not in mail.text + mail.attachments[0][2]


def test_who_is_taken_off_hears_that_and_nothing_more(rt: Runtime, cast: factories.Cast) -> None:
    booked = book(rt, make.make_person(rt, cast.eli))
    invite(rt, booked, cast.ada.email)
    invite(rt, booked)
    rebooking.cancel(rt, t.pk(booked.booking), by=CLI)
    assert told(rt, cast.ada.email) == ["You REQUEST", "No CANCEL"]


def test_whose_booking_it_is_and_strangers_hear_nothing_of_this_kind(rt: Runtime, cast: factories.Cast) -> None:
    booked = book(rt, make.make_person(rt, cast.eli))
    invite(rt, booked, cast.eli.email, "stranger@example.org")
    assert (told(rt, cast.eli.email), told(rt, "stranger@example.org")) == ([], [])


def test_other_changes_of_the_booking_tell_nobody_anything(rt: Runtime, cast: factories.Cast) -> None:
    booked = book(rt, make.make_person(rt, cast.eli))
    invite(rt, booked, cast.ada.email)
    activities.edit(rt, t.pk(booked.activity), {"description": "Bring the file"}, by=CLI)
    following.follow(rt)
    assert told(rt, cast.ada.email) == ["You REQUEST"]


def test_where_the_settings_want_no_mail_there_is_none(rt: Runtime, cast: factories.Cast) -> None:
    booked = book(rt, make.make_person(rt, cast.eli), mail=dict.fromkeys(ALL, "never"))
    invite(rt, booked, cast.ada.email)
    rebooking.cancel(rt, t.pk(booked.booking), by=CLI)
    assert told(rt, cast.ada.email) == []


def test_without_a_mail_server_it_is_the_calendars_turn(rt: Runtime, cast: factories.Cast) -> None:
    _, version = settings.mail_server(rt)
    settings.save_mail_server(rt, settings.MailServer(), version, by=CLI)
    invite(rt, book(rt, make.make_person(rt, cast.eli)), cast.ada.email)
    assert told(rt, cast.ada.email) == []


@pytest.mark.parametrize(("label", "mails"), [("ada", []), ("else@example.com", ["You REQUEST"])])
def test_who_finds_it_in_a_calendar_of_their_own_gets_no_mail(
    rt: Runtime, cast: factories.Cast, label: str, mails: list[str]
) -> None:
    """Where the provider puts it into the calendars of its users, mailed or not, and theirs is one of them."""
    rt = replace(rt, providers={**rt.providers, "google": GoogleProvider()})
    of_eli = factories.make_account(rt, cast.eli, provider="google", subject="eli")
    calendar = factories.make_calendar(rt, of_eli, last_read_at=rt.now())
    own = cast.ada.email if label == "ada" else label
    factories.make_account(rt, cast.ada, provider="google", subject="ada", label=own, username=own)
    booked = book(rt, make.make_resource(rt, "Room 1", calendar, when_unreachable="ignore"))
    invite(rt, booked, cast.ada.email)
    assert told(rt, cast.ada.email) == mails
