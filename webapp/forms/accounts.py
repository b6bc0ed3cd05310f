"""Forms about accounts: signing in with a password, signing in again, pausing, leaving, an account's own rules."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import BooleanField, DateTimeLocalField, HiddenField, PasswordField, RadioField, SelectField, StringField
from wtforms.validators import DataRequired, Length, Optional

from webapp.forms.fields import choices, trimmed

PLAIN = {"autocapitalize": "off", "autocorrect": "off", "spellcheck": "false"}
DIRECTIONS = ("both", "inbound", "outbound")
REMINDERS = (0, 5, 10, 15, 30, 60, 120, 1440)


class ConnectForm(FlaskForm):
    """A login at a provider that takes passwords. Labels and the address come from the chosen service."""

    url = StringField("Server address", [DataRequired("Give the server's address."), Length(max=1000)], render_kw=PLAIN)
    username = StringField("User name", [DataRequired("Give the user name."), Length(max=320)], render_kw=PLAIN)
    password = PasswordField("Password", [DataRequired("Give the password."), Length(max=1000)])
    owner = SelectField("Whose calendar is it?", coerce=int)
    allow_private_network = BooleanField(
        "The server is in our own network",
        description="Addresses like 192.168.1.10 are refused otherwise, so that nobody can reach into your network.",
    )


class ReconnectForm(FlaskForm):
    """A new password for a login that is known; the address only where the server moved."""

    url = StringField("Server address", [Optional(), Length(max=1000)], filters=[trimmed], render_kw=PLAIN)
    username = StringField("User name", [DataRequired("Give the user name."), Length(max=320)], render_kw=PLAIN)
    password = PasswordField("Password", [DataRequired("Give the password."), Length(max=1000)])


class PauseForm(FlaskForm):
    until = DateTimeLocalField("Until", [Optional()], description="Leave it empty to pause until somebody resumes it.")
    reason = StringField("Why", [Length(max=300)], filters=[trimmed], description="Shown to whoever wonders about it.")


class DisconnectForm(FlaskForm):
    choice = RadioField("What shall become of the copies?", [DataRequired("Choose one of the four.")])


class CalendarForm(FlaskForm):
    calendar = SelectField("Calendar", [DataRequired("Choose a calendar.")], coerce=int)


class RulesForm(FlaskForm):
    """An account's own rules; "" is the organisation's choice. Fields that an admin keeps are deleted."""

    direction = SelectField("Direction")
    frequency = SelectField("How often")
    visibility = SelectField(
        "Visibility", choices=choices((("", ""), ("public", "Public"), ("private", "Private"))), default=""
    )
    reminder = SelectField("Reminder", default="")
    reminder_way = SelectField("By", choices=choices((("popup", "A pop-up"), ("email", "E-mail"))), default="popup")
    out_of_office = SelectField("Time out of office", default="")
    focus = SelectField("Focus time", default="")
    work_place = SelectField("Places of work", default="")
    birthday = SelectField("Birthdays", default="")
    from_mail = SelectField("Events found in mail", default="")
    known = HiddenField()
