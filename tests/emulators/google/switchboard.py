"""Switchboard, part one: the server itself. Health, reset, clock, settings, faults, log, acting as someone."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any
from urllib.parse import parse_qsl, urlencode

from flask import Blueprint, Response, current_app, jsonify, request

from tests.emulators.clock import Clock
from tests.emulators.google import channels, discovery, faults, gateway, people
from tests.emulators.google.access import Session
from tests.emulators.google.model import Resource, User
from tests.emulators.google.wire import Reply, Request, lower
from tests.emulators.google.world import World
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
                    answer = jsonify(function(world, sent))
                    told = channels.announce(world)
                for tell in told:
                    tell()
                return answer
            except (KeyError, ValueError, TypeError) as wrong:
                return jsonify({"error": f"{type(wrong).__name__}: {wrong}"}), 400

        blueprint.add_url_rule(path, f"{verb} {path}", view, methods=[verb])
        return function

    return register


def current_world() -> World:
    return current_app.extensions["world"]


def plain(value: Any) -> Any:
    """Return a dataclass of the store as JSON-ready values."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        items = sorted(value) if isinstance(value, set | frozenset) else value
        return [plain(item) for item in items]
    return value.isoformat() if isinstance(value, datetime) else value


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
    """Begin anew: an empty store with default settings and a running clock. The signing key stays.

    `now` makes the clock stand there, `clients` and `users` are added at once, as `/clients` and `/users` would.
    """
    PUSHER.forget_all()
    fresh = World(clock=Clock(datetime.fromisoformat(sent["now"]).astimezone(UTC) if sent.get("now") else None))
    for client in sent.get("clients", []):
        change(people.add_client(fresh, client["client_id"], client["client_secret"], []), client)
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
    return {}


@endpoint(bp, "/store", "GET")
def read_store(world: World, sent: Resource) -> Resource:
    """Return people, clients, grants, calendars and channels as they are stored."""
    names = ("users", "clients", "grants", "calendars", "channels", "groups")
    return {name: plain(getattr(world, name)) for name in names}


@bp.post("/as")
def act() -> Response:
    """Carry out any Calendar call as any person, with every scope and without log, faults or quotas."""
    world = current_world()
    sent = request.get_json()
    with world.lock:
        reply = act_as(world, sent["user"], sent["method"], sent["path"], sent)
        told = reply.before_sending + channels.announce(world)
    for tell in told:
        tell()
    return Response(reply.text(), reply.status, content_type=reply.content_type())


def act_as(world: World, email: str, verb: str, path: str, sent: Resource) -> Reply:
    """Carry out a call as someone else; `sent` may hold `query`, `body` and `headers`."""
    body = json.dumps(sent["body"]).encode() if sent.get("body") is not None else b""
    query = parse_qsl(urlencode(sent.get("query", {}), doseq=True), keep_blank_values=True)
    asked = Request(verb, path, query, lower(sent.get("headers", {}).items()), body)
    return gateway.act_as(world, _whole_session(world.users[email]), asked, request.host_url.rstrip("/"))


def _whole_session(user: User) -> Session:
    scopes = discovery.load().raw["auth"]["oauth2"]["scopes"]
    return Session(user, "switchboard", frozenset(scopes))
