"""Bookings, for the team: the list, one booking, moving and cancelling it, and what a calendar moved onto others."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, flash, redirect, request, url_for

from calsync.errors import NotFound, Refused
from calsync.services import event_types, guest_facts, in_the_way, other_times, rebooking
from calsync.services.taking import SlotTaken
from calsync.store import booking_list
from calsync.store.booking_list import Filters, Line
from webapp import booking_view, errors, guest_pages, moments, paging, slot_picker
from webapp.access import actor, login_required, runtime, viewer_id
from webapp.forms.bookings import MoveForm
from webapp.fragments import page

bp = Blueprint("bookings", __name__, url_prefix="/bookings")

WHEN = (("", "Upcoming"), ("past", "Past"), ("all", "All"), ("overlaps", "Overlaps"))
STATES = ("booked", "unwritten", "no_room", "held", "cancelled")
CHOICES = {
    "keep": "It stays where the calendar put it.",
    "move_back": "It is moved back; the calendar follows.",
    "cancel": "The booking is cancelled.",
}


@bp.get("/")
@login_required
def index() -> Any:
    tab, args = request.args.get("when", ""), request.args
    filters = _filters(tab)
    with runtime().reading() as session:
        found = booking_list.listed(session, filters, paging.asked(), newest_first=tab in ("past", "all"))
        moved = booking_list.count_moved(session, filters)
    return page(
        "bookings/index.html",
        "listed",
        listed=[booking_view.row(line) for line in found.rows],
        pager=paging.pager(found, key=lambda line: (line.booking.starts_at, line.booking.id)),
        tabs=[(label, _tab_url(key), key, moved if key == "overlaps" else 0) for key, label in WHEN],
        tab=tab,
        is_filtered=any(args.get(name) for name in ("q", "state", "type")),
        event_types=event_types.list_event_types(runtime()),
        states=STATES,
        asked=args,
    )


def _filters(tab: str) -> Filters:
    now, state = moments.now(), request.args.get("state", "")
    return Filters(
        viewer_id(),
        now,
        state="moved" if tab == "overlaps" else state if state in STATES else "",
        event_type_id=request.args.get("type", type=int),
        search=request.args.get("q", "").strip(),
        start=now if tab == "" else None,
        end=now if tab == "past" else None,
    )


def _tab_url(key: str) -> str:
    kept = paging.kept("when", "after", "before")
    return url_for("bookings.index", **(kept | ({"when": key} if key else {})))


@bp.get("/<int:booking_id>")
@login_required
def show(booking_id: int) -> Any:
    line = _readable(booking_id)
    meets = in_the_way.of(runtime(), line.booking, by=actor()) if line.state == "moved" else ()
    with runtime().reading() as session:
        shown = booking_view.shown(session, line, meets)
    return page("bookings/show.html", shown=shown, choices=CHOICES)


# --- moving


@bp.get("/<int:booking_id>/reschedule")
@login_required
def reschedule(booking_id: int) -> Any:
    """Choose another time, or with ?at=... confirm it."""
    line = _open(booking_id)
    found, at = _found(line), slot_picker.moment(request.args.get("at"))
    if at is not None:
        form = MoveForm(formdata=None, at=slot_picker.text(at))
        return _confirm_page(line, form, at, guest_pages.instead(_finding(found), at, moments.zone_name()))

    def link(**more: Any) -> str:
        return url_for("bookings.reschedule", booking_id=booking_id, **more)

    horizon = guest_pages.horizon(line.event_type) if line.event_type else moments.now()
    picker = slot_picker.read(_finding(found), link, moments.zone_name(), horizon)
    return page("bookings/reschedule.html", row=booking_view.row(line), picker=picker)


@bp.post("/<int:booking_id>/reschedule")
@login_required
def move(booking_id: int) -> Any:
    line, form = _open(booking_id), MoveForm()
    at = slot_picker.moment(form.at.data)
    if at is None:
        return redirect(url_for("bookings.reschedule", booking_id=booking_id), 303)
    with errors.shown_on(form):
        rebooking.reschedule(runtime(), booking_id, at, by=actor())
    if form.refused is None:
        flash("The booking is moved. Calendars follow with their next run.")
        return redirect(url_for("bookings.show", booking_id=booking_id), 303)
    find = _finding(_found(line))
    others = guest_pages.instead(find, at, moments.zone_name()) if isinstance(form.refused, SlotTaken) else None
    return _confirm_page(line, form, at, others)


def _confirm_page(line: Line, form: MoveForm, at: datetime, others: list[tuple[str, str]] | None) -> Any:
    return page(
        "bookings/confirm.html",
        status=409 if form.form_errors else 200,
        row=booking_view.row(line),
        form=form,
        others=others or [],
        is_taken=others is not None,
        new_when=moments.span(at, at + (line.booking.ends_at - line.booking.starts_at)),
    )


def _found(line: Line) -> guest_facts.Found:
    with runtime().reading() as session:
        taken = booking_list.resources(session, line.booking.id or 0)
    return guest_facts.Found(line.booking, line.event_type, tuple(resource.id or 0 for resource in taken))


def _finding(found: guest_facts.Found) -> slot_picker.Find:
    return lambda start, end: other_times.of(runtime(), found, start, end)


# --- one click


@bp.post("/<int:booking_id>/cancel")
@login_required
def cancel(booking_id: int) -> Any:
    """Cancel the booking. Twice is fine."""
    _readable(booking_id)
    rebooking.cancel(runtime(), booking_id, by=actor())
    flash("The booking is cancelled; its time is free again.", "info")
    return redirect(url_for("bookings.show", booking_id=booking_id), 303)


@bp.post("/<int:booking_id>/overlap")
@login_required
def settle(booking_id: int) -> Any:
    """Decide what becomes of a booking that a calendar moved onto something else: keep, move_back or cancel."""
    _readable(booking_id)
    choice = request.form.get("choice", "")
    if choice not in CHOICES:
        raise Refused("Choose what becomes of it: keep, move back or cancel.", code="invalid", field="choice")
    rebooking.resolve(runtime(), booking_id, choice, by=actor())  # type: ignore[arg-type]
    flash(CHOICES[choice])
    return redirect(url_for("bookings.show", booking_id=booking_id), 303)


def _readable(booking_id: int) -> Line:
    """Return a booking that the viewer may see. Raises NotFound."""
    with runtime().reading() as session:
        line = booking_list.get(session, booking_id)
    if not booking_view.may_see(line):
        raise NotFound("booking", booking_id)
    return line


def _open(booking_id: int) -> Line:
    """Return a booking that can be moved. Raises Refused for one that is cancelled."""
    line = _readable(booking_id)
    if line.booking.state != "booked":
        raise Refused("This booking is cancelled. Make a new one.", code="cancelled")
    return line
