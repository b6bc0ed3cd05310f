"""Forms of people who are not signed in: login, code, invitation."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import PasswordField, StringField
from wtforms.validators import DataRequired, EqualTo, Length

from webapp.forms.fields import Email, trimmed


class LoginForm(FlaskForm):
    email = Email(render_kw={"type": "email", "autocomplete": "username", "autocapitalize": "off"})
    password = PasswordField(
        "Password",
        [DataRequired("Give your password."), Length(max=500)],
        render_kw={"autocomplete": "current-password"},
    )


class CodeForm(FlaskForm):
    code = StringField(
        "Code",
        [DataRequired("Give the code."), Length(max=40)],
        filters=[trimmed],
        render_kw={"autocomplete": "one-time-code", "inputmode": "text", "autocapitalize": "off"},
    )


class NewPasswordForm(FlaskForm):
    """Sets a password: by an invitation, or as the first admin's."""

    password = PasswordField(
        "Password",
        [DataRequired("Choose a password."), Length(max=500)],
        description="At least 10 characters; a few unrelated words are good.",
        render_kw={"autocomplete": "new-password"},
    )
    again = PasswordField(
        "The same again",
        [DataRequired("Type the password again."), EqualTo("password", "The two passwords differ.")],
        render_kw={"autocomplete": "new-password"},
    )
