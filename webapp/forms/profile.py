"""Forms of a person's own page."""

from __future__ import annotations

from typing import Any

from flask_wtf import FlaskForm
from wtforms import BooleanField, PasswordField, SelectField, StringField
from wtforms.validators import DataRequired, EqualTo, Length

from calsync.services.notices import KINDS
from webapp import words
from webapp.forms.fields import known_zone, trimmed, zone_choices


class DetailsForm(FlaskForm):
    name = StringField("Name", [Length(max=200)], filters=[trimmed], render_kw={"autocomplete": "name"})
    tz = SelectField("Time zone", [known_zone], choices=zone_choices, description="All times are shown in it.")


class PasswordForm(FlaskForm):
    old = PasswordField(
        "Present password",
        [DataRequired("Give your present password."), Length(max=500)],
        render_kw={"autocomplete": "current-password"},
    )
    password = PasswordField(
        "New password",
        [DataRequired("Choose a new password."), Length(max=500)],
        description="At least 10 characters; a few unrelated words are good.",
        render_kw={"autocomplete": "new-password"},
    )
    again = PasswordField(
        "The same again",
        [DataRequired("Type the new password again."), EqualTo("password", "The two passwords differ.")],
        render_kw={"autocomplete": "new-password"},
    )


NOTICE_HINTS = {
    "reconnect": "A calendar's sign-in no longer works. At once, then after 1, 3, 7 and 14 days.",
    "ending": "An authorisation ends by itself within two days. Once.",
    "credentials": "A provider refuses the credentials of this installation. Once, and once when it is over.",
    "secret": "A secret of this installation runs out. 30, 14, 7 and 1 days before.",
    "held": "A run stopped at a safety limit and waits for approval.",
    "failing": "An account failed several times in a row.",
    "conflict": "A record was changed on both sides and waits for your decision.",
    "meeting": "A meeting of yours has no link that works: refused, deleted there, or without a host. Once.",
    "room": "A room that a booking invited did not take it. Once.",
    "webhook": "A webhook took nothing for five days and was switched off. Once.",
    "disconnected": "An account was disconnected.",
    "recovered": "What failed before works again. Once.",
    "digest": "Once a week, how syncing went.",
}
ADMIN_NOTICES = ("digest", "credentials", "secret", "webhook")


def notices_form(role: str, choices: dict[str, Any]) -> Any:
    """Return a form with a switch for every kind of mail that this role may get."""

    class NoticesForm(FlaskForm):
        pass

    for kind in KINDS:
        if role == "admin" or kind not in ADMIN_NOTICES:
            label, hint = words.notice(kind).label, NOTICE_HINTS.get(kind, "")
            setattr(NoticesForm, kind, BooleanField(label, description=hint))
    return NoticesForm(data={kind: bool(choices.get(kind, True)) for kind in KINDS})
