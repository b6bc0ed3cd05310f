"""Providers as cards: what each is, whether it can be used, and the accounts connected to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import current_app, url_for
from sqlmodel import Session

from calsync.engine.status import State
from calsync.services import account_states, sign_ins
from calsync.store import account_pages
from calsync.store import tables as t
from calsync.store.account_pages import AccountLine
from webapp import assets, moments
from webapp.access import runtime, viewer_id

_MEETINGS = {"meet": "Google Meet", "teams": "Microsoft Teams"}
_SYNC = {"two-way": "Two-way", "one-way": "One-way"}


@dataclass(frozen=True, slots=True)
class Shown:
    """A connected account on its provider's card."""

    line: AccountLine
    state: State


@dataclass(frozen=True, slots=True)
class Card:
    """One provider. `services` are what it stands for; `connect_url` is "" while nobody can connect."""

    info: Any
    logo: str
    is_configured: bool
    sync: str
    meetings: tuple[str, ...]
    services: Sequence[Any]
    connect_url: str
    accounts: list[Shown]


def cards(session: Session) -> list[Card]:
    """Return a card for every provider of the registry, with the accounts that the viewer may see."""
    configured = account_pages.configured(session)
    return [_card(session, name, configured) for name in runtime().providers]


def logo_of(info: Any) -> str:
    """Return the address of a provider's logo, or "" where there is none."""
    return assets.asset(info.logo) if info.logo and assets.exists(info.logo) else ""


def _card(session: Session, name: str, configured: set[str]) -> Card:
    info = runtime().providers[name].info
    is_configured = not info.needs_credentials or name in configured
    return Card(
        info=info,
        logo=logo_of(info),
        is_configured=is_configured,
        sync=_SYNC.get(info.sync, info.sync),
        meetings=tuple(_MEETINGS.get(kind, kind.title()) for kind in info.capabilities.makes_links),
        services=sign_ins.services(runtime(), name),
        connect_url=_connect_url(info) if is_configured else "",
        accounts=_accounts(session, name),
    )


def _connect_url(info: Any) -> str:
    if info.sign_in == "password":
        return url_for("integrations.connect", provider=info.name)
    return url_for("oauth.begin", provider=info.name) if "oauth.begin" in current_app.view_functions else ""


def _accounts(session: Session, name: str) -> list[Shown]:
    lines = account_pages.list_of_provider(session, name, viewer_id())
    states = account_states.states(session, lines, moments.now())
    return [Shown(line, states[t.pk(line.account)]) for line in lines]
