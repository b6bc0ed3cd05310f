"""The bare address leads to where a person starts."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect

from webapp.access import home_url, login_required

bp = Blueprint("home", __name__)


@bp.get("/")
@login_required
def index() -> Any:
    return redirect(home_url(), 303)
