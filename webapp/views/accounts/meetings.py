"""An account that hosts meetings and has no calendars: how it wants them, and those that are there."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, url_for

from calsync.errors import NotFound
from calsync.services import meeting_settings
from calsync.store import tables as t
from webapp import account_view, errors, meeting_list
from webapp.access import actor, readable_account, runtime, writable_account
from webapp.connecting import connects_required
from webapp.forms.meetings import MeetingSettingsForm
from webapp.fragments import page
from webapp.views.accounts.blueprint import bp


@bp.get("/<int:account_id>/meetings")
@connects_required
def meetings(account_id: int) -> Any:
    form = MeetingSettingsForm(formdata=None)
    _check_hosts(readable_account(account_id))
    form.fill(*meeting_settings.get(runtime(), account_id))
    return _show(account_id, form)


@bp.post("/<int:account_id>/meetings")
@connects_required
def save_meetings(account_id: int) -> Any:
    """Save how the account wants its meetings."""
    _check_hosts(writable_account(account_id))
    form = MeetingSettingsForm()
    if form.validate_on_submit():
        with errors.shown_on(form):
            meeting_settings.save(runtime(), account_id, form.settings, form.version.data or 0, by=actor())
            flash("Saved. New meetings follow.")
            return redirect(url_for("accounts.meetings", account_id=account_id), 303)
    return _show(account_id, form)


def _check_hosts(account: t.Account) -> None:
    if not meeting_settings.hosts(runtime(), account.provider):
        raise NotFound("account", account.id)


def _show(account_id: int, form: MeetingSettingsForm) -> Any:
    with runtime().reading() as session:
        head = account_view.head(session, account_id)
        rows = meeting_list.rows(session, account_id)
    return page("accounts/meetings.html", status=422 if form.errors else 200, head=head, form=form, rows=rows)
