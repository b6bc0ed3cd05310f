"""The form of an account's own rules: what the organisation leaves to accounts, with its own choice as the first.

form = account_rules.form_of(head)         fields that an admin keeps are not in it
account_rules.changes_of(form)             what `accounts.set_overrides` takes
"""

from __future__ import annotations

import json
from typing import Any

from calsync.engine import rules as engine_rules
from calsync.engine.rules import EVENT_KIND_RULES, Rules
from calsync.engine.vocabulary import Direction
from webapp import words
from webapp.account_view import Head
from webapp.forms.accounts import DIRECTIONS, REMINDERS, RulesForm
from webapp.forms.fields import FREQUENCIES, choices

EVENT_KINDS = {name.removeprefix("import_"): name for name in EVENT_KIND_RULES.values()}
"""The same of what becomes of events of a kind."""

FIELDS = {
    "direction": "direction",
    "frequency": "frequency",
    "visibility": "default_visibility",
    "reminder": "default_reminders",
    **EVENT_KINDS,
}
"""Form field to the rule that it sets."""

NONE = "none"
"""No reminder, in contrast to "as the organisation"."""


def form_of(head: Head) -> RulesForm:
    """Return the form as stored, or as typed."""
    own = head.account.overrides
    form = RulesForm(data=_values(own) | {"known": json.dumps(own, sort_keys=True)})
    _offer(form, head)
    for name, rule in FIELDS.items():
        if rule not in head.base.account_overrides:
            delattr(form, name)
            if name == "reminder":
                del form.reminder_way
    return form


def changes_of(form: RulesForm) -> dict[str, Any]:
    """Return the rules that the form sets; None goes back to the organisation's."""
    found: dict[str, Any] = {}
    for name, rule in FIELDS.items():
        field = getattr(form, name, None)
        if field is not None:
            found[rule] = _reminders(form) if name == "reminder" else (field.data or None)
    return found


def event_kinds(form: RulesForm) -> list[Any]:
    """Return the fields about kinds of events that the admin leaves to accounts."""
    return [form[name] for name in EVENT_KINDS if name in form]


def known_of(form: RulesForm) -> dict[str, Any]:
    """Return the account's own rules as the form showed them; what nobody has where it says something else."""
    try:
        known = json.loads(form.known.data or "{}")
    except ValueError:
        known = None
    return known if isinstance(known, dict) else {"": None}


def turns_two_way(head: Head, changes: dict[str, Any]) -> bool:
    """Return whether these changes let an account that syncs one way sync both ways."""
    if "direction" not in changes or head.rules.direction is Direction.BOTH:
        return False
    own = {name: value for name, value in {**head.account.overrides, **changes}.items() if value is not None}
    return engine_rules.overlay(head.base, own).direction is Direction.BOTH


def _values(own: dict[str, Any]) -> dict[str, Any]:
    reminders = own.get("default_reminders")
    minutes, way = reminders[0] if reminders else ("", "popup")
    return {
        "direction": own.get("direction", ""),
        "frequency": own.get("frequency", ""),
        "visibility": own.get("default_visibility", ""),
        "reminder": NONE if reminders is not None and not reminders else str(minutes),
        "reminder_way": way,
        **{name: own.get(rule, "") for name, rule in EVENT_KINDS.items()},
    }


def _reminders(form: RulesForm) -> list[list[Any]] | None:
    if not form.reminder.data:
        return None
    return [] if form.reminder.data == NONE else [[int(form.reminder.data), form.reminder_way.data]]


def _offer(form: RulesForm, head: Head) -> None:
    """Fill the choices, each list with the organisation's own first."""
    base, short = head.base, head.info.short
    form.direction.choices = _with_base(
        words.direction(base.direction, short), [(d, words.direction(d, short)) for d in DIRECTIONS]
    )
    frequencies = list(dict.fromkeys([*FREQUENCIES, *([form.frequency.data] if form.frequency.data else [])]))
    form.frequency.choices = _with_base(words.frequency(base.frequency), [(f, words.frequency(f)) for f in frequencies])
    form.visibility.choices = _with_base(
        base.default_visibility.capitalize(), [("public", "Public"), ("private", "Private")]
    )
    minutes = sorted({*REMINDERS, *([int(form.reminder.data)] if (form.reminder.data or "").isdigit() else [])})
    options = [(NONE, "No reminder"), *((str(m), _before(m)) for m in minutes)]
    form.reminder.choices = _with_base(_base_reminder(base), options)
    for name, rule in EVENT_KINDS.items():
        options = [(value, words.rule_value(rule, value).capitalize()) for value in ("sync", "busy", "skip")]
        form[name].choices = _with_base(words.rule_value(rule, getattr(base, rule)), options)


def _with_base(label: str, options: list[tuple[str, str]]) -> Any:
    return choices([("", f"As the organisation: {label}"), *options])


def _base_reminder(base: Rules) -> str:
    return _before(base.default_reminders[0][0]) if base.default_reminders else "No reminder"


def _before(minutes: int) -> str:
    if minutes == 0:
        return "When it starts"
    if minutes % 1440 == 0:
        return words.count(minutes // 1440, "day") + " before"
    return words.count(minutes // 60, "hour") + " before" if minutes % 60 == 0 else f"{minutes} minutes before"
