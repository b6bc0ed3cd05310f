"""Tokens of the API: everybody's own on the Profile page, service tokens for admins on the People page."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, flash, redirect, url_for
from flask_login import current_user

from calsync.services import tokens
from webapp import errors
from webapp.access import Role, actor, login_required, role_required, runtime
from webapp.forms.tokens import TokenForm, token_form
from webapp.fragments import page

bp = Blueprint("tokens", __name__)


@bp.route("/profile/tokens", methods=["GET", "POST"])
@login_required
def own() -> Any:
    return _answer(is_service=False)


@bp.route("/people/tokens", methods=["GET", "POST"])
@role_required(Role.ADMIN)
def service() -> Any:
    return _answer(is_service=True)


@bp.post("/profile/tokens/<public_id>/revoke")
@login_required
def revoke(public_id: str) -> Any:
    row = tokens.revoke(runtime(), public_id, by=actor())
    flash(f"The token {row.name} is revoked. Programs that use it get no answer any more.")
    return redirect(url_for("tokens.own" if row.user_id == current_user.id else "tokens.service"), 303)


def _answer(*, is_service: bool) -> Any:
    """Show the list and the form. A new token's secret is on this answer only: no address or cookie ever carries it."""
    form, made = token_form(may_administer=current_user.is_admin), None
    if form.validate_on_submit():
        with errors.shown_on(form):
            made = tokens.create(
                runtime(),
                form.name.data or "",
                form.scope.data,
                expires_at=_end(form),
                is_service=is_service,
                by=actor(),
            )
            form = token_form(may_administer=current_user.is_admin)
            form.name.data = ""
    rt = runtime()
    rows = tokens.list_service(rt, by=actor()) if is_service else tokens.list_own(rt, current_user.id)
    shown = [{"row": row, "is_over": not tokens.is_living(row, rt.now())} for row in rows]
    template = "people/tokens.html" if is_service else "profile/tokens.html"
    return page(template, status=422 if form.errors else 200, form=form, tokens=shown, made=made)


def _end(form: TokenForm) -> datetime | None:
    days = int(form.lifetime.data or 0)
    return runtime().now() + timedelta(days=days) if days else None
