"""The calendars of one account: their switches, where new events go, and moving those that exist."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import flash, redirect, request, url_for

from calsync.engine.vocabulary import Trigger
from calsync.errors import NotFound
from calsync.services import accounts, approvals, connect, move_events, settings
from calsync.store import accounts as rows
from calsync.store import calendar_pages, runs
from calsync.store import tables as t
from webapp import account_view, arrivals, plans
from webapp.access import actor, provider_info, readable_account, readable_calendar, runtime, writable_account
from webapp.connecting import connects_required
from webapp.fragments import page, swap
from webapp.plans import Plan
from webapp.views.accounts.blueprint import bp

_FLAG = {"yes": True, "no": False}


@dataclass(frozen=True, slots=True)
class Move:
    """Where moving events stands: the offer (no plan yet), a preview, or the run that carries it out (`is_real`)."""

    account_id: int
    source: t.Calendar
    target: t.Calendar
    count: int
    plan: Plan | None
    digest: str

    @property
    def is_active(self) -> bool:
        return self.plan is not None and self.plan.is_active

    @property
    def is_real(self) -> bool:
        return self.plan is not None and self.plan.run.parent_id is not None


@bp.post("/<int:account_id>/calendars/<int:calendar_id>")
@connects_required
def set_calendar(account_id: int, calendar_id: int) -> Any:
    """Switch whether a calendar syncs, blocks availability, or takes busy blocks."""
    account = writable_account(account_id)
    _of(account_id, calendar_id)
    flags = {name: _FLAG.get(request.form.get(name, "")) for name in ("syncs", "blocks", "takes_blocks")}
    changed = accounts.set_calendar(runtime(), calendar_id, **flags, by=actor())
    with runtime().reading() as session:
        told = arrivals.of(session, account, settings.rules_of(session, account))
        row = account_view.calendar_rows(session, account, [changed], told.by_calendar)[0]
    return swap("accounts/show.html", "calendar", url_for("accounts.show", account_id=account_id), calendar=row)


@bp.post("/<int:account_id>/refresh-calendars")
@connects_required
def refresh_calendars(account_id: int) -> Any:
    """Ask the provider which calendars there are now."""
    writable_account(account_id)
    found = connect.refresh_calendars(runtime(), account_id, by=actor())
    flash(f"Found: {sum(not c.is_gone for c in found)} calendars.")
    return redirect(url_for("accounts.choose", account_id=account_id), 303)


@bp.post("/<int:account_id>/write-target")
@connects_required
def write_target(account_id: int) -> Any:
    """Choose where new events are created; where the old place holds events of ours, offer to move them."""
    account = writable_account(account_id)
    calendar = _of(account_id, request.values.get("calendar", 0, type=int))
    with runtime().reading() as session:
        old = next(iter(rows.write_targets(session, account.user_id)), None)
        left = calendar_pages.ours_alive(session, t.pk(old)) if old and old.id != calendar.id else 0
    accounts.set_calendar(runtime(), t.pk(calendar), is_write_target=True, by=actor())
    flash(f"New events are created in {calendar.name}.")
    if old is not None and left:
        return redirect(url_for("accounts.move", account_id=account_id, source=old.id, target=calendar.id), 303)
    return redirect(url_for("accounts.show", account_id=account_id), 303)


@bp.route("/<int:account_id>/move", methods=["GET", "POST"])
@connects_required
def move(account_id: int) -> Any:
    """Offer to move events of ours from one calendar to another: first the preview, then, once approved, the run."""
    writable_account(account_id)
    source, target = _named("source"), _named("target")
    if request.method == "POST":
        run_id = move_events.preview(runtime(), t.pk(source), t.pk(target), by=actor())
        return redirect(_move_url(account_id, source, target, run_id), 303)
    return _show_move(account_id, source, target)


@bp.post("/<int:account_id>/move/<int:run_id>/apply")
@connects_required
def apply_move(account_id: int, run_id: int) -> Any:
    writable_account(account_id)
    source, target = _named("source"), _named("target")
    with runtime().reading() as session:
        _moving_run(session, source, run_id)
    child = move_events.ask(runtime(), run_id, digest=request.form.get("digest", ""), by=actor())
    return redirect(_move_url(account_id, source, target, child), 303)


def _of(account_id: int, calendar_id: int) -> t.Calendar:
    calendar = readable_calendar(calendar_id)
    if calendar.account_id != account_id:
        raise NotFound("calendar", calendar_id)
    return calendar


def _named(name: str) -> t.Calendar:
    return readable_calendar(request.values.get(name, 0, type=int))


def _move_url(account_id: int, source: t.Calendar, target: t.Calendar, run_id: int) -> str:
    return url_for("accounts.move", account_id=account_id, source=source.id, target=target.id, run=run_id)


def _show_move(account_id: int, source: t.Calendar, target: t.Calendar) -> Any:
    run_id = request.args.get("run", type=int)
    owner = readable_account(source.account_id)
    info = provider_info(owner.provider)
    with runtime().reading() as session:
        run = _moving_run(session, source, run_id) if run_id else None
        plan = plans.plan_of(session, run, owner.user_id, info.short) if run else None
        count = calendar_pages.ours_alive(session, t.pk(source)) if run is None else 0
        digest = approvals.digest(session, t.pk(run)) if run and run.parent_id is None else ""
    shown = Move(account_id, source, target, count, plan, digest)
    return page("accounts/move.html", "move", move=shown, info=info)


def _moving_run(session: Any, source: t.Calendar, run_id: int) -> t.Run:
    run = runs.get(session, run_id)
    if run.account_id != source.account_id or run.trigger != Trigger.MOVE:
        raise NotFound("run", run_id)
    return run
