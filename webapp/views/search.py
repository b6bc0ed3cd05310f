"""The search box on every page."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, redirect, request, url_for
from flask_login import current_user

from calsync.store import search
from calsync.store.search import Asker, Hit
from webapp.access import login_required, runtime
from webapp.fragments import page

bp = Blueprint("search", __name__)

LONGEST = 1000
PAGES = {
    "activity": ("activities.show", "activity_id", "list-check", "Activities"),
    "event": ("explain.event", "event_id", "calendar-event", "Events that are no activities"),
    "run": ("history.show", "run_id", "history", "Runs"),
    "account": ("accounts.show", "account_id", "plug-connected", "Accounts"),
    "person": ("people.show", "user_id", "user", "People"),
}
"""Of each kind of hit: the page that shows it, the name of its id there, icon, heading."""


@bp.get("/search")
@login_required
def index() -> Any:
    """Lead straight to the one thing that an id names; else list what was found."""
    text = request.args.get("q", "").strip()[:LONGEST]
    with runtime().reading() as session:
        hits = search.find(session, text, Asker(current_user.id, current_user.role))
    shown = [hit for hit in hits if _url(hit)]
    exact = [hit for hit in shown if hit.is_exact]
    if len(exact) == 1:
        return redirect(_url(exact[0]), 303)
    return page("search.html", text=text, groups=_groups(shown))


def _groups(hits: list[Hit]) -> list[tuple[str, str, list[tuple[Hit, str]]]]:
    """Return heading, icon and hits with their addresses, for each kind that was found."""
    kinds = dict.fromkeys(hit.kind for hit in hits)
    return [(PAGES[kind][3], PAGES[kind][2], [(h, _url(h)) for h in hits if h.kind == kind]) for kind in kinds]


def _url(hit: Hit) -> str:
    endpoint, name, _, _ = PAGES[hit.kind]
    return url_for(endpoint, **{name: hit.id}) if endpoint in current_app.view_functions else ""  # type: ignore[arg-type]
