"""An account's records: in sync, left out and why, failing; and its issues with the button that mends each."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, request, url_for
from flask_login import current_user

from calsync.engine.vocabulary import LinkState
from calsync.services import retry
from calsync.store import account_records
from calsync.store import tables as t
from calsync.store.keyset import Slice
from webapp import account_view, paging, words
from webapp.access import actor, readable_account, runtime, writable_account
from webapp.connecting import connects_required
from webapp.fragments import page
from webapp.views.accounts.blueprint import bp

KINDS = (
    ("synced", "In sync"),
    ("events", "Left out: events"),
    ("activities", "Left out: activities"),
    ("parked", "Resting"),
    ("failing", "Failing"),
)
_KEYS: dict[str, Any] = {
    "synced": lambda row: (row.link.id,),
    "parked": lambda row: (row.link.id,),
    "events": lambda row: (row[0].calendar_id, row[0].considered, row[0].id),
    "activities": lambda row: (row.considered, row.id),
    "failing": lambda row: (row[0].id,),
}


@bp.get("/<int:account_id>/records")
@connects_required
def records(account_id: int) -> Any:
    account = readable_account(account_id)
    show = request.args.get("show", "synced")
    show = show if show in _KEYS else "synced"
    with runtime().reading() as session:
        head = account_view.head(session, account_id)
        found = _find(session, account, show)
    return page(
        "accounts/records.html",
        head=head,
        show=show,
        kinds=KINDS,
        found=found.rows,
        owner_id=account.user_id,
        event_title=event_title,
        pager=paging.pager(found, key=_KEYS[show]),
    )


@bp.get("/<int:account_id>/issues")
@connects_required
def issues(account_id: int) -> Any:
    """What fails, by cause, each with what mends it; conflicts and held changes that wait."""
    account = readable_account(account_id)
    with runtime().reading() as session:
        head = account_view.head(session, account_id)
        found = account_records.issues(session, account_id)
    return page("accounts/issues.html", head=head, issues=found, owner_id=account.user_id)


@bp.post("/<int:account_id>/issues/retry")
@connects_required
def retry_failing(account_id: int) -> Any:
    """Try again what fails for one cause, or everything: a run for each run that it failed in."""
    writable_account(account_id)
    kind = request.form.get("error_class") or None
    with runtime().reading() as session:
        by_run = account_records.failing_ids(session, account_id, kind)
    for run_id, step_ids in by_run.items():
        retry.ask(runtime(), run_id, step_ids=step_ids, by=actor())
    count = sum(len(ids) for ids in by_run.values())
    text = f"Trying {words.count(count, 'record')} again." if count else "Nothing fails any more."
    flash(text, "info")
    return redirect(url_for("accounts.show", account_id=account_id), 303)


def event_title(event: t.MirrorEvent, owner_id: int) -> str:
    """Return the title of an event as the viewer may read it: a private one is its owner's."""
    is_private = event.facts.get("classification", "public") != "public"
    if is_private and owner_id != current_user.id:
        return words.PRIVATE_TITLE
    return event.title or "(no title)"


def _find(session: Any, account: Any, show: str) -> Slice:
    cut = paging.asked()
    match show:
        case "events":
            return account_records.left_out_events(session, account.id, cut)
        case "activities":
            return account_records.left_out_activities(session, account.user_id, cut)
        case "failing":
            return account_records.failing(session, account.id, cut)
        case "parked":
            return account_records.linked(session, account.id, LinkState.PARKED, cut)
    return account_records.linked(session, account.id, LinkState.ACTIVE, cut)
