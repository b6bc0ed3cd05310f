"""The form of an event type, and what it means to `calsync.services.event_types`, which names the fields likewise."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    Form,
    FormField,
    HiddenField,
    IntegerField,
    SelectField,
    StringField,
    TextAreaField,
    ValidationError,
)
from wtforms.fields import FieldList
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Optional
from wtforms.widgets import HiddenInput

from calsync.engine import booking_form
from calsync.engine.booking_form import MOST_QUESTIONS, Question
from calsync.services.event_types import MAIL, EventTypeValues
from calsync.store import tables as t
from webapp import words
from webapp.forms.activities import MOST_REMINDERS, UNITS, ReminderForm
from webapp.forms.fields import choices, trimmed
from webapp.words import scheduling

QUESTION_KINDS = (
    ("text", "A line of text"),
    ("paragraph", "Several lines"),
    ("choice", "One of several answers"),
    ("yes_no", "A box to tick"),
)
VISIBILITIES = (("public", "Public"), ("private", "Private"), ("confidential", "Confidential"))
MAIL_LABELS = {"mail_new": "New", "mail_changed": "Changed", "mail_cancelled": "Cancelled"}
TEXTS = ("name", "slug", "description", "location")
NUMBERS = ("length_minutes", "buffer_before_minutes", "buffer_after_minutes", "horizon_days", "step_minutes")
CHOICES = ("daily_limit", "location_kind", "visibility", "is_public", "is_active")
"""Fields that mean the same in the form and in the service."""
_MAIL_RULES = [(value, words.mail_rule(value)) for value in ("never", "external", "all")]


def _minutes(label: str, low: int, high: int, reason: str, hint: str = "") -> IntegerField:
    checks = [InputRequired("Give a number of minutes."), NumberRange(low, high, reason)]
    return IntegerField(label, checks, description=hint)


def _id_or_none(value: object) -> int | None:
    return int(str(value)) if value not in (None, "", "None") else None


class QuestionForm(Form):
    """One question; without a text it is not there."""

    name = HiddenField()
    label = StringField("Question", [Length(max=300)], filters=[trimmed])
    kind = SelectField("Answered by", choices=choices(QUESTION_KINDS))
    answers = TextAreaField(
        "Answers to choose from", [Length(max=5000)], description="One per line.", render_kw={"rows": 3}
    )
    is_required = BooleanField("Must be answered")

    def lines(self) -> tuple[str, ...]:
        return tuple(line.strip() for line in (self.answers.data or "").splitlines() if line.strip())

    def validate_answers(self, field: Any) -> None:
        if self.label.data and self.kind.data == "choice" and not self.lines():
            raise ValidationError("Give the answers to choose from, one per line.")


class EventTypeForm(FlaskForm):
    name = StringField("Name", [DataRequired("Give it a name."), Length(max=200)], filters=[trimmed])
    slug = StringField(
        "Address",
        [Length(max=100)],
        filters=[trimmed],
        description="The end of its page's address, like first-meeting. Left empty, it is made of the name.",
        render_kw={"autocapitalize": "off", "spellcheck": "false"},
    )
    description = TextAreaField("Description", [Length(max=5000)], filters=[trimmed], render_kw={"rows": 3})
    who = SelectField("Who or what is booked")
    color = StringField("Colour", render_kw={"type": "color"}, default="#2f6fde")
    has_color = BooleanField("A colour of its own")
    length_minutes = _minutes("Length", 1, 1440, "A booking lasts 1 minute to 24 hours.", "Minutes.")
    location_kind = SelectField("Where")
    host_account_id = SelectField(
        "Hosted by",
        coerce=_id_or_none,
        description="Should this account go, whoever is booked hosts new meetings instead.",
    )
    location = StringField("Place, number or link", [Length(max=2000)], filters=[trimmed])
    buffer_before_minutes = _minutes(
        "Buffer before", 0, 720, "A buffer is at most 12 hours.", "Minutes kept free before it."
    )
    buffer_after_minutes = _minutes(
        "Buffer after", 0, 720, "A buffer is at most 12 hours.", "Minutes kept free after it."
    )
    notice = IntegerField("Minimum notice", [InputRequired("Give a number."), NumberRange(0, 525_600)])
    notice_unit = SelectField("Unit", choices=choices(UNITS), coerce=int)
    horizon_days = IntegerField(
        "Open for booking",
        [InputRequired("Give a number of days."), NumberRange(1, 730, "Bookings open 1 to 730 days ahead.")],
        description="Days ahead, at most 730.",
    )
    step_minutes = _minutes(
        "A slot begins every", 1, 1440, "Slots begin every 1 to 1440 minutes.", "Minutes, counted from midnight."
    )
    daily_limit = IntegerField(
        "Bookings a day at most",
        [Optional(), NumberRange(1, 10_000, "A daily limit is 1 or more, or none.")],
        description="Of each resource. Empty: any number.",
    )
    reminders = FieldList(FormField(ReminderForm), min_entries=2, max_entries=MOST_REMINDERS)
    visibility = SelectField(
        "Visibility", choices=choices(VISIBILITIES), description="Of the activity that a booking becomes."
    )
    questions = FieldList(FormField(QuestionForm), max_entries=MOST_QUESTIONS)
    mail = SelectField(
        "Mail to guests",
        choices=choices((("", "As Sync Settings say"), ("own", "Rules of its own"))),
        description="Rules of its own stand above those of Sync Settings. Guests get one mail: ours where a mail "
        "server is set, with their link and a calendar file; else the calendar’s.",
    )
    mail_new = SelectField(MAIL_LABELS["mail_new"], choices=choices(_MAIL_RULES), default="never")
    mail_changed = SelectField(MAIL_LABELS["mail_changed"], choices=choices(_MAIL_RULES), default="never")
    mail_cancelled = SelectField(MAIL_LABELS["mail_cancelled"], choices=choices(_MAIL_RULES), default="never")
    is_public = BooleanField("Public page", description="Anybody who knows its address can book, without a login.")
    is_active = BooleanField(
        "Can be booked", description="Switched off, nothing is offered. Bookings that stand go on."
    )
    version = IntegerField(widget=HiddenInput())

    def validate_notice(self, field: Any) -> None:
        if (field.data or 0) * (self.notice_unit.data or 1) > 365 * 1440:
            raise ValidationError("Notice is at most a year.")

    def name_places(self, link_kinds: Iterable[str]) -> None:
        """Give the choices of where it takes place: the known ones and the meetings that providers make."""
        made = [(kind, scheduling.place(kind)) for kind in link_kinds]
        self.location_kind.choices = choices([*scheduling.PLACES.items(), *made])

    def name_hosts(self, found: Iterable[t.Account]) -> None:
        """Give the choices of who hosts meetings at providers without calendars."""
        self.host_account_id.choices = choices([("", "Whoever is booked"), *((t.pk(a), a.label) for a in found)])

    def grow(self) -> None:
        """Add empty rows where people may want to say more."""
        if not any(each.form.number.data is None for each in self.reminders):
            _add(self.reminders, MOST_REMINDERS)
        if not any(not each.form.label.data for each in self.questions):
            _add(self.questions, MOST_QUESTIONS)

    def values(self) -> EventTypeValues:
        """Return what the form says."""
        kind, _, row_id = (self.who.data or "").partition(":")
        who = {"resource": "resource_id", "group": "group_id", "user": "owner_id"}.get(kind, "resource_id")
        said: dict[str, Any] = {who: int(row_id)}
        said |= {name: self[name].data or "" for name in TEXTS}
        said |= {name: self[name].data for name in (*NUMBERS, *CHOICES)}
        return EventTypeValues(
            **said,
            host_account_id=self.host_account_id.data,
            notice_minutes=self.notice.data * self.notice_unit.data,
            reminders=self._reminders(),
            color=self.color.data if self.has_color.data else "",
            questions=tuple(self._questions()),
            mail={name: self[name].data for name in MAIL} if self.mail.data == "own" else None,
        )

    def _reminders(self) -> list[tuple[int, str]]:
        found = (each.data for each in self.reminders)
        return sorted({(r["number"] * r["unit"], r["method"]) for r in found if r["number"] is not None})

    def _questions(self) -> Iterator[Question]:
        """Yield the questions; one keeps its name for good, because answers are stored under it."""
        asked = [each.form for each in self.questions if each.form.label.data]
        taken = {form.name.data for form in asked if form.name.data}
        for form in asked:
            name = form.name.data or _free_name(form.label.data, taken)
            taken.add(name)
            needed = form.lines() if form.kind.data == "choice" else ()
            yield Question(name, form.label.data, form.kind.data, form.is_required.data, needed)


def _free_name(label: str, taken: set[str]) -> str:
    stem = re.sub(r"[^a-z0-9]+", "_", label.lower()).strip("_")[:40] or "question"
    numbered = (f"{stem}_{n}" for n in range(2, MOST_QUESTIONS + 3))
    return next(name for name in (stem, *numbered) if name not in taken)


def _add(rows: Any, most: int) -> None:
    if len(rows) < most:
        rows.append_entry()


# --- what stands in the form at first


def new_data(who: str) -> dict[str, Any]:
    """Return the form's data of a new event type."""
    values = EventTypeValues("")
    found = {name: getattr(values, name) for name in (*NUMBERS, "location_kind", "visibility", "is_active")}
    return found | {"who": who, "notice": 1, "notice_unit": 60, "reminders": [_reminder(15, "popup")]}


