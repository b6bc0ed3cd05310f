"""One account: its page with the calendars, its timeline, what its provider can do."""

from __future__ import annotations

from typing import Any

from flask import redirect, request, url_for

from calsync.store import accounts as rows
from webapp import account_view, arrivals, capability_list, paging, timelines
from webapp.access import readable_account, runtime
from webapp.connecting import connects_required
from webapp.fragments import page
from webapp.views.accounts.blueprint import bp


@bp.get("/<int:account_id>")
@connects_required
def show(account_id: int) -> Any:
    """The three facts and the calendars with their switches."""
    readable_account(account_id)
    with runtime().reading() as session:
        head = account_view.head(session, account_id)
        if not head.has_calendars:
            return redirect(url_for("accounts.meetings", account_id=account_id), 303)
        found, target = rows.list_with_target(session, head.account)
        told = arrivals.of(session, head.account, head.rules)
        calendars = account_view.calendar_rows(session, head.account, found, told.by_calendar)
    return page(
        "accounts/show.html",
        head=head,
        rows=calendars,
        silence=told.reason,
        target=target,
    )


@bp.get("/<int:account_id>/timeline")
@connects_required
def timeline(account_id: int) -> Any:
    """Runs, changes of settings, sign-ins and pauses, newest first, with who did it."""
    readable_account(account_id)
    with runtime().reading() as session:
        head = account_view.head(session, account_id)
        entries, older = timelines.find(session, account_id, paging.asked())
    older_url = f"{request.path}?after={paging.encode(older)}" if older else ""
    return page("accounts/timeline.html", head=head, entries=entries, older_url=older_url)


@bp.get("/<int:account_id>/capabilities")
@connects_required
def capabilities(account_id: int) -> Any:
    readable_account(account_id)
    head = account_view.session_head(account_id)
    return page("accounts/capabilities.html", head=head, capabilities=capability_list.of(head.info))
