"""Approval of an organisation's administrator for all its people: the link, and what comes back from it.

Whoever opens the link need not be known here. What comes back proves nothing, because anybody can write it; it is
shown, and noted as said where it carries our own seal.
"""

from __future__ import annotations

import base64
from binascii import Error as Base64Error
from collections.abc import Mapping
from typing import Any

from calsync.providers.registration import Consent, Consenting
from calsync.runtime import Actor, Runtime
from calsync.services import credentials, grants
from calsync.store import audit
from calsync.store import credentials as rows
from calsync.store import tables as t
from calsync.store.secrets import WrongKey

__all__ = ["Consent", "answered", "link"]

_PURPOSE = "admin_consent"
_SOMEBODY = Actor(None, "an administrator elsewhere", "")


def link(rt: Runtime, provider: str) -> str:
    """Return what an administrator opens; "" where the provider has no such link, or is not set up yet."""
    registration, uri = credentials.registration_of(rt, provider), credentials.redirect_uri(rt, provider)
    with rt.reading() as session:
        row = rows.find(session, provider)
    if row is None or row.secret is None or not uri or not isinstance(registration, Consenting):
        return ""
    return registration.consent_url(grants.pair_of(rt, row.id), uri, _seal(rt, row))


def answered(rt: Runtime, provider: str, query: Mapping[str, str]) -> Consent | None:
    """Return what an administrator answered, None for a request about something else.

    It is noted on the credentials it was asked for, if our seal on it is good.
    """
    registration = credentials.registration_of(rt, provider)
    consent = registration.read_consent(dict(query)) if isinstance(registration, Consenting) else None
    if consent is not None:
        _note(rt, provider, query.get("state", ""), consent)
    return consent


def _note(rt: Runtime, provider: str, state: str, consent: Consent) -> None:
    with rt.writing() as session:
        row = rows.find(session, provider)
        if row is None or _unseal(rt, state) != _words(row):
            return
        facts: dict[str, Any] = {"consent_at": rt.now().isoformat(), "consent_is_given": consent.is_given}
        row.extra = {**row.extra, **facts}
        thing = ("credentials", str(row.id), row.provider)
        after = {"is_given": consent.is_given, "said": consent.said}
        audit.record(session, _SOMEBODY, "credentials.admin_answered", thing, at=rt.now(), after=after)


def _words(row: t.ProviderCredential) -> str:
    return f"{_PURPOSE} {row.provider} {row.client_id}"


def _seal(rt: Runtime, row: t.ProviderCredential) -> str:
    return base64.urlsafe_b64encode(rt.secrets.seal(_words(row))).decode().rstrip("=")


def _unseal(rt: Runtime, state: str) -> str:
    """Return what a state says, "" for one that we did not write."""
    try:
        return rt.secrets.unseal(base64.urlsafe_b64decode(state + "=" * (-len(state) % 4)))
    except (WrongKey, Base64Error, ValueError):
        return ""
