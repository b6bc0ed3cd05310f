"""Booking for a guest, by the team: what, when, and who comes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, flash, redirect, request, url_for

from calsync.engine import booking_form
from calsync.services import bookings, event_types
from calsync.store import scheduling
from calsync.store import tables as t
from webapp import errors, guest_pages, moments, slot_picker, words
from webapp.access import Role, actor, role_required, runtime
from webapp.forms.bookings import BookingForm, TeamBookingForm, asking
from webapp.fragments import page
from webapp.slot_picker import Picker

bp = Blueprint("new_booking", __name__, url_prefix="/bookings/new")

TEAM = (Role.ADMIN, Role.STAFF)


@bp.get("/")
@role_required(*TEAM)
def index() -> Any:
    """Choose what is booked."""
    found = [each for each in event_types.list_event_types(runtime()) if each.is_active]
    return page("bookings/types.html", found=found)


@bp.get("/<int:event_type_id>")
@role_required(*TEAM)
def slots(event_type_id: int) -> Any:
    """Choose a slot, or with ?at=... say who comes."""
    event_type, zone = event_types.get(runtime(), event_type_id), moments.zone_name()
    find, at = guest_pages.finding(event_type), slot_picker.moment(request.args.get("at"))
    if at is not None:
        form = _form(event_type, at=slot_picker.text(at), tz=zone)
        return _form_page(event_type, form, at, guest_pages.instead(find, at, zone))

    def link(**more: Any) -> str:
        return url_for("new_booking.slots", event_type_id=event_type_id, **more)

    picker = slot_picker.read(find, link, zone, guest_pages.horizon(event_type))
    notes = {} if event_type.group_id is None else _notes(picker, find.names)
    return page("bookings/slots.html", event_type=event_type, picker=picker, notes=notes)


@bp.post("/<int:event_type_id>")
@role_required(*TEAM)
def book(event_type_id: int) -> Any:
    """Book the slot. Sent twice it books once: the form carries a key of its own."""
    event_type = event_types.get(runtime(), event_type_id)
    form = _form(event_type)
    at = slot_picker.moment(form.at.data)
    if at is None:
        return redirect(url_for("new_booking.slots", event_type_id=event_type_id), 303)
    if form.validate_on_submit():
        with errors.shown_on(form):
            return redirect(_book(event_type, form, at), 303)
    return _form_page(event_type, form, at, guest_pages.offered(form.refused, moments.zone_name()))


def _book(event_type: t.EventType, form: BookingForm, at: datetime) -> str:
    """Book the slot, say who takes it, and return the address of the booking."""
    asked = guest_pages.request_of(event_type, form, at, slot_picker.zone_asked())
    booked = bookings.book(runtime(), asked, by=actor())
    names = _names(event_type)
    whom = words.joined([names[i] for i in booked.resource_ids if i in names])
    flash(f"Booked: {whom}, {moments.span(booked.booking.starts_at, booked.booking.ends_at)}.")
    return url_for("bookings.show", booking_id=booked.booking.id)


def _form(event_type: t.EventType, **data: Any) -> BookingForm:
    return asking(TeamBookingForm, booking_form.from_json(event_type.questions))(data=data)


def _form_page(
    event_type: t.EventType, form: BookingForm, at: datetime, others: list[tuple[str, str]] | None = None
) -> Any:
    day = slot_picker.day(at, moments.zone_name())
    when = moments.span(at, at + timedelta(minutes=event_type.length_minutes))
    back_url = url_for("new_booking.slots", event_type_id=event_type.id, day=day)
    return guest_pages.form_page("bookings/new.html", event_type, form, others, when=when, back_url=back_url)


def _names(event_type: t.EventType) -> dict[int, str]:
    """Return what an event type is about, by resource id."""
    with runtime().reading() as session:
        return {t.pk(each): each.name for each in scheduling.resources_of(session, event_type)}


def _notes(picker: Picker, names: Mapping[int, str]) -> dict[datetime, str]:
    """Return who is free at each time that is shown."""
    return {time.starts_at: words.joined([names[i] for i in time.resource_ids if i in names]) for time in picker.times}
