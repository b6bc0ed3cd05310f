"""What is done to one account as a whole: sync now, read everything anew, pause, resume; and following a run."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, request, url_for

from calsync.services import accounts
from webapp import account_list, account_view, errors, moments
from webapp.access import actor, readable_account, runtime, writable_account
from webapp.connecting import connects_required
from webapp.forms.accounts import PauseForm
from webapp.fragments import page, swap
from webapp.views.accounts.blueprint import bp


@bp.post("/<int:account_id>/sync")
@connects_required
def sync_now(account_id: int) -> Any:
    """Ask for a run. A second click finds the first one's request and does nothing more."""
    writable_account(account_id)
    accounts.sync_now(runtime(), account_id, by=actor())
    return _follow(account_id)


@bp.post("/<int:account_id>/full-sync")
@connects_required
def full_sync(account_id: int) -> Any:
    """Read everything anew instead of what changed."""
    writable_account(account_id)
    accounts.sync_now(runtime(), account_id, full=True, by=actor())
    flash("Everything is read anew and compared. Nothing comes twice.", "info")
    return redirect(url_for("accounts.show", account_id=account_id), 303)


@bp.get("/<int:account_id>/live")
@connects_required
def live(account_id: int) -> Any:
    """The line that follows a run. When the run has ended the page is loaded anew, with what it changed."""
    readable_account(account_id)
    head = account_view.session_head(account_id)
    if "HX-Request" not in request.headers:
        return redirect(url_for("accounts.show", account_id=account_id), 303)
    response = page("accounts/frame.html", "live", live=head)
    if not head.is_moving:
        response.headers["HX-Refresh"] = "true"
    return response


@bp.route("/<int:account_id>/pause", methods=["GET", "POST"])
@connects_required
def pause(account_id: int) -> Any:
    account = writable_account(account_id)
    form = PauseForm()
    if form.validate_on_submit():
        with errors.shown_on(form):
            until = form.until.data.replace(tzinfo=moments.zone()) if form.until.data else None
            accounts.pause(runtime(), account_id, until=until, reason=form.reason.data or "", by=actor())
            flash(f"{account.label} is paused.")
            return redirect(url_for("accounts.show", account_id=account_id), 303)
    return page("accounts/pause.html", status=422 if form.errors else 200, account=account, form=form)


@bp.post("/<int:account_id>/resume")
@connects_required
def resume(account_id: int) -> Any:
    account = writable_account(account_id)
    accounts.resume(runtime(), account_id, by=actor())
    flash(f"{account.label} syncs again.")
    return redirect(url_for("accounts.show", account_id=account_id), 303)


def _follow(account_id: int) -> Any:
    """Answer with the part that was pressed in: a row of the list, or the line on the account's page."""
    otherwise = url_for("accounts.show", account_id=account_id)
    if request.headers.get("HX-Target", "").startswith("account-"):
        with runtime().reading() as session:
            row = account_list.row(session, account_id)
        return swap("accounts/index.html", "row", otherwise, row=row)
    return swap("accounts/frame.html", "live", otherwise, live=account_view.session_head(account_id))
