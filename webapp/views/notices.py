"""Notices in the header: put aside by the person they are for."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, request

from calsync.services import notices
from webapp.access import actor, login_required, runtime, safe_next

bp = Blueprint("notices", __name__, url_prefix="/notices")


@bp.post("/<int:notice_id>/seen")
@login_required
def seen(notice_id: int) -> Any:
    notices.seen(runtime(), notice_id, by=actor())
    return redirect(safe_next(request.form.get("next")), 303)
