"""Presets: rules that go together, as changes to be laid over what is in force. What they leave out stays."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from calsync.engine.rules import Rules
from calsync.engine.vocabulary import Direction, MailRule, Policy

_SILENT = {"mail_new": MailRule.NEVER, "mail_changed": MailRule.NEVER, "mail_cancelled": MailRule.NEVER}
_SAFE = {"policy": Policy.LAST_MODIFIED, "field_policies": (), "merge_fields": True}

PRESETS: dict[str, dict[str, Any]] = {
    "look": {"direction": Direction.INBOUND, "frequency": "60"},
    "usual": {"direction": Direction.BOTH, "frequency": "60", **_SAFE, **_SILENT},
    "live": {"direction": Direction.BOTH, "frequency": "realtime", **_SAFE, **_SILENT},
    "discreet": {"show_title": False, "show_description": False, "show_attendees": False, "show_location": False},
}
"""Name -> the rules that it sets."""


def applied(rules: Rules, name: str) -> Rules:
    """Return the rules as the preset would have them. Raises KeyError for a name that no preset has."""
    return replace(rules, **PRESETS[name])


def in_force(rules: Rules) -> list[str]:
    """Return the presets of which every rule is as they set it."""
    return [name for name, values in PRESETS.items() if all(getattr(rules, n) == v for n, v in values.items())]