def data_of(row: t.EventType) -> dict[str, Any]:
    """Return the form's data of an event type."""
    ids = {"resource": row.resource_id, "group": row.group_id, "user": row.owner_id}
    notice = _reminder(row.notice_minutes, "")
    questions = booking_form.from_json(row.questions)
    return {name: getattr(row, name) for name in (*TEXTS, *NUMBERS, *CHOICES)} | {
        "who": next((f"{kind}:{i}" for kind, i in ids.items() if i is not None), ""),
        "has_color": bool(row.color),
        "color": row.color or "#2f6fde",
        "notice": notice["number"],
        "notice_unit": notice["unit"],
        "reminders": [_reminder(minutes, method) for minutes, method in row.reminders],
        "questions": [_question(each) for each in questions],
        "mail": "" if row.mail is None else "own",
        **(row.mail or {}),
        "host_account_id": row.host_account_id,
        "version": row.row_version,
    }


def _question(question: Question) -> dict[str, Any]:
    return {
        "name": question.name,
        "label": question.label,
        "kind": question.kind,
        "is_required": question.is_required,
        "answers": "\n".join(question.choices),
    }


def _reminder(minutes: int, method: str) -> dict[str, Any]:
    unit = next((size for size, _ in reversed(UNITS) if minutes and minutes % size == 0), 1)
    return {"number": minutes // unit, "unit": unit, "method": method}
