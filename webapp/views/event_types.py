"""Event types: what can be booked, of whom and on which terms; and why a time is offered or not.

Admins set up all of them, staff their own; both see every one.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, url_for

from calsync.errors import NotAllowed
from calsync.services import event_types, working_hours
from calsync.services.working_hours import Owner
from calsync.store import scheduling as rows
from calsync.store import tables as t
from webapp import errors, event_type_view, hours_view, slot_view
from webapp.access import Role, actor, role_required, runtime
from webapp.forms.event_types import EventTypeForm
from webapp.fragments import page

bp = Blueprint("event_types", __name__, url_prefix="/event-types")

TEAM = (Role.ADMIN, Role.STAFF)


@bp.get("/")
@role_required(*TEAM)
def index() -> Any:
    with runtime().reading() as session:
        listed = event_type_view.rows_of(session, rows.list_event_types(session))
    return page("event_types/index.html", listed=listed, address=event_type_view.address)


@bp.route("/new", methods=["GET", "POST"])
@role_required(*TEAM)
def new() -> Any:
    form = event_type_view.new_form()
    if form.validate_on_submit():
        with errors.shown_on(form):
            made = event_types.create(runtime(), form.values(), by=actor())
            flash(f"{made.name} can be booked." if made.is_active else f"{made.name} is there.")
            return redirect(url_for("event_types.show", event_type_id=made.id), 303)
    return _form_page(form, None)


@bp.get("/<int:event_type_id>")
@role_required(*TEAM)
def show(event_type_id: int) -> Any:
    with runtime().reading() as session:
        row = rows.get_event_type(session, event_type_id)
        shown = event_type_view.detail(session, row)
        own_hours = working_hours.of_event_type(session, row)
    return page(
        "event_types/show.html",
        row=shown,
        address=event_type_view.address(row.slug),
        hours=hours_view.sentence(own_hours) if own_hours else "",
    )


@bp.route("/<int:event_type_id>/edit", methods=["GET", "POST"])
@role_required(*TEAM)
def edit(event_type_id: int) -> Any:
    row = _writable(event_type_id)
    form = event_type_view.edit_form(row)
    if form.validate_on_submit():
        with errors.shown_on(form):
            version = form.version.data or 0
            event_types.edit(runtime(), event_type_id, form.values(), version=version, by=actor())
            flash("Saved.")
            return redirect(url_for("event_types.show", event_type_id=event_type_id), 303)
    return _form_page(form, row)


@bp.route("/<int:event_type_id>/hours", methods=["GET", "POST"])
@role_required(*TEAM)
def hours(event_type_id: int) -> Any:
    row, owner = _writable(event_type_id), Owner(event_type_id=event_type_id)
    done_url = url_for("event_types.show", event_type_id=event_type_id)
    above = working_hours.above(runtime(), owner)
    return hours_view.answer(owner, "event_types/hours.html", above, done_url, event_type=row)


@bp.get("/<int:event_type_id>/slots")
@role_required(*TEAM)
def slots(event_type_id: int) -> Any:
    """Show the slots of a day, and why there is one at a time or not."""
    asked = slot_view.asked()
    shown = slot_view.show(event_type_id, asked)
    return page(
        "event_types/slots.html",
        event_type=shown.event_type,
        asked=asked,
        shown=shown,
        before=url_for("event_types.slots", event_type_id=event_type_id, day=slot_view.stepped(asked.day, -1)),
        after=url_for("event_types.slots", event_type_id=event_type_id, day=slot_view.stepped(asked.day, 1)),
    )


def _writable(event_type_id: int) -> t.EventType:
    row = event_types.get(runtime(), event_type_id)
    if not event_type_view.may_edit(row):
        raise NotAllowed("event_type.edit")
    return row


def _form_page(form: EventTypeForm, row: t.EventType | None) -> Any:
    status = 422 if form.errors else 200
    form.grow()
    back_url = url_for("event_types.show", event_type_id=row.id) if row else url_for("event_types.index")
    prefix = event_type_view.address("")
    return page(
        "event_types/form.html",
        status=status,
        form=form,
        event_type=row,
        back_url=back_url,
        prefix=prefix,
        hosting_kinds=sorted(event_types.hosting_kinds(runtime())),
    )
