"""The Flask app: which path belongs to which part, how a reply goes onto the wire."""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import parse_qsl

from flask import Flask, Response, current_app, request

from tests.emulators import keys
from tests.emulators.google import (
    batch,
    discovery,
    errors,
    faults,
    gateway,
    pages,
    switch_events,
    switch_people,
    switchboard,
    tokens,
    wire,
)
from tests.emulators.google.errors import OAuthError
from tests.emulators.google.model import Resource
from tests.emulators.google.wire import Reply, Request
from tests.emulators.google.world import World
from tests.emulators.wire import FATE

Action = Callable[[World, Request], Reply]

SERVICES: dict[tuple[str, str], tuple[str, Action]] = {
    ("POST", "/token"): ("oauth.token", tokens.token),
    ("POST", "/oauth2/v4/token"): ("oauth.token", tokens.token),
    ("POST", "/revoke"): ("oauth.revoke", tokens.revoke),
    ("POST", "/tokeninfo"): ("oauth.tokeninfo", tokens.tokeninfo),
    ("GET", "/tokeninfo"): ("oauth.tokeninfo", tokens.tokeninfo),
    ("GET", "/v1/userinfo"): ("oauth.userinfo", tokens.userinfo),
    ("GET", "/oauth2/v2/userinfo"): ("oauth.userinfo", tokens.userinfo_v2),
    ("GET", "/oauth2/v3/certs"): ("oauth.certs", lambda world, asked: Reply(200, keys.SIGNER.jwks())),
    ("GET", "/oauth2/v1/certs"): ("oauth.certs", lambda world, asked: Reply(200, keys.SIGNER.certificates())),
    ("GET", "/.well-known/openid-configuration"): (
        "oauth.discovery",
        lambda world, asked: tokens.openid_configuration(world, base_url()),
    ),
    ("GET", "/discovery/v1/apis/calendar/v3/rest"): (
        "discovery.rest",
        lambda world, asked: Reply(200, _api_document()),
    ),
}


def create_app(world: World | None = None) -> Flask:
    """Return the emulator around a store of its own. Serve it through `Wire`, or faults of the wire stay unseen."""
    app = Flask(__name__)
    app.url_map.merge_slashes = False
    app.extensions["world"] = world or World()
    for part in (pages, switchboard, switch_people, switch_events):
        app.register_blueprint(part.bp)
    app.before_request(_announce_page)
    app.route("/calendar/v3/<path:rest>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])(_calendar)
    app.post("/batch/calendar/v3")(_batch)
    for verb, path in SERVICES:
        app.add_url_rule(path, f"{verb} {path}", _service, methods=[verb])
    return app


def base_url() -> str:
    """Return the one address that stands for all of Google's."""
    return request.host_url.rstrip("/")


def _api_document() -> Resource:
    """Google's Calendar document with this server as its root, for clients that fetch it."""
    root = f"{base_url()}/"
    return {**discovery.load().raw, "rootUrl": root, "baseUrl": f"{root}calendar/v3/", "mtlsRootUrl": root}


def _world() -> World:
    return current_app.extensions["world"]


def read() -> Request:
    """Return the current request with its path still encoded."""
    path = (request.environ.get("RAW_URI") or request.path).partition("?")[0]
    pairs = parse_qsl(request.environ.get("QUERY_STRING", ""), keep_blank_values=True)
    return Request(request.method, path, pairs, wire.lower(request.headers.items()), request.get_data())


def _calendar(rest: str) -> Response:
    return send(gateway.answer(_world(), read(), base_url()))


def _batch() -> Response:
    return _faulted("batch", lambda world, asked: batch.answer(world, asked, base_url()))


def _service() -> Response:
    name, action = SERVICES[(request.method, request.path)]
    return _faulted(name, lambda world, asked: _logged(world, asked, name, action))


def _faulted(name: str, action: Action) -> Response:
    """Serve something that is no Calendar method, under the faults for `name`."""
    world, asked = _world(), read()
    with world.lock:
        chosen = faults.pick(world, name, asked, None)
        reply = faults.before(chosen, lambda: None)
        if reply is not None:
            gateway.begin_entry(world, asked).update(method_id=name, status=reply.status)
    return send(faults.spoil(chosen, reply or action(world, asked)))


def _logged(world: World, asked: Request, name: str, action: Action) -> Reply:
    with world.lock:
        entry = gateway.begin_entry(world, asked)
        entry["method_id"] = name
        try:
            reply = action(world, asked)
        except OAuthError as error:
            reply = Reply(error.status, dict(error.fields), indent=2)
        except errors.ApiError as error:
            reply = Reply(error.status, error.body(), dict(error.headers), indent=2)
        entry["status"] = reply.status
        return reply


def _announce_page() -> Response | None:
    """Write visits of the pages to the request log, and let faults strike there too."""
    if not request.path.startswith("/o/oauth2/"):
        return None
    world, asked = _world(), read()
    with world.lock:
        entry = gateway.begin_entry(world, asked)
        entry["method_id"] = "oauth.authorize"
        chosen = faults.pick(world, "oauth.authorize", asked, None)
        reply = faults.before(chosen, lambda: None)
    return send(reply) if reply is not None else None


def send(reply: Reply) -> Response:
    """Turn a reply into bytes: JSON, headers, gzip, delay, and a note about its fate."""
    for act in reply.before_sending:
        act()
    if reply.delay_s:
        time.sleep(reply.delay_s)
    content = reply.text().encode()
    headers = {
        "Content-Type": reply.content_type(),
        "Cache-Control": "private, max-age=0, must-revalidate, no-transform",
        "Vary": "Origin, X-Origin, Referer, Accept-Encoding",
        **{name.title(): value for name, value in reply.headers.items() if name != "content-type"},
    }
    if "etag" in reply.headers:
        headers["ETag"] = headers.pop("Etag")
    squeezed = wire.squeezed(content, wire.lower(request.headers.items()))
    if squeezed is not None:
        content, headers["Content-Encoding"] = squeezed, "gzip"
    if not content:
        del headers["Content-Type"]
    if reply.fate == "truncate":
        return _cut(content, headers, reply)
    if reply.fate == "drop":
        headers[FATE] = "drop"
    return Response(content, reply.status, headers)


def _cut(content: bytes, headers: dict[str, str], reply: Reply) -> Response:
    """Send only the first bytes; the length announced is honest or that of the whole."""
    kept = content[: reply.keep if reply.keep is not None else len(content) // 2]
    response = Response(kept, reply.status, headers)
    if not reply.is_length_honest:
        response.headers[FATE] = "cut"
        response.headers["Content-Length"] = str(len(content))
    return response
