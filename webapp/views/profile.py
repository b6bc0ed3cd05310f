"""A person's own page: name and zone, password, second factor, logins, mails, working hours."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, url_for
from flask_login import current_user
from markupsafe import Markup

from calsync.services import logins, people, second_factor, working_hours
from calsync.services.working_hours import Owner
from webapp import agents, auth, errors, hours_view, security
from webapp.access import actor, login_required, runtime
from webapp.forms.login import CodeForm
from webapp.forms.profile import DetailsForm, PasswordForm, notices_form
from webapp.fragments import page, swap

bp = Blueprint("profile", __name__, url_prefix="/profile")


@bp.route("/", methods=["GET", "POST"])
@login_required
def index() -> Any:
    form = DetailsForm(obj=current_user.row)
    if form.validate_on_submit():
        with errors.shown_on(form):
            people.set_profile(runtime(), current_user.id, name=form.name.data, tz=form.tz.data, by=actor())
            flash("Saved.")
            return redirect(url_for("profile.index"), 303)
    return page("profile/details.html", status=422 if form.errors else 200, form=form)


@bp.route("/password", methods=["GET", "POST"])
@login_required
@security.limit("20 per minute")
def password() -> Any:
    form = PasswordForm()
    if form.validate_on_submit():
        with errors.shown_on(form):
            old, new, key = form.old.data, form.password.data, current_user.key
            logins.change_password(runtime(), current_user.id, old, new, by=actor(), except_key=key)
            flash("Your password is changed, and you are signed out everywhere else.")
            return redirect(url_for("profile.password"), 303)
    return page("profile/password.html", status=422 if form.errors else 200, form=form)


@bp.get("/second-factor")
@login_required
def factor() -> Any:
    return _factor(CodeForm(formdata=None))


@bp.post("/second-factor/begin")
@login_required
def begin_factor() -> Any:
    """Show a new secret. It is on this answer only, so that neither an address nor a cookie ever carries it."""
    enrolment = second_factor.begin(runtime(), by=actor())
    return _factor(CodeForm(formdata=None), enrolment=enrolment, qr=Markup(enrolment.qr_svg))  # noqa: S704


@bp.post("/second-factor/enable")
@login_required
@security.limit("20 per minute")
def enable_factor() -> Any:
    form = CodeForm()
    if form.validate_on_submit():
        with errors.shown_on(form):
            return _factor(CodeForm(formdata=None), codes=second_factor.enable(runtime(), form.code.data, by=actor()))
    return _factor(form, confirming=True)


@bp.post("/second-factor/codes")
@login_required
@security.limit("20 per minute")
def renew_codes() -> Any:
    form = CodeForm()
    if form.validate_on_submit():
        with errors.shown_on(form):
            codes = second_factor.renew_recovery_codes(runtime(), form.code.data, by=actor())
            return _factor(CodeForm(formdata=None), codes=codes)
    return _factor(form)


@bp.post("/second-factor/remove")
@login_required
def remove_factor() -> Any:
    second_factor.remove(runtime(), current_user.id, by=actor())
    flash("The second factor is off.", "warning")
    return redirect(url_for("profile.factor"), 303)


@bp.get("/logins")
@login_required
def active_logins() -> Any:
    return page("profile/logins.html", "logins", logins=_logins())


@bp.post("/logins/<int:login_id>/end")
@login_required
def end_login(login_id: int) -> Any:
    logins.end_login(runtime(), login_id, by=actor())
    if login_id == current_user.login_id:
        auth.sign_out()
        return redirect(url_for("login.form"), 303)
    return swap("profile/logins.html", "logins", url_for("profile.active_logins"), logins=_logins())


@bp.post("/logins/end-all")
@login_required
def end_all_logins() -> Any:
    logins.end_all(runtime(), current_user.id, by=actor())
    auth.sign_out()
    flash("You are signed out everywhere.")
    return redirect(url_for("login.form"), 303)


@bp.route("/notices", methods=["GET", "POST"])
@login_required
def notices() -> Any:
    form = notices_form(current_user.role, current_user.row.notice_choices)
    if form.validate_on_submit():
        choices = {field.name: bool(field.data) for field in form if field.name != "csrf_token"}
        people.set_profile(runtime(), current_user.id, notice_choices=choices, by=actor())
        flash("Saved.")
        return redirect(url_for("profile.notices"), 303)
    return page("profile/notices.html", status=422 if form.errors else 200, form=form)


@bp.route("/hours", methods=["GET", "POST"])
@login_required
def hours() -> Any:
    owner = Owner(user_id=current_user.id)
    above = working_hours.above(runtime(), owner)
    return hours_view.answer(owner, "profile/hours.html", above, url_for("profile.hours"))


def _logins() -> list[dict[str, Any]]:
    found = logins.list_logins(runtime(), current_user.id, by=actor())
    return [
        {"row": row, "browser": agents.name(row.agent), "is_this": row.id == current_user.login_id} for row in found
    ]


def _factor(form: CodeForm, **shown: Any) -> Any:
    is_on = second_factor.is_on(current_user.row) or "codes" in shown
    left = second_factor.recovery_codes_left(runtime(), current_user.id) if is_on else 0
    status = 422 if form.errors else 200
    return page("profile/factor.html", status=status, form=form, is_on=is_on, codes_left=left, **shown)
