"""Forms about programs: a new token, and where sign-ins of programs may come back."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import IntegerField, SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length
from wtforms.widgets import HiddenInput

from webapp.forms.fields import choices, trimmed

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
    scope = SelectField("It may", choices=choices(SCOPES))
    lifetime = SelectField("It ends after", choices=choices(LIFETIMES), default="365")


class RedirectsForm(FlaskForm):
    redirect_uris = TextAreaField(
        "Allowed addresses",
        description="One a line, each the whole address as the program sends it. A sign-in goes back to no other.",
        render_kw={
            "rows": 4,
            "placeholder": "https://crm.example.com/back",
            "autocapitalize": "off",
            "spellcheck": "false",
        },
    )
    version = IntegerField(widget=HiddenInput())

    @property
    def addresses(self) -> tuple[str, ...]:
        """Every address once, in the order given."""
        return tuple(dict.fromkeys((self.redirect_uris.data or "").split()))


def token_form(*, may_administer: bool, is_empty: bool = False) -> TokenForm:
    """Return the form with the scopes that whoever fills it in may give; an empty one takes nothing of the request."""
    form = TokenForm(formdata=None) if is_empty else TokenForm()
    form.scope.choices = choices(SCOPES if may_administer else SCOPES[:-1])
    return form
