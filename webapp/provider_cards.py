"""Providers as cards: what each is, whether it can be used, and the accounts connected to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import url_for
from flask_login import current_user
from sqlmodel import Session

from calsync.engine.status import State
from calsync.services import account_states, credentials, provider_settings, sign_ins
from calsync.services.credentials import Standing
from calsync.services.provider_settings import ProviderSettings
from calsync.store import account_pages
from calsync.store import tables as t
from calsync.store.account_pages import AccountFilters, AccountLine
from calsync.store.keyset import Cut
from webapp import assets, costs, credential_view, moments
from webapp.access import runtime, viewer_id
from webapp.costs import Cost
from webapp.credential_view import Panel

MOST_ACCOUNTS = 100
"""Accounts on the page, over all cards."""

_MEETINGS = {"meet": "Google Meet", "teams": "Microsoft Teams"}
_SYNC = {"two-way": "Two-way", "one-way": "One-way"}


@dataclass(frozen=True, slots=True)
class Shown:
    """A connected account on its provider's card."""

    line: AccountLine
    state: State


@dataclass(frozen=True, slots=True)
class Card:
    """One provider. `services` are what it stands for; `connect_url` is "" while the viewer cannot connect.

    `panel` holds its credentials, for admins, where it takes some; `cost` what today's syncs asked of it, for admins.
    """

    info: Any
    logo: str
    is_configured: bool
    sync: str
    meetings: tuple[str, ...]
    services: Sequence[Any]
    connect_url: str
    accounts: list[Shown]
    panel: Panel | None = None
    cost: Cost | None = None


def cards(session: Session) -> list[Card]:
    """Return a card for every provider of the registry, with the accounts that the viewer may see."""
    names = list(runtime().providers)
    standings, known = credentials.standings(session), provider_settings.of_all(session, names)
    accounts, spent = _accounts(session), costs.today(session) if current_user.is_admin else {}
    return [
        _card(name, standings.get(name) or Standing(), known[name], accounts.get(name, []), spent.get(name))
        for name in names
    ]


def logo_of(info: Any) -> str:
    """Return the address of a provider's logo, or "" where there is none."""
    return assets.asset(info.logo) if info.logo and assets.exists(info.logo) else ""


def _card(name: str, standing: Standing, known: ProviderSettings, accounts: list[Shown], cost: Cost | None) -> Card:
    info = runtime().providers[name].info
    is_configured = not info.needs_credentials or standing.current is not None
    is_open = is_configured and current_user.role in known.roles
    has_panel = current_user.is_admin and credential_view.has_panel(name)
    return Card(
        info=info,
        logo=logo_of(info),
        is_configured=is_configured,
        sync=_SYNC.get(info.sync, info.sync),
        meetings=tuple(_MEETINGS.get(kind, kind.title()) for kind in info.capabilities.makes_links),
        services=sign_ins.services(runtime(), name) if is_open else (),
        connect_url=_connect_url(info) if is_open else "",
        accounts=accounts,
        panel=credential_view.panel(name, standing) if has_panel else None,
        cost=cost,
    )


def _connect_url(info: Any) -> str:
    view = "integrations.connect" if info.sign_in == "password" else "oauth.begin"
    return url_for(view, provider=info.name)


def _accounts(session: Session) -> dict[str, list[Shown]]:
    """Return the accounts of every card, the newest first; beyond the most the accounts' own page goes on."""
    lines = account_pages.list_lines(session, AccountFilters(viewer_id=viewer_id()), Cut(MOST_ACCOUNTS)).rows
    states = account_states.states(session, lines, moments.now())
    found: dict[str, list[Shown]] = {}
    for line in lines:
        found.setdefault(line.account.provider, []).append(Shown(line, states[t.pk(line.account)]))
    return found
