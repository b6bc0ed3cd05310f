"""Providers: which there are and what they can do. Never a secret, nor a part of one."""

from __future__ import annotations

from pydantic import Field

from calsync.engine.vocabulary import Scope
from calsync.services import credentials, provider_settings
from calsync.services.credentials import Standing
from webapp.api import lookup
from webapp.api.operations import Call, operation
from webapp.api.schemas.base import Time, Told

TAG = "Providers"


class ProviderOut(Told):
    name: str
    label: str
    sign_in: str = Field(description="oauth or password")
    sync: str
    needs_credentials: bool
    has_credentials: bool
    client_id: str | None
    secret_expires_at: Time | None
    refused_at: Time | None = Field(description="Since then the provider does not know our credentials")
    makes: list[str] = Field(description="Kinds of meeting links that it makes")
    roles: list[str] = Field(description="Who may connect accounts of it")


class ProvidersOut(Told):
    items: list[ProviderOut]


@operation("GET", "/providers", Scope.ADMIN, tag=TAG, answer=ProvidersOut)
def list_providers(call: Call) -> ProvidersOut:
    """List providers"""
    with call.rt.reading() as session:
        standings = credentials.standings(session)
    return ProvidersOut(
        items=[_told(call, name, standings.get(name) or Standing()) for name in sorted(call.rt.providers)]
    )


@operation("GET", "/providers/<name>", Scope.ADMIN, tag=TAG, answer=ProviderOut)
def show_provider(call: Call, name: str) -> ProviderOut:
    """Show a provider"""
    found = lookup.provider(call, name)
    with call.rt.reading() as session:
        standing = credentials.standing(session, found)
    return _told(call, found, standing)


def _told(call: Call, name: str, standing: Standing) -> ProviderOut:
    info, current = call.rt.providers[name].info, standing.current
    chosen, _ = provider_settings.get(call.rt, name)
    return ProviderOut(
        name=name.upper(),
        label=info.label,
        sign_in=info.sign_in,
        sync=info.sync,
        needs_credentials=info.needs_credentials,
        has_credentials=current is not None,
        client_id=None if current is None else current.client_id,
        secret_expires_at=None if current is None else current.secret_expires_at,
        refused_at=None if current is None else current.refused_at,
        makes=sorted(info.capabilities.makes_links),
        roles=list(chosen.roles),
    )
