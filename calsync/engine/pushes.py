"""Values that were pushed, remembered: a server that changes one back every time must not be asked for ever."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from calsync.engine import access
from calsync.engine.event import Content, fingerprint
from calsync.engine.pair import Agreed, Decision
from calsync.engine.vocabulary import Reason

MAX_SAME = 3
"""How often one value may be pushed to one field before we stop: the server keeps changing it."""


def guard(decision: Decision, agreed: Agreed) -> Decision:
    """Return a decision that fails instead of pushing one value once too often."""
    for name, value in decision.outward.items():
        last, times = agreed.pushes.get(name, ("", 0))
        if times >= MAX_SAME and last == value_hash(value):
            why = Reason.SERVER_KEEPS_CHANGING
            return replace(access.without_push(decision, why), fails=why)
    return decision


def value_hash(value: Any) -> str:
    """Return the hash by which a pushed value is remembered."""
    return fingerprint({"value": value})[:16]


def count(pushes: Mapping[str, tuple[str, int]], outward: Content) -> dict[str, tuple[str, int]]:
    """Return the memory of pushed values after one more push of `outward`."""
    counted = dict(pushes)
    for name, value in outward.items():
        last, times = pushes.get(name, ("", 0))
        digest = value_hash(value)
        counted[name] = (digest, times + 1 if last == digest else 1)
    return counted
