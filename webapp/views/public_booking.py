"""The public page of an event type: anybody chooses a slot and books it, without an account."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, redirect, request, url_for

from calsync.engine import booking_form
from calsync.errors import NotFound
from calsync.services import booking_rows, bookings, event_types
from calsync.store import tables as t
from webapp import errors, guest_pages, security, slot_picker
from webapp.access import runtime
from webapp.forms.bookings import BookingForm, asking
from webapp.fragments import page

bp = Blueprint("public_booking", __name__, url_prefix="/book")

READS = "120 per minute"
BOOKS = "10 per minute; 60 per hour"


@bp.get("/<slug>")
@security.limiter.limit(READS)
def index(slug: str) -> Any:
    """Choose a slot, or with ?at=... say who comes."""
    event_type = _public(slug)
    zone, at = slot_picker.zone_asked(), slot_picker.moment(request.args.get("at"))
    find = guest_pages.finding(event_type)
    if at is not None:
        form = _form(event_type, at=slot_picker.text(at), tz=zone)
        return _form_page(event_type, form, at, zone, guest_pages.instead(find, at, zone))

    def link(**more: Any) -> str:
        return url_for("public_booking.index", slug=slug, tz=zone, **more)

    picker = slot_picker.read(find, link, zone, guest_pages.horizon(event_type))
    return page("book/index.html", event_type=event_type, picker=picker, guesses="tz" not in request.args)


@bp.post("/<slug>")
@security.limit(BOOKS)
def book(slug: str) -> Any:
    """Book the slot. Sent twice it books once: the form carries a key of its own."""
    event_type = _public(slug)
    form, zone = _form(event_type), slot_picker.zone_asked()
    at = slot_picker.moment(form.at.data)
    if at is None:
        return redirect(url_for("public_booking.index", slug=slug, tz=zone), 303)
    if form.validate_on_submit():
        with errors.shown_on(form):
            return redirect(_book(event_type, form, at, zone), 303)
    return _form_page(event_type, form, at, zone, guest_pages.offered(form.refused, zone))


def _book(event_type: t.EventType, form: BookingForm, at: datetime, zone: str) -> str:
    """Book the slot and return the address of its guest's page."""
    asked = guest_pages.request_of(event_type, form, at, zone)
    booked = bookings.book(runtime(), asked, by=guest_pages.guest(form.email.data or ""))
    return url_for("guest.show", token=booking_rows.token(runtime(), booked.booking), tz=zone)


def _form(event_type: t.EventType, **data: Any) -> BookingForm:
    return asking(BookingForm, booking_form.from_json(event_type.questions))(data=data)


def _form_page(
    event_type: t.EventType, form: BookingForm, at: datetime, zone: str, others: list[tuple[str, str]] | None = None
) -> Any:
    when = slot_picker.span(at, at + timedelta(minutes=event_type.length_minutes), zone)
    back_url = url_for("public_booking.index", slug=event_type.slug, tz=zone, day=slot_picker.day(at, zone))
    return guest_pages.form_page("book/form.html", event_type, form, others, when=when, zone=zone, back_url=back_url)


def _public(slug: str) -> t.EventType:
    found = event_types.find_public(runtime(), slug)
    if found is None:
        raise NotFound("event type", slug)
    return found
