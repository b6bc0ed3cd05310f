"""Disconnecting an account: four choices about the copies, each with its count and what it does."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, url_for

from calsync.services import disconnect as leaving
from calsync.services.disconnect import Choice, Outcome, Preview
from calsync.store import tables as t
from webapp import errors, words
from webapp.access import actor, provider_info, runtime, writable_account
from webapp.connecting import connects_required
from webapp.forms.accounts import DisconnectForm
from webapp.forms.fields import choices
from webapp.fragments import page
from webapp.views.accounts.blueprint import bp


@bp.route("/<int:account_id>/disconnect", methods=["GET", "POST"])
@connects_required
def disconnect(account_id: int) -> Any:
    account = writable_account(account_id)
    preview = leaving.preview(runtime(), account_id)
    form = DisconnectForm(data={"choice": Choice.KEEP.value})
    form.choice.choices = choices(_options(preview, provider_info(account.provider).short))
    if form.validate_on_submit():
        with errors.shown_on(form):
            return _done(account, leaving.disconnect(runtime(), account_id, form.choice.data, by=actor()))
    return page(
        "accounts/disconnect.html",
        status=422 if form.errors else 200,
        account=account,
        form=form,
        preview=preview,
        info=provider_info(account.provider),
    )


def _options(preview: Preview, short: str) -> list[tuple[str, str]]:
    """Return the choices, as "label: what it does"; what cannot be done now is left out, the page says why."""
    there = words.count(preview.remote_events, "event")
    here = words.count(preview.activities, "activity", "activities")
    options = [
        (Choice.KEEP, "Keep everything: Both sides stay as they are and no longer follow each other."),
        (Choice.DELETE_REMOTE, f"Delete there: Deletes {there} that we created in {short}. Nothing changes here."),
        (Choice.DELETE_LOCAL, f"Delete here: Cancels {here} that came from {short}. Nothing changes there."),
        (Choice.DELETE_BOTH, f"Delete on both sides: Deletes {there} there and cancels {here} here."),
    ]
    needs_writing = (Choice.DELETE_REMOTE, Choice.DELETE_BOTH)
    is_barred = bool(preview.why_not and preview.remote_events)
    return [(choice.value, text) for choice, text in options if not (is_barred and choice in needs_writing)]


def _done(account: t.Account, outcome: Outcome) -> Any:
    if not outcome.is_disconnected:
        flash(
            f"It stays connected: {words.count(outcome.failed, 'deletion')} did not work. See why, then try again.",
            "error",
        )
        return redirect(url_for("history.show", run_id=outcome.run_id), 303)
    done = [
        words.count(outcome.deleted_remote, "event") + " deleted there" if outcome.deleted_remote else "",
        words.count(outcome.cancelled_local, "activity", "activities") + " cancelled here"
        if outcome.cancelled_local
        else "",
    ]
    said = words.joined(part for part in done if part)
    flash(f"{account.label} is disconnected{': ' + said if said else ''}. Its history is kept.")
    return redirect(url_for("accounts.index"), 303)
