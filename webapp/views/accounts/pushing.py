"""Push existing data: choose the calendar, look at the preview, push, and see that it is done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import redirect, request, url_for

from calsync.engine.vocabulary import Trigger
from calsync.errors import NotFound
from calsync.services import approvals, push_existing
from calsync.store import accounts as rows
from calsync.store import runs
from calsync.store import tables as t
from webapp import account_view, errors, plans
from webapp.access import actor, readable_calendar, runtime, writable_account
from webapp.connecting import connects_required
from webapp.forms.accounts import CalendarForm
from webapp.forms.fields import choices
from webapp.fragments import page
from webapp.plans import Plan
from webapp.views.accounts.blueprint import bp


@dataclass(frozen=True, slots=True)
class Push:
    """Where one push stands: a preview, or the run that carries it out (`is_real`)."""

    plan: Plan
    calendar: str
    digest: str
    short: str

    @property
    def run(self) -> t.Run:
        return self.plan.run

    @property
    def is_real(self) -> bool:
        return self.run.parent_id is not None


@bp.route("/<int:account_id>/push", methods=["GET", "POST"])
@connects_required
def push(account_id: int) -> Any:
    writable_account(account_id)
    head = account_view.session_head(account_id)
    if request.args.get("run"):
        return _show_run(head, request.args.get("run", 0, type=int))
    form, usable = _form(account_id)
    if form.validate_on_submit():
        with errors.shown_on(form):
            run_id = push_existing.preview(runtime(), t.pk(_of(account_id, form.calendar.data)), by=actor())
            return redirect(url_for("accounts.push", account_id=account_id, run=run_id), 303)
    status = 422 if form.errors else 200
    return page("accounts/push.html", status=status, head=head, form=form, usable=usable, push=None)


@bp.post("/<int:account_id>/push/<int:run_id>/apply")
@connects_required
def apply_push(account_id: int, run_id: int) -> Any:
    writable_account(account_id)
    with runtime().reading() as session:
        _run(session, account_id, run_id)
    child = push_existing.ask(runtime(), run_id, digest=request.form.get("digest", ""), by=actor())
    return redirect(url_for("accounts.push", account_id=account_id, run=child), 303)


def _form(account_id: int) -> tuple[CalendarForm, list[t.Calendar]]:
    with runtime().reading() as session:
        calendars = rows.list_calendars(session, account_id, with_gone=False)
    usable = [c for c in calendars if c.syncs and c.is_writable]
    target = next((c.id for c in usable if c.is_write_target), usable[0].id if usable else None)
    form = CalendarForm(data={"calendar": target})
    form.calendar.choices = choices((c.id, c.name or "Unnamed calendar") for c in usable)
    return form, usable


def _of(account_id: int, calendar_id: int) -> t.Calendar:
    calendar = readable_calendar(calendar_id)
    if calendar.account_id != account_id:
        raise NotFound("calendar", calendar_id)
    return calendar


def _run(session: Any, account_id: int, run_id: int) -> t.Run:
    run = runs.get(session, run_id)
    if run.account_id != account_id or run.trigger != Trigger.EXISTING:
        raise NotFound("run", run_id)
    return run


def _show_run(head: account_view.Head, run_id: int) -> Any:
    with runtime().reading() as session:
        run = _run(session, t.pk(head.account), run_id)
        calendar = push_existing.calendar_name(session, run) or head.info.short
        plan = plans.plan_of(session, run, head.account.user_id, calendar)
        digest = approvals.digest(session, run_id) if run.parent_id is None else ""
    shown = Push(plan, calendar, digest, head.info.short)
    return page("accounts/push.html", "push", head=head, push=shown)
