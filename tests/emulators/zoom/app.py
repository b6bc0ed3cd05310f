"""The Flask app: which path is which method, and how a reply goes onto the wire."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from functools import partial
from urllib.parse import unquote

from flask import Flask, Response, current_app, request

from tests.emulators.wire import FATE
from tests.emulators.zoom import access, errors, faults, hooks, limits, listing, meetings, pages, switchboard, tokens
from tests.emulators.zoom.errors import ApiError, OAuthError
from tests.emulators.zoom.wire import Reply, Request, noted
from tests.emulators.zoom.world import World

OAUTH: dict[str, tuple[str, Callable[[World, Request], Reply]]] = {
    "/oauth/token": ("oauth.token", tokens.token),
    "/oauth/revoke": ("oauth.revoke", tokens.revoke),
}

METHODS: tuple[tuple[str, str, str, meetings.Method], ...] = (
    ("GET", r"users/([^/]+)", "users.get", listing.whoami),
    ("POST", r"users/([^/]+)/meetings", "meetings.create", meetings.create),
    ("GET", r"users/([^/]+)/meetings", "meetings.list", listing.list_all),
    ("GET", r"users/([^/]+)/upcoming_meetings", "meetings.upcoming", listing.upcoming),
    ("GET", r"meetings/([^/]+)", "meetings.get", meetings.get),
    ("PATCH", r"meetings/([^/]+)", "meetings.update", meetings.update),
    ("DELETE", r"meetings/([^/]+)", "meetings.delete", meetings.delete),
    ("PUT", r"meetings/([^/]+)/status", "meetings.status", meetings.set_status),
    ("GET", r"meetings/([^/]+)/invitation", "meetings.invitation", meetings.invitation),
    ("GET", r"past_meetings/([^/]+)", "meetings.past", meetings.past),
)


def create_app(world: World | None = None) -> Flask:
    """Return the emulator around a store of its own. Serve it through `Wire`, or faults of the wire stay unseen."""
    app = Flask(__name__)
    app.url_map.merge_slashes = False
    app.extensions["world"] = world or World()
    app.register_blueprint(pages.bp)
    app.register_blueprint(switchboard.bp)
    app.route("/v2/<path:rest>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])(_api)
    for path in OAUTH:
        app.add_url_rule(path, path, _oauth, methods=["POST"])
    return app


def _world() -> World:
    world: World = current_app.extensions["world"]
    return world


def _read() -> Request:
    path = (request.environ.get("RAW_URI") or request.path).partition("?")[0]
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Request(request.method, path, request.args.to_dict(), headers, request.get_data())


def _oauth() -> Response:
    method_id, action = OAUTH[request.path]
    return _answered(method_id, action)


def _api(rest: str) -> Response:
    asked = _read()
    for verb, pattern, method_id, method in METHODS:
        match = re.fullmatch(f"/v2/{pattern}", asked.path)
        if match and verb == asked.verb:
            return _answered(method_id, partial(_method, method_id, method, _named(match[1])))
    return _answered("unknown", _unknown)


def _method(method_id: str, method: meetings.Method, named: str, world: World, asked: Request) -> Reply:
    session = access.authenticate(world, asked, method_id)
    headers = limits.count_call(world, session.client.account_id, method_id)
    reply = method(world, session, asked, named)
    reply.headers |= headers
    return reply


def _unknown(world: World, asked: Request) -> Reply:
    return Reply(404, {"code": 2300, "message": "This API endpoint is not recognized."})


def _named(segment: str) -> str:
    """Return what a path names. The front end decodes once, so some slashes must have been encoded twice."""
    once = unquote(segment)
    if once.startswith("/") or "//" in once:
        return f"{once} (encoded once)"
    return unquote(once) if "%" in once else once


def _answered(method_id: str, action: Callable[[World, Request], Reply]) -> Response:
    """Carry out a call under its faults, write it to the log, and let webhooks go."""
    world, asked = _world(), _read()
    with world.lock:
        world.logged += 1
        line = {"n": world.logged, "method_id": method_id, **noted(asked)}
        world.log.append(line)
        chosen = faults.pick(world, method_id)
        reply = faults.before(chosen)
        if reply is None:
            reply = faults.spoil(chosen, _carried_out(world, asked, action))
        line["status"] = reply.status
    hooks.release(world)
    return _send(reply)


def _carried_out(world: World, asked: Request, action: Callable[[World, Request], Reply]) -> Reply:
    try:
        return action(world, asked)
    except ApiError as error:
        return Reply(error.status, error.body(), dict(error.headers))
    except OAuthError as error:
        return Reply(error.status, error.body())
    except (ValueError, TypeError, KeyError) as wrong:
        return Reply(400, errors.invalid("body", str(wrong)).body())


def _send(reply: Reply) -> Response:
    if reply.delay_s:
        time.sleep(reply.delay_s)
    content = reply.content()
    response = Response(content, reply.status, content_type=reply.content_type() if content else None)
    for name, value in reply.headers.items():
        if name != "content-type":
            response.headers[name] = value
    if reply.fate != "whole":
        response.headers[FATE] = reply.fate
    if reply.fate == "truncate":
        response.set_data(content[: len(content) // 2])
        response.headers["Content-Length"] = str(len(content))
    return response
