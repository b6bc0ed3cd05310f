"""The switchboard: how tests steer the emulator. The package's docstring lists the endpoints."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any

from flask import Blueprint, Response, current_app, jsonify, request

from tests.emulators.clock import Clock
from tests.emulators.zoom import bodies, faults, hooks, meetings, tokens
from tests.emulators.zoom.errors import ApiError
from tests.emulators.zoom.world import Client, Json, Meeting, User, World

bp = Blueprint("switchboard", __name__, url_prefix="/_switch")

Endpoint = Callable[[World, Json], Any]


def endpoint(path: str, verb: str = "POST", *, locks: bool = True) -> Callable[[Endpoint], Endpoint]:
    """Register a function of the store and the JSON sent (or the query of a GET); its result is the answer."""

    def register(function: Endpoint) -> Endpoint:
        @wraps(function)
        def view() -> Response | tuple[Response, int]:
            world: World = current_app.extensions["world"]
            sent = (request.get_json(silent=True) or {}) if verb == "POST" else request.args.to_dict()
            try:
                if not locks:
                    return jsonify(function(world, sent))
                with world.lock:
                    answer = jsonify(function(world, sent))
            except (KeyError, ValueError, TypeError, ApiError) as wrong:
                return jsonify({"error": f"{type(wrong).__name__}: {wrong}"}), 400
            hooks.release(world)
            return answer

        bp.add_url_rule(path, f"{verb} {path}", view, methods=[verb])
        return function

    return register


def plain(value: Any) -> Any:
    """Return a dataclass of the store as JSON-ready values."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value.isoformat() if isinstance(value, datetime) else value


def change(target: Any, fields: Json) -> Any:
    """Set fields of a dataclass. Raises ValueError for one that it does not have."""
    known = {field.name for field in dataclasses.fields(target)}
    if not fields.keys() <= known:
        raise ValueError(f"Unknown fields: {sorted(fields.keys() - known)}")
    for name, value in fields.items():
        setattr(target, name, value)
    return target


@endpoint("/health", "GET")
def health(world: World, sent: Json) -> Json:
    return {"pid": os.getpid(), "nonce": current_app.config.get("NONCE"), "now": world.now().isoformat()}


@endpoint("/reset")
def reset(world: World, sent: Json) -> Json:
    fresh = World(clock=Clock(datetime.fromisoformat(sent["now"]).astimezone(UTC) if sent.get("now") else None))
    for client in sent.get("clients", []):
        _client(fresh, client)
    for user in sent.get("users", []):
        _user(fresh, user)
    current_app.extensions["world"] = fresh
    return {}


@endpoint("/clock", "GET")
def read_clock(world: World, sent: Json) -> Json:
    return {"now": world.now().isoformat()}


@endpoint("/clock")
def set_clock(world: World, sent: Json) -> Json:
    if "now" in sent:
        world.clock.fix(datetime.fromisoformat(sent["now"]))
    world.clock.advance(float(sent.get("advance_s", 0)))
    return read_clock(world, sent)


@endpoint("/settings", "GET")
def read_settings(world: World, sent: Json) -> Json:
    return dict(plain(world.settings))


@endpoint("/settings")
def set_settings(world: World, sent: Json) -> Json:
    return dict(plain(change(world.settings, sent)))


@endpoint("/faults")
def add_fault(world: World, sent: Json) -> Json:
    return faults.add(world, sent)


@endpoint("/faults/clear")
def clear_faults(world: World, sent: Json) -> Json:
    world.faults.clear()
    return {}


@endpoint("/requests", "GET")
def list_requests(world: World, sent: Json) -> list[Json]:
    return [line for line in world.log if sent.get("method_id") in (None, line["method_id"])]


@endpoint("/requests/clear")
def clear_requests(world: World, sent: Json) -> Json:
    world.log.clear()
    return {}


# --- people and applications


def _client(world: World, sent: Json) -> Client:
    known = world.clients.get(sent["client_id"])
    return change(known, sent) if known else world.clients.setdefault(sent["client_id"], Client(**sent))


def _user(world: World, sent: Json) -> User:
    known = world.users.get(sent["email"])
    return change(known, sent) if known else world.users.setdefault(sent["email"], User(**sent))


@endpoint("/clients", locks=False)
def set_client(world: World, sent: Json) -> Json:
    """Add or change an application. Its address is validated outside the lock: it may ask us something."""
    with world.lock:
        client = _client(world, sent)
        if "hook_url" in sent:
            client.hook_checked_at, client.hook_failures, client.is_hook_on = None, 0, False
    if sent.get("hook_url"):
        hooks.validate(world, client)
    return dict(plain(client))


@endpoint("/users")
def set_user(world: World, sent: Json) -> Json:
    return dict(plain(_user(world, sent)))


@endpoint("/consent")
def script_consent(world: World, sent: Json) -> Json:
    world.script = sent
    return {}


@endpoint("/tokens")
def give_tokens(world: World, sent: Json) -> Json:
    client = world.clients[sent["client_id"]]
    grant = tokens.begin_grant(world, world.users[sent["user"]].email, client)
    grant.scopes = frozenset(sent.get("scopes") or client.scopes)
    return tokens.issue(world, grant)


@endpoint("/tokens/expire")
def expire_tokens(world: World, sent: Json) -> Json:
    for token in world.access_tokens.values():
        token.expires_at = world.now()
    return {}


@endpoint("/deauthorize")
def deauthorize(world: World, sent: Json) -> Json:
    user, client = world.users[sent["user"]], world.clients[sent["client_id"]]
    tokens.end_grants(world, user.email, client.client_id)
    hooks.tell_deauthorized(world, user, client)
    return {}


# --- meetings


def _meeting(world: World, sent: Json) -> Meeting:
    return world.meetings[int(sent["id"])]


@endpoint("/meetings/add")
def add_meeting(world: World, sent: Json) -> Json:
    return bodies.whole(world, meetings.make(world, world.users[sent["user"]], sent["body"]))


@endpoint("/meetings/change")
def change_meeting(world: World, sent: Json) -> Json:
    meeting = _meeting(world, sent)
    meetings.change(world, meeting, bodies.check(sent["body"]), world.host_of(meeting))
    return bodies.whole(world, meeting)


@endpoint("/meetings/delete")
def delete_meeting(world: World, sent: Json) -> Json:
    meeting = _meeting(world, sent)
    meetings.remove(world, meeting, sent.get("occurrence_id"), world.host_of(meeting))
    return {}


@endpoint("/meetings/status")
def set_status(world: World, sent: Json) -> Json:
    meeting = _meeting(world, sent)
    meeting.status = sent["status"]
    if meeting.status in ("started", "ended"):
        hooks.tell_instance(world, f"meeting.{meeting.status}", meeting)
    return {}


@endpoint("/meetings", "GET")
def list_meetings(world: World, sent: Json) -> list[Json]:
    found = [m for m in world.meetings.values() if sent.get("user") in (None, m.host)]
    return [bodies.whole(world, m) | {"is_deleted": m.deleted_at is not None, "host": m.host} for m in found]


# --- webhooks


@endpoint("/hooks", "GET")
def list_tries(world: World, sent: Json) -> list[Json]:
    return world.tries


@endpoint("/hooks/deliver", locks=False)
def deliver(world: World, sent: Json) -> list[Json]:
    return hooks.deliver_due(world)
