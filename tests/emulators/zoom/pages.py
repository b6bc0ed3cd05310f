"""The pages a person sees: who they are, and whether they allow the application. Plain HTML without scripts."""

from __future__ import annotations

import secrets

from flask import Blueprint, current_app, redirect, render_template_string, request
from werkzeug.wrappers import Response

from tests.emulators.zoom import tokens
from tests.emulators.zoom.errors import PageError
from tests.emulators.zoom.world import User, World

bp = Blueprint("pages", __name__)

PAGE = """<!doctype html><html lang="en"><title>Zoom: authorize</title><body>
<h1>You are about to give an app access to your Zoom account</h1>
<form method="post" action="/oauth/decide">
<input type="hidden" name="ask" value="{{ ask }}">
<label>Signed in as <select name="user">{% for user in users %}<option>{{ user }}</option>{% endfor %}</select></label>
<ul>{% for scope in scopes %}<li>{{ scope }}</li>{% endfor %}</ul>
<button name="choice" value="allow">Allow</button> <button name="choice" value="deny">Decline</button>
</form></body></html>"""
ERROR = "<!doctype html><title>Zoom</title><h1>{{ error.text }}</h1><p>({{ error.code }})</p>"


def _world() -> World:
    world: World = current_app.extensions["world"]
    return world


@bp.get("/oauth/authorize")
def start() -> Response | str:
    world = _world()
    with world.lock:
        asked = tokens.read_asked(world, request.args.to_dict())
        script = world.script
        if script.get("choice"):
            world.script = {} if script.get("once") else script
            return _decided(world, asked, script["choice"], script.get("user", ""))
        ask = secrets.token_urlsafe(12)
        world.asked[ask] = asked
        scopes = world.clients[asked["client_id"]].scopes
        return render_template_string(PAGE, ask=ask, users=list(world.users), scopes=scopes)


@bp.post("/oauth/decide")
def decide() -> Response:
    world = _world()
    with world.lock:
        asked = world.asked.pop(request.form.get("ask", ""), None)
        if asked is None:
            raise PageError("4,700", "This page is no longer valid.")
        return _decided(world, asked, request.form.get("choice", "deny"), request.form.get("user", ""))


def _decided(world: World, asked: dict[str, str], choice: str, name: str) -> Response:
    if choice != "allow":
        return redirect(tokens.refuse(asked), 302)
    return redirect(tokens.allow(world, asked, _person(world, name)), 302)


def _person(world: World, name: str) -> User:
    if name not in world.users:
        raise PageError("4,735", "No such user.")
    return world.users[name]


@bp.errorhandler(PageError)
def show_error(error: PageError) -> tuple[str, int]:
    return render_template_string(ERROR, error=error), 400
