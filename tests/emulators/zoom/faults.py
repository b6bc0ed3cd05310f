"""Scripted misfortune: JSON objects of the switchboard; the package's docstring lists the kinds."""

from __future__ import annotations

import re

from tests.emulators.zoom.wire import Reply
from tests.emulators.zoom.world import Json, World

KINDS = ("status", "after", "drop_before", "drop", "truncate", "slow")


def add(world: World, fault: Json) -> Json:
    """Start a fault. Raises ValueError for a kind that does not exist."""
    if fault.get("kind") not in KINDS:
        raise ValueError(f"A fault's kind is one of {', '.join(KINDS)}.")
    fault = {"seen": 0, "hits": 0, "every": 1, "skip": 0, **fault}
    world.faults.append(fault)
    return fault


def pick(world: World, method_id: str) -> list[Json]:
    """Return the faults whose turn this call is, counting it for each that matches."""
    return [f for f in world.faults if re.fullmatch(f.get("method") or ".*", method_id) and _is_due(f)]


def _is_due(fault: Json) -> bool:
    fault["seen"] += 1
    is_over = fault.get("times") is not None and fault["hits"] >= fault["times"]
    place = fault["seen"] - fault["skip"]
    if is_over or place <= 0 or place % fault["every"]:
        return False
    fault["hits"] += 1
    return True


def before(chosen: list[Json]) -> Reply | None:
    """Return the reply of a call that is not to happen, or None."""
    for fault in chosen:
        if fault["kind"] == "drop_before":
            return Reply(500, fate="drop")
        if fault["kind"] == "status":
            return _status(fault)
    return None


def spoil(chosen: list[Json], reply: Reply) -> Reply:
    """Change the reply of a call that took effect."""
    for fault in chosen:
        match fault["kind"]:
            case "after":
                reply = _status(fault)
            case "drop" | "truncate":
                reply.fate = fault["kind"]
            case "slow":
                reply.delay_s += float(fault.get("seconds", 1))
    return reply


def _status(fault: Json) -> Reply:
    status = int(fault.get("status", 503))
    usual = f"<html><body><h1>{status}</h1><p>The service is not available.</p></body></html>"
    headers = {name.lower(): str(value) for name, value in fault.get("headers", {}).items()}
    return Reply(status, fault.get("body", usual), headers)
