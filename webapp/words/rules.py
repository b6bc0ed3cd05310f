"""The sync settings in sentences: what all of them together do, and the name of each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from calsync.engine.rules import EVENT_KIND_RULES, Rules
from calsync.engine.vocabulary import Deletions, Direction, Kind, MailRule, Policy
from webapp.words import choices
from webapp.words.texts import count, joined, spelled

_LABELS = {
    "direction": "Direction",
    "frequency": "How often",
    "window_past_days": "Days back",
    "window_future_days": "Days ahead",
    "kinds_out": "Kinds that go out",
    "import_events": "Events become activities",
    "import_all_day": "All-day events, too",
    "import_kind": "Kind of imported events",
    "import_private": "Private events",
    "import_declined": "Declined events, too",
    "import_out_of_office": "Time out of office",
    "import_focus": "Focus time",
    "import_work_place": "Places of work",
    "import_birthday": "Birthdays",
    "import_from_mail": "Events found in mail",
    "task_minutes": "Length of a task's event",
    "due_is": "Due time of an imported task",
    "policy": "Who wins a conflict",
    "field_policies": "Who wins some fields",
    "merge_fields": "Merge different fields",
    "deletions": "What a deletion does",
    "cancel_visibly": "Show cancelled events as cancelled",
    "show_title": "Show the title",
    "show_description": "Show the description",
    "show_attendees": "Show the attendees",
    "show_location": "Show the location",
    "mail_new": "Mail about new events",
    "mail_changed": "Mail about changed events",
    "mail_cancelled": "Mail about cancelled events",
    "internal_domains": "Own mail domains",
    "brake_deletion_share": "Deletions: share",
    "brake_deletions": "Deletions: number",
    "brake_creates": "New records",
    "brake_mails": "People mailed",
    "default_visibility": "Visibility of new events",
    "default_reminders": "Reminders of new events",
    "keep_runs_days": "Keep runs",
    "keep_steps_days": "Keep records of runs",
    "keep_images_days": "Keep values for undo",
    "block_busy_time": "Busy events block time",
    "choice": "What becomes of the copies",
    "account_overrides": "What accounts may decide themselves",
}
_PRIVATE = {"busy": "as busy, without details", "full": "in full", "skip": "left out"}
_EVENT_KIND = {"sync": "like any other event", "busy": "as busy time only", "skip": "left out"}
_COPIES = {"delete_remote": "deleted there", "delete_local": "deleted here", "delete_both": "deleted on both sides"}
_CHOICES: dict[str, Callable[[str], str]] = {
    "frequency": choices.frequency,
    "choice": lambda value: _COPIES.get(value, value),
    "import_kind": choices.kind,
    "import_private": lambda value: _PRIVATE.get(value, value),
    **dict.fromkeys(EVENT_KIND_RULES.values(), lambda value: _EVENT_KIND.get(value, value)),
    "policy": choices.policy,
    "deletions": choices.deletions,
    "mail_new": choices.mail_rule,
    "mail_changed": choices.mail_rule,
    "mail_cancelled": choices.mail_rule,
    "direction": choices.direction,
}


_PRESETS = {
    "look": ("Look first", "Calendars are read every hour. Nothing is ever written to them."),
    "usual": ("Two-way, hourly", "Both ways every hour; the later change wins; guests are never mailed."),
    "live": ("Two-way, real-time", "As before, but at once. For teams that rely on it."),
    "discreet": ("Busy blocks", "Events that we write say “Busy” and nothing else."),
}


def preset(name: str) -> tuple[str, str]:
    """Return the name of a preset and what it does."""
    return _PRESETS.get(name) or (name.capitalize(), "")


def rule_name(name: str) -> str:
    """Return the label of a rule."""
    return _LABELS.get(name) or spelled(name)


def rule_value(name: str, value: Any) -> str:
    """Return a rule's value in words."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name in _CHOICES:
        return _CHOICES[name](str(value))
    if name == "brake_deletion_share":
        return f"{round(value * 100)} %"
    if name.endswith("_days"):
        return count(value, "day")
    if name == "task_minutes":
        return f"{value} minutes"
    if isinstance(value, list | tuple):
        return joined(_element(name, each) for each in value) or "none"
    return str(value)


