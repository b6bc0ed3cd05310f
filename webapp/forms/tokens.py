"""The form of a new token."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import SelectField, StringField
from wtforms.validators import DataRequired, Length

from webapp.forms.fields import trimmed

SCOPES = [
    ("read", "Read"),
    ("write", "Read and write"),
    ("admin", "Administer as well"),
]
LIFETIMES = [("30", "30 days"), ("90", "90 days"), ("365", "One year"), ("0", "No end")]


class TokenForm(FlaskForm):
    name = StringField(
        "Name",
        [DataRequired("Give the token a name."), Length(max=100)],
        filters=[trimmed],
        description="What uses it, so that you recognise it in this list.",
    )
    scope = SelectField("It may", choices=SCOPES)
    lifetime = SelectField("It ends after", choices=LIFETIMES, default="365")


def token_form(*, may_administer: bool) -> TokenForm:
    """Return the form with the scopes that whoever fills it in may give."""
    form = TokenForm()
    form.scope.choices = SCOPES if may_administer else SCOPES[:-1]
    return form
