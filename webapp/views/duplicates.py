"""Duplicates: what is probably the same thing twice, events of ours that nothing stands for, and what was merged."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask_login import current_user
from flask_wtf import FlaskForm
from wtforms import RadioField
from wtforms.validators import DataRequired

from calsync.errors import NotFound
from calsync.services import duplicates
from calsync.store import activities
from calsync.store import duplicates as rows
from calsync.store import tables as t
from webapp import duplicates_view, errors
from webapp.access import Role, actor, role_required, runtime, viewer_id
from webapp.forms.fields import choices
from webapp.fragments import page

bp = Blueprint("duplicates", __name__, url_prefix="/duplicates")

TABS = ("duplicates", "orphans", "merged")


class KeepForm(FlaskForm):
    keep = RadioField("Which one stays?", [DataRequired("Choose which one stays.")], coerce=int)


@bp.get("/")
@role_required(Role.ADMIN, Role.STAFF)
def index() -> Any:
    known = duplicates.found(runtime())
    tab = request.args.get("tab", "duplicates") if request.args.get("tab") in TABS else "duplicates"
    number = max(1, request.args.get("page", 1, type=int))
    with runtime().reading() as session:
        shown = duplicates_view.page_of(session, known, number)
        orphans = duplicates_view.orphans(session, known)
        merges = duplicates_view.merges(session) if tab == "merged" else []
    return page(
        "duplicates/index.html",
        "found",
        found={
            "tab": tab,
            "page": shown,
            "orphans": orphans,
            "merges": merges,
            "searched_at": known.searched_at,
            "is_searching": request.args.get("after") == _stamp(known),
            "title": duplicates_view.orphan_title,
            "time": duplicates_view.orphan_time,
        },
    )


@bp.post("/search")
@role_required(Role.ADMIN, Role.STAFF)
def search() -> Any:
    """Have a job look again; the page waits until it finds another time of the last search."""
    before = _stamp(duplicates.found(runtime()))
    runtime().enqueue(duplicates.SEARCH)
    return redirect(url_for("duplicates.index", after=before), 303)


@bp.get("/<int:one>/<int:other>")
@role_required(Role.ADMIN, Role.STAFF)
def show(one: int, other: int) -> Any:
    return _show(one, other, KeepForm(formdata=None, data={"keep": one}))


@bp.post("/<int:one>/<int:other>")
@role_required(Role.ADMIN, Role.STAFF)
def merge(one: int, other: int) -> Any:
    _both_mine(one, other)
    form = _offering(KeepForm(), one, other)
    if form.validate_on_submit():
        with errors.shown_on(form):
            drop = other if form.keep.data == one else one
            duplicates.merge(runtime(), form.keep.data, drop, by=actor())
            flash("Merged. Nobody is mailed; you can take it back under Merged.")
            return redirect(url_for("duplicates.index"), 303)
    return _show(one, other, form)


@bp.post("/<int:one>/<int:other>/different")
@role_required(Role.ADMIN, Role.STAFF)
def different(one: int, other: int) -> Any:
    _both_mine(one, other)
    duplicates.dismiss(runtime(), one, other, by=actor())
    flash("They are not shown together again.", "info")
    return redirect(url_for("duplicates.index"), 303)


@bp.post("/orphans/<int:event_id>/remove")
@role_required(Role.ADMIN, Role.STAFF)
def clean_up(event_id: int) -> Any:
    _my_orphan(event_id)
    duplicates.clean_up(runtime(), event_id, by=actor())
    flash("It leaves the calendar in a moment. Nobody is mailed; you can take it back under Merged.")
    return redirect(url_for("duplicates.index", tab="orphans"), 303)


@bp.post("/orphans/<int:event_id>/keep")
@role_required(Role.ADMIN, Role.STAFF)
def keep_orphan(event_id: int) -> Any:
    _my_orphan(event_id)
    duplicates.dismiss(runtime(), event_id, by=actor())
    flash("It stays where it is and is not shown again.", "info")
    return redirect(url_for("duplicates.index", tab="orphans"), 303)


@bp.post("/merges/<int:entry_id>/undo")
@role_required(Role.ADMIN, Role.STAFF)
def undo(entry_id: int) -> Any:
    with runtime().reading() as session:
        entry = session.get(t.AuditEntry, entry_id)
    if entry is None or entry.action != "activity.merged":
        raise NotFound("merge", entry_id)
    _both_mine(int(entry.object_id), int(entry.object_id))
    duplicates.undo(runtime(), entry_id, by=actor())
    flash("Taken back. Its events come back with the next run.")
    return redirect(url_for("duplicates.index", tab="merged"), 303)


def _stamp(known: duplicates.Found) -> str:
    return "never" if known.searched_at is None else known.searched_at.isoformat()


def _both_mine(one: int, other: int) -> tuple[t.Activity, t.Activity]:
    """Return two activities that this person may merge: own ones, or any as an admin. Raises NotFound."""
    with runtime().reading() as session:
        left, right = activities.get(session, one), activities.get(session, other)
    if viewer_id() is not None and {left.owner_id, right.owner_id} != {current_user.id}:
        raise NotFound("activity", one)
    return left, right


def _my_orphan(event_id: int) -> None:
    with runtime().reading() as session:
        orphan = next(iter(rows.orphans(session, [event_id])), None)
    if orphan is None or (viewer_id() is not None and orphan.account.user_id != current_user.id):
        raise NotFound("orphan", event_id)


def _offering(form: KeepForm, one: int, other: int) -> KeepForm:
    form.keep.choices = choices(((one, "The left one"), (other, "The right one")))
    return form


def _show(one: int, other: int, form: KeepForm) -> Any:
    left, right = _both_mine(one, other)
    if one == other or "cancelled" in (left.status, right.status):
        flash("One of the two is no longer there.", "info")
        return redirect(url_for("duplicates.index"), 303)
    with runtime().reading() as session:
        places = rows.places(session, [one, other])
    return page(
        "duplicates/show.html",
        status=422 if form.errors else 200,
        left=duplicates_view.side(left, places.get(one, [])),
        right=duplicates_view.side(right, places.get(other, [])),
        differences=duplicates_view.differences(left, right),
        fates=duplicates.fates(runtime(), one, other),
        form=_offering(form, one, other),
    )
