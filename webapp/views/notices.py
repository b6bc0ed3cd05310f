"""Notices: what a person should know, put aside when read; and asking the owners of dead sign-ins once more."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask_login import current_user

from calsync.services import notices, settings
from calsync.store import notices as rows
from calsync.store import tables as t
from webapp import notice_links, paging, words
from webapp.access import Role, actor, login_required, role_required, runtime, safe_next
from webapp.fragments import page

bp = Blueprint("notices", __name__, url_prefix="/notices")

MOST_AT_ONCE = 500


@bp.get("/")
@login_required
def index() -> Any:
    with runtime().reading() as session:
        found = rows.list_of(session, current_user.id, paging.asked())
        new = rows.unseen_count(session, current_user.id)
    return page(
        "notices/index.html",
        "notices",
        notices=found.rows,
        pager=paging.pager(found, key=lambda notice: (notice.id,)),
        new=new,
        goal_of=notice_links.goal,
        why=notice_links.why,
    )


@bp.post("/<int:notice_id>/seen")
@login_required
def seen(notice_id: int) -> Any:
    notices.seen(runtime(), notice_id, by=actor())
    return redirect(safe_next(request.form.get("next")), 303)


@bp.post("/seen")
@login_required
def seen_all() -> Any:
    count = notices.seen_all(runtime(), by=actor())
    flash(f"{words.count(count, 'notice')} put aside." if count else "There was nothing new.", "info")
    return redirect(url_for("notices.index"), 303)


@bp.get("/reconnect")
@role_required(Role.ADMIN)
def reconnect() -> Any:
    """Show whose sign-in is dead, and what they have been told."""
    with runtime().reading() as session:
        waiting = rows.waiting_for_owner(session, MOST_AT_ONCE)
        has_mail = settings.mail_server_of(session, runtime())[0].is_set
    return page("notices/reconnect.html", waiting=waiting, has_mail=has_mail, is_mailed=_is_mailed)


@bp.post("/reconnect")
@role_required(Role.ADMIN)
def ask() -> Any:
    ids = request.form.getlist("ids", type=int)[:MOST_AT_ONCE]
    if not ids:
        flash("Tick at least one account first.", "info")
    else:
        count = notices.ask_to_reconnect(runtime(), ids, by=actor())
        flash(f"Asked {words.count(count, 'person', 'people')} to reconnect.")
    return redirect(url_for("notices.reconnect"), 303)


def _is_mailed(owner: t.User) -> bool:
    return notices.wants_mail(owner, "reconnect")
