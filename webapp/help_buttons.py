"""The buttons of the Help page that mend something of the viewer's own: Reconnect this account, sync that one now.

buttons = help_buttons.of(session)      anchor of a help entry -> buttons, for entries where there is something to press
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from flask import url_for
from flask_login import current_user
from sqlmodel import Session

from calsync.engine import rules as engine_rules
from calsync.engine.rules import Rules
from calsync.engine.vocabulary import AccountState, Direction
from calsync.services import settings
from calsync.store import account_pages
from calsync.store import tables as t
from calsync.store.account_pages import AccountFilters
from calsync.store.keyset import Cut
from webapp import shell
from webapp.access import provider_info
from webapp.account_view import write_url

MOST = 5
"""Accounts for which an entry shows buttons; who has more finds them in the list."""


@dataclass(frozen=True, slots=True)
class Button:
    """One thing to press. `is_link`: it leads to a page, else it does what it says at once."""

    label: str
    url: str
    icon: str
    is_link: bool = False


@dataclass(frozen=True, slots=True)
class Mine:
    """An account of the viewer with the rules in force for it."""

    account: t.Account
    rules: Rules

    @property
    def may_sync(self) -> bool:
        return self.account.state == AccountState.ACTIVE and self.account.grant_ok


def of(session: Session) -> dict[str, list[Button]]:
    """Return buttons by the anchor of their entry; none for who may not connect calendars."""
    if not shell.may_connect(current_user.role):
        return {}
    base, _ = settings.organisation_rules(session)
    lines = account_pages.list_lines(session, AccountFilters(viewer_id=current_user.id), Cut(MOST)).rows
    mine = [Mine(line.account, engine_rules.overlay(base, line.account.overrides)) for line in lines]
    made = {anchor: list(_made(find, mine)) for anchor, find in _ENTRIES.items()}
    return {anchor: buttons for anchor, buttons in made.items() if buttons}


def _made(find: Callable[[Mine], Button | None], mine: Iterable[Mine]) -> Iterable[Button]:
    return (button for each in mine if (button := find(each)) is not None)


def _reconnect(mine: Mine) -> Button | None:
    if mine.account.grant_ok:
        return None
    return Button(f"Reconnect {mine.account.label}", _url("reconnect", mine), "key", is_link=True)


def _sync_now(mine: Mine) -> Button | None:
    return Button(f"Sync {mine.account.label} now", _url("sync_now", mine), "refresh") if mine.may_sync else None


def _try_again(mine: Mine) -> Button | None:
    return _sync_now(mine) if mine.account.failed_runs else None


def _hourly(mine: Mine) -> Button | None:
    is_fixed = "frequency" not in mine.rules.account_overrides
    if is_fixed or mine.rules.frequency == "60":
        return None
    return Button(f"Switch {mine.account.label} to hourly", _url("hourly", mine), "clock")


def _choose(mine: Mine) -> Button | None:
    return Button(f"Choose calendars of {mine.account.label}", _url("choose", mine), "list-check", is_link=True)


def _write_access(mine: Mine) -> Button | None:
    """Read-only there: look whether that has changed. One-way here: let it sync both ways, after a preview."""
    if mine.may_sync and not mine.account.can_write and provider_info(mine.account.provider).sign_in == "oauth":
        return Button(
            f"Enable write access for {mine.account.label}", write_url(mine.account), "lock-open", is_link=True
        )
    if mine.may_sync and not mine.account.can_write:
        return Button(f"Look for write access of {mine.account.label}", _url("refresh_calendars", mine), "lock-open")
    is_open = "direction" in mine.rules.account_overrides
    if mine.may_sync and is_open and mine.rules.direction is Direction.INBOUND:
        return Button(f"Let {mine.account.label} sync both ways…", _url("ask_two_way", mine), "arrows-left-right")
    return None


def _url(action: str, mine: Mine) -> str:
    return url_for(f"accounts.{action}", account_id=mine.account.id)


_ENTRIES: dict[str, Callable[[Mine], Button | None]] = {
    "access-revoked": _reconnect,
    "not-appearing": _sync_now,
    "unreachable": _try_again,
    "rate-limit": _hourly,
    "some-calendars": _choose,
    "wrong-calendar": _choose,
    "cannot-edit": _write_access,
}
