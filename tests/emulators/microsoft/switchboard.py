"""Switchboard, part one: the server itself. Health, reset, clock, settings, faults, log, acting as someone."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import wraps
from typing import Any
from urllib.parse import parse_qsl, urlencode

from flask import Blueprint, Response, current_app, jsonify, request

from tests.emulators.clock import Clock
from tests.emulators.microsoft import faults, gateway, notices, people, upkeep
from tests.emulators.microsoft.errors import GraphError
from tests.emulators.microsoft.model import Resource
from tests.emulators.microsoft.wire import Reply, Request, lower
from tests.emulators.microsoft.world import World
from tests.emulators.pusher import PUSHER

bp = Blueprint("switchboard", __name__, url_prefix="/_switch")

Endpoint = Callable[[World, Resource], Any]


def endpoint(blueprint: Blueprint, path: str, verb: str = "POST") -> Callable[[Endpoint], Endpoint]:
    """Register a function of the store and the JSON sent (or the query of a GET); what it returns is the answer.

    Mistakes of the caller answer 400 with `{"error": "..."}`.
    """

    def register(function: Endpoint) -> Endpoint:
        @wraps(function)
        def view() -> Response | tuple[Response, int]:
            world = current_world()
            sent = (request.get_json(silent=True) or {}) if verb == "POST" else dict(request.args)
            try:
                with world.lock:
                    upkeep.settle(world)
                    answer = jsonify(function(world, sent))
                    told = notices.announce(current_world())
                for tell in told:
                    tell()
                return answer
            except (KeyError, ValueError, TypeError, GraphError) as wrong:
                return jsonify({"error": f"{type(wrong).__name__}: {wrong}"}), 400

        blueprint.add_url_rule(path, f"{verb} {path}", view, methods=[verb])
        return function

    return register


def current_world() -> World:
    return current_app.extensions["world"]


def plain(value: Any) -> Any:
    """Return a dataclass of the store as JSON-ready values."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        named = [field.name for field in dataclasses.fields(value)]
        return {name: _short(name, getattr(value, name)) for name in named}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        items = sorted(value) if isinstance(value, set | frozenset) else value
        return [plain(item) for item in items]
    return value.isoformat() if isinstance(value, date) else value


def _short(name: str, value: Any) -> Any:
    """A thing that points back to its calendar shows only that calendar's id."""
    return value.id if name == "calendar" else plain(value)


def change(target: Any, fields: Resource) -> Any:
    """Set fields of a dataclass. Raises ValueError for one that it does not have."""
    known = {field.name for field in dataclasses.fields(target)}
    if not fields.keys() <= known:
        raise ValueError(f"Unknown fields: {sorted(fields.keys() - known)}")
    for name, value in fields.items():
        setattr(target, name, value)
    return target


@endpoint(bp, "/health", "GET")
def health(world: World, sent: Resource) -> Resource:
    return {"pid": os.getpid(), "nonce": current_app.config.get("NONCE"), "now": world.now().isoformat()}


@endpoint(bp, "/reset")
def reset(world: World, sent: Resource) -> Resource:
    """Begin anew: an empty store with default settings and a running clock. The signing key stays."""
    PUSHER.forget_all()
    fresh = World(clock=Clock(datetime.fromisoformat(sent["now"]).astimezone(UTC) if sent.get("now") else None))
    for client in sent.get("clients", []):
        people.add_client(fresh, client["client_id"], client["secret"], client["redirect_uris"])
    for user in sent.get("users", []):
        people.add_user(fresh, **user)
    current_app.extensions["world"] = fresh
    return {}


@endpoint(bp, "/clock", "GET")
def read_clock(world: World, sent: Resource) -> Resource:
    return {"now": world.now().isoformat(), "is_running": world.clock.is_running}


@endpoint(bp, "/clock")
def set_clock(world: World, sent: Resource) -> Resource:
    if "now" in sent:
        moment = datetime.fromisoformat(sent["now"])
        world.clock.run_from(moment) if sent.get("run") else world.clock.fix(moment)
    world.clock.advance(float(sent.get("advance_s", 0)))
    upkeep.settle(world)
    return read_clock(world, sent)


@endpoint(bp, "/settings", "GET")
def read_settings(world: World, sent: Resource) -> Resource:
    return plain(world.settings)


@endpoint(bp, "/settings")
def set_settings(world: World, sent: Resource) -> Resource:
    return plain(change(world.settings, sent))


@endpoint(bp, "/faults", "GET")
def list_faults(world: World, sent: Resource) -> list[Resource]:
    return world.faults


@endpoint(bp, "/faults")
def add_fault(world: World, sent: Resource) -> Resource:
    return faults.add(world, sent)


@endpoint(bp, "/faults/clear")
def clear_faults(world: World, sent: Resource) -> Resource:
    """End one fault by `id`, or all."""
    world.faults = [fault for fault in world.faults if sent.get("id") not in (None, fault["id"])]
    return {"left": len(world.faults)}


@endpoint(bp, "/requests", "GET")
def list_requests(world: World, sent: Resource) -> list[Resource]:
    """Return the log, oldest first; `after` skips up to that number, `method_id` keeps one method."""
    after = int(sent.get("after", 0))
    wanted = sent.get("method_id")
    return [line for line in world.log if line["n"] > after and wanted in (None, line.get("method_id"))]


@endpoint(bp, "/requests/clear")
def clear_requests(world: World, sent: Resource) -> Resource:
    world.log.clear()
    world.most_in_flight.clear()
    return {}


@endpoint(bp, "/load", "GET")
def read_load(world: World, sent: Resource) -> Resource:
    """Return the most calls that were under way at once, by mailbox."""
    return world.most_in_flight


@endpoint(bp, "/store", "GET")
def read_store(world: World, sent: Resource) -> Resource:
    """Return tenants, people, clients, grants and subscriptions as they are stored."""
    names = ("tenants", "users", "clients", "grants", "subscriptions")
    return {name: plain(getattr(world, name)) for name in names}


@bp.post("/as")
def act() -> Response:
    """Carry out any Graph call as any person, with every permission and without log, faults or limits."""
    world = current_world()
    sent = request.get_json()
    with world.lock:
        reply = act_as(world, sent)
        reply.before_sending += notices.announce(world)
    for tell in reply.before_sending:
        tell()
    return Response(reply.text(), reply.status, content_type=reply.content_type())


def act_as(world: World, sent: Resource) -> Reply:
    """Carry out a call as someone else; `sent` has user, method, path and maybe query, body, headers."""
    body = json.dumps(sent["body"]).encode() if sent.get("body") is not None else b""
    query = parse_qsl(urlencode(sent.get("query", {}), doseq=True), keep_blank_values=True)
    headers = {"content-type": "application/json", "prefer": 'IdType="ImmutableId"'} | lower(
        sent.get("headers", {}).items()
    )
    asked = Request(sent["method"], f"{gateway.ROOT}{sent['path'].strip('/')}", query, headers, body)
    return gateway.act_as(world, world.users[sent["user"]], asked, request.host_url.rstrip("/"))
