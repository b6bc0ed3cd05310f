"""Forms about other people, for admins."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import BooleanField, IntegerField, RadioField, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, Length
from wtforms.widgets import HiddenInput

from calsync.engine.vocabulary import Role
from webapp import words
from webapp.forms.fields import Email, choices, trimmed


def role_choices() -> list[SelectChoice]:
    return choices((role.value, f"{words.role(role)}: {words.role_meaning(role)}") for role in Role)


class InviteForm(FlaskForm):
    email = Email()
    name = StringField("Name", [Length(max=200)], filters=[trimmed])
    role = RadioField("Role", choices=role_choices, default=Role.STAFF.value)


class RoleForm(FlaskForm):
    role = SelectField("Role", choices=choices((role.value, words.role(role)) for role in Role))


class HandOverForm(FlaskForm):
    to = SelectField("To", [DataRequired("Choose a person.")], coerce=int)


class SwitchesForm(FlaskForm):
    staff_may_connect = BooleanField(
        "Staff may connect calendars", description="Off hides the menu entries from staff and refuses the pages."
    )
    clients_may_connect = BooleanField(
        "Clients may connect calendars", description="Off hides the menu entries from clients and refuses the pages."
    )
    version = IntegerField(widget=HiddenInput())
