"""A provider's credentials and settings, for admins: import, save, prove, test, remove. Part of Integrations."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, request, url_for
from flask_login import current_user

from calsync.errors import Refused
from calsync.services import (
    attempts,
    credential_check,
    credentials,
    credentials_file,
    hook_secrets,
    provider_settings,
    secret_ends,
    whole_accounts,
)
from calsync.services.credentials_file import Imported
from calsync.services.provider_settings import ProviderSettings
from webapp import credential_view, errors, security, words
from webapp.access import Role, actor, provider_info, role_required, runtime
from webapp.forms.credentials import CredentialForm, FileForm, ProviderForm, SecretEndForm
from webapp.forms.meetings import HookSecretForm
from webapp.fragments import page
from webapp.views import integrations

route = integrations.bp.route


@route("/<provider>/credentials", methods=["GET", "POST"], endpoint="credentials")
@role_required(Role.ADMIN)
@security.limit("60 per minute")
def edit(provider: str) -> Any:
    """Show where the credentials stand, and save a pair."""
    form = CredentialForm()
    form.offer(_tenants(provider))
    if form.validate_on_submit():
        with errors.shown_on(form):
            return _saved(provider, form)
    return _show(provider, form)


@route("/<provider>/credentials/import", methods=["POST"], endpoint="import_credentials")
@role_required(Role.ADMIN)
@security.limit("60 per minute")
def import_file(provider: str) -> Any:
    """Read a file and show what it says, for review. Nothing is saved."""
    chosen, imported = FileForm(), None
    if chosen.validate_on_submit():
        with errors.shown_on(chosen):
            imported = _read(provider, chosen)
    form = CredentialForm(formdata=None)
    if imported is not None:
        form.client_id.data, form.imported.data = imported.client_id, imported.token
    return _show(provider, form, chosen=chosen, imported=imported)


@route("/<provider>/credentials/test", methods=["POST"], endpoint="test_credentials")
@role_required(Role.ADMIN)
@security.limit("60 per minute")
def test(provider: str) -> Any:
    """Try the credentials and show each line with its result."""
    checks = credential_check.run(runtime(), provider, by=actor())
    return _show(provider, CredentialForm(formdata=None), checks=checks)


@route("/<provider>/credentials/prove", methods=["POST"], endpoint="prove_credentials")
@role_required(Role.ADMIN)
def prove(provider: str) -> Any:
    """Send the admin to the provider, with the pair that waits for its proof; one of a whole account is just tried."""
    ended = whole_accounts.prove(runtime(), provider, by=actor())
    if ended is not None:
        flash(credential_view.told_proven(ended))
        return redirect(url_for("integrations.credentials", provider=provider), 303)
    return redirect(attempts.begin_proof(runtime(), provider, login_id=current_user.login_id, by=actor()), 303)


@route("/<provider>/credentials/drop", methods=["POST"], endpoint="drop_credentials")
@role_required(Role.ADMIN)
def drop(provider: str) -> Any:
    credentials.drop_candidate(runtime(), provider, by=actor())
    flash("The new credentials are forgotten. Those in use stay.", "info")
    return redirect(url_for("integrations.credentials", provider=provider), 303)


@route("/<provider>/credentials/remove", methods=["GET", "POST"], endpoint="remove_credentials")
@role_required(Role.ADMIN)
def remove(provider: str) -> Any:
    """Say whom it concerns, then remove them."""
    if request.method == "POST":
        flash(_told_of(credentials.remove(runtime(), provider, by=actor()), provider_info(provider).short), "info")
        return redirect(url_for("integrations.index"), 303)
    with runtime().reading() as session:
        panel = credential_view.find(session, provider)
    return page("integrations/remove.html", panel=panel, info=panel.info)


@route("/<provider>/secret-end", methods=["POST"], endpoint="save_secret_end")
@role_required(Role.ADMIN)
@security.limit("60 per minute")
def save_secret_end(provider: str) -> Any:
    """Note when the secret in use runs out."""
    form = SecretEndForm(prefix=_IN_USE)
    if form.validate_on_submit():
        with errors.shown_on(form):
            secret_ends.change(runtime(), provider, form.secret_ends_on.data, by=actor())
            flash("Saved.")
            return redirect(url_for("integrations.credentials", provider=provider), 303)
    return _show(provider, CredentialForm(formdata=None), end_form=form)


@route("/<provider>/hook-secret", methods=["POST"], endpoint="save_hook_secret")
@role_required(Role.ADMIN)
@security.limit("60 per minute")
def save_hook_secret(provider: str) -> Any:
    """Save the secret with which the provider signs what it tells us."""
    form = HookSecretForm()
    if form.validate_on_submit():
        with errors.shown_on(form):
            version = form.hook_version.data or 0
            hook_secrets.save(runtime(), provider, form.secret.data or "", version, by=actor())
            flash("Saved." if form.secret.data else "The Secret Token is forgotten.")
            return redirect(url_for("integrations.credentials", provider=provider, _anchor="notices"), 303)
    return _show(provider, CredentialForm(formdata=None), hook_form=form)


@route("/<provider>/settings", methods=["GET", "POST"], endpoint="provider_settings")
@role_required(Role.ADMIN)
def settings(provider: str) -> Any:
    """What holds for everybody's accounts at this provider."""
    known, version = provider_settings.get(runtime(), provider)
    form = ProviderForm(data={"version": version, **{name: getattr(known, name) for name in _SETTINGS}})
    info = provider_info(provider)
    form.offer(info.short)
    if form.validate_on_submit():
        with errors.shown_on(form):
            new = ProviderSettings(**{name: form[name].data for name in _SETTINGS})
            provider_settings.save(runtime(), provider, _tupled(new), form.version.data or 0, by=actor())
            flash("Saved.")
            return redirect(url_for("integrations.index"), 303)
    return page("integrations/settings.html", status=422 if form.errors else 200, form=form, info=info)