def _element(name: str, value: Any) -> str:
    match name:
        case "kinds_out":
            return choices.kind(value)
        case "account_overrides":
            return rule_name(value).lower()
        case "field_policies":
            field, policy = value
            return f"{choices.field(field).lower()}: {choices.policy(policy).removesuffix(' (recommended)')}"
        case "default_reminders":
            minutes, way = value
            return f"{minutes} min before{' by mail' if way == 'email' else ''}"
        case _:
            return str(value)


def rules_sentence(rules: Rules) -> str:
    """Return in one breath what the settings do."""
    parts = [
        _out(rules),
        _back(rules),
        _clash(rules) if rules.direction is Direction.BOTH else "",
        _deletion(rules),
        _shown(rules),
        _mail(rules),
    ]
    return "; ".join(part for part in parts if part) + "."


def _out(rules: Rules) -> str:
    if rules.direction is Direction.INBOUND:
        return "Nothing goes out to calendars"
    if not rules.kinds_out:
        return "No kind of activity goes out to calendars"
    every = set(rules.kinds_out) == set(Kind)
    kinds = "all activities" if every else joined(f"{choices.kind(k).lower()}s" for k in rules.kinds_out)
    window = f"from {count(rules.window_past_days, 'day')} ago to {count(rules.window_future_days, 'day')} ahead"
    return f"{kinds[:1].upper()}{kinds[1:]} {window} go to the calendar {_how_often(rules.frequency)}"


def _how_often(frequency: str) -> str:
    names = {"realtime": "at once", "manual": "when someone asks", "60": "every hour", "1": "every minute"}
    return names.get(frequency) or f"every {frequency} minutes"


def _back(rules: Rules) -> str:
    if rules.direction is Direction.OUTBOUND:
        return "changes made there stay there"
    if not rules.import_events:
        return "changes there come back, and other events there are left alone"
    private = {"busy": "private ones without details", "full": "private ones too", "skip": "except private ones"}
    all_day = "" if rules.import_all_day else ", except all-day ones"
    kind = choices.kind(rules.import_kind).lower()
    return f"events there become {kind}s here, {private.get(rules.import_private, '')}{all_day}"


def _clash(rules: Rules) -> str:
    what = "if both changed the same field" if rules.merge_fields else "if both changed the same record"
    winner = {
        Policy.CRM: "the CRM wins",
        Policy.EXTERNAL: "the calendar wins",
        Policy.LAST_MODIFIED: "the later change wins",
        Policy.MANUAL: "a person decides",
    }
    own = joined(
        f"{winner[Policy(policy)]} on the {choices.field(name).lower()}" for name, policy in rules.field_policies
    )
    return f"{what}, {winner[rules.policy]}{f' ({own})' if own else ''}"


def _deletion(rules: Rules) -> str:
    return {
        Deletions.FOLLOW: "what is deleted on one side is cancelled on the other",
        Deletions.UNLINK: "what is deleted on one side stays on the other",
        Deletions.ASK: "before a deletion goes across, a person is asked",
    }[rules.deletions]


def _shown(rules: Rules) -> str:
    if rules.direction is Direction.INBOUND:
        return ""
    hidden = [
        name
        for name, shown in (
            ("titles", rules.show_title),
            ("descriptions", rules.show_description),
            ("attendees", rules.show_attendees),
            ("locations", rules.show_location),
        )
        if not shown
    ]
    return f"{joined(hidden)} are not written out" if hidden else ""


def _mail(rules: Rules) -> str:
    told = (("new", rules.mail_new), ("changed", rules.mail_changed), ("cancelled", rules.mail_cancelled))
    if all(rule is MailRule.NEVER for _, rule in told):
        return "guests are never mailed"
    whom = {MailRule.ALL: "guests", MailRule.EXTERNAL: "external guests"}
    by_whom: dict[str, list[str]] = {}
    for what, rule in told:
        if rule is not MailRule.NEVER:
            by_whom.setdefault(whom[rule], []).append(what)
    return joined(f"{people} are mailed about {joined(what)} events" for people, what in by_whom.items())
