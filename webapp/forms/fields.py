"""Validators and choices that several forms share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from wtforms import StringField, ValidationError
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, Length

from webapp import moments

FREQUENCIES = ("realtime", "5", "15", "60", "manual")
"""How often accounts may sync, among the usual choices; minutes where it is a number."""


class Email(StringField):
    """An address, trimmed. Whether mail arrives there is found out by sending some."""

    def __init__(self, label: str = "Email address", validators: Any = (), **kwargs: Any) -> None:
        checks = [DataRequired("Give an email address."), Length(max=320), looks_like_email, *validators]
        kwargs.setdefault("render_kw", {"type": "email", "autocapitalize": "off", "spellcheck": "false"})
        super().__init__(label, checks, filters=[trimmed], **kwargs)


def trimmed(value: str | None) -> str | None:
    """Drop blanks around what was typed or pasted."""
    return value.strip() if value else value


def looks_like_email(_form: Any, field: Any) -> None:
    local, at, domain = (field.data or "").partition("@")
    if not (local and at and domain) or any(c.isspace() for c in field.data):
        raise ValidationError("This does not look like an email address. Example: ada@example.com")


def known_zone(_form: Any, field: Any) -> None:
    if field.data not in moments.zone_names():
        raise ValidationError("Choose a time zone from the list, like Europe/Berlin.")


def choices(pairs: Iterable[tuple[Any, str]]) -> list[SelectChoice]:
    """Return (value, label) pairs as WTForms wants them; plain pairs are deprecated there."""
    return [SelectChoice(value, label) for value, label in pairs]


def zone_choices() -> list[SelectChoice]:
    return choices((name, name.replace("_", " ")) for name in moments.zone_names())


def control(field: Any, about: str, given: dict[str, Any], css: str, **fixed: Any) -> Any:
    """Return a field's input: what it is described by, whether it is wrong, and the attributes a template gave."""
    attributes: dict[str, Any] = {**given, **fixed, "class": css}
    if about:
        attributes["aria-describedby"] = about
    if field.errors:
        attributes["aria-invalid"] = "true"
    return field(**attributes)