_IN_USE = "in_use-"
"""Before the names of fields about the pair in use, beside those about a new one."""

_SETTINGS = ("app_name", "roles", "direction", "frequency")


def _tupled(new: ProviderSettings) -> ProviderSettings:
    return ProviderSettings(new.app_name or "", tuple(new.roles), new.direction, new.frequency)


def _read(provider: str, chosen: FileForm) -> Imported:
    data = chosen.data_of(credentials_file.LARGEST)
    if not data:
        raise Refused("Choose a file first.", field="file")
    return credentials_file.read(runtime(), provider, data, by=actor())


def _saved(provider: str, form: CredentialForm) -> Any:
    file, secret = None, form.client_secret.data or ""
    if not secret:
        file = credentials_file.recall(runtime(), provider, form.imported.data or "", by=actor())
        secret = file.pair.secret
    tenant = form.chosen_tenant if _tenants(provider) else ""
    pair = credentials.ClientPair(form.client_id.data or "", secret, form.account_id.data or "", tenant)
    ends_at = secret_ends.read(runtime(), provider, form.secret_ends_on.data)
    row = credentials.save(runtime(), provider, pair, file=file, ends_at=ends_at, by=actor())
    if row.state == "candidate":
        flash("The new credentials wait for their proof. Those in use go on meanwhile.", "info")
        return redirect(url_for("integrations.credentials", provider=provider), 303)
    flash(f"{provider_info(provider).label} is ready. People can connect now.")
    return redirect(url_for("integrations.index"), 303)


def _show(
    provider: str,
    form: CredentialForm,
    *,
    chosen: FileForm | None = None,
    imported: Imported | None = None,
    checks: list[credentials.Check] | None = None,
    hook_form: HookSecretForm | None = None,
    end_form: SecretEndForm | None = None,
) -> Any:
    credential_view.allow_leaving(credentials.registration_of(runtime(), provider))
    with runtime().reading() as session:
        panel = credential_view.find(session, provider)
        hook = credential_view.hook(session, provider, hook_form)
    chosen = chosen or FileForm(formdata=None)
    form.offer(panel.tenants, panel.tenant)
    return page(
        "integrations/credentials.html",
        status=422 if any(each.errors for each in (form, chosen, hook_form, end_form) if each) else 200,
        panel=panel,
        hook=hook,
        form=form,
        end_form=end_form or _end_form(panel),
        chosen=chosen,
        imported=imported,
        differs=credential_view.differences(imported.redirect) if imported else [],
        checks=checks,
    )


def _tenants(provider: str) -> Any:
    registration = credentials.registration_of(runtime(), provider)
    return registration.tenants if isinstance(registration, credentials.Tenanted) else ()


def _end_form(panel: credential_view.Panel) -> SecretEndForm:
    row = panel.standing.current
    return SecretEndForm(
        prefix=_IN_USE,
        formdata=None,
        data={"secret_ends_on": row.secret_expires_at.date()} if row and row.secret_expires_at else {},
    )


def _told_of(ended: credentials.Ended, short: str) -> str:
    if not ended.accounts:
        return "The credentials are removed."
    told = f"The credentials are removed, and {words.count(ended.accounts, 'account')} must be connected anew."
    left = ended.accounts - ended.revoked
    missed = f" {short} could not be told about {left}; those permissions end there by themselves." if left else ""
    return f"{told} Nothing that was synced is touched.{missed}"
