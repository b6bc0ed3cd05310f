"""Forms about a provider's credentials and what holds for everybody's accounts there."""

from __future__ import annotations

from typing import Any

from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import (
    HiddenField,
    IntegerField,
    PasswordField,
    SelectField,
    SelectMultipleField,
    StringField,
    ValidationError,
)
from wtforms.validators import DataRequired, Length
from wtforms.widgets import CheckboxInput, HiddenInput, ListWidget

from calsync.engine.vocabulary import Direction, Role
from webapp import words
from webapp.forms.fields import choices, trimmed
from webapp.forms.rules import FREQUENCIES

PLAIN = {"autocapitalize": "off", "autocorrect": "off", "spellcheck": "false", "autocomplete": "off"}


class FileForm(FlaskForm):
    file = FileField("Credentials file")

    def data_of(self, limit: int) -> bytes:
        """Return what was chosen, cut one byte past `limit`; b"" without a file."""
        chosen = self.file.data
        data: bytes = chosen.read(limit + 1) if chosen and chosen.filename else b""
        return data


class CredentialForm(FlaskForm):
    """A pair as typed, or as imported: `imported` then stands for the secret, which no page shows."""

    client_id = StringField(
        "Client ID", [DataRequired("Give the Client ID."), Length(max=300)], filters=[trimmed], render_kw=PLAIN
    )
    client_secret = PasswordField("Client Secret", [Length(max=1000)], filters=[trimmed], render_kw=PLAIN)
    account_id = StringField("Account ID", [Length(max=120)], filters=[trimmed], render_kw=PLAIN)
    imported = HiddenField()

    def validate_client_secret(self, field: Any) -> None:
        if not field.data and not self.imported.data:
            raise ValidationError("Give the Client Secret.")


class ProviderForm(FlaskForm):
    app_name = StringField(
        "Name of the app on the provider’s page",
        [Length(max=100)],
        filters=[trimmed],
        description="As you entered it on the consent screen. People are told to expect this name.",
    )
    roles = SelectMultipleField(
        "Who may connect accounts",
        choices=choices((role.value, words.role(role)) for role in Role),
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
        description="The switches on the People page come first: who may not connect there may not connect here.",
    )
    direction = SelectField("Direction of new accounts", default="")
    frequency = SelectField("Frequency of new accounts", default="")
    version = IntegerField(widget=HiddenInput())

    def offer(self, short: str) -> None:
        """Give the fields the choices that carry the provider's name."""
        usual = ("", "As in Sync Settings")
        ways = (Direction.BOTH, Direction.INBOUND, Direction.OUTBOUND)
        self.direction.choices = choices([usual, *((way.value, words.direction(way, short)) for way in ways)])
        self.frequency.choices = choices([usual, *((each, words.frequency(each)) for each in FREQUENCIES)])
