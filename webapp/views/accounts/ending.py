"""Disconnecting an account: four choices about the copies, each with its count and what it does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import flash, redirect, request, url_for

from calsync.engine.vocabulary import Trigger
from calsync.errors import NotFound
from calsync.services import disconnect as leaving
from calsync.services.disconnect import Choice, Outcome, Preview
from calsync.store import tables as t
from webapp import errors, run_list, words
from webapp.access import actor, provider_info, readable_run, runtime, writable_account
from webapp.connecting import connects_required
from webapp.forms.accounts import DisconnectForm
from webapp.forms.fields import choices
from webapp.fragments import page
from webapp.views.accounts.blueprint import bp


@dataclass(frozen=True, slots=True)
class Leave:
    """Where disconnecting stands: the run that deletes, and what it has done so far."""

    run: t.Run
    account: t.Account
    done: Outcome
    failure: words.ErrorWords | None

    @property
    def is_active(self) -> bool:
        return self.run.state in run_list.ACTIVE

    @property
    def short(self) -> str:
        return str(provider_info(self.account.provider).short)

    @property
    def said(self) -> str:
        """What was deleted and cancelled, "" when nothing was."""
        there, here = self.done.deleted_remote, self.done.cancelled_local
        parts = [
            f"{words.count(there, 'event')} deleted in {self.short}" if there else "",
            f"{words.count(here, 'activity', 'activities')} cancelled here" if here else "",
        ]
        return words.joined(part for part in parts if part)


@bp.route("/<int:account_id>/disconnect", methods=["GET", "POST"])
@connects_required
def disconnect(account_id: int) -> Any:
    """Ask what shall become of the copies; where some are deleted, follow the run that does it (`run`)."""
    account = writable_account(account_id)
    run = leaving.underway(runtime(), account_id) or _asked_run(account_id)
    if run is not None and request.method == "POST":
        return _asked(account, run.id)
    if run is not None:
        return page("accounts/disconnect.html", "leave", account=account, leave=_leave(account, run))
    preview = leaving.preview(runtime(), account_id)
    form = DisconnectForm(data={"choice": Choice.KEEP.value})
    form.choice.choices = choices(_options(preview, provider_info(account.provider).short))
    if form.validate_on_submit():
        with errors.shown_on(form):
            return _asked(account, leaving.ask(runtime(), account_id, form.choice.data, by=actor()))
    return page(
        "accounts/disconnect.html",
        status=422 if form.errors else 200,
        account=account,
        form=form,
        preview=preview,
        info=provider_info(account.provider),
        leave=None,
    )


def _asked_run(account_id: int) -> t.Run | None:
    """Return the run that the address names. Raises NotFound for one that disconnects nothing of this account."""
    if request.method == "POST" or "run" not in request.args:
        return None
    run = readable_run(request.args.get("run", 0, type=int))
    if run.account_id != account_id or run.trigger != Trigger.DISCONNECT:
        raise NotFound("run", run.id)
    return run


def _leave(account: t.Account, run: t.Run) -> Leave:
    failure = words.error_class(run.error_class) if run.error_class else None
    return Leave(run, account, leaving.outcome(runtime(), t.pk(run)), failure)


def _asked(account: t.Account, run_id: int | None) -> Any:
    if run_id is not None:
        return redirect(url_for("accounts.disconnect", account_id=account.id, run=run_id), 303)
    flash(f"{account.label} is disconnected. Its history is kept.")
    return redirect(url_for("accounts.index"), 303)


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
