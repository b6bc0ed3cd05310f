"""Sync History: the list of runs, one run with everything known about it, and what a person may do to it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask_login import current_user
from flask_wtf import FlaskForm
from sqlmodel import Session
from wtforms import HiddenField

from calsync.engine.vocabulary import ErrorClass, RunState, Trigger
from calsync.errors import NotAllowed, NotFound
from calsync.services import archive, bulk, held, retry, settings
from calsync.services import undo as undoing
from calsync.store import block_steps, history, run_records
from calsync.store import tables as t
from webapp import errors, exports, paging, run_list, run_view, shell, undo_view, words
from webapp.access import (
    Role,
    actor,
    login_required,
    provider_info,
    readable_run,
    role_required,
    runtime,
    viewer_id,
)
from webapp.fragments import page, wants_fragment

bp = Blueprint("history", __name__, url_prefix="/history")


class DigestForm(FlaskForm):
    """What was shown: a yes to anything else is refused."""

    digest = HiddenField()


LIST_STATES = tuple(s for s in RunState if s is not RunState.QUEUED)


@bp.get("/")
@login_required
def index() -> Any:
    with runtime().reading() as session:
        found = run_list.find(session)
        accounts = history.account_choices(session, viewer_id())
        calendars = _calendar_choices(session, accounts)
    return page(
        "history/index.html",
        "runs",
        runs=found,
        accounts=accounts,
        calendars=calendars,
        tabs=[(label, _tab_url(key), key) for key, label in run_list.TABS],
        states=LIST_STATES,
        triggers=tuple(Trigger),
        error_classes=tuple(ErrorClass),
        asked=request.args,
        hour=run_list.hour(),
        quiet_url=run_list.quiet_url(),
        export_args=paging.kept("after", "before"),
        duration_ms=run_list.duration_ms,
        may_retry=may_retry(),
    )


def _calendar_choices(session: Session, accounts: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """Return the calendars to choose from, once it is clear of which account."""
    chosen = request.args.get("account", type=int) or (accounts[0][0] if len(accounts) == 1 else None)
    return history.calendar_choices(session, chosen, viewer_id()) if chosen else []


@bp.post("/retry")
@login_required
def retry_several() -> Any:
    """Try again what failed in every run that was ticked."""
    run_ids = request.values.getlist("ids", type=int)[: paging.PAGE_SIZE]
    for run_id in run_ids:
        readable_run(run_id)
    if not may_retry():
        raise NotAllowed("run.retry")
    back = redirect(url_for("history.index", **paging.kept("ids")), 303)
    if not run_ids:
        flash("Tick at least one run first.", "info")
        return back
    done = bulk.retry(runtime(), run_ids, by=actor())
    flash(f"Trying {words.count(done.count, 'run')} again.", "info")
    for reason in done.refusals:
        flash(reason, "warning")
    return back


@bp.get("/export.csv")
@login_required
def export_csv() -> Any:
    rows = run_list.export_rows(runtime(), run_list.filters())
    return exports.csv("runs", run_list.COLUMNS, (tuple(row.values()) for row in rows))


@bp.get("/export.json")
@login_required
def export_json() -> Any:
    return exports.json_list("runs", run_list.export_rows(runtime(), run_list.filters()))


@bp.get("/<int:run_id>")
@login_required
def show(run_id: int) -> Any:
    run = readable_run(run_id)
    if wants_fragment():
        return _progress(run)
    with runtime().reading() as session:
        family = history.family(session, run)
        causes = run_records.causes(session, run_id) if run.failed or run.error_class else []
        found = run_records.list_records(session, run_id, request.args.get("outcome", ""), paging.asked())
        waiting = held.waiting_digest(session, run_id) if run.held else None
        blocks = block_steps.sum_of(session, run_id) if run_view.has_worked(run) else None
        cursors = history.cursors(session, run)
        rules = run_view.rules(run, settings.rules_of(session, family.account))
    owner_id = family.account.user_id
    return page(
        "history/show.html",
        run=run,
        family=family,
        info=provider_info(family.account.provider),
        groups=run_view.groups(causes),
        records=[run_view.shown(record, owner_id) for record in found.rows],
        pager=paging.pager(found, key=lambda record: (record.step.id,)),
        tabs=run_view.outcome_tabs(run),
        outcome=request.args.get("outcome", ""),
        waiting=waiting,
        cursors=cursors,
        blocks=blocks,
        rules=rules,
        duration_ms=run_list.duration_ms(run),
        may_retry=may_retry(),
        may_undo=current_user.role != Role.CLIENT,
        is_undo_preview=is_undo_preview(run),
        failed_whole=retry.failed_whole(run),
    )


@bp.get("/<int:run_id>/records.csv")
@login_required
def records_csv(run_id: int) -> Any:
    rows = run_view.export_rows(runtime(), run_id, _owner_id(readable_run(run_id)))
    return exports.csv(f"run-{run_id}", run_view.COLUMNS, (tuple(row.values()) for row in rows))


@bp.get("/<int:run_id>/records.json")
@login_required
def records_json(run_id: int) -> Any:
    return exports.json_list(f"run-{run_id}", run_view.export_rows(runtime(), run_id, _owner_id(readable_run(run_id))))


@bp.post("/<int:run_id>/retry")
@login_required
def retry_run(run_id: int) -> Any:
    """Try again what failed: all of it, one cause (`cause`), one record (`step`), or those ticked (`steps`)."""
    readable_run(run_id)
    if not may_retry():
        raise NotAllowed("run.retry")
    if "chosen" in request.form and "steps" not in request.form:
        flash("Tick at least one record first.", "info")
        return redirect(url_for("history.show", run_id=run_id, outcome="failed"), 303)
    child = retry.ask(runtime(), run_id, step_ids=_asked_steps(run_id), by=actor())
    flash("Trying again what failed. This page follows it.", "info")
    return redirect(url_for("history.show", run_id=child), 303)


@bp.post("/<int:run_id>/archive")
@login_required
def archive_failed(run_id: int) -> Any:
    """Try no more what failed: one cause (`cause`), one record (`step`), or those ticked (`steps`)."""
    readable_run(run_id)
    if current_user.role == Role.CLIENT:
        raise NotAllowed("run.archive")
    step_ids = _asked_steps(run_id) or []
    if not step_ids:
        flash("Tick at least one record first.", "info")
        return redirect(url_for("history.show", run_id=run_id), 303)
    count = archive.archive(runtime(), run_id, step_ids=step_ids, by=actor())
    flash(f"Archived: {words.count(count, 'record')}. They are tried again only when one of their sides changes.")
    return redirect(url_for("history.show", run_id=run_id), 303)


@bp.post("/<int:run_id>/approve")
@role_required(Role.ADMIN)
def approve(run_id: int) -> Any:
    readable_run(run_id)
    count = held.approve(runtime(), run_id, digest=request.form.get("digest") or "", by=actor())
    flash(f"Approved: {count}. They are applied by the next run, which begins in a moment.")
    return redirect(url_for("history.show", run_id=run_id), 303)


@bp.post("/<int:run_id>/discard")
@role_required(Role.ADMIN)
def discard(run_id: int) -> Any:
    readable_run(run_id)
    count = held.discard(runtime(), run_id, by=actor())
    flash(f"Discarded: {count}. Both sides stay as they are.", "warning")
    return redirect(url_for("history.show", run_id=run_id), 303)


@bp.get("/<int:run_id>/undo")
@login_required
def undo(run_id: int) -> Any:
    """Show what would go back, and what stays because it changed since."""
    return _show_undo(_undoable(run_id), DigestForm(formdata=None))


@bp.post("/<int:run_id>/undo")
@login_required
def undo_run(run_id: int) -> Any:
    run, form = _undoable(run_id), DigestForm()
    if form.validate_on_submit():
        with errors.shown_on(form):
            return redirect(url_for("history.show", run_id=_undo(run, form.digest.data or "")), 303)
    return _show_undo(run, form)


def _undo(run: t.Run, digest: str) -> int:
    """Ask for what was shown, or for a preview of a run that is too large for a page; return the run to follow."""
    if is_undo_preview(run):
        return undoing.accept(runtime(), t.pk(run), by=actor())
    if undoing.is_large(run):
        return undoing.look(runtime(), t.pk(run), by=actor())
    return undoing.ask(runtime(), t.pk(run), digest=digest, by=actor())


def is_undo_preview(run: t.Run) -> bool:
    """Return whether a run is the preview of an undoing, which may now be carried out."""
    return run.trigger == Trigger.UNDO and run.state == RunState.PREVIEW


def _undoable(run_id: int) -> t.Run:
    """Return a run that this person may take back: of an own account, or any as an admin. Clients may not."""
    run = readable_run(run_id)
    if current_user.role == Role.CLIENT:
        raise NotAllowed("run.undo")
    return run


def _show_undo(run: t.Run, form: DigestForm) -> Any:
    if is_undo_preview(run):
        return redirect(url_for("history.show", run_id=run.id), 303)
    status = 422 if form.errors else 200
    if undoing.is_large(run):
        return page("history/undo_large.html", status=status, run=run, form=form, most=undoing.MOST)
    found = undoing.preview(runtime(), t.pk(run))
    info = provider_info(found.account.provider)
    shown = undo_view.shown(found, found.account.user_id, info.short)
    return page("history/undo.html", status=status, run=run, undo=shown, info=info, form=form)


def may_retry() -> bool:
    """Return whether this person may retry runs that they may see."""
    return shell.may_connect(current_user.role)


def _progress(run: t.Run) -> Any:
    """Answer the page that polls: the line that moves, or a full reload once the run has ended."""
    with runtime().reading() as session:
        family = history.family(session, run)
    response = page("history/show.html", "run", run=run, info=provider_info(family.account.provider))
    if run.state not in run_list.ACTIVE:
        response.headers["HX-Refresh"] = "true"
    return response


def _asked_steps(run_id: int) -> list[int] | None:
    step, key = request.form.get("step", type=int), request.form.get("cause", "")
    if step is not None:
        return [step]
    if "chosen" in request.form:
        return request.form.getlist("steps", type=int)
    if not key:
        return None
    with runtime().reading() as session:
        for group in run_view.groups(run_records.causes(session, run_id)):
            if group.key == key:
                return run_records.step_ids(session, run_id, group.error_class, group.errors)
    raise NotFound("cause", key)


def _tab_url(key: str) -> str:
    kept = paging.kept("tab", "after", "before", "state")
    return url_for("history.index", **(kept | ({"tab": key} if key else {})))


def _owner_id(run: t.Run) -> int:
    with runtime().reading() as session:
        return session.get_one(t.Account, run.account_id).user_id
