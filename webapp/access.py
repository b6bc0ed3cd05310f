"""Who may do what: roles, and loaders through which rows are reached. What you may not see is a 404.

@role_required(Role.ADMIN)         decorator of a view; anonymous people are sent to the login page
@login_required                    any role

readable_account(7)    admins: every account; others: their own
writable_account(7)    whom it belongs to, and admins
readable_calendar(7), readable_run(7), readable_conflict(7)      as their account
readable_event(7)      the mirrored event with all it belongs to: as its account
readable_activity(7)   admins and staff: every activity (titles through words.title_for); clients: their own
writable_activity(7)   its owner, and admins

runtime()              the process's Runtime       actor()          the signed-in person as calsync.runtime.Actor
viewer_id()            None for admins who see everyone, else the person's id: the filter of list queries
provider_info("google")                            a provider as data, also for one that is no longer registered
home_url()             where a signed-in person starts
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

from flask import current_app, request, url_for
from flask_login import current_user, login_required
from sqlalchemy import select
from sqlmodel import Session, col

from calsync.engine.vocabulary import Role
from calsync.errors import NotAllowed, NotFound
from calsync.runtime import Actor, Runtime
from calsync.store import tables as t
from calsync.store import whereabouts

__all__ = [
    "Role",
    "actor",
    "home_url",
    "login_required",
    "provider_info",
    "readable_account",
    "readable_activity",
    "readable_calendar",
    "readable_conflict",
    "readable_event",
    "readable_run",
    "role_required",
    "runtime",
    "safe_next",
    "viewer_id",
    "writable_account",
    "writable_activity",
]

Row = TypeVar("Row")


def runtime() -> Runtime:
    """Return what the process was composed with."""
    return cast(Runtime, current_app.extensions["calsync"])


def actor() -> Actor:
    """Return the signed-in person as services and the audit log know them."""
    return Actor(current_user.id, current_user.email, current_user.role, request.remote_addr or "")


def role_required(*roles: Role) -> Callable[[Any], Any]:
    """Let only these roles in. Someone else gets a 403, an anonymous person the login page."""

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(view)
        @login_required
        def guarded(*args: Any, **kwargs: Any) -> Any:
            if current_user.role not in roles:
                raise NotAllowed(request.endpoint or "")
            return view(*args, **kwargs)

        return guarded

    return decorate


def viewer_id() -> int | None:
    """Return the id by which a list must be filtered: None for an admin, who sees everyone's."""
    return None if current_user.role == Role.ADMIN else current_user.id


def readable_account(account_id: int) -> t.Account:
    """Return the account, or raise NotFound."""
    with runtime().reading() as session:
        return _seen_account(session, account_id, "account", account_id)


def writable_account(account_id: int) -> t.Account:
    """Return an account that this person may change: an own one, or any as an admin. Raises NotFound."""
    return readable_account(account_id)


def readable_calendar(calendar_id: int) -> t.Calendar:
    return _row_of_account(t.Calendar, calendar_id, "calendar")


def readable_run(run_id: int) -> t.Run:
    return _row_of_account(t.Run, run_id, "run")


def readable_conflict(conflict_id: int) -> t.Conflict:
    return _row_of_account(t.Conflict, conflict_id, "conflict")


def readable_event(event_id: int) -> whereabouts.EventWithOwner:
    """Return a mirrored event with everything it belongs to, or raise NotFound."""
    with runtime().reading() as session:
        found = _found(whereabouts.event_with_owner(session, event_id), "event", event_id)
    if current_user.role != Role.ADMIN and found[3].user_id != current_user.id:
        raise NotFound("event", event_id)
    return found


def readable_activity(activity_id: int) -> t.Activity:
    """Return an activity; its title is shown through words.title_for, because it may be private."""
    with runtime().reading() as session:
        activity = _found(session.get(t.Activity, activity_id), "activity", activity_id)
    if current_user.role == Role.CLIENT and activity.owner_id != current_user.id:
        raise NotFound("activity", activity_id)
    return activity


def writable_activity(activity_id: int) -> t.Activity:
    """Return an activity that this person may change. Raises NotFound for one they may not see, else NotAllowed."""
    activity = readable_activity(activity_id)
    if current_user.role != Role.ADMIN and activity.owner_id != current_user.id:
        raise NotAllowed("activity.edit")
    return activity


def provider_info(name: str) -> Any:
    """Return the facts of a provider (`calsync.providers.base.ProviderInfo`); a bare one when it is gone."""
    provider = runtime().providers.get(name)
    return provider.info if provider else _Gone(name)


class _Gone:
    """What is shown of a provider that this installation no longer has."""

    logo = ""
    sign_in = ""
    sync = ""
    needs_credentials = False

    def __init__(self, name: str) -> None:
        self.name = name
        self.label = self.short = name.title()


def home_url() -> str:
    """Return the page a signed-in person starts on."""
    has_overview = "overview.index" in current_app.view_functions
    return url_for("overview.index" if has_overview else "profile.index")


def safe_next(target: str | None) -> str:
    """Return `target` if it is a path of ours, else home: a login link must not lead elsewhere."""
    text = target or ""
    plain = text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable()
    return text if plain else home_url()


def _seen_account(session: Session, account_id: int, kind: str, asked: int) -> t.Account:
    account = session.get(t.Account, account_id)
    if account is None or (current_user.role != Role.ADMIN and account.user_id != current_user.id):
        raise NotFound(kind, asked)
    return account


def _row_of_account(table: type[Row], row_id: int, kind: str) -> Row:
    """Return a row that belongs to an account which this person may see, by one query. Raises NotFound."""
    row, account = cast(Any, table), t.Account
    query = select(row).join(account, col(account.id) == row.account_id).where(row.id == row_id)
    if current_user.role != Role.ADMIN:
        query = query.where(col(account.user_id) == current_user.id)
    with runtime().reading() as session:
        return _found(session.scalars(query).first(), kind, row_id)


def _found(row: Row | None, kind: str, asked: int) -> Row:
    if row is None:
        raise NotFound(kind, asked)
    return row
