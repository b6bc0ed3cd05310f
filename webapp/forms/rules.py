"""Forms of the sync settings, one per tab. A field has the name of the rule it sets; `apply` gives the rules back.

Ranges and closed lists are checked by the service, which names the field; here stands only what a field looks like.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from wtforms import (
    BooleanField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
    ValidationError,
)
from wtforms.validators import Optional

from calsync.engine.rules import EVENT_KIND_RULES, Rules
from calsync.engine.vocabulary import Deletions, Direction, Kind, MailRule, Policy
from webapp import words
from webapp.forms.fields import FREQUENCIES, choices
from webapp.forms.rule_tab import RulesTab, boxes, number

DIRECTIONS = (
    ("both", "Both ways: changes on either side reach the other"),
    ("inbound", "Calendars to CRM only: nothing is ever written to a calendar"),
    ("outbound", "CRM to calendars only: changes made in calendars stay there"),
)
PRIVATE = (
    ("busy", "As busy time, without title and details"),
    ("full", "In full; others still see only that they are private"),
    ("skip", "Not at all"),
)
EVENT_KINDS = (
    ("sync", "Like any other event"),
    ("busy", "As busy time only: they block it and become no activities"),
    ("skip", "Not at all"),
)
OVERRIDABLE = (
    "direction",
    "frequency",
    "policy",
    "default_visibility",
    "default_reminders",
    *EVENT_KIND_RULES.values(),
)


def _pairs(values: Any, label: Any) -> list[Any]:
    return choices((str(value), label(value)) for value in values)


class GeneralForm(RulesTab):
    direction = RadioField("Direction")
    frequency = SelectField("How often accounts sync")
    window_past_days = number("Days back")
    window_future_days = number("Days ahead")
    account_overrides = boxes(
        "What accounts may decide for themselves",
        choices=_pairs(OVERRIDABLE, words.rule_name),
        description="Owners set these on their account's page; where they do not, the settings here hold.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.direction.choices = choices(DIRECTIONS)
        self.frequency.choices = _pairs(FREQUENCIES, words.frequency)

    def offer(self, rules: Rules) -> None:
        if rules.frequency not in FREQUENCIES:
            self.frequency.choices = _pairs((*FREQUENCIES, rules.frequency), words.frequency)

    def meant(self, name: str, value: Any) -> Any:
        return Direction(value) if name == "direction" else super().meant(name, value)


class WhatForm(RulesTab):
    kinds_out = boxes("Activities that go out to calendars", choices=_pairs(Kind, words.kind))
    task_minutes = number("Length of the event of a task that has a due time only", description="minutes")
    import_events = BooleanField(
        "Events in calendars become activities",
        description="Off: only what the CRM created, and changes to it, come back.",
    )
    import_all_day = BooleanField("All-day events, too")
    import_declined = BooleanField("Events that the owner declined, too")
    import_kind = SelectField("They become", choices=_pairs(Kind, words.kind))
    due_is = SelectField(
        "Due time of an imported task", choices=choices((("start", "The event's start"), ("end", "The event's end")))
    )
    import_private = RadioField(
        "Private events",
        choices=choices(PRIVATE),
    )
    import_out_of_office = SelectField("Time out of office", choices=choices(EVENT_KINDS))
    import_focus = SelectField("Focus time", choices=choices(EVENT_KINDS))
    import_work_place = SelectField("Places of work", choices=choices(EVENT_KINDS))
    import_birthday = SelectField("Birthdays", choices=choices(EVENT_KINDS))
    import_from_mail = SelectField("Events found in mail", choices=choices(EVENT_KINDS), description="Flights, tables.")
    block_busy_time = BooleanField(
        "Busy events block their owner's time", description="For finding free times when meetings are planned."
    )
    default_visibility = SelectField(
        "Visibility of events that we create",
        choices=choices((("public", "As the calendar shows it"), ("private", "Private"))),
    )
    default_reminders = StringField(
        "Reminders of events that we create",
        [Optional()],
        description="Minutes before the start, like 10, 60. Empty: the calendar's own.",
    )

    def event_kinds(self) -> list[Any]:
        """Return the fields that say what becomes of events of a kind."""
        return [self[name] for name in EVENT_KIND_RULES.values()]

    def shown(self, name: str, value: Any) -> Any:
        if name == "default_reminders":
            return ", ".join(f"{minutes}{' mail' if way == 'email' else ''}" for minutes, way in value)
        return super().shown(name, value)

    def meant(self, name: str, value: Any) -> Any:
        match name:
            case "default_reminders":
                return tuple(_reminder(part) for part in (value or "").split(",") if part.strip())
            case "import_kind":
                return Kind(value)
            case _:
                return super().meant(name, value)

    def validate_default_reminders(self, field: Any) -> None:
        try:
            self.meant(field.name, field.data)
        except ValueError as error:
            raise ValidationError(
                "Give minutes with commas between them, like 10, 60; add “mail” for one by mail."
            ) from error


def _reminder(text: str) -> tuple[int, str]:
    minutes, _, way = text.strip().partition(" ")
    if way.strip() not in ("", "mail"):
        raise ValueError(text)
    return int(minutes), "email" if way.strip() == "mail" else "popup"


WITH_OWN_WINNER = ("summary", "time", "description", "location", "attendees", "transparency", "classification")
"""Fields for which the page offers a winner of their own."""


class ConflictsForm(RulesTab):
    policy = RadioField("When both sides changed the same field")
    winner_summary = SelectField()
    winner_time = SelectField()
    winner_description = SelectField()
    winner_location = SelectField()
    winner_attendees = SelectField()
    winner_transparency = SelectField()
    winner_classification = SelectField()
    merge_fields = BooleanField(
        "Merge changes of different fields",
        description="On: a new time here and a new place there both stand. Off: any two changes are a conflict.",
    )
    deletions = RadioField("When one side deletes", choices=_pairs(Deletions, words.deletions))
    cancel_visibly = BooleanField(
        "Show cancelled events as cancelled",
        description="Where the calendar can. Off, and elsewhere, they are deleted there. Activities are never deleted.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        order = (Policy.LAST_MODIFIED, Policy.CRM, Policy.EXTERNAL, Policy.MANUAL)
        self.policy.choices = _pairs(order, lambda p: f"{words.policy(p)}: {words.policy_meaning(p)}")
        for name, field in self.winners().items():
            field.label.text = words.field(name)
            same = [("", "As all fields")]
            field.choices = choices(
                [*same, *((p.value, words.policy(p).removesuffix(" (recommended)")) for p in order)]
            )

    def winners(self) -> dict[str, Any]:
        """Return the fields that choose who wins one merge unit, by its name."""
        return {name: self[f"winner_{name}"] for name in WITH_OWN_WINNER}

    @property
    def has_winners(self) -> bool:
        return any(field.data for field in self.winners().values())

    def fill(self, rules: Rules) -> None:
        super().fill(rules)
        own = dict(rules.field_policies)
        for name, field in self.winners().items():
            field.data = own.get(name, "")

    def applied(self, rules: Rules) -> Rules:
        chosen = {name: field.data for name, field in self.winners().items()}
        others = [(name, policy) for name, policy in rules.field_policies if name not in chosen]
        own = [*others, *((name, policy) for name, policy in chosen.items() if policy)]
        return replace(super().applied(rules), field_policies=tuple(own))

    def meant(self, name: str, value: Any) -> Any:
        types: dict[str, Any] = {"policy": Policy, "deletions": Deletions}
        return types[name](value) if name in types else super().meant(name, value)


class PrivacyForm(RulesTab):
    show_title = BooleanField("Title", description="Off: the event says “Busy”.")
    show_description = BooleanField("Description")
    show_attendees = BooleanField("Attendees", description="Off: guests are not on the event and get no invitation.")
    show_location = BooleanField("Location")


class MailForm(RulesTab):
    mail_new = SelectField("About new events", choices=_pairs(MailRule, words.mail_rule))
    mail_changed = SelectField("About changed events", choices=_pairs(MailRule, words.mail_rule))
    mail_cancelled = SelectField("About cancelled events", choices=_pairs(MailRule, words.mail_rule))
    internal_domains = TextAreaField(
        "Own mail domains",
        [Optional()],
        description="One a line, like example.com. Guests with other addresses are external.",
        render_kw={"rows": 3},
    )

    def shown(self, name: str, value: Any) -> Any:
        return "\n".join(value) if name == "internal_domains" else super().shown(name, value)

    def meant(self, name: str, value: Any) -> Any:
        if name == "internal_domains":
            names = (value or "").replace(",", " ").split()
            return tuple(dict.fromkeys(each.lower().lstrip("@") for each in names))
        return MailRule(value)

    def validate_internal_domains(self, field: Any) -> None:
        for name in self.meant(field.name, field.data):
            if "." not in name or "@" in name or "/" in name:
                raise ValidationError(f"{name} is not a mail domain. Example: example.com")


class SafetyForm(RulesTab):
    brake_deletion_share = number("Deletions: more than this share of a calendar", description="percent")
    brake_deletions = number("…and more than this many")
    brake_creates = number("New records, after the first sync: more than")
    brake_mails = number("People who would be mailed: more than")
    keep_runs_days = number("Runs", description="days")
    keep_steps_days = number("What each run did to each record", description="days")
    keep_images_days = number("Values before and after, needed for undo", description="days")

    def shown(self, name: str, value: Any) -> Any:
        return round(value * 100) if name == "brake_deletion_share" else super().shown(name, value)

    def meant(self, name: str, value: Any) -> Any:
        return value / 100 if name == "brake_deletion_share" else super().meant(name, value)


TABS: dict[str, tuple[str, type[RulesTab]]] = {
    "general": ("General", GeneralForm),
    "what": ("What syncs", WhatForm),
    "conflicts": ("Conflict Resolution", ConflictsForm),
    "privacy": ("Privacy", PrivacyForm),
    "mail": ("Mail", MailForm),
    "safety": ("Safety", SafetyForm),
}
"""The tabs of the page: key, name and form."""
