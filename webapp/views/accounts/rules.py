"""An account's own rules: direction, frequency, event defaults. Turning one-way into two-way shows a preview first."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, request, url_for

from calsync.engine.vocabulary import Direction, Trigger
from calsync.errors import NotFound
from calsync.services import accounts, two_way
from calsync.store import runs
from calsync.store import tables as t
from webapp import account_rules, account_view, errors, plans
from webapp.access import actor, readable_account, runtime, writable_account
from webapp.connecting import connects_required
from webapp.fragments import page
from webapp.views.accounts.blueprint import bp


@bp.route("/<int:account_id>/rules", methods=["GET", "POST"])
@connects_required
def rules(account_id: int) -> Any:
    writable_account(account_id) if request.method == "POST" else readable_account(account_id)
    head = account_view.session_head(account_id)
    form = account_rules.form_of(head)
    if form.validate_on_submit():
        with errors.shown_on(form):
            return _save(head, form)
    kinds = account_rules.event_kinds(form)
    return page("accounts/rules.html", status=422 if form.errors else 200, head=head, form=form, event_kinds=kinds)


@bp.post("/<int:account_id>/hourly")
@connects_required
def hourly(account_id: int) -> Any:
    """What mends a rate limit: ask the provider less often."""
    writable_account(account_id)
    accounts.set_overrides(runtime(), account_id, {"frequency": "60"}, by=actor())
    flash("It syncs hourly from now on.")
    return redirect(url_for("accounts.rules", account_id=account_id), 303)


@bp.post("/<int:account_id>/two-way/ask")
@connects_required
def ask_two_way(account_id: int) -> Any:
    writable_account(account_id)
    run_id = two_way.preview(runtime(), account_id, by=actor())
    return redirect(url_for("accounts.both_ways", account_id=account_id, run=run_id), 303)


@bp.get("/<int:account_id>/two-way")
@connects_required
def both_ways(account_id: int) -> Any:
    """What would happen if this account synced both ways; polls itself while the plan is being made."""
    readable_account(account_id)
    head = account_view.session_head(account_id)
    with runtime().reading() as session:
        run = _preview(session, account_id)
        plan = plans.plan_of(session, run, head.account.user_id, head.info.short)
        digest = two_way.digest(session, t.pk(run))
    return page("accounts/two_way.html", "plan", head=head, plan=plan, digest=digest)


@bp.post("/<int:account_id>/two-way/<int:run_id>")
@connects_required
def confirm_two_way(account_id: int, run_id: int) -> Any:
    writable_account(account_id)
    two_way.confirm(runtime(), account_id, run_id, digest=request.form.get("digest", ""), by=actor())
    flash("It syncs both ways now. What you have seen in the preview is being written.")
    return redirect(url_for("accounts.show", account_id=account_id), 303)


def _save(head: account_view.Head, form: Any) -> Any:
    """Save the choices; the wish for both directions is kept back until its preview is approved."""
    changes = account_rules.changes_of(form)
    wants_both = account_rules.turns_two_way(head, changes)
    if wants_both:
        del changes["direction"]
    known = account_rules.known_of(form)
    accounts.set_overrides(runtime(), t.pk(head.account), changes, known=known, by=actor())
    if wants_both and head.may_sync:
        return ask_two_way(t.pk(head.account))
    if wants_both:
        accounts.set_overrides(runtime(), t.pk(head.account), {"direction": Direction.BOTH.value}, by=actor())
    flash("Saved.")
    return redirect(url_for("accounts.rules", account_id=head.account.id), 303)


def _preview(session: Any, account_id: int) -> t.Run:
    run_id = request.args.get("run", 0, type=int)
    run = runs.get(session, run_id)
    if run.account_id != account_id or run.trigger != Trigger.PREVIEW:
        raise NotFound("run", run_id)
    return run
