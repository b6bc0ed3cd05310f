"""The organisation's page for admins, and the switch that stops all writing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Blueprint, flash, redirect, url_for

from calsync.engine.hours import Hours
from calsync.services import settings
from calsync.services.working_hours import Owner
from webapp import errors, hours_view, moments
from webapp.access import Role, actor, home_url, role_required, runtime
from webapp.forms.organisation import LookForm, PlaceForm
from webapp.fragments import page
from webapp.views import setup

bp = Blueprint("organisation", __name__, url_prefix="/organisation")


@bp.get("/")
@role_required(Role.ADMIN)
def edit() -> Any:
    return _show(_look_form(), _place_form())


@bp.post("/look")
@role_required(Role.ADMIN)
def save_look() -> Any:
    form = LookForm()
    if form.validate_on_submit():
        with errors.shown_on(form):
            setup.save_look(form)
            flash("Saved.")
            return redirect(url_for("organisation.edit"), 303)
    return _show(form, _place_form())


@bp.post("/address")
@role_required(Role.ADMIN)
def save_place() -> Any:
    form = PlaceForm()
    if form.validate_on_submit():
        with errors.shown_on(form):
            setup.save_place(form, is_set_up=True)
            flash("Saved.")
            return redirect(url_for("organisation.edit"), 303)
    return _show(_look_form(), form)


@bp.route("/hours", methods=["GET", "POST"])
@role_required(Role.ADMIN)
def hours() -> Any:
    """Show and change the hours of everybody who has none of their own, and the holidays of all."""
    return hours_view.answer(
        Owner(), "organisation/hours.html", Hours(moments.zone_name()), url_for("organisation.hours")
    )


@bp.post("/pause-writes")
@role_required(Role.ADMIN)
def pause_writes() -> Any:
    return _switch_writes(paused=True, said="All writing is paused.")


@bp.post("/resume-writes")
@role_required(Role.ADMIN)
def resume_writes() -> Any:
    return _switch_writes(paused=False, said="Writing goes on. What waited goes out with runs that begin now.")


def _switch_writes(*, paused: bool, said: str) -> Any:
    known, version = settings.switches(runtime())
    settings.save_switches(runtime(), replace(known, writes_paused=paused), version, by=actor())
    flash(said)
    return redirect(home_url(), 303)


def _look_form() -> LookForm:
    known, version = settings.organisation(runtime())
    return LookForm(formdata=None, obj=known, data={"version": version})


def _place_form() -> PlaceForm:
    known, version = settings.organisation(runtime())
    return PlaceForm(formdata=None, obj=known, data={"version": version})


def _show(look: LookForm, place: PlaceForm) -> Any:
    status = 422 if look.errors or place.errors else 200
    return page("organisation/edit.html", status=status, look=look, place=place, **setup.address_facts())
