"""Setting up as a list on the overview: each step is ticked by what is there, never by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import url_for
from flask_login import current_user

from calsync.store import tables as t
from calsync.store.account_pages import AccountLine
from calsync.store.overview import Day
from webapp.access import Role, runtime


@dataclass(frozen=True, slots=True)
class Task:
    """One step of setting up; `is_done` is found out by the program itself."""

    text: str
    why: str
    is_done: bool
    url: str
    button: str


def find(lines: Sequence[AccountLine], pairs: Sequence[t.ProviderCredential], day: Day) -> list[Task]:
    """Return the steps of setting up, each ticked by what is there."""
    is_admin = current_user.role == Role.ADMIN
    has_synced = any(line.account.last_success_at for line in lines)
    tasks = [*_provider_tasks(lines, pairs)] if is_admin else []
    accounts_url = url_for("accounts.index")
    connect_url = url_for("integrations.index")
    calendar_url = url_for("calendar.index")
    return [
        *tasks,
        Task("Connect an account", "Your own calendar is a good first one.", bool(lines), connect_url, "Connect"),
        Task(
            "Choose its calendars",
            "Only calendars that are switched on are read.",
            any(line.selected for line in lines),
            accounts_url,
            "Choose",
        ),
        Task(
            "Enable write access",
            "Needed only if changes made here shall go out.",
            any(line.account.can_write for line in lines),
            accounts_url,
            "Open Accounts",
        ),
        Task("First sync", "It is previewed before anything is written.", has_synced, accounts_url, "Open Accounts"),
        Task(
            "Open Calendar and see events",
            "Activities and events side by side.",
            has_synced and day.has_activities,
            calendar_url,
            "Open Calendar",
        ),
    ]


def _provider_tasks(lines: Sequence[AccountLine], pairs: Sequence[t.ProviderCredential]) -> list[Task]:
    needing = [name for name, provider in runtime().providers.items() if provider.info.needs_credentials]
    configured = len(needing) < len(runtime().providers) or bool(pairs)
    url = url_for("integrations.index")
    why = "Some providers need credentials first; others work at once."
    return [Task("Configure a provider", why, configured or bool(lines), url, "Open Integrations")]
