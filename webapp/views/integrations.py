"""Integrations: a card for every provider with its connected accounts, and signing in where that takes a password."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask_login import current_user

from calsync.errors import NotFound
from calsync.services import sign_ins, travel_note
from calsync.services.connect import connect_caldav
from calsync.store import people as people_rows
from calsync.store import tables as t
from calsync.store.keyset import Cut
from webapp import errors, provider_cards, security
from webapp.access import actor, home_url, login_required, provider_info, runtime
from webapp.connecting import connects_required
from webapp.forms.accounts import ConnectForm
from webapp.forms.fields import choices
from webapp.fragments import page

bp = Blueprint("integrations", __name__, url_prefix="/integrations")

MOST_OWNERS = 1000


@bp.get("/")
@connects_required
def index() -> Any:
    with runtime().reading() as session:
        cards = provider_cards.cards(session)
    return page("integrations/index.html", cards=cards, invite_url=url_for("integrations.index", _external=True))


@bp.route("/<provider>/connect", methods=["GET", "POST"])
@connects_required
@security.limit("20 per minute")
def connect(provider: str) -> Any:
    """Sign in at a provider with a password. What the server refuses is said at the field it belongs to."""
    info = _password_provider(provider)
    services = sign_ins.services(runtime(), provider)
    service = _chosen(services)
    form = _form(service)
    if form.validate_on_submit():
        with errors.shown_on(form):
            return _connected(_connect(provider, form))
    return page(
        "integrations/connect.html",
        status=422 if form.errors else 200,
        info=info,
        services=services,
        service=service,
        form=form,
    )


@bp.post("/travel-note")
@login_required
def travel_note_seen() -> Any:
    travel_note.seen(runtime(), by=actor())
    return redirect(request.referrer or home_url(), 303) if _is_ours(request.referrer) else redirect(home_url(), 303)


def _connect(provider: str, form: ConnectForm) -> t.Account:
    owner_id = form.owner.data if current_user.is_admin and form.owner else current_user.id
    return connect_caldav(
        runtime(),
        owner_id,
        url=form.url.data or "",
        username=form.username.data or "",
        password=form.password.data or "",
        allow_private_network=bool(current_user.is_admin and form.allow_private_network.data),
        provider=provider,
        by=actor(),
    )


def _connected(account: t.Account) -> Any:
    """Lead on: a new account chooses its calendars, one that was known before goes on where it stopped."""
    if account.last_success_at is not None:
        flash(f"{account.label} is connected again. It goes on from where it stopped.")
        return redirect(url_for("accounts.show", account_id=account.id), 303)
    return redirect(url_for("accounts.choose", account_id=account.id), 303)


def _password_provider(name: str) -> Any:
    if name not in runtime().providers or provider_info(name).sign_in != "password":
        raise NotFound("provider", name)
    return provider_info(name)


def _chosen(services: tuple[Any, ...]) -> Any:
    """Return the service that the address names, else the last, which stands for every other server."""
    wanted = request.args.get("service", "")
    return next((each for each in services if each.key == wanted), services[-1] if services else None)


def _form(service: Any) -> ConnectForm:
    form = ConnectForm(data={"url": service.url if service else "", "owner": current_user.id})
    if service is not None:
        form.username.label.text, form.password.label.text = service.username, service.password
    if current_user.is_admin:
        form.owner.choices = choices(_owners())
    else:
        del form.owner
        del form.allow_private_network
    return form


def _owners() -> list[tuple[int, str]]:
    with runtime().reading() as session:
        found = people_rows.list_users(session, cut=Cut(MOST_OWNERS), with_disabled=False).rows
    return [(user.id, user.name or user.email) for user in found]


def _is_ours(address: str | None) -> bool:
    return bool(address) and str(address).startswith(request.host_url)
