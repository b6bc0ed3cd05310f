"""The Flask app: which path belongs to which part, how a reply goes onto the wire."""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import parse_qsl, unquote

from flask import Flask, Response, current_app, request

from tests.emulators.microsoft import (
    batch,
    faults,
    gateway,
    limits,
    notices,
    pages,
    switch_events,
    switch_people,
    switchboard,
    tokens,
    wire,
)
from tests.emulators.microsoft.access import Session
from tests.emulators.microsoft.errors import AuthError
from tests.emulators.microsoft.wire import Reply, Request
from tests.emulators.microsoft.world import World
from tests.emulators.wire import FATE

Action = Callable[[World, Request], Reply]

VERBS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def create_app(world: World | None = None) -> Flask:
    """Return the emulator around a store of its own. Serve it through `Wire`, or faults of the wire stay unseen."""
    app = Flask(__name__)
    app.url_map.merge_slashes = False
    app.extensions["world"] = world or World()
    for part in (switchboard, switch_people, switch_events, pages):
        app.register_blueprint(part.bp)
    app.before_request(_announce_page)
    app.route("/v1.0/<path:rest>", methods=VERBS)(_graph)
    app.post("/<tenant>/oauth2/v2.0/token")(_token)
    app.get("/<tenant>/v2.0/.well-known/openid-configuration")(_metadata)
    app.get("/<tenant>/discovery/v2.0/keys")(_keys)
    return app


def base_url() -> str:
    """Return the one address that stands for all of Microsoft's."""
    return request.host_url.rstrip("/")


def _world() -> World:
    return current_app.extensions["world"]


def read() -> Request:
    """Return the current request."""
    raw = (request.environ.get("RAW_URI") or request.path).partition("?")[0]
    pairs = parse_qsl(request.environ.get("QUERY_STRING", ""), keep_blank_values=True)
    return Request(request.method, unquote(raw), pairs, wire.lower(request.headers.items()), request.get_data())


def _graph(rest: str) -> Response:
    """Serve Graph, counting calls of one mailbox that are under way at once."""
    world, asked, base = _world(), read(), base_url()
    with limits.under_way(world, _mailbox(world, asked), _weight(world, asked)) as is_crowded:
        with world.lock:
            serve = batch.answer if asked.path == batch.PATH else gateway.answer
            reply = serve(world, asked, base, is_crowded=is_crowded)
            reply.before_sending += notices.announce(world)
        return send(reply)


def _mailbox(world: World, asked: Request) -> tuple[str, str] | None:
    with world.lock:
        session = gateway.identify(world, asked)
    return (session.client_id, session.user.email) if isinstance(session, Session) else None


def _weight(world: World, asked: Request) -> int:
    """Return how many calls a request counts as: the parts of a batch that run at once (A11)."""
    return min(world.settings.batch_weight, batch.size(asked)) if asked.path == batch.PATH else 1


def _token(tenant: str) -> Response:
    return _service("oauth.token", lambda world, asked: tokens.token(world, asked, tenant))


def _metadata(tenant: str) -> Response:
    base = base_url()
    return _service("oauth.metadata", lambda world, asked: tokens.openid_configuration(world, tenant, base))


def _keys(tenant: str) -> Response:
    return _service("oauth.keys", lambda world, asked: tokens.published_keys())


def _service(name: str, action: Action) -> Response:
    """Serve what belongs to the identity platform, under the faults for `name`."""
    world, asked = _world(), read()
    with world.lock:
        entry = gateway.begin_entry(world, asked)
        entry["method_id"] = name
        chosen = faults.pick(world, name, asked, None)
        reply = faults.before(world, chosen, lambda: None) or _tried(world, asked, action)
        entry["status"] = reply.status
        reply = faults.spoil(world, chosen, reply)
    return send(reply)


def _tried(world: World, asked: Request, action: Action) -> Reply:
    try:
        reply = action(world, asked)
    except AuthError as error:
        reply = Reply(error.status, error.body(world.now()))
    reply.headers |= {"cache-control": "no-store, no-cache", "pragma": "no-cache"}
    return reply


def _announce_page() -> Response | None:
    """Write visits of the pages to the request log, and let faults strike there too."""
    if not request.path.endswith(("/authorize", "/adminconsent")):
        return None
    world, asked = _world(), read()
    with world.lock:
        entry = gateway.begin_entry(world, asked)
        entry["method_id"] = f"oauth.{asked.path.rpartition('/')[2]}"
        chosen = faults.pick(world, entry["method_id"], asked, None)
        reply = faults.before(world, chosen, lambda: None)
    return send(reply) if reply is not None else None


def send(reply: Reply) -> Response:
    """Turn a reply into bytes: JSON, headers, delay, and a note about its fate."""
    for act in reply.before_sending:
        act()
    if reply.delay_s:
        time.sleep(reply.delay_s)
    content = reply.text().encode()
    headers = {name.title(): value for name, value in reply.headers.items() if name != "content-type"}
    if content:
        headers["Content-Type"] = reply.content_type()
    if reply.fate == "truncate":
        return _cut(content, headers, reply)
    if reply.fate == "drop":
        headers[FATE] = "drop"
    response = Response(content, reply.status, headers)
    if not content:
        response.headers.pop("Content-Type", None)
    return response


def _cut(content: bytes, headers: dict[str, str], reply: Reply) -> Response:
    """Send only the first bytes; the length announced is honest or that of the whole."""
    kept = content[: reply.keep if reply.keep is not None else len(content) // 2]
    response = Response(kept, reply.status, headers)
    if not reply.is_length_honest:
        response.headers[FATE] = "cut"
        response.headers["Content-Length"] = str(len(content))
    return response
