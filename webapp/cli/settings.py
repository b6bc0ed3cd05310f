"""`calsync settings`: the rules of syncing, by name."""

from __future__ import annotations

import dataclasses
import enum
import json
import typing
from typing import Any

import click

from calsync.engine import rules as engine_rules
from calsync.engine.rules import Rules
from webapp.cli import output, tools


@click.group()
def settings() -> None:
    """Show and change the organisation's rules of syncing."""


@settings.command()
@output.as_json
def show(as_json: bool) -> None:
    """Show every setting and its value."""
    from calsync.services import settings as service

    rules, _ = service.rules(tools.runtime())
    output.show_one(_plain(rules), json_wanted=as_json)


@settings.command("set")
@click.argument("key")
@click.argument("value")
def set_value(key: str, value: str) -> None:
    """Change one setting. Lists are separated by commas; on and off switch."""
    from calsync.services import settings as service

    rt = tools.runtime()
    rules, version = service.rules(rt)
    name = key.replace("-", "_")
    if name not in engine_rules.RULE_NAMES:
        known = ", ".join(engine_rules.RULE_NAMES)
        raise click.BadParameter(f"There is no setting {key}. There are: {known}.", param_hint="KEY")
    changed = _changed(rules, name, value)
    service.save_rules(rt, changed, version, by=tools.cli_actor())
    output.say(f"{name} is {output.cell(_plain(changed)[name])} now.")


def _changed(rules: Rules, name: str, text: str) -> Rules:
    """Return the rules with one value read from text, by the type of what stands there now."""
    try:
        value = _read(getattr(rules, name), name, text.strip())
        return engine_rules.from_json(engine_rules.to_json(rules) | {name: value})
    except (ValueError, TypeError, OverflowError) as error:
        raise click.BadParameter(f"{text!r} cannot be {name}: {_hint(name) or error}.", param_hint="VALUE") from error


def _hint(name: str) -> str:
    """Return what may be given, "" where the error says enough."""
    allowed = _allowed(name)
    return f"give one of {', '.join(allowed)}" if allowed else _AS_JSON.get(name, "")


_AS_JSON = {
    "default_reminders": """say pairs of minutes and way, like [[10, "popup"], [60, "email"]]""",
    "field_policies": """say pairs of field and policy, like [["summary", "crm"]]""",
}
"""Settings that are JSON -> what theirs looks like."""


def _read(now: Any, name: str, text: str) -> Any:
    match now:
        case bool():
            return _switch(text)
        case int():
            return int(text)
        case float():
            return float(text)
        case tuple() if name in _AS_JSON:
            return json.loads(text)
        case tuple():
            return [word.strip() for word in text.split(",") if word.strip()]
        case _:
            return text


def _switch(text: str) -> bool:
    words = {"on": True, "yes": True, "true": True, "off": False, "no": False, "false": False}
    if text.lower() not in words:
        raise ValueError("say on or off")
    return words[text.lower()]


def _allowed(name: str) -> list[str]:
    hint = typing.get_type_hints(Rules)[name]
    return [each.value for each in hint] if isinstance(hint, type) and issubclass(hint, enum.Enum) else []


def _plain(rules: Rules) -> dict[str, Any]:
    """Return the values as JSON shows them: enumerations by value, tuples as lists."""
    return {field.name: json.loads(json.dumps(getattr(rules, field.name))) for field in dataclasses.fields(rules)}
