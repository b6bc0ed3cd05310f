"""Who is mailed by a write, under the mail settings. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from calsync.engine.event import Content
from calsync.engine.rules import Rules
from calsync.engine.vocabulary import Action, MailRule

THINGS = ("room", "resource")
"""Kinds of attendees that are nobody: their mailboxes answer by themselves."""


def rule_for(action: Action, rules: Rules, span_end: datetime, now: datetime) -> MailRule:
    """Return the mail setting that applies to a remote write; never for what is over."""
    if span_end <= now:
        return MailRule.NEVER
    if action is Action.CREATE:
        return rules.mail_new
    return rules.mail_cancelled if action in (Action.CANCEL, Action.DELETE) else rules.mail_changed


def people(content: Content, rule: MailRule, rules: Rules, own: frozenset[str]) -> int:
    """Return how many guests a write of this event would mail under `rule`."""
    if rule is MailRule.NEVER:
        return 0
    guests = [a for a in _guests(content) if a not in own]
    if rule is MailRule.EXTERNAL:
        guests = [a for a in guests if a.rpartition("@")[2] not in rules.internal_domains]
    return len(guests)


def guests(content: Content, own: frozenset[str]) -> int:
    """Return how many guests an event has besides the account's own person."""
    return sum(a not in own for a in _guests(content))


def _guests(content: Content) -> Mapping[str, Any]:
    """Return who reads what is sent to them: rooms and things do not."""
    found: Mapping[str, Any] = content.get("attendees") or {}
    return {address: facts for address, facts in found.items() if facts.get("kind") not in THINGS}
