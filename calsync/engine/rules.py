"""Rules: every choice an admin or an account's owner makes about syncing, as one frozen value.

The organisation has one; an account's overrides are laid over it. Defaults follow the product's table of defaults.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from calsync.engine.vocabulary import Deletions, Direction, EventKind, Kind, MailRule, Policy

OUT_BY_DEFAULT = (Kind.MEETING, Kind.APPOINTMENT, Kind.BOOKING)


@dataclass(frozen=True, slots=True)
class Rules:
    """Units are in the names: _days, _minutes, _share (0 to 1)."""

    # general
    direction: Direction = Direction.BOTH
    frequency: str = "15"  # "realtime", "manual", or whole minutes 1 to 1440
    window_past_days: int = 30
    window_future_days: int = 365
    # what syncs
    kinds_out: tuple[str, ...] = tuple(k.value for k in OUT_BY_DEFAULT)
    import_events: bool = True
    import_all_day: bool = True
    import_kind: Kind = Kind.MEETING
    import_private: str = "busy"  # "busy": as a block without details; "full"; "skip"
    import_declined: bool = False
    # events of other kinds: "sync" like any other; "busy": they only block time; "skip": as if they were not there
    import_out_of_office: str = "busy"
    import_focus: str = "busy"
    import_work_place: str = "skip"
    import_birthday: str = "skip"
    import_from_mail: str = "skip"
    task_minutes: int = 30  # length of the event made from a task that has a due time only
    due_is: str = "start"  # which end of an imported event becomes a task's due time: "start" or "end"
    # conflict resolution
    policy: Policy = Policy.LAST_MODIFIED
    field_policies: tuple[tuple[str, str], ...] = ()  # (merge unit, policy), where a field has one of its own
    merge_fields: bool = True
    deletions: Deletions = Deletions.FOLLOW
    cancel_visibly: bool = True  # where the provider can show a cancelled event; else it is deleted
    # privacy of what we write out
    show_title: bool = True
    show_description: bool = True
    show_attendees: bool = True
    show_location: bool = True
    # mail to guests
    mail_new: MailRule = MailRule.NEVER
    mail_changed: MailRule = MailRule.NEVER
    mail_cancelled: MailRule = MailRule.NEVER
    internal_domains: tuple[str, ...] = ()  # guests elsewhere are external
    # safety
    brake_deletion_share: float = 0.25
    brake_deletions: int = 10  # the share counts only above this many
    brake_creates: int = 100
    brake_mails: int = 20
    # event defaults for what we create
    default_visibility: str = "public"  # public, private
    default_reminders: tuple[tuple[int, str], ...] = ()
    # retention
    keep_runs_days: int = 400
    keep_steps_days: int = 90
    keep_images_days: int = 30
    block_busy_time: bool = True
    account_overrides: tuple[str, ...] = ("direction", "frequency", "default_visibility", "default_reminders")


EVENT_KIND_RULES = {
    EventKind.OUT_OF_OFFICE: "import_out_of_office",
    EventKind.FOCUS: "import_focus",
    EventKind.WORK_PLACE: "import_work_place",
    EventKind.BIRTHDAY: "import_birthday",
    EventKind.FROM_MAIL: "import_from_mail",
}
"""The rule that says what becomes of events of a kind."""


def treatment(rules: Rules, kind: EventKind) -> str:
    """Return what becomes of events of a kind: "sync", "busy" or "skip"."""
    if kind is EventKind.DEFAULT:
        return "sync"
    if kind is EventKind.BLOCK:
        return "skip"
    name = EVENT_KIND_RULES.get(kind)
    return "busy" if name is None else str(getattr(rules, name))


RULE_NAMES = tuple(f.name for f in fields(Rules))


def overlay(base: Rules, overrides: dict[str, Any], allowed: tuple[str, ...] | None = None) -> Rules:
    """Return `base` with an account's overrides; those the admin does not allow are ignored."""
    names = base.account_overrides if allowed is None else allowed
    return replace(base, **{k: _typed(k, v) for k, v in overrides.items() if k in names and k in RULE_NAMES})


def to_json(rules: Rules) -> dict[str, Any]:
    return {name: getattr(rules, name) for name in RULE_NAMES}


def from_json(values: dict[str, Any]) -> Rules:
    """Read what to_json wrote; unknown names are ignored, missing ones take their default."""
    return Rules(**{k: _typed(k, v) for k, v in values.items() if k in RULE_NAMES})


_TYPES: dict[str, Any] = {
    "direction": Direction,
    "import_kind": Kind,
    "policy": Policy,
    "deletions": Deletions,
    "mail_new": MailRule,
    "mail_changed": MailRule,
    "mail_cancelled": MailRule,
    "kinds_out": tuple,
    "internal_domains": tuple,
    "account_overrides": tuple,
    "field_policies": lambda rows: tuple((str(name), str(Policy(policy))) for name, policy in rows),
    "default_reminders": lambda rows: tuple((int(m), str(how)) for m, how in rows),
}


def _typed(name: str, value: Any) -> Any:
    return _TYPES[name](value) if name in _TYPES else value
