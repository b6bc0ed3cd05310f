"""Help: what to do when something does not work. Errors elsewhere lead to an entry here by its anchor."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from webapp import help_buttons, help_entries
from webapp.access import login_required, runtime
from webapp.fragments import page

bp = Blueprint("help", __name__, url_prefix="/help")


@bp.get("/")
@login_required
def index() -> Any:
    with runtime().reading() as session:
        buttons = help_buttons.of(session)
    return page("help/index.html", entries=help_entries.ENTRIES, buttons=buttons)
