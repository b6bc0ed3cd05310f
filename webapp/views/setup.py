"""The first start: the first admin, then the organisation's look, then its address and dates.

The admin comes first, so that whoever starts the installation holds it before anything else can be changed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Flask, current_app, flash, redirect, request, url_for

from calsync.runtime import Actor
from calsync.services import logins, logos, people, settings
from webapp import auth, errors, security
from webapp.access import Role, actor, home_url, role_required, runtime
from webapp.forms.organisation import FirstAdminForm, LookForm, PlaceForm
from webapp.fragments import page

bp = Blueprint("setup", __name__, url_prefix="/setup")

OPEN_SECTIONS = ("setup", "brand", "health")
DONE = "calsync.has_people"


def install(app: Flask) -> None:
    """Lead every page to the setup while there is nobody yet."""
    app.before_request(_lead_to_setup)


def is_waiting() -> bool:
    """Return whether the first admin is still to come. Asked of the database until it was once answered with no."""
    if current_app.extensions.get(DONE):
        return False
    if people.nobody_yet(runtime()):
        return True
    current_app.extensions[DONE] = True
    return False


@bp.route("/", methods=["GET", "POST"])
@security.limit("20 per minute")
def admin() -> Any:
    if not is_waiting():
        return redirect(home_url(), 303)
    form = FirstAdminForm()
    if form.validate_on_submit():
        with errors.shown_on(form):
            someone = Actor(None, "setup", address=request.remote_addr or "")
            people.create_first_admin(runtime(), form.email.data, form.name.data, form.password.data, by=someone)
            return _enter(form)
    return page("setup/admin.html", status=422 if form.errors else 200, form=form)


@bp.route("/organisation", methods=["GET", "POST"])
@role_required(Role.ADMIN)
def look() -> Any:
    known, version = settings.organisation(runtime())
    named = replace(known, name="") if known.says_calsync else known
    form = LookForm(obj=named, data={"version": version})
    if form.validate_on_submit():
        with errors.shown_on(form):
            save_look(form)
            return redirect(url_for("setup.place"), 303)
    return page("setup/look.html", status=422 if form.errors else 200, form=form)


@bp.route("/address", methods=["GET", "POST"])
@role_required(Role.ADMIN)
def place() -> Any:
    known, version = settings.organisation(runtime())
    proposed = replace(known, public_url=known.public_url or browser_origin())
    form = PlaceForm(obj=proposed, data={"version": version})
    form.tz.render_kw = None if known.is_set_up or form.is_submitted() else {"data-own-zone": True}
    if form.validate_on_submit():
        with errors.shown_on(form):
            save_place(form, is_set_up=True)
            people.set_profile(runtime(), actor().user_id or 0, tz=form.tz.data, by=actor())
            flash("All set. The list below shows what to do next.")
            return redirect(home_url(), 303)
    return page("setup/place.html", status=422 if form.errors else 200, form=form, **address_facts())


def save_look(form: LookForm) -> None:
    """Save name, accent and logo. Raises Refused."""
    known, _ = settings.organisation(runtime())
    org = replace(known, name=form.name.data, accent=form.accent.data)
    settings.save_organisation(runtime(), org, form.version.data or 0, by=actor())
    data = form.logo_data()
    if data is not None or form.remove_logo.data:
        logos.save(runtime(), data, by=actor())


def save_place(form: PlaceForm, *, is_set_up: bool) -> None:
    """Save address, zone and dates. Raises Refused."""
    known, _ = settings.organisation(runtime())
    place = {"public_url": form.public_url.data or "", "tz": form.tz.data, "date_format": form.date_format.data}
    org = replace(known, **place, is_set_up=known.is_set_up or is_set_up)
    settings.save_organisation(runtime(), org, form.version.data or 0, by=actor())


def browser_origin() -> str:
    """Return scheme and host that the browser shows in its address bar."""
    parts = urlsplit(request.url_root)
    return f"{parts.scheme}://{parts.netloc}"


def address_facts() -> dict[str, str]:
    """Return what the address part of a page needs: the browser's address and the one that the process was given."""
    return {"browser_origin": browser_origin(), "fixed_url": runtime().settings.public_url}


def _lead_to_setup() -> Any:
    section = (request.endpoint or "").partition(".")[0]
    is_open = section in OPEN_SECTIONS or request.endpoint == "static" or request.path.startswith("/api/")
    if is_open or not is_waiting():
        return None
    return redirect(url_for("setup.admin"), 303)


def _enter(form: FirstAdminForm) -> Any:
    address = request.remote_addr or ""
    sign_in = logins.authenticate(runtime(), form.email.data, form.password.data, address=address)
    auth.sign_in(logins.start_login(runtime(), sign_in, address=address, agent=request.user_agent.string))
    return redirect(url_for("setup.look"), 303)
