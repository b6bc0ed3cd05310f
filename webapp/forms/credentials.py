"""Forms about a provider's credentials and what holds for everybody's accounts there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import (
    DateField,
    HiddenField,
    IntegerField,
    PasswordField,
    SelectField,
    SelectMultipleField,
    StringField,
    ValidationError,
)
from wtforms.validators import DataRequired, Length, Optional
from wtforms.widgets import CheckboxInput, HiddenInput, ListWidget

from calsync.engine.vocabulary import Direction, Role
from calsync.services.credentials import TenantChoice
from webapp import words
from webapp.forms.fields import FREQUENCIES, choices, trimmed

_ENDS = "As the provider shows it beside the secret. Admins are told 30, 14, 7 and 1 days before."
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
    audience = SelectField("Who may connect", choices=choices([("", "")]), validate_choice=False)
    tenant = StringField(
        "Tenant", [Length(max=120)], filters=[trimmed], description="Only for one organisation.", render_kw=PLAIN
    )
    secret_ends_on = DateField("The secret runs out on", [Optional()], description=_ENDS)
    imported = HiddenField()

    def offer(self, tenants: Sequence[TenantChoice], now: str = "") -> None:
        """Give the choice of whose people may sign in, where the provider asks it; `now` is the one in use."""
        named = [choice.value for choice in tenants if choice.value]
        self.audience.choices = choices((each.value, f"{each.label}: {each.meaning}") for each in tenants)
        if tenants and not self.is_submitted():
            self.audience.data = now if now in named else "" if now else named[0]
            self.tenant.data = "" if now in named else now

    @property
    def chosen_tenant(self) -> str:
        """Return whose people may sign in, as the provider names it."""
        return self.audience.data or self.tenant.data or ""

    def validate_tenant(self, field: Any) -> None:
        is_asked = len(self.audience.choices or ()) > 1
        if is_asked and not self.audience.data and not field.data:
            raise ValidationError("Give the organisation’s tenant ID, or a domain of it.")

    def validate_client_secret(self, field: Any) -> None:
        if not field.data and not self.imported.data:
            raise ValidationError("Give the Client Secret.")


class SecretEndForm(FlaskForm):
    """When the secret in use runs out; empty forgets it."""

    secret_ends_on = DateField("The secret runs out on", [Optional()], description=_ENDS)


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
