"""Whether rules can be used: ranges and closed lists. What is wrong is said in a sentence, naming the field."""

from __future__ import annotations

from calsync.engine.event import FIELDS
from calsync.engine.rules import EVENT_KIND_RULES, RULE_NAMES, Rules
from calsync.engine.vocabulary import Kind, Policy
from calsync.errors import Refused

LONGEST_INTERVAL_MINUTES = 1440
PAST_DAYS = range(0, 3651)
FUTURE_DAYS = range(1, 3651)
REMINDER_WAYS = ("popup", "email")
FARTHEST_REMINDER_MINUTES = 40_320  # four weeks: what Google takes at most
CHOICES: dict[str, tuple[str, ...]] = {
    "import_private": ("busy", "full", "skip"),
    "due_is": ("start", "end"),
    "default_visibility": ("public", "private"),
    **dict.fromkeys(EVENT_KIND_RULES.values(), ("sync", "busy", "skip")),
}
RANGES: dict[str, range] = {
    "window_past_days": PAST_DAYS,
    "window_future_days": FUTURE_DAYS,
    "task_minutes": range(1, LONGEST_INTERVAL_MINUTES + 1),
    "brake_deletions": range(0, 100_001),
    "brake_creates": range(0, 100_001),
    "brake_mails": range(0, 100_001),
    "keep_runs_days": range(1, 3651),
    "keep_steps_days": range(1, 3651),
    "keep_images_days": range(1, 3651),
}


def check(rules: Rules) -> None:
    """Return when every value can be used. Raises Refused with the first field that cannot."""
    check_frequency(rules.frequency)
    for name, allowed in CHOICES.items():
        _choice(name, getattr(rules, name), allowed)
    for name, span in RANGES.items():
        _range(name, getattr(rules, name), span)
    if not 0 <= rules.brake_deletion_share <= 1:
        raise Refused("The share of deletions is a number from 0 to 1.", field="brake_deletion_share")
    for kind in rules.kinds_out:
        _choice("kinds_out", kind, tuple(Kind))
    for name in rules.account_overrides:
        _choice("account_overrides", name, RULE_NAMES)
    for name, policy in rules.field_policies:
        _choice("field_policies", name, FIELDS)
        _choice("field_policies", policy, tuple(Policy))
    for minutes, way in rules.default_reminders:
        _range("default_reminders", minutes, range(0, FARTHEST_REMINDER_MINUTES + 1))
        _choice("default_reminders", way, REMINDER_WAYS)


def check_frequency(value: str) -> None:
    """Return when `value` is "realtime", "manual" or whole minutes from 1 to 1440."""
    if value in ("realtime", "manual"):
        return
    if not value.isascii() or not value.isdigit() or not 1 <= int(value) <= LONGEST_INTERVAL_MINUTES:
        reason = "The frequency is realtime, manual, or whole minutes from 1 to 1440."
        raise Refused(reason, field="frequency")


def _choice(field: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise Refused(f"{value} is not known here. Choose one of {', '.join(allowed)}.", field=field)


def _range(field: str, value: int, span: range) -> None:
    if value not in span:
        raise Refused(f"Give a whole number from {span.start} to {span.stop - 1}.", field=field)
