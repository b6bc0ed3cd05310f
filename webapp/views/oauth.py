"""Signing in at a provider on its own pages: what people read before they go, the way there, and what comes back.

Errors of the way back are no failures of ours: each has its page, made by the handlers at the end.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, g, redirect, request, url_for
from flask_login import current_user

from calsync.errors import NotAllowed, ProviderError, RateLimited, Refused, Rejected, SignInNeeded, Unavailable
from calsync.runtime import Actor
from calsync.services import (
    admin_consent,
    attempts,
    credentials,
    letters,
    provider_settings,
    refusals,
    settings,
    two_way,
    whole_accounts,
)
from calsync.services.attempts import Arrived, Asked, BoxesMissing
from calsync.services.credentials import Ended
from calsync.store import credentials as credential_rows
from calsync.store import tables as t
from webapp import credential_view, errors, provider_cards, security, words
from webapp.access import Role, actor, provider_info, readable_account, runtime, writable_account
from webapp.connecting import connects_required
from webapp.forms.meetings import JoinForm
from webapp.fragments import page

bp = Blueprint("oauth", __name__, url_prefix="/oauth")

STRANGER = Actor(None, "nobody", Role.CLIENT.value)


@bp.route("/<provider>/connect", methods=["GET", "POST"])
@connects_required
@security.limit("60 per minute")
def begin(provider: str) -> Any:
    """Say what the provider's page will ask and why; then send the person there."""
    asked = _asked(provider)
    if _needs_no_sign_in(provider):
        return _join(provider, asked)
    if request.method == "POST":
        return redirect(attempts.begin(runtime(), asked, login_id=current_user.login_id, by=actor()), 303)
    registration = credentials.registration_of(runtime(), provider)
    credential_view.allow_leaving(registration)
    known, _ = provider_settings.get(runtime(), provider)
    if current_user.role not in known.roles:
        raise NotAllowed("connect an account of this provider")
    public = settings.public_url(runtime())
    account = readable_account(asked.account_id) if asked.account_id else None
    with runtime().reading() as session:
        current = credential_rows.find(session, provider)
    return page(
        "oauth/connect.html",
        refused_at=current.refused_at if current else None,
        info=provider_info(provider),
        logo=provider_cards.logo_of(provider_info(provider)),
        asked=asked,
        account=account,
        lost_why=letters.REASONS.get(account.grant_error, letters.REASONS["invalid_grant"]) if account else "",
        app_name=known.app_name,
        extra=attempts.extra_box(runtime(), provider, asked.extra),
        reading=registration.boxes(can_write=False),
        writing=registration.boxes(can_write=True),
        elsewhere=public if public and public != credential_view.here() else "",
    )


def _needs_no_sign_in(provider: str) -> bool:
    with runtime().reading() as session:
        return whole_accounts.in_use(session, provider)


def _join(provider: str, asked: Asked) -> Any:
    """Connect an address of an account that let us in as a whole: nobody signs in there."""
    account = readable_account(asked.account_id) if asked.account_id else None
    form = JoinForm(data={"address": account.username if account else current_user.email})
    if form.validate_on_submit():
        with errors.shown_on(form):
            address = form.address.data or ""
            joined = whole_accounts.join(runtime(), provider, address, account_id=asked.account_id, by=actor())
            flash(f"{joined.label} is connected.")
            return redirect(url_for("accounts.show", account_id=joined.id), 303)
    info = provider_info(provider)
    status = 422 if form.errors else 200
    return page("oauth/join.html", status=status, form=form, info=info, account=account, asked=asked)


@bp.get("/<provider>/callback")
def callback(provider: str) -> Any:
    """The Redirect URI. Whoever is not signed in here, or comes a second time, learns that the way is lost."""
    login_id = current_user.login_id if current_user.is_authenticated else None
    by = actor() if current_user.is_authenticated else STRANGER
    query = request.args.to_dict()
    g.asked = attempts.waiting(runtime(), provider, query.get("state", ""), login_id=login_id)
    consent = admin_consent.answered(runtime(), provider, query)
    if consent is not None:
        return page("oauth/consent.html", consent=consent, info=provider_info(provider))
    arrived = attempts.finish(runtime(), provider, query, login_id=login_id, by=by)
    if arrived.again_url:
        return redirect(arrived.again_url, 303)
    if arrived.account is None:
        return _proven(provider, arrived.ended or Ended())
    return _connected(provider, arrived, arrived.account)


