"""Tokens of the API: everybody's own on the Profile page, service tokens for admins on the People page.

There admins also say to which addresses the sign-ins that programs begin may come back.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, flash, redirect, url_for
from flask_login import current_user

from calsync.services import api_settings, tokens
from calsync.services.api_settings import ApiSettings
from calsync.services.tokens import Made
from calsync.store import tables as t
from webapp import errors
from webapp.access import Role, actor, login_required, role_required, runtime
from webapp.forms.tokens import RedirectsForm, TokenForm, token_form
from webapp.fragments import page

bp = Blueprint("tokens", __name__)


@bp.route("/profile/tokens", methods=["GET", "POST"])
@login_required
def own() -> Any:
    form, made = _made(is_service=False)
    return _show("profile/tokens.html", tokens.list_own(runtime(), current_user.id), form, made)


@bp.route("/people/tokens", methods=["GET", "POST"])
@role_required(Role.ADMIN)
def service() -> Any:
    form, made = _made(is_service=True)
    return _show_service(form, made)


@bp.post("/people/tokens/redirects")
@role_required(Role.ADMIN)
def redirects() -> Any:
    form = RedirectsForm()
    if form.validate_on_submit():
        with errors.shown_on(form):
            api_settings.save(runtime(), ApiSettings(form.addresses), form.version.data or 0, by=actor())
            flash("Saved.")
            return redirect(url_for("tokens.service"), 303)
    return _show_service(token_form(may_administer=True, is_empty=True), redirects=form)


@bp.post("/profile/tokens/<public_id>/revoke")
@login_required
def revoke(public_id: str) -> Any:
    row = tokens.revoke(runtime(), public_id, by=actor())
    flash(f"The token {row.name} is revoked. Programs that use it get no answer any more.")
    return redirect(url_for("tokens.own" if row.user_id == current_user.id else "tokens.service"), 303)


def _made(*, is_service: bool) -> tuple[TokenForm, Made | None]:
    """Return the form, and the token that it just made, if any."""
    may_administer = bool(current_user.is_admin)
    form, made = token_form(may_administer=may_administer), None
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
            form = token_form(may_administer=may_administer, is_empty=True)
    return form, made


def _show_service(form: TokenForm, made: Made | None = None, redirects: RedirectsForm | None = None) -> Any:
    rows = tokens.list_service(runtime(), by=actor())
    return _show("people/tokens.html", rows, form, made, redirects=redirects or _standing_redirects())


def _standing_redirects() -> RedirectsForm:
    known, version = api_settings.get(runtime())
    return RedirectsForm(formdata=None, data={"redirect_uris": "\n".join(known.redirect_uris), "version": version})


def _show(
    template: str,
    rows: Sequence[t.ApiToken],
    form: TokenForm,
    made: Made | None,
    redirects: RedirectsForm | None = None,
) -> Any:
    """Show the list and the forms. A new token's secret is on this answer only: no address or cookie carries it."""
    now = runtime().now()
    shown = [{"row": row, "is_over": not tokens.is_living(row, now)} for row in rows]
    is_wrong = bool(form.errors or (redirects and redirects.errors))
    status = 422 if is_wrong else 200
    return page(template, status=status, form=form, tokens=shown, made=made, redirects=redirects)


def _end(form: TokenForm) -> datetime | None:
    days = int(form.lifetime.data or 0)
    return runtime().now() + timedelta(days=days) if days else None
