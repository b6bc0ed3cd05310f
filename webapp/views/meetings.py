"""Meetings: every join link that is or should be there, what is wrong with it, and the button that mends it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, request, url_for

from calsync.services import conference_repairs
from webapp import meeting_list
from webapp.access import actor, login_required, runtime, safe_next
from webapp.fragments import page

bp = Blueprint("meetings", __name__, url_prefix="/meetings")


@bp.get("/")
@login_required
def index() -> Any:
    """List meetings, those in trouble first."""
    with runtime().reading() as session:
        rows = meeting_list.rows(session)
    troubled = [row for row in rows if row.entry.is_trouble]
    return page("meetings/index.html", rows=rows, troubled=len(troubled))


@bp.post("/<int:conference_id>/repair")
@login_required
def repair(conference_id: int) -> Any:
    """Make it anew, write it again or delete it, whatever mends it. It is done in a moment."""
    conference_repairs.repair(runtime(), conference_id, by=actor())
    flash("It is being done. This page shows how it ends.", "info")
    return redirect(safe_next(request.form.get("next") or url_for("meetings.index")), 303)
