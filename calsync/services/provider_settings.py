"""What admins set for everybody's accounts at one provider: who may connect, and how new accounts begin."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from sqlmodel import Session

from calsync.engine import rules as engine_rules
from calsync.engine.vocabulary import Role
from calsync.errors import NotAllowed, Refused
from calsync.runtime import Actor, Runtime
from calsync.services import clients, rule_checks, settings
from calsync.store import audit
from calsync.store import settings as store

ROLES = tuple(role.value for role in Role)


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """`roles` may connect, where the People page lets them at all. `direction` and `frequency` are an account's first
    choice, "" the organisation's. `app_name` is what people read on the provider's page, "" not known.
    """

    app_name: str = ""
    roles: tuple[str, ...] = ROLES
    direction: str = ""
    frequency: str = ""


def get(rt: Runtime, provider: str) -> tuple[ProviderSettings, int]:
    """Return the settings and their version. Raises NotFound for a provider that is not there."""
    clients.provider_of(rt, provider)
    with rt.reading() as session:
        return of(session, provider)


def of(session: Session, provider: str) -> tuple[ProviderSettings, int]:
    """Return the settings of a provider and their version, inside a transaction."""
    found = store.find(session, _name(provider))
    return (ProviderSettings(), 0) if found is None else (_read(found[0]), found[1])


def of_all(session: Session, providers: Collection[str]) -> dict[str, ProviderSettings]:
    """Return the settings of these providers by one query."""
    found = store.find_all(session, *map(_name, providers))
    return {provider: _read(found[_name(provider)]) for provider in providers}


def _read(value: Mapping[str, Any]) -> ProviderSettings:
    known = {each.name for each in fields(ProviderSettings)}
    values = {name: each for name, each in value.items() if name in known}
    return ProviderSettings(**{**values, "roles": tuple(values.get("roles", ROLES))})


def save(rt: Runtime, provider: str, new: ProviderSettings, version: int, *, by: Actor) -> int:
    """Save them and return the new version. Raises NotFound, NotAllowed and Refused, naming the field."""
    if not by.is_admin:
        raise NotAllowed("change a provider's settings")
    clients.provider_of(rt, provider)
    _check_roles(new)
    with rt.writing() as session:
        _check_first_choices(session, new)
        old, _ = of(session, provider)
        saved = store.put(session, _name(provider), asdict(new), version, by_id=by.user_id, at=rt.now())
        before, after = audit.changes(asdict(old), asdict(new))
        if after:
            thing = ("provider", provider, provider)
            audit.record(session, by, "provider.settings_changed", thing, at=rt.now(), before=before, after=after)
    return saved


def may_connect(session: Session, provider: str, role: str) -> bool:
    """Return whether people of a role may connect accounts of this provider."""
    return role in of(session, provider)[0].roles


def first_choices(session: Session, provider: str) -> dict[str, Any]:
    """Return the own rules that a new account of this provider begins with."""
    known, _ = of(session, provider)
    chosen = {"direction": known.direction, "frequency": known.frequency}
    return {name: value for name, value in chosen.items() if value}


def _name(provider: str) -> str:
    return f"provider:{provider}"


def _check_roles(new: ProviderSettings) -> None:
    if not set(new.roles) <= set(ROLES):
        raise Refused(f"Choose roles of {', '.join(ROLES)}.", field="roles")


def _check_first_choices(session: Session, new: ProviderSettings) -> None:
    base, _ = settings.organisation_rules(session)
    for name in ("direction", "frequency"):
        value = getattr(new, name)
        if value and name not in base.account_overrides:
            reason = f"Accounts follow the organisation's {name}. Let accounts choose it in Sync Settings first."
            raise Refused(reason, code="not_overridable", field=name)
        if value:
            _check_value(base, name, value)


def _check_value(base: engine_rules.Rules, name: str, value: str) -> None:
    try:
        rule_checks.check(engine_rules.overlay(base, {name: value}))
    except ValueError as error:
        raise Refused(f"{value} is no {name} that can be chosen.", field=name) from error
