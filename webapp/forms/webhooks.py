"""Forms about webhooks."""

from __future__ import annotations

from datetime import date

from flask_wtf import FlaskForm
from wtforms import DateField, IntegerField, SelectField, SelectMultipleField, StringField
from wtforms.validators import DataRequired, InputRequired, Length, Optional
from wtforms.widgets import CheckboxInput, HiddenInput, ListWidget

from calsync.engine.webhooks import Happening
from webapp import words
from webapp.forms.fields import choices, trimmed

URL = {"type": "url", "placeholder": "https://crm.example.com/hooks", "autocapitalize": "off", "spellcheck": "false"}


class WebhookForm(FlaskForm):
    url = StringField(
        "Address",
        [DataRequired("Give the address that messages go to."), Length(max=1000)],
        filters=[trimmed],
        description="Every message is a POST to it. It answers 2xx within 15 seconds; redirects are not followed.",
        render_kw=URL,
    )
    description = StringField("What for", [Length(max=200)], filters=[trimmed])
    events = SelectMultipleField(
        "Events",
        [InputRequired("Choose at least one event.")],
        choices=lambda: choices((str(each), f"{each} — {words.event_meaning(each)}") for each in Happening),
        widget=ListWidget(),
        option_widget=CheckboxInput(),
    )
    version = IntegerField(validators=[Optional()], widget=HiddenInput())


class WebhookTestForm(FlaskForm):
    event = SelectField("Event", choices=lambda: choices((str(each), str(each)) for each in Happening))


class ResendForm(FlaskForm):
    since = DateField("Given up since", [InputRequired("Choose a day.")])

    @property
    def day(self) -> date:
        return self.since.data or date.max
