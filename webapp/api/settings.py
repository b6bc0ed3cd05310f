"""Settings of the organisation, for admins: rules of syncing, switches, and what is allowed to programs."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from pydantic import Field

from calsync.engine import rules as engine_rules
from calsync.engine.vocabulary import Scope
from calsync.errors import Refused
from calsync.services import api_settings, settings
from calsync.services.api_settings import ApiSettings
from webapp.api.operations import Call, operation
from webapp.api.schemas.base import Sent, Told, changed

TAG = "Settings"


class SettingsOut(Told):
    """Named values with the version that a change is made over."""

    version: int
    values: dict[str, Any]


class RulesPatch(Sent):
    values: dict[str, Any] = Field(max_length=60, examples=[{"direction": "both", "frequency": "15"}])


class SwitchesPatch(Sent):
    staff_may_connect: bool | None = None
    clients_may_connect: bool | None = None
    writes_paused: bool | None = None


class ApiPatch(Sent):
    redirect_uris: list[str] = Field(max_length=50, examples=[["https://crm.example.com/oauth/back"]])


@operation("GET", "/settings/rules", Scope.ADMIN, tag=TAG, answer=SettingsOut)
def show_rules(call: Call) -> SettingsOut:
    """Show the rules of syncing"""
    found, version = settings.rules(call.rt)
    return SettingsOut(version=version, values=engine_rules.to_json(found))


@operation(
    "PATCH",
    "/settings/rules",
    Scope.ADMIN,
    tag=TAG,
    body=RulesPatch,
    answer=SettingsOut,
    current=show_rules,
    must_match=True,
    problems=(409,),
)
def edit_rules(call: Call) -> SettingsOut:
    """Change the rules of syncing

    They hold at once, for all accounts without rules of their own; the pages show a preview first.
    """
    known, version = settings.rules(call.rt)
    unknown = sorted(set(call.body.values) - set(engine_rules.RULE_NAMES))
    if unknown:
        raise Refused(f"There is no rule {unknown[0]}.", code="unknown_field", field=unknown[0][:100])
    settings.save_rules(call.rt, _rules(known, call.body.values), version, by=call.by)
    return show_rules(call)


@operation("GET", "/settings/switches", Scope.ADMIN, tag=TAG, answer=SettingsOut)
def show_switches(call: Call) -> SettingsOut:
    """Show what is allowed at all"""
    found, version = settings.switches(call.rt)
    return SettingsOut(version=version, values=asdict(found))


@operation(
    "PATCH",
    "/settings/switches",
    Scope.ADMIN,
    tag=TAG,
    body=SwitchesPatch,
    answer=SettingsOut,
    current=show_switches,
    must_match=True,
    problems=(409,),
)
def edit_switches(call: Call) -> SettingsOut:
    """Change what is allowed at all"""
    known, version = settings.switches(call.rt)
    given = {name: value for name, value in changed(call.body).items() if value is not None}
    settings.save_switches(call.rt, replace(known, **given), version, by=call.by)
    return show_switches(call)


@operation("GET", "/settings/api", Scope.ADMIN, tag=TAG, answer=SettingsOut)
def show_api_settings(call: Call) -> SettingsOut:
    """Show to which addresses sign-ins of programs may come back"""
    found, version = api_settings.get(call.rt)
    return SettingsOut(version=version, values={"redirect_uris": list(found.redirect_uris)})


@operation(
    "PATCH",
    "/settings/api",
    Scope.ADMIN,
    tag=TAG,
    body=ApiPatch,
    answer=SettingsOut,
    current=show_api_settings,
    must_match=True,
    problems=(409,),
)
def edit_api_settings(call: Call) -> SettingsOut:
    """Change to which addresses sign-ins of programs may come back"""
    _, version = api_settings.get(call.rt)
    api_settings.save(call.rt, ApiSettings(tuple(dict.fromkeys(call.body.redirect_uris))), version, by=call.by)
    return show_api_settings(call)


def _rules(known: engine_rules.Rules, given: dict[str, Any]) -> engine_rules.Rules:
    for name, value in given.items():
        _check_kind(name, value, getattr(known, name))
    try:
        return engine_rules.from_json({**engine_rules.to_json(known), **given})
    except (ValueError, TypeError) as error:
        raise Refused(f"This value cannot be used: {error}.", code="invalid") from error


def _check_kind(name: str, value: Any, held: Any) -> None:
    """Refuse a value of another kind than the rule's: a number is no yes, and a text is no list."""
    kind = list if isinstance(held, tuple) else bool if isinstance(held, bool) else type(held)
    wanted: Any = (int, float) if kind is float else str if isinstance(held, str) else kind
    is_wrong = not isinstance(value, wanted) or (isinstance(value, bool) and kind is not bool)
    if is_wrong or (isinstance(value, (int, float)) and abs(value) > 1_000_000):
        raise Refused(f"{name} is of another kind.", code="invalid", field=name)
