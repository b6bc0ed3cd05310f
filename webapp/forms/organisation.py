"""Forms about the organisation: its name and look, its address and dates; used by the setup and its page."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import BooleanField, IntegerField, SelectField, StringField, ValidationError
from wtforms.validators import DataRequired, Length, Optional
from wtforms.widgets import HiddenInput

from calsync.services import logos
from webapp.forms.fields import Email, choices, known_zone, trimmed, zone_choices
from webapp.forms.login import NewPasswordForm
from webapp.words import languages, times

_EXAMPLE = datetime(2030, 1, 7, 14, 5, tzinfo=UTC)
DATE_FORMATS = [
    (name, f"{how.label}: {times.absolute(_EXAMPLE, ZoneInfo('UTC'), how)}") for name, how in languages.STYLES.items()
]


class FirstAdminForm(NewPasswordForm):
    name = StringField("Your name", [DataRequired("Give your name."), Length(max=200)], filters=[trimmed])
    email = Email("Your email address")


class LookForm(FlaskForm):
    name = StringField(
        "Organisation name",
        [DataRequired("Give a name."), Length(max=80)],
        filters=[trimmed],
        description="Stands on every page and in every mail.",
    )
    accent = StringField(
        "Accent colour",
        [DataRequired("Choose a colour.")],
        description="Buttons and links take it; texts are shifted until they can be read.",
        render_kw={"type": "color"},
    )
    logo = FileField("Logo", description="PNG, JPEG, GIF or WebP, up to 512 KB. A wide one fits best.")
    remove_logo = BooleanField("Remove the logo")
    version = IntegerField(widget=HiddenInput())

    def validate_accent(self, field: StringField) -> None:
        if not re.fullmatch(r"#[0-9a-fA-F]{6}", field.data or ""):
            raise ValidationError("Give the colour as # and six hex digits, like #206bc4.")

    def logo_data(self) -> bytes | None:
        """Return the uploaded picture, or None when no file was chosen."""
        chosen = self.logo.data
        if not chosen or not chosen.filename:
            return None
        data: bytes = chosen.read(logos.LARGEST + 1)
        return data


class PlaceForm(FlaskForm):
    public_url = StringField(
        "Public address",
        [Optional(), Length(max=300)],
        filters=[trimmed],
        description="Where people and providers reach this page: scheme and host, without a path.",
        render_kw={"type": "url", "placeholder": "https://calendar.example.com"},
    )
    tz = SelectField("Time zone", [known_zone], choices=zone_choices, description="For mails and new people.")
    date_format = SelectField(
        "Language of dates", description="Names of months and days, and their order.", choices=choices(DATE_FORMATS)
    )
    version = IntegerField(widget=HiddenInput())
