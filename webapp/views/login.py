"""Signing in and out, and accepting an invitation."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, request, session, url_for
from flask_login import current_user

from calsync.services import logins, people
from calsync.services.logins import SignIn
from webapp import auth, brand, errors, security
from webapp.access import actor, home_url, login_required, runtime, safe_next
from webapp.forms.login import CodeForm, LoginForm, NewPasswordForm
from webapp.fragments import page

bp = Blueprint("login", __name__)


@bp.route("/login", methods=["GET", "POST"], endpoint="form")
@security.limit("30 per minute")
def form() -> Any:
    if current_user.is_authenticated:
        return redirect(safe_next(request.args.get("next")), 303)
    form = LoginForm()
    if form.validate_on_submit():
        with errors.shown_on(form):
            address = request.remote_addr or ""
            found = logins.authenticate(runtime(), form.email.data, form.password.data, address=address)
            return _proceed(found)
    return page("auth/login.html", status=422 if form.errors else 200, form=form)


@bp.route("/login/code", methods=["GET", "POST"])
@security.limit("30 per minute")
def code() -> Any:
    pending = session.get("pending")
    if pending is None:
        return redirect(url_for("login.form", next=request.args.get("next")), 303)
    form = CodeForm()
    if form.validate_on_submit():
        with errors.shown_on(form):
            sign_in = SignIn(*pending)
            logins.confirm(runtime(), sign_in, form.code.data, address=request.remote_addr or "")
            return _begin(sign_in)
    return page("auth/code.html", status=422 if form.errors else 200, form=form)


@bp.post("/logout")
@login_required
def logout() -> Any:
    logins.end_login(runtime(), current_user.login_id, by=actor())
    auth.sign_out()
    return redirect(url_for("login.form"), 303)


@bp.route("/invite/<key>", methods=["GET", "POST"])
@security.limit("30 per minute")
def invite(key: str) -> Any:
    invited = people.invited(runtime(), key)
    form = NewPasswordForm()
    if form.validate_on_submit():
        with errors.shown_on(form):
            address = request.remote_addr or ""
            user = people.accept_invite(runtime(), key, form.password.data, address=address)
            flash(f"Welcome to {brand.organisation().name}.")
            return _proceed(logins.authenticate(runtime(), user.email, form.password.data, address=address))
    return page("auth/invite.html", status=422 if form.errors else 200, form=form, invited=invited)


def _proceed(found: SignIn) -> Any:
    if not found.needs_code:
        return _begin(found)
    session["pending"] = (found.user_id, found.epoch, found.needs_code)
    return redirect(url_for("login.code", next=request.args.get("next")), 303)


def _begin(sign_in: SignIn) -> Any:
    agent = request.user_agent.string
    key = logins.start_login(runtime(), sign_in, address=request.remote_addr or "", agent=agent)
    auth.sign_in(key)
    target = request.args.get("next")
    if current_user.is_admin and not brand.organisation().is_set_up:
        target = url_for("setup.look")
    return redirect(safe_next(target) if target else home_url(), 303)
