"""Forms about mail: the server, a test, the weekly summary."""

from __future__ import annotations

from dataclasses import replace

from flask_wtf import FlaskForm
from wtforms import BooleanField, IntegerField, PasswordField, SelectField, StringField, ValidationError
from wtforms.validators import Length, NumberRange, Optional
from wtforms.widgets import HiddenInput

from calsync.services.digest_schedule import Schedule
from calsync.services.settings import MailServer
from webapp.forms.fields import Email, choices, trimmed

TLS = [
    ("starttls", "STARTTLS: usual, port 587"),
    ("tls", "TLS: encrypted from the first byte, port 465"),
    ("none", "None: only inside your own network"),
]
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
ADDRESS = {"autocapitalize": "off", "spellcheck": "false", "autocomplete": "off"}


class MailServerForm(FlaskForm):
    host = StringField(
        "Server",
        [Length(max=253)],
        filters=[trimmed],
        description="Empty means that no mail is sent.",
        render_kw={"placeholder": "smtp.example.com", **ADDRESS},
    )
    port = IntegerField("Port", [NumberRange(1, 65535, "A port is a number from 1 to 65535.")])
    tls = SelectField("Encryption", choices=choices(TLS))
    username = StringField("User name", [Length(max=320)], filters=[trimmed], render_kw=ADDRESS)
    password = PasswordField("Password", [Length(max=500)], render_kw={"autocomplete": "new-password"})
    forget_password = BooleanField("Remove the stored password")
    sender = StringField(
        "Sender",
        [Length(max=320)],
        filters=[trimmed],
        description="The address that mails come from, alone or with a name: Calendar <calendar@example.com>",
        render_kw={"placeholder": "calendar@example.com", **ADDRESS},
    )
    version = IntegerField(validators=[Optional()], widget=HiddenInput())

    def validate_host(self, field: StringField) -> None:
        if any(c.isspace() or c in "/@:" for c in field.data or ""):
            raise ValidationError("Give the server's name alone, without https:// or a port: smtp.example.com")

    def value(self, known: MailServer) -> MailServer:
        """Return what was typed; an empty password keeps the stored one."""
        typed = self.password.data or None
        return replace(
            known,
            host=self.host.data or "",
            port=self.port.data or 0,
            tls=self.tls.data,
            username=self.username.data or "",
            sender=self.sender.data or "",
            password="" if self.forget_password.data and typed is None else typed,
        )


class TestMailForm(FlaskForm):
    to = Email("Send it to")


class DigestForm(FlaskForm):
    is_on = BooleanField("Send it", description="Each admin can switch it off for themselves on their profile.")
    weekday = SelectField("Day", choices=choices((n, name) for n, name in enumerate(DAYS)), coerce=int)
    hour = SelectField("Hour", choices=choices((n, f"{n:02}:00") for n in range(24)), coerce=int)
    version = IntegerField(validators=[Optional()], widget=HiddenInput())

    def value(self) -> Schedule:
        return Schedule(bool(self.is_on.data), self.weekday.data, self.hour.data)