def _asked(provider: str) -> Asked:
    account_id = request.values.get("account", type=int)
    if account_id is not None:
        writable_account(account_id)
    extra = request.values.get("extra", "") if account_id is not None else ""
    return Asked(
        provider,
        account_id,
        request.values.get("access") == "write",
        request.values.get("again") == "1",
        extra=extra if extra in attempts.EXTRAS else "",
        leads_to=_leads_to(account_id, request.values.get("resource", type=int)) if extra else "",
    )


def _leads_to(account_id: int | None, resource_id: int | None) -> str:
    """Return where to go on once more was allowed: to the rooms that it was asked for, else to the account."""
    if resource_id is not None and account_id is not None:
        return url_for("resources.room_list", resource_id=resource_id, account_id=account_id)
    return ""


def _proven(provider: str, ended: Ended) -> Any:
    flash(credential_view.told_proven(ended))
    return redirect(url_for("integrations.credentials", provider=provider), 303)


def _connected(provider: str, arrived: Arrived, account: t.Account) -> Any:
    """Lead on: a new account chooses its calendars, one that may write now previews what waited."""
    if arrived.missing:
        asked = Asked(provider, account.id, can_write=True, again=True)
        return _boxes(arrived.missing, asked, account=account, status=200)
    if arrived.extra:
        return _extended(arrived, account)
    if arrived.gained_writing and _may_choose_direction():
        flash(f"{account.label} may be written to now. This is what waited.")
        run_id = two_way.preview(runtime(), t.pk(account), by=actor())
        return redirect(url_for("accounts.both_ways", account_id=account.id, run=run_id), 303)
    if account.last_success_at is None:
        flash(f"{account.label} is connected.")
        # Without calendars there is nothing to choose.
        has_calendars = provider_info(provider).sync != "one-way"
        return redirect(url_for("accounts.choose" if has_calendars else "accounts.show", account_id=account.id), 303)
    flash(f"{account.label} is connected again. It goes on from where it stopped.")
    return redirect(url_for("accounts.show", account_id=account.id), 303)


def _extended(arrived: Arrived, account: t.Account) -> Any:
    """Lead on once more was asked for; what was not given leaves the account as it was."""
    if not arrived.has_extra:
        flash(f"{account.label} works as before. The further permission was not given.", "warning")
        return redirect(url_for("accounts.show", account_id=account.id), 303)
    flash(f"{account.label} gave the further permission.")
    return redirect(arrived.leads_to or url_for("accounts.show", account_id=account.id), 303)


def _may_choose_direction() -> bool:
    return "direction" in settings.rules(runtime())[0].account_overrides


# --- what went wrong


@bp.errorhandler(BoxesMissing)
def _boxes_missing(error: BoxesMissing) -> Any:
    return _boxes(error.boxes, error.asked, account=None, status=422)


@bp.errorhandler(Refused)
def _refused(error: Refused) -> Any:
    return _trouble(error.code, error.reason)


@bp.errorhandler(ProviderError)
def _provider_error(error: ProviderError) -> Any:
    match error:
        case RateLimited():
            return _trouble("rate_limited", "The provider asked us to wait a moment.", str(error))
        case Unavailable():
            return _trouble("network", "The provider did not answer this server.", error.detail)
        case _ if refusals.is_our_fault(error):
            return _trouble("client_refused", "Our own credentials were refused.", str(error))
        case SignInNeeded() | Rejected():
            return _trouble("refused", "The sign-in worked; asking for the calendars did not.", error.detail)
    return _trouble("refused", "The provider answered in an unexpected way.", str(error))


def _boxes(boxes: tuple[Any, ...], asked: Asked, *, account: t.Account | None, status: int) -> Any:
    credential_view.allow_leaving(credentials.registration_of(runtime(), asked.provider))
    info = provider_info(asked.provider)
    return page("oauth/boxes.html", status=status, boxes=boxes, asked=asked, account=account, info=info)


def _trouble(code: str, reason: str, detail: str = "") -> Any:
    provider = (request.view_args or {}).get("provider", "")
    return page(
        "oauth/trouble.html",
        status=409,
        trouble=words.sign_in_trouble(code),
        reason=reason,
        detail=detail,
        info=provider_info(provider),
        again=_again(provider, g.get("asked")),
        approval=admin_consent.link(runtime(), provider) if code == "needs_admin" else "",
    )


def _again(provider: str, asked: Asked | None) -> str:
    """Return where to begin again with what was asked for: the same account, and as much of it."""
    if asked is None:
        return url_for("oauth.begin", provider=provider)
    access = "write" if asked.can_write else None
    return url_for("oauth.begin", provider=provider, account=asked.account_id, access=access, extra=asked.extra or None)
