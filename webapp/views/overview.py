"""The overview, where people start: is anything wrong, and whose turn is it?"""

from __future__ import annotations

from typing import Any

from flask import Blueprint
from flask_login import current_user

from webapp import overview_view, shell
from webapp.access import login_required, runtime
from webapp.fragments import page

bp = Blueprint("overview", __name__, url_prefix="/overview")


@bp.get("/")
@login_required
def index() -> Any:
    shell.frame()
    with runtime().reading() as session:
        found = overview_view.find(session)
    return page("overview/index.html", "found", found=found, may_mend=shell.may_connect(current_user.role))
