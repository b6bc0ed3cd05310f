"""A guest's own booking, by the link that was handed out with it: see it, move it, cancel it. The link is the right."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, flash, redirect, request, url_for

from calsync.engine.vocabulary import BookingState
from calsync.errors import Refused
from calsync.services import calendar_files, guest_facts, other_times, rebooking
from calsync.services.guest_facts import Found
from calsync.services.taking import SlotTaken
from calsync.store import tables as t
from webapp import brand, errors, guest_pages, moments, security, slot_picker
from webapp.access import runtime
from webapp.forms.bookings import MoveForm
from webapp.fragments import page
from webapp.slot_picker import Find

bp = Blueprint("guest", __name__, url_prefix="/booking")

READS = "120 per minute"
WRITES = "10 per minute; 60 per hour"


@dataclass(frozen=True, slots=True)
class Seen:
    """A booking as a page of its guest shows it."""

    token: str
    found: Found

    @property
    def zone(self) -> str:
        """The zone that the address asks for, else the one in which the guest booked."""
        known = (request.values.get("tz", ""), self.found.booking.guest_tz, moments.zone_name())
        return next((zone for zone in known if zone in moments.zone_names()), "UTC")

    @property
    def title(self) -> str:
        return self.found.title

    @property
    def when(self) -> str:
        return slot_picker.span(self.found.booking.starts_at, self.found.booking.ends_at, self.zone)

    @property
    def may_change(self) -> bool:
        return self.found.booking.state == BookingState.BOOKED and self.found.booking.starts_at > moments.now()

    def url(self, endpoint: str, **more: Any) -> str:
        """Return the address of a page about this booking, in the zone that is shown."""
        return url_for(endpoint, token=self.token, tz=self.zone, **more)


@bp.get("/<token>")
@security.limiter.limit(READS)
def show(token: str) -> Any:
    seen = _seen(token)
    facts = guest_facts.read(runtime(), seen.found)
    return page("book/booking.html", seen=seen, facts=facts, again_url=_again_url(seen.found.event_type))


@bp.get("/<token>/event.ics")
@security.limiter.limit(READS)
def calendar_file(token: str) -> Any:
    """Return the booking as a calendar file."""
    facts = guest_facts.read(runtime(), _seen(token).found)
    body = calendar_files.of(facts, brand.organisation().name, guest_pages.address("guest.show", token=token))
    named = {"Content-Disposition": 'attachment; filename="booking.ics"'}
    return Response(body, mimetype="text/calendar", headers=named)


@bp.get("/<token>/reschedule")
@security.limiter.limit(READS)
def reschedule(token: str) -> Any:
    """Choose another time, or with ?at=... confirm it."""
    seen = _changeable(token)
    at, find = slot_picker.moment(request.args.get("at")), _finding(seen)
    if at is not None:
        form = MoveForm(formdata=None, at=slot_picker.text(at))
        return _confirm_page(seen, form, at, guest_pages.instead(find, at, seen.zone))

    def link(**more: Any) -> str:
        return seen.url("guest.reschedule", **more)

    event_type = seen.found.event_type
    horizon = guest_pages.horizon(event_type) if event_type else moments.now()
    return page("book/reschedule.html", seen=seen, picker=slot_picker.read(find, link, seen.zone, horizon))


@bp.post("/<token>/reschedule")
@security.limit(WRITES)
def move(token: str) -> Any:
    """Move the booking to the chosen time. Moving it where it is is fine."""
    seen, form = _changeable(token), MoveForm()
    at = slot_picker.moment(form.at.data)
    if at is None:
        return redirect(seen.url("guest.reschedule"), 303)
    with errors.shown_on(form):
        rebooking.reschedule_by_token(runtime(), token, at)
    if form.refused is None:
        flash("Your booking is moved.")
        return redirect(seen.url("guest.show"), 303)
    is_taken = isinstance(form.refused, SlotTaken)
    return _confirm_page(seen, form, at, guest_pages.instead(_finding(seen), at, seen.zone) if is_taken else None)


@bp.get("/<token>/cancel")
@security.limiter.limit(READS)
def ask_cancel(token: str) -> Any:
    seen = _changeable(token)
    return page("book/cancel.html", seen=seen, facts=guest_facts.read(runtime(), seen.found))


@bp.post("/<token>/cancel")
@security.limit(WRITES)
def cancel(token: str) -> Any:
    """Cancel the booking; it is shown afterwards. Twice is fine."""
    seen = _seen(token)
    if seen.found.booking.state != BookingState.CANCELLED:
        _changeable(token)
        rebooking.cancel_by_token(runtime(), token)
    return redirect(seen.url("guest.show"), 303)


def _seen(token: str) -> Seen:
    return Seen(token, guest_facts.by_token(runtime(), token))


def _changeable(token: str) -> Seen:
    """Return a booking that its guest may still change. Raises Refused for one that is over or cancelled."""
    seen = _seen(token)
    if seen.found.booking.state == BookingState.CANCELLED:
        raise Refused("This booking is cancelled. Make a new one.", code="cancelled")
    if not seen.may_change:
        raise Refused("This booking has begun or is over, so it can no longer be changed.", code="over")
    return seen


def _finding(seen: Seen) -> Find:
    """Return what finds the times to which the booking could move."""
    return lambda start, end: other_times.of(runtime(), seen.found, start, end)


def _confirm_page(seen: Seen, form: MoveForm, at: datetime, others: list[tuple[str, str]] | None) -> Any:
    length = seen.found.booking.ends_at - seen.found.booking.starts_at
    return page(
        "book/confirm.html",
        status=409 if form.form_errors else 200,
        seen=seen,
        form=form,
        others=others or [],
        is_taken=others is not None,
        new_when=slot_picker.span(at, at + length, seen.zone),
    )


def _again_url(event_type: t.EventType | None) -> str:
    """Return where to book anew, "" where that is not public."""
    if event_type is None or not (event_type.is_public and event_type.is_active):
        return ""
    return url_for("public_booking.index", slug=event_type.slug)
