"""Who is signed in: Flask-Login over the Login rows. The row is looked up on each request, so that ending it, a new
password or disabling the person ends the session at once.

`current_user` is a Viewer: id, email, name, role, tz, login_id, is_admin, initials, and the User row as `.row`.
"""

from __future__ import annotations

from typing import Any

from flask import Flask, flash, redirect, request, session, url_for
from flask_login import LoginManager, UserMixin, login_user, logout_user
from werkzeug.wrappers import Response

from calsync.services import logins
from calsync.store import tables as t
from webapp.access import runtime
from webapp.fragments import wants_fragment

manager = LoginManager()


class Viewer(UserMixin):
    """The signed-in person. Flask-Login keeps the key of the login, not the person's id, in the session."""

    def __init__(self, row: t.User, login_id: int, key: str) -> None:
        self.row, self.login_id, self.key = row, login_id, key
        self.id, self.email, self.name, self.role, self.tz = row.id, row.email, row.name, row.role, row.tz

    def get_id(self) -> str:
        return self.key

    @property
    def is_admin(self) -> bool:
        return self.role == "admin"

    @property
    def initials(self) -> str:
        words = (self.name or self.email.partition("@")[0].replace(".", " ")).split()
        return "".join(word[0] for word in words[:2]).upper() or "?"


def install(app: Flask) -> None:
    """Register the loader and what happens to people who are not signed in."""
    manager.session_protection = None  # the Login row is the protection; phones change their address all day
    manager.init_app(app)
    manager.user_loader(_load)
    manager.unauthorized_handler(_send_to_login)


def sign_in(key: str) -> None:
    """Begin a session for the login with this key; whatever the session held before is dropped."""
    viewer = _load(key)
    if viewer is None:
        raise RuntimeError("the login that was just started is not there")
    session.clear()
    session.permanent = True
    login_user(viewer)


def sign_out() -> None:
    """Forget the login in this browser."""
    logout_user()
    session.clear()


def _load(key: str) -> Viewer | None:
    found = logins.find_login(runtime(), key)
    return Viewer(found.user, found.login_id, key) if found else None


def _send_to_login() -> Any:
    """Send pages to the login form and back afterwards; tell htmx to load the page anew."""
    if wants_fragment():
        response = Response(status=401)
        response.headers["HX-Refresh"] = "true"
        return response
    if request.accept_mimetypes.best == "application/json":
        return Response('{"error":"unauthorised"}', status=401, content_type="application/json")
    target = request.full_path.rstrip("?") if request.method == "GET" else None
    if target not in (None, "/"):
        flash("Please sign in to go on.", "info")
    return redirect(url_for("login.form", next=target if target != "/" else None), 303)
