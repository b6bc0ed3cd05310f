"""What the forms of the sync settings share: fields that have the names of rules, and rules made of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask_wtf import FlaskForm
from wtforms import IntegerField, SelectMultipleField
from wtforms.validators import InputRequired
from wtforms.widgets import CheckboxInput, HiddenInput, ListWidget

from calsync.engine.rules import Rules


def boxes(label: str, **kwargs: Any) -> SelectMultipleField:
    """Return a field for several of a closed list, as check boxes."""
    return SelectMultipleField(label, widget=ListWidget(prefix_label=False), option_widget=CheckboxInput(), **kwargs)


def number(label: str, **kwargs: Any) -> IntegerField:
    """Return a field for a whole number that must be there; its range is the service's business."""
    kwargs.setdefault("render_kw", {"inputmode": "numeric"})
    return IntegerField(label, [InputRequired("Give a whole number.")], **kwargs)


class RulesTab(FlaskForm):
    """What the tabs share. `version` is that of the rules on which the form was filled in."""

    version = IntegerField(widget=HiddenInput())

    def offer(self, rules: Rules) -> None:
        """Let the form take what is in force, though it is not among the usual choices."""

    def fill(self, rules: Rules) -> None:
        """Show the rules' values."""
        for field in self._rule_fields():
            field.data = self.shown(field.name, getattr(rules, field.name))

    def applied(self, rules: Rules) -> Rules:
        """Return the rules with this form's values."""
        return replace(rules, **{f.name: self.meant(f.name, f.data) for f in self._rule_fields()})

    def shown(self, name: str, value: Any) -> Any:
        return list(value) if isinstance(value, tuple) else value

    def meant(self, name: str, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    def _rule_fields(self) -> list[Any]:
        return [field for field in self if field.name in Rules.__dataclass_fields__]
