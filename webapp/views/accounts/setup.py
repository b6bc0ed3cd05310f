"""From a new login to the first sync: choose calendars, look at what would happen, start. And signing in again."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, request, url_for

from calsync.engine.vocabulary import AccountState, Trigger
from calsync.errors import NotFound
from calsync.services import accounts, connect, queued
from calsync.store import accounts as rows
from calsync.store import calendar_pages, runs
from calsync.store import tables as t
from webapp import account_view, calendar_choice, errors, plans, security
from webapp.access import actor, provider_info, readable_account, runtime, writable_account
from webapp.connecting import connects_required
from webapp.forms.accounts import ReconnectForm
from webapp.fragments import page
from webapp.views.accounts.blueprint import bp


@bp.route("/<int:account_id>/choose", methods=["GET", "POST"])
@connects_required
def choose(account_id: int) -> Any:
    """Choose what syncs, what blocks and where new events go; then on to the preview."""
    account = writable_account(account_id)
    form = calendar_choice.ChoiceForm()
    if form.validate_on_submit():
        with errors.shown_on(form):
            chosen = calendar_choice.chosen(request.form)
            accounts.choose_calendars(runtime(), account_id, **chosen, by=actor())
            if account.state == AccountState.ACTIVE and account.grant_ok:
                return _ask_preview(account_id)
            flash("Saved.")
            return redirect(url_for("accounts.show", account_id=account_id), 303)
    return _show_choice(account, form)


@bp.post("/<int:account_id>/preview")
@connects_required
def ask_preview(account_id: int) -> Any:
    writable_account(account_id)
    return _ask_preview(account_id)


@bp.get("/<int:account_id>/first")
@connects_required
def first(account_id: int) -> Any:
    """What the first sync would do. Polls itself while the plan is being made."""
    account = readable_account(account_id)
    run = _preview(account_id)
    info = provider_info(account.provider)
    with runtime().reading() as session:
        plan = plans.plan_of(session, run, account.user_id, info.short)
        chosen = [c for c in rows.list_calendars(session, account_id, with_gone=False) if c.syncs or c.blocks]
    return page("accounts/first.html", "plan", plan=plan, account=account, info=info, chosen=chosen)


@bp.post("/<int:account_id>/start")
@connects_required
def start(account_id: int) -> Any:
    account = writable_account(account_id)
    trigger = Trigger.FIRST if account.last_success_at is None else Trigger.MANUAL
    accounts.sync_now(runtime(), account_id, trigger=trigger, by=actor())
    return redirect(url_for("accounts.show", account_id=account_id), 303)


@bp.route("/<int:account_id>/reconnect", methods=["GET", "POST"])
@connects_required
@security.limit("20 per minute")
def reconnect(account_id: int) -> Any:
    """Sign in again. The address is asked for only where the server moved."""
    account = writable_account(account_id)
    if provider_info(account.provider).sign_in == "oauth":
        return redirect(url_for("oauth.begin", provider=account.provider, account=account_id), 303)
    form = ReconnectForm(data={"url": account.server_url, "username": account.username})
    if form.validate_on_submit():
        with errors.shown_on(form):
            url, username, password = form.url.data or None, form.username.data, form.password.data
            connect.reconnect(runtime(), account_id, password=password, url=url, username=username, by=actor())
            flash("Connected again. It syncs now, from where it stopped.")
            return redirect(url_for("accounts.show", account_id=account_id), 303)
    status = 422 if form.errors else 200
    return page(
        "accounts/reconnect.html", status=status, account=account, form=form, info=provider_info(account.provider)
    )


def _ask_preview(account_id: int) -> Any:
    run_id = queued.preview(runtime(), account_id, by=actor())
    return redirect(url_for("accounts.first", account_id=account_id, run=run_id), 303)


def _preview(account_id: int) -> t.Run:
    """Return the preview that the address names. Raises NotFound for a run of another account."""
    run_id = request.args.get("run", type=int)
    with runtime().reading() as session:
        run = runs.get(session, run_id or 0)
    if run.account_id != account_id or run.trigger != Trigger.PREVIEW:
        raise NotFound("run", run_id)
    return run


def _show_choice(account: t.Account, form: Any) -> Any:
    with runtime().reading() as session:
        calendars = rows.list_calendars(session, t.pk(account), with_gone=False)
        twins = calendar_pages.twins(session, t.pk(account))
        elsewhere = [c for c in rows.write_targets(session, account.user_id) if c.account_id != account.id]
    return page(
        "accounts/choose.html",
        status=422 if form.errors else 200,
        account=account,
        info=provider_info(account.provider),
        calendars=calendar_choice.choices(calendars, request.form if form.is_submitted() else None),
        twins=twins,
        elsewhere=elsewhere[0] if elsewhere else None,
        write_url=_write_url(account),
        form=form,
    )


def _write_url(account: t.Account) -> str:
    """Return where write access is asked for, "" where the account has it or a password decides."""
    is_asked_for = provider_info(account.provider).sign_in == "oauth" and not account.can_write
    return account_view.write_url(account) if is_asked_for else ""
