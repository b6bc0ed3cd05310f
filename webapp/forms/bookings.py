"""The form by which a slot is booked: who comes, and the questions of the event type."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from flask_wtf import FlaskForm
from wtforms import BooleanField, HiddenField, RadioField, SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, Length, Optional

from calsync.engine.booking_form import LONGEST, Question
from calsync.errors import Refused
from webapp.forms.fields import Email, choices, looks_like_email, trimmed

MOST_RADIOS = 4
ANSWER = "answer_"
PAGE_KEY = "page "
"""How the keys of bookings begin that were made on a page."""


def new_key() -> str:
    return secrets.token_urlsafe(18)


class BookingForm(FlaskForm):
    """A guest's own form. `at` is the start; `key` is this form's own, so that sending it twice books once."""

    at = HiddenField()
    tz = HiddenField()
    key = HiddenField(default=new_key)
    name = StringField(
        "Your name",
        [DataRequired("Give your name."), Length(max=200)],
        filters=[trimmed],
        render_kw={"autocomplete": "name"},
    )
    email = Email("Your email address")

    refused: Refused | None = None

    @property
    def own_key(self) -> str:
        """The key by which this form books once; apart from those that other callers choose."""
        return f"{PAGE_KEY}{self.key.data}"

    def renew_key(self) -> None:
        """Make the form, shown again, a new request."""
        self.key.data = new_key()

    @property
    def answer_fields(self) -> list[Any]:
        """The fields of the questions, in order."""
        return [field for name, field in self._fields.items() if name.startswith(ANSWER)]

    def answers(self, questions: Sequence[Question]) -> dict[str, Any]:
        """Return what was answered, by the questions' names."""
        return {q.name: field.data for q, field in zip(questions, self.answer_fields, strict=True)}


class MoveForm(FlaskForm):
    """The new time of a booking, as the page that asks for it sends it."""

    at = HiddenField()
    refused: Refused | None = None


class TeamBookingForm(BookingForm):
    """The same for somebody of the team, who may not know the guest's address."""

    name = StringField("Guest", [DataRequired("Give the guest's name."), Length(max=200)], filters=[trimmed])
    email = StringField(
        "Email address of the guest",
        [Optional(), Length(max=320), looks_like_email],
        filters=[trimmed],
        render_kw={"type": "email", "autocapitalize": "off", "spellcheck": "false"},
    )


def asking(base: type[BookingForm], questions: Sequence[Question]) -> type[BookingForm]:
    """Return the form with a field for each question."""
    fields = {f"{ANSWER}{number}": _field(question) for number, question in enumerate(questions)}
    return type(base.__name__, (base,), fields)


def _field(question: Question) -> Any:
    label, needed = question.label, question.is_required
    match question.kind:
        case "yes_no":
            return BooleanField(label, [InputRequired("This has to be agreed to.")] if needed else [])
        case "choice":
            return _choice(question)
        case "paragraph":
            return TextAreaField(label, _checks(question), filters=[trimmed], render_kw={"rows": 4})
    return StringField(label, _checks(question), filters=[trimmed])


def _choice(question: Question) -> Any:
    pairs = choices((choice, choice) for choice in question.choices)
    checks = [InputRequired("Please choose one.")] if question.is_required else [Optional()]
    if question.is_required and len(pairs) <= MOST_RADIOS:
        return RadioField(question.label, checks, choices=pairs, validate_choice=False)
    return SelectField(question.label, checks, choices=[*choices([("", "Choose…")]), *pairs])


def _checks(question: Question) -> list[Any]:
    first = DataRequired("Please answer this.") if question.is_required else Optional()
    return [first, Length(max=LONGEST[question.kind])]
