"""A provider's credentials as its card shows them to admins: where they stand, where people come back to, what to do.

panel = credential_view.find(session, provider)     .redirect_uri, .standing, .steps, ...
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import request
from sqlmodel import Session

from calsync.services import admin_consent, credentials, credentials_file, hook_secrets, secret_ends, whole_accounts
from calsync.services.credentials import Standing, TenantChoice, Tenanted
from webapp import brand, moments, security, setup_lines, words
from webapp.access import provider_info, runtime
from webapp.forms.meetings import HookSecretForm

_DIFFERENCES = {
    "scheme": "The scheme differs: http is not https.",
    "host": "The host differs.",
    "port": "The port differs; also a usual one counts when only one of the two names it.",
    "path": "The path differs.",
    "slash": "Only one of the two ends with a slash.",
    "other": "They differ in single characters, such as capital letters.",
}


@dataclass(frozen=True, slots=True)
class SecretEnd:
    """When a secret runs out: `days` until then, 0 or less once it is over, and how urgent that is as a colour."""

    at: datetime
    days: int
    colour: str

    @property
    def day(self) -> str:
        return f"{self.at:%Y-%m-%d}"

    @property
    def label(self) -> str:
        return f"Runs out in {words.count(self.days, 'day')}" if self.days > 0 else "Has run out"


@dataclass(frozen=True, slots=True)
class Approval:
    """The link for administrators of organisations. `answered_at` is when one came back from it last, having agreed
    if `is_given`.
    """

    url: str
    answered_at: datetime | None = None
    is_given: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """What an admin sees of a provider's credentials."""

    info: Any
    standing: Standing
    redirect_uri: str
    public_url: str
    steps: Sequence[setup_lines.Line]
    lasting: Any
    file_kind: str
    takes_account_id: bool = False  # credentials of a whole account there are taken as well
    tenants: Sequence[TenantChoice] = ()
    secrets_end: bool = False
    approval: Approval | None = None

    @property
    def is_elsewhere(self) -> bool:
        """Whether this browser reaches us at another address than people come back to."""
        return bool(self.public_url) and self.public_url != here()

    @property
    def is_configured(self) -> bool:
        return self.standing.current is not None

    @property
    def tenant(self) -> str:
        """Whose people may sign in, as stored."""
        row = self.standing.current
        return str(row.extra.get("tenant", "")) if row else ""

    def secret_end(self, row: Any) -> SecretEnd | None:
        """Return when the secret of these credentials runs out; None where nobody told us."""
        if not self.secrets_end or row is None or row.secret_expires_at is None:
            return None
        now = moments.now()
        stage = secret_ends.stage(row.secret_expires_at, now)
        colour = "green" if stage is None else "amber" if stage > 1 else "red"
        return SecretEnd(row.secret_expires_at, secret_ends.days_left(row.secret_expires_at, now), colour)

    def audience(self, row: Any) -> str:
        """Return in words whose people may sign in with these credentials."""
        tenant = str(row.extra.get("tenant", ""))
        return next((each.label for each in self.tenants if each.value and each.value == tenant), tenant)


def here() -> str:
    """Return the address at which this browser reached us."""
    return request.host_url.rstrip("/")


def has_panel(provider: str) -> bool:
    """Return whether a provider takes credentials of ours."""
    return credentials.takes_any(runtime(), provider)


def find(session: Session, provider: str) -> Panel:
    """Return the credentials part of one provider's card. Raises NotFound for a provider that takes none."""
    return panel(provider, credentials.standing(session, provider))


def panel(provider: str, standing: credentials.Standing) -> Panel:
    """Return the credentials part of a card. Raises NotFound for a provider that takes none."""
    registration = credentials.registration_of(runtime(), provider)
    public = runtime().settings.public_url or brand.organisation().public_url
    redirect_uri = public + credentials.REDIRECT_PATH.format(provider=provider) if public else ""
    return Panel(
        info=provider_info(provider),
        standing=standing,
        redirect_uri=redirect_uri,
        public_url=public,
        steps=setup_lines.of(registration.steps, standing, redirect_uri),
        lasting=registration.lasting if isinstance(registration, credentials.Lasting) else None,
        file_kind=registration.file_kind,
        takes_account_id=whole_accounts.takes_any(runtime(), provider),
        tenants=registration.tenants if isinstance(registration, Tenanted) else (),
        secrets_end=secret_ends.takes_any(runtime(), provider),
        approval=_approval(provider, standing),
    )


def _approval(provider: str, standing: Standing) -> Approval | None:
    url = admin_consent.link(runtime(), provider) if standing.current else ""
    if not url or standing.current is None:
        return None
    facts = standing.current.extra
    at = facts.get("consent_at")
    return Approval(url, datetime.fromisoformat(at) if at else None, bool(facts.get("consent_is_given")))


@dataclass(frozen=True, slots=True)
class Hook:
    """Where a provider tells what happens there, and the form for the secret with which it signs that."""

    address: str
    known: hook_secrets.HookSecret
    form: HookSecretForm


def hook(session: Session, provider: str, form: HookSecretForm | None = None) -> Hook | None:
    """Return how a provider reaches us; None for one that signs nothing with a secret of ours."""
    if not hook_secrets.takes_one(runtime(), provider):
        return None
    known, version = hook_secrets.standing(session, provider)
    form = form or HookSecretForm(formdata=None, data={"hook_version": version})
    return Hook(hook_secrets.address(runtime(), provider), known, form)


def told_proven(ended: credentials.Ended) -> str:
    """Return what an admin reads once new credentials have come into use."""
    told = "The new credentials work and are in use."
    if ended.accounts:
        told += f" {words.count(ended.accounts, 'account')} must be connected anew; their owners are told."
    return told


def allow_leaving(registration: credentials.Registration) -> None:
    """Let forms of this page lead to the provider's sign-in."""
    security.allow_form_to(registration.sign_in_origin)


def differences(comparison: credentials_file.Comparison) -> list[str]:
    """Return in what our redirect address differs from the registered one, a sentence each."""
    return [_DIFFERENCES[each] for each in comparison.differences]
