"""Light, dark, or as the system: kept in a cookie, so that the server sends the right page and nothing flashes."""

from __future__ import annotations

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from webapp.access import login_required, safe_next

bp = Blueprint("theme", __name__)

YEAR_S = 365 * 86_400


@bp.post("/theme")
@login_required
def choose() -> Response:
    response = redirect(safe_next(request.form.get("next")), 303)
    theme = request.form.get("theme")
    if theme in ("light", "dark"):
        secure = request.is_secure
        response.set_cookie("theme", theme, max_age=YEAR_S, httponly=True, samesite="Lax", secure=secure)
    else:
        response.delete_cookie("theme")
    return response
