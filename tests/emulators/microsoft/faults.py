"""Scripted misfortune. A fault is a JSON object of the switchboard; see the package docstring.

`pick` chooses what happens to one call: faults that keep it from happening become a reply at once
(`before`), the others change the reply of a call that took effect (`spoil`).
"""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.emulators.microsoft import errors
from tests.emulators.microsoft import world as worlds
from tests.emulators.microsoft.model import Resource
from tests.emulators.microsoft.wire import Reply, Request
from tests.emulators.microsoft.world import World

KINDS = ("status", "error", "after", "drop_before", "drop", "truncate", "slow", "touch")

HTML = "<!DOCTYPE html><html><head><title>{0}</title></head><body><h1>{0} - Service error</h1></body></html>"


def add(world: World, fault: Resource) -> Resource:
    """Start a fault. Raises ValueError for a kind that does not exist."""
    if fault.get("kind") not in KINDS:
        raise ValueError(f"A fault's kind is one of {', '.join(KINDS)}.")
    fault = {"id": world.next_revision(), "seen": 0, "hits": 0, "every": 1, "skip": 0, **fault}
    world.faults.append(fault)
    return fault


def pick(world: World, method_id: str, request: Request, email: str | None) -> list[Resource]:
    """Return the faults whose turn this call is, counting the call for every fault that matches it."""
    return [fault for fault in world.faults if _matches(fault, method_id, request, email) and _is_due(fault)]


def _matches(fault: Resource, method_id: str, request: Request, email: str | None) -> bool:
    return (
        (fault.get("method") is None or re.fullmatch(fault["method"], method_id) is not None)
        and (fault.get("path") is None or re.search(fault["path"], request.path) is not None)
        and (fault.get("user") is None or fault["user"] == email)
    )


def _is_due(fault: Resource) -> bool:
    fault["seen"] += 1
    is_over = fault.get("times") is not None and fault["hits"] >= fault["times"]
    place = fault["seen"] - fault["skip"]
    if is_over or place <= 0 or place % fault["every"]:
        return False
    fault["hits"] += 1
    return True


def before(world: World, chosen: list[Resource], touch: Callable[[], None]) -> Reply | None:
    """Return the reply of a call that is not to happen, or None. `touch` edits the event as someone else."""
    for fault in chosen:
        match fault["kind"]:
            case "touch":
                touch()
            case "drop_before":
                return Reply(500, fate="drop")
            case "status":
                return status_reply(world, fault)
            case "error":
                return auth_reply(world, fault)
    return None


def status_reply(world: World, fault: Resource) -> Reply:
    """Return what a fault answers: `body` as it is, a page, nothing, or Graph's envelope around `code`."""
    headers = {name.lower(): str(value) for name, value in fault.get("headers", {}).items()}
    if fault.get("retry_after") is not None:
        headers["retry-after"] = str(fault["retry_after"])
    status = int(fault.get("status", 503))
    if fault.get("html"):
        return Reply(status, HTML.format(status), headers)
    if "body" in fault:
        return Reply(status, fault["body"], headers)
    if "code" not in fault:
        return Reply(status, None, headers)
    error = errors.GraphError(status, fault["code"], fault.get("message", "The request failed."))
    return Reply(status, error.body(world.now(), worlds.new_guid(), worlds.new_guid()), headers)


def auth_reply(world: World, fault: Resource) -> Reply:
    """Return a refusal of the identity platform by its AADSTS `number`."""
    error = errors.AuthError(int(fault["number"]), error=fault.get("error"))
    return Reply(int(fault.get("status", error.status)), error.body(world.now()) | fault.get("more", {}))


def spoil(world: World, chosen: list[Resource], reply: Reply) -> Reply:
    """Change the reply of a call that took effect: late, another one, cut short, or never sent."""
    for fault in chosen:
        match fault["kind"]:
            case "slow":
                reply.delay_s += float(fault.get("seconds", 1))
            case "after":
                reply = status_reply(world, fault)
            case "drop":
                reply.fate = "drop"
            case "truncate":
                reply.fate = "truncate"
                reply.keep = fault.get("keep")
                reply.is_length_honest = bool(fault.get("quiet"))
    return reply
